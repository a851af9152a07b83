//! How sure an answer is: probabilities fitted to captioned pictures, and what a floor under them costs.

use std::fmt;
use std::ops::ControlFlow;

use serde::Serialize;

use super::EvalError;
use super::answers::{fit_answers, sentence_answers};
use super::collection::Collection;
use super::features::matchable_features;
use super::names::{fit_shown, names};
use super::progress::{EvalProgress, Watch};
use super::queries::Queries;
use super::retrieval::RetrievalOptions;
use crate::corpus::CaptionedPicture;
use crate::encoder::Encoder;
use crate::query::{CalibrationParams, FusionParams};

/// What a floor does to searches for things by their names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Emptiness {
    /// Share of the names of things that no caption mentions, and no tag of a picture names, whose answer is empty.
    pub absent_empty: f64,
    /// Share of the mentions of things in captions that, searched for by their names, bring an answer that is not empty.
    pub mentioned_kept: f64,
    /// Share of the names of things that are shown for certain whose answer is not empty, each name counted once.
    pub present_kept: f64,
    /// The same of those that at least five pictures show.
    pub common_kept: f64,
    /// Share of whole captions whose answer is not empty.
    pub sentences_kept: f64,
}

/// Parameters of the calibration with what they do.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct CalibrationFit {
    /// The parameters that were found.
    pub calibration: CalibrationParams,
    /// Pictures.
    pub pictures: usize,
    /// Names of things that no caption mentions and no tag of a picture names.
    pub absent: usize,
    /// Names of things that are shown for certain: two captions of a picture mention them, or one of its tags does.
    pub present: usize,
    /// Mentions of things in captions.
    pub mentions: usize,
    /// Captions.
    pub captions: usize,
    /// What the parameters do that are in use.
    pub before: Emptiness,
    /// What those do that were found.
    pub after: Emptiness,
}

impl fmt::Display for CalibrationFit {
    /// A part of the configuration file.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "# {} pictures, {} captions with {} mentions of things; names of {} things that none of them mentions, of {} that two of a\n\
             # picture or a tag do.\n\
             # Answers in %: empty of the absent; kept of the mentions, of the present, of those five pictures show, of captions.",
            self.pictures, self.captions, self.mentions, self.absent, self.present
        )?;
        for (what, row) in [("in use", self.before), ("fitted", self.after)] {
            let shares = [
                row.absent_empty,
                row.mentioned_kept,
                row.present_kept,
                row.common_kept,
                row.sentences_kept,
            ];
            let shares = shares.map(|share| format!("{:>6.1}", 100.0 * share));
            writeln!(f, "# {what} {}", shares.concat())?;
        }
        #[derive(Serialize)]
        struct Search<'a> {
            search: Table<'a>,
        }
        #[derive(Serialize)]
        struct Table<'a> {
            calibration: &'a CalibrationParams,
        }
        let calibration = &self.calibration;
        let table = Search {
            search: Table { calibration },
        };
        f.write_str(&toml::to_string(&table).map_err(|_| fmt::Error)?)
    }
}

