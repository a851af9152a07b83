//! What each leg of a search and each combination of them finds: what Table 5 of the paper asks, of searches.

use std::fmt;
use std::ops::{ControlFlow, Range};

use serde::Serialize;

use super::bootstrap::{Interval, intervals};
use super::features::{EvalError, matchable_features};
use super::matching::Matches;
use super::metrics::rank_of;
use super::progress::{EvalProgress, Watch};
use super::queries::Queries;
use super::retrieval::RetrievalOptions;
use super::scores::LegScores;
use crate::corpus::CaptionedPicture;
use crate::encoder::{Encoder, ImageFeatures};
use crate::image_tokens::ImageTokensF16;
use crate::query::FusionParams;

/// Ranks below which a find counts.
const DEPTHS: [usize; 3] = [1, 5, 10];

/// A figure with its 95 % interval, by bootstrap over the pictures.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Figure {
    /// As a fraction.
    pub value: f64,
    /// Where it lies with other pictures.
    pub interval: Interval,
}

/// What some legs find together.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct AblationRow {
    /// As `search --legs` takes them.
    pub legs: &'static str,
    /// Share of the queries whose picture is the first.
    pub r1: Figure,
    /// Share of the queries whose picture is among the first five.
    pub r5: Figure,
    /// Share of the queries whose picture is among the first ten.
    pub r10: Figure,
    /// Mean of 1 / rank of the picture.
    pub mrr: Figure,
}

/// What was measured.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct AblationReport {
    /// Pictures.
    pub images: usize,
    /// Captions.
    pub captions: usize,
    /// Candidates of each query that were matched; 0 without matching.
    pub rerank: usize,
    /// Searches with whole captions.
    pub sentences: Vec<AblationRow>,
    /// Searches with 2 to 4 content words of each caption.
    pub keywords: Vec<AblationRow>,
}

/// Measures every combination of the legs that a model has, as a search fuses them. With `itm` alone the first `rerank` pictures of
/// all other legs are ranked by nothing but the probability of a match; combined, it adds where a search would match.
///
/// # Errors
/// When there is no caption, a picture cannot be decoded, the model fails, or `progress` breaks.
pub fn ablation(
    encoder: &dyn Encoder,
    pictures: &[CaptionedPicture],
    fusion: FusionParams,
    rerank: usize,
    mut progress: impl FnMut(EvalProgress) -> ControlFlow<()>,
) -> Result<AblationReport, EvalError> {
    let mut watch = Watch::new(&mut progress);
    let (images, tokens) = matchable_features(encoder, pictures, rerank > 0, &mut watch)?;
    let mut collection = Collection {
        encoder,
        images: &images,
        tokens: tokens.as_deref(),
        fusion,
        rerank,
        watch,
    };
    let mut options = RetrievalOptions::default();
    let whole = Queries::new(pictures, &options)?;
    options.keywords = true;
    let words = Queries::new(pictures, &options)?;
    Ok(AblationReport {
        images: pictures.len(),
        captions: whole.texts.len(),
        rerank: tokens.as_ref().map_or(0, |_| rerank.min(pictures.len())),
        sentences: collection.rows(&whole)?,
        keywords: collection.rows(&words)?,
    })
}

struct Collection<'a> {
    encoder: &'a dyn Encoder,
    images: &'a [ImageFeatures],
    tokens: Option<&'a [ImageTokensF16]>,
    fusion: FusionParams,
    rerank: usize,
    watch: Watch<'a>,
}

impl Collection<'_> {
    fn rows(&mut self, queries: &Queries) -> Result<Vec<AblationRow>, EvalError> {
        let (encoder, params) = (self.encoder, &self.fusion);
        let watch = &mut self.watch;
        let scores = LegScores::new(encoder, self.images, queries, *params, watch)?;
        let (similarity, tags) = (&scores.similarity, scores.tags.as_ref());
        let all = tags.map_or(similarity, |[_, fused]| fused);
        let matches = self.tokens.map(|tokens| {
            let mut rankings = vec![similarity];
            rankings.extend(tags.into_iter().flatten());
            Matches::of_sentences(
                encoder,
                tokens,
                &queries.texts,
                &rankings,
                self.rerank,
                watch,
            )
        });
        let matches = matches.transpose()?;
        let mut rows = Vec::new();
        let mut add = |legs, row: &dyn Fn(usize) -> Vec<f32>| {
            rows.push(measured(legs, queries, watch, row)?);
            Ok::<(), EvalError>(())
        };
        add("itc", &|at| similarity.row(at).to_vec())?;
        if let Some([tags, fused]) = tags {
            add("tags", &|at| tags.row(at).to_vec())?;
            add("tags,itc", &|at| fused.row(at).to_vec())?;
        }
        if let Some(matches) = &matches {
            let pair = |at| move |picture| (at, picture);
            // What a cosine adds to a score is not the cosine, and that is what matching adds to.
            let weighed = |at| -> Vec<f32> {
                similarity
                    .row(at)
                    .iter()
                    .map(|&x| params.similarity(x))
                    .collect()
            };
            add("itm", &|at| matches.alone(all.row(at), pair(at)))?;
            add("itc,itm", &|at| {
                matches.fused(&weighed(at), params, pair(at))
            })?;
            if let Some([tags, fused]) = tags {
                add("tags,itm", &|at| {
                    matches.fused(tags.row(at), params, pair(at))
                })?;
                add("tags,itc,itm", &|at| {
                    matches.fused(fused.row(at), params, pair(at))
                })?;
            }
        }
        Ok(rows)
    }
}

