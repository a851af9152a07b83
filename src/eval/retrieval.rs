//! Recall of both directions, for each leg and for their fusions (paper, Table 5).

use std::collections::BTreeMap;
use std::fmt;
use std::ops::ControlFlow;

use serde::Serialize;

use super::features::{EvalError, matchable_features};
use super::matching::Matches;
use super::progress::{EvalProgress, Watch};
use super::queries::Queries;
use super::recall::{Leg, Recall};
use super::scores::LegScores;
use crate::corpus::CaptionedPicture;
use crate::encoder::Encoder;
use crate::models::{ModelError, ModelPart};
use crate::query::FusionParams;

/// How retrieval is measured.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct RetrievalOptions {
    /// How the legs are fused. Default: as `search` does
    pub fusion: FusionParams,
    /// Candidates of each query that are matched (ITM), at most all of them; 0 leaves matching out. Default: 64
    pub rerank: usize,
    /// Searches with some content words of each caption instead of all of it. Default: no
    pub keywords: bool,
    /// Cleans captions as BLIP's evaluation does: lower case, few marks, 30 words. Default: no
    pub clean: bool,
}

impl Default for RetrievalOptions {
    fn default() -> Self {
        Self {
            fusion: FusionParams::default(),
            rerank: 64,
            keywords: false,
            clean: false,
        }
    }
}

/// What was measured.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct RetrievalReport {
    /// Pictures.
    pub images: usize,
    /// Captions.
    pub captions: usize,
    /// Whether it was some words of each caption that were searched with.
    pub keywords: bool,
    /// Whether captions were cleaned.
    pub clean: bool,
    /// Candidates of each query that were matched, where there were as many; 0 without matching.
    pub rerank: usize,
    /// `itc`, `tags`, `tags+itc`, and with matching `itc+itm` and `tags+itc+itm`.
    pub legs: BTreeMap<&'static str, Leg>,
    /// Why legs were left out, a sentence each.
    pub left_out: Vec<String>,
}

/// Ranks every picture for every caption and every caption for every picture. Pictures without captions are distractors.
///
/// With matching the image tokens of all pictures are kept in memory, for a ViT-B of 384 pixels 0.9 MB each.
///
/// # Errors
/// When there is no caption, a picture cannot be decoded, the model fails, or `progress` breaks.
pub fn retrieval(
    encoder: &dyn Encoder,
    pictures: &[CaptionedPicture],
    options: &RetrievalOptions,
    mut progress: impl FnMut(EvalProgress) -> ControlFlow<()>,
) -> Result<RetrievalReport, EvalError> {
    let mut watch = Watch::new(&mut progress);
    let watch = &mut watch;
    let queries = Queries::new(pictures, options)?;
    let mut left_out = Vec::new();
    let mut lacks = |part| left_out.push(ModelError::lacks(encoder.id(), part).to_string());
    let matching = options.rerank > 0;
    let (images, tokens) = matchable_features(encoder, pictures, matching, watch)?;
    if matching && tokens.is_none() {
        lacks(ModelPart::Matcher);
    }
    if encoder.vocabulary().is_empty() {
        lacks(ModelPart::Tagger);
    }
    let scores = LegScores::new(encoder, &images, &queries, options.fusion, watch)?;
    let fused = scores.tags.as_ref().map(|[_, fused]| fused);

    let mut legs = BTreeMap::new();
    legs.insert("itc", Leg::of_scores(&scores.similarity, &queries, watch)?);
    if let Some([tags, fused]) = &scores.tags {
        legs.insert("tags", Leg::of_scores(tags, &queries, watch)?);
        legs.insert("tags+itc", Leg::of_scores(fused, &queries, watch)?);
    }
    if let Some(tokens) = &tokens {
        let rankings: Vec<_> = [Some(&scores.similarity), fused]
            .into_iter()
            .flatten()
            .collect();
        let texts = &queries.texts;
        let matches = Matches::new(encoder, tokens, texts, &rankings, options.rerank, watch)?;
        let similarity = &scores.similarity;
        let leg = Leg::new(
            &queries,
            watch,
            |sentence| matches.reference(similarity.row(sentence), |p| (sentence, p)),
            |picture| matches.reference(&similarity.column(picture), |s| (s, picture)),
        );
        legs.insert("itc+itm", leg?);
        if let Some(fused) = fused {
            let params = &options.fusion;
            let leg = Leg::new(
                &queries,
                watch,
                |sentence| matches.fused(fused.row(sentence), params, |p| (sentence, p)),
                |picture| matches.fused(&fused.column(picture), params, |s| (s, picture)),
            );
            legs.insert("tags+itc+itm", leg?);
        }
    }
    let most = pictures.len().max(queries.texts.len());
    Ok(RetrievalReport {
        images: pictures.len(),
        captions: queries.texts.len(),
        keywords: options.keywords,
        clean: options.clean,
        rerank: tokens.map_or(0, |_| options.rerank.min(most)),
        legs,
        left_out,
    })
}