/// Fits the probabilities of answers, and the floor under which an answer is empty, to captioned pictures. `candidates` of each
/// leg are looked at, `rerank` of them matched with whole captions.
///
/// # Errors
/// When there is no caption, the model recognises no tags, a picture cannot be decoded, the model fails, or `progress` breaks.
pub fn fit_calibration(
    encoder: &dyn Encoder,
    pictures: &[CaptionedPicture],
    start: CalibrationParams,
    fusion: FusionParams,
    (candidates, rerank): (usize, usize),
    mut progress: impl FnMut(EvalProgress) -> ControlFlow<()>,
) -> Result<CalibrationFit, EvalError> {
    let watch = &mut Watch::new(&mut progress);
    if encoder.vocabulary().is_empty() {
        return Err(EvalError::Nothing(
            "the model recognises no tags, so it cannot tell what a collection shows",
        ));
    }
    let (images, tokens) = matchable_features(encoder, pictures, rerank > 0, watch)?;
    let collection = Collection::new(encoder, &images, fusion, candidates);
    let names = names(&collection, pictures, watch)?;
    let queries = Queries::new(pictures, &RetrievalOptions::default())?;
    let matching = tokens.as_deref().map(|tokens| (tokens, rerank));
    let sentences = sentence_answers(&collection, &queries, matching, watch)?;
    let mut calibration = start;
    (calibration.shown, calibration.floor) = fit_shown(&names);
    if let Some(params) = fit_answers(&sentences.samples, [true, true, true]) {
        calibration.sentence = params;
    }
    let samples: Vec<_> = names
        .iter()
        .flat_map(|name| &name.answers)
        .copied()
        .collect();
    if let Some(params) = fit_answers(&samples, [false, true, true]) {
        calibration.tags = params;
    }
    if let Some(params) = fit_answers(&samples, [false, true, false]) {
        calibration.similarity = params;
    }
    let measured = |params: &CalibrationParams| {
        let kept = |fewest| {
            let present = names.iter().filter(|name| name.is_present(fewest));
            share(present, |name| name.is_shown(params))
        };
        let absent = names.iter().filter(|name| name.is_absent());
        let mentions = names
            .iter()
            .flat_map(|name| std::iter::repeat_n(name.is_shown(params), name.mentions));
        Emptiness {
            absent_empty: share(absent, |name| !name.is_shown(params)),
            mentioned_kept: share(mentions, |is_shown| is_shown),
            present_kept: kept(1),
            common_kept: kept(5),
            sentences_kept: share(sentences.shown.iter(), |things| {
                let mut things = things.iter();
                things.any(|evidence| params.is_shown(evidence.clone()))
            }),
        }
    };
    let present = names.iter().filter(|name| name.is_present(1));
    Ok(CalibrationFit {
        calibration,
        pictures: pictures.len(),
        absent: names.iter().filter(|name| name.is_absent()).count(),
        present: present.count(),
        mentions: names.iter().map(|name| name.mentions).sum(),
        captions: queries.texts.len(),
        before: measured(&start),
        after: measured(&calibration),
    })
}

fn share<T>(items: impl Iterator<Item = T>, is_so: impl Fn(T) -> bool) -> f64 {
    let (mut count, mut all) = (0, 0_usize);
    for item in items {
        all += 1;
        count += usize::from(is_so(item));
    }
    count as f64 / all.max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::eval::fixtures::{Numbers, numbered};
    use crate::query::fixtures::vocabulary;

    #[test]
    fn names_of_what_is_not_there_come_back_empty() {
        let (_folder, mut pictures) = numbered(14);
        // Picture n shows tag n alone; the captions of the first half say so, and nobody says a word of the others.
        let model = Numbers::with_tags(vocabulary());
        let names: Vec<String> = model
            .vocabulary()
            .iter()
            .map(|tag| tag.name.clone())
            .collect();
        for (at, picture) in pictures.iter_mut().enumerate() {
            picture.captions = vec![format!("a {}", names[at % 7]); 2];
        }
        pictures.truncate(7);
        let go_on = |_: EvalProgress| ControlFlow::Continue(());
        let start = CalibrationParams::default();
        let fusion = FusionParams::default();
        let fit = fit_calibration(&model, &pictures, start, fusion, (200, 4), go_on).unwrap();
        assert_eq!((fit.pictures, fit.captions), (7, 14));
        assert!(fit.absent > 0 && fit.present > 0, "{fit}");
        assert_eq!(fit.after.present_kept, 1.0, "{fit}");
        assert_eq!(fit.after.absent_empty, 1.0, "{fit}");
        let table: toml::Table = fit.to_string().parse().unwrap();
        let read: CalibrationParams = table["search"]["calibration"].clone().try_into().unwrap();
        assert_eq!(read, fit.calibration);
    }

    #[test]
    fn what_a_tag_of_a_picture_names_is_shown() {
        let (_folder, mut pictures) = numbered(3);
        let model = Numbers::with_tags(vocabulary());
        let fit = |pictures: &[CaptionedPicture]| {
            let go_on = |_: EvalProgress| ControlFlow::Continue(());
            let start = CalibrationParams::default();
            let fusion = FusionParams::default();
            fit_calibration(&model, pictures, start, fusion, (200, 0), go_on).unwrap()
        };
        let before = fit(&pictures);
        pictures[1].tags = vec!["clock".to_owned()];
        let after = fit(&pictures);
        assert_eq!(after.present, before.present + 1, "{after}");
        assert_eq!(after.absent, before.absent - 1, "{after}");
    }

    #[test]
    fn a_model_without_tags_cannot_tell() {
        let (_folder, pictures) = numbered(2);
        let go_on = |_: EvalProgress| ControlFlow::Continue(());
        let start = CalibrationParams::default();
        let fusion = FusionParams::default();
        let fit = fit_calibration(&Numbers::new(), &pictures, start, fusion, (9, 0), go_on);
        assert!(fit.unwrap_err().to_string().contains("no tags"));
    }
}