/// The figures of one combination, from the scores of all pictures for a query.
fn measured(
    legs: &'static str,
    queries: &Queries,
    watch: &mut Watch<'_>,
    row: &dyn Fn(usize) -> Vec<f32>,
) -> Result<AblationRow, EvalError> {
    let ranks = |(picture, own): &(usize, Range<usize>)| -> Vec<usize> {
        own.clone()
            .map(|query| rank_of(&row(query), &[*picture]))
            .collect()
    };
    let ranks: Vec<Vec<usize>> = queries.own.iter().map(ranks).collect();
    let values = figures(&ranks, &vec![1; ranks.len()]);
    let intervals = intervals(ranks.len(), watch, |times| figures(&ranks, times))?;
    let figure = |at: usize| Figure {
        value: values[at],
        interval: intervals[at],
    };
    Ok(AblationRow {
        legs,
        r1: figure(0),
        r5: figure(1),
        r10: figure(2),
        mrr: figure(3),
    })
}

/// Recall at each depth and mean reciprocal rank, of pictures that were drawn so many times.
fn figures(ranks: &[Vec<usize>], times: &[u32]) -> [f64; 4] {
    let mut sums = [0.0; 4];
    let mut asked = 0.0;
    for (ranks, &times) in ranks.iter().zip(times) {
        let times = f64::from(times);
        for &rank in ranks {
            asked += times;
            for (sum, depth) in sums.iter_mut().zip(DEPTHS) {
                *sum += if rank < depth { times } else { 0.0 };
            }
            sums[3] += times / (rank as f64 + 1.0);
        }
    }
    sums.map(|sum| sum / f64::max(asked, 1.0))
}

impl fmt::Display for AblationReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} pictures, {} captions", self.images, self.captions)?;
        if self.rerank > 0 {
            writeln!(f, "ITM of the first {} candidates", self.rerank)?;
        }
        writeln!(
            f,
            "text to image, in %, in brackets 95 % intervals, bootstrap over pictures"
        )?;
        for (what, rows) in [
            ("whole captions", &self.sentences),
            ("2 to 4 content words of each caption", &self.keywords),
        ] {
            writeln!(f, "\n{what}")?;
            writeln!(
                f,
                "{:<13} {:<20} {:<20} {:<20} MRR",
                "legs", "R@1", "R@5", "R@10"
            )?;
            for row in rows {
                let mut line = format!("{:<13}", row.legs);
                for figure in [row.r1, row.r5, row.r10, row.mrr] {
                    let Interval { low, high, .. } = figure.interval;
                    let interval = format!("[{:.1}, {:.1}]", 100.0 * low, 100.0 * high);
                    line.push_str(&format!("{:>5.1} {interval:<15}", 100.0 * figure.value));
                }
                writeln!(f, "{}", line.trim_end())?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::eval::fixtures::{Numbers, numbered};

    #[test]
    fn hand_worked_ranks_make_the_figures() {
        let ranks = [vec![0, 4], vec![9], vec![99, 0]];
        assert_eq!(
            figures(&ranks, &[1, 1, 1]),
            [0.4, 0.6, 0.8, (2.0 + 0.2 + 0.1 + 0.01) / 5.0]
        );
        assert_eq!(figures(&ranks, &[0, 2, 0]), [0.0, 0.0, 1.0, 0.1]);
    }

    #[test]
    fn every_combination_that_a_model_has_is_measured() {
        let (_folder, pictures) = numbered(12);
        let go_on = |_: EvalProgress| ControlFlow::Continue(());
        let params = FusionParams::default();
        let report = ablation(&Numbers::new(), &pictures, params, 64, go_on).unwrap();
        let legs = |rows: &[AblationRow]| rows.iter().map(|row| row.legs).collect::<Vec<_>>();
        assert_eq!(legs(&report.sentences), ["itc", "itm", "itc,itm"]);
        assert_eq!(legs(&report.keywords), legs(&report.sentences));
        assert_eq!(
            (report.images, report.captions, report.rerank),
            (12, 24, 12)
        );
        assert_eq!(report.sentences[1].mrr.value, 1.0);
        assert!(
            report
                .to_string()
                .contains("itm          100.0 [100.0, 100.0]"),
            "{report}"
        );
        #[cfg(feature = "plot")]
        {
            let folder = tempfile::tempdir().unwrap();
            let drawing = folder.path().join("ablation.svg");
            report.plot(&drawing).unwrap();
            let drawn = std::fs::read_to_string(drawing).unwrap();
            assert!(drawn.contains("itc,itm") && drawn.contains("100.0 %"));
        }
        let without = ablation(&Numbers::new(), &pictures, params, 0, go_on).unwrap();
        assert_eq!(legs(&without.sentences), ["itc"]);
    }
}