impl fmt::Display for RetrievalReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} pictures, {} captions", self.images, self.captions)?;
        if self.keywords {
            writeln!(f, "searched with 2 to 4 content words of each caption")?;
        }
        if self.clean {
            writeln!(f, "captions cleaned as in BLIP's evaluation")?;
        }
        if self.rerank > 0 {
            writeln!(f, "ITM of the first {} candidates", self.rerank)?;
        }
        writeln!(
            f,
            "recall in %, in brackets 95 % intervals, bootstrap over pictures\n\n\
             {:<13} {:<14} {:<20} {:<20} R@10",
            "leg", "direction", "R@1", "R@5"
        )?;
        for (name, leg) in &self.legs {
            row(f, name, "text to image", &leg.t2i)?;
            row(f, "", "image to text", &leg.i2t)?;
        }
        for reason in &self.left_out {
            writeln!(f, "\nleft out: {reason}")?;
        }
        Ok(())
    }
}

fn row(f: &mut fmt::Formatter<'_>, leg: &str, direction: &str, recall: &Recall) -> fmt::Result {
    let intervals = &recall.intervals;
    let cells = [
        (recall.r1, intervals.r1),
        (recall.r5, intervals.r5),
        (recall.r10, intervals.r10),
    ];
    let mut line = format!("{leg:<13} {direction:<13}");
    for (value, interval) in cells {
        let [value, low, high] = [value, interval.low, interval.high].map(|share| 100.0 * share);
        let interval = format!("[{low:.1}, {high:.1}]");
        line.push_str(&format!(" {value:>5.1} {interval:<14}"));
    }
    writeln!(f, "{}", line.trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::eval::fixtures::{Numbers, numbered};

    fn measure(model: &Numbers, change: impl Fn(&mut RetrievalOptions)) -> RetrievalReport {
        let mut options = RetrievalOptions::default();
        change(&mut options);
        let (_folder, pictures) = numbered(12);
        retrieval(model, &pictures, &options, |_| ControlFlow::Continue(())).unwrap()
    }

    #[test]
    fn matching_finds_what_similarity_cannot_tell_apart() {
        let report = measure(&Numbers::new(), |_| ());
        assert_eq!(report.legs["itc"].t2i.r10, 0.0);
        let itm = report.legs["itc+itm"];
        assert_eq!((itm.t2i.r1, itm.i2t.r1), (1.0, 1.0));
        assert_eq!(
            (report.rerank, report.images, report.captions),
            (24, 12, 24)
        );
        // Without tags there is nothing to fuse with, and that is said.
        assert_eq!(report.legs.len(), 2);
        assert!(report.left_out[0].contains("recognises no tags"));
        assert!(
            report
                .to_string()
                .contains("itc+itm       text to image 100.0 [100.0, 100.0]"),
            "{report}"
        );
    }

    #[test]
    fn only_candidates_up_to_the_depth_are_matched() {
        let model = Numbers::new();
        let report = measure(&model, |options| options.rerank = 3);
        // Of equal similarities the first three pictures, and of 24 sentences the first three, are looked at.
        let itm = report.legs["itc+itm"];
        assert_eq!(itm.t2i.r1, 3.0 / 12.0);
        assert_eq!(itm.i2t.r1, 2.0 / 12.0);
        let pairs = model.matched.lock().unwrap();
        assert_eq!(
            pairs.len(),
            24 * 3 + 12 * 3 - 3 * 3,
            "no pair is matched twice"
        );
    }

    #[test]
    fn without_matching_there_is_no_such_leg() {
        let model = Numbers::new();
        let report = measure(&model, |options| options.rerank = 0);
        assert!(report.legs.keys().eq(["itc"].iter()) && report.rerank == 0);
        assert_eq!(report.left_out.len(), 1);
        assert!(model.matched.lock().unwrap().is_empty());
        let report = measure(&Numbers::without_matching(), |_| ());
        assert!(report.legs.keys().eq(["itc"].iter()) && report.rerank == 0);
        assert!(report.left_out[0].contains("(ITM); BLIP has one"));
    }

    #[test]
    fn keywords_and_clean_captions_are_what_is_searched_with() {
        let model = Numbers::new();
        measure(&model, |options| options.clean = true);
        let read = model.read.lock().unwrap().clone();
        assert!(
            read.contains(&"a dog on the road number 7".to_owned()),
            "{read:?}"
        );
        let model = Numbers::new();
        let report = measure(&model, |options| options.keywords = true);
        assert!(report.keywords);
        let read = model.read.lock().unwrap().clone();
        assert!(
            read.iter().all(|query| query.split(' ').count() <= 4),
            "{read:?}"
        );
    }
}
