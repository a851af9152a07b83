//! How near the captions that a model writes come to those that people wrote.

use std::fmt;
use std::ops::ControlFlow;

use serde::Serialize;

use super::EvalError;
use super::bleu::BleuCounts;
use super::bootstrap::{Interval, intervals};
use super::cider::DocumentFrequencies;
use super::features::encode;
use super::progress::{EvalProgress, Watch};
use super::words::words;
use crate::corpus::CaptionedPicture;
use crate::encoder::Encoder;
use crate::models::CaptionOptions;

/// What was measured. Words are compared in lower case and without punctuation, split as the Penn Treebank does as far as
/// captions need it.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct CaptioningReport {
    /// Pictures that have captions; others were left out.
    pub images: usize,
    /// Their captions, the references.
    pub references: usize,
    /// Corpus BLEU-4, unsmoothed, against the reference nearest in length; 0 to 1.
    pub bleu4: f64,
    /// CIDEr-D with document frequencies of the references, in the units of COCO's code: 0 to 10. Papers print it times 100.
    pub cider: f64,
    /// Intervals of the two.
    pub intervals: CaptioningIntervals,
}

/// 95 % intervals, by bootstrap over pictures; document frequencies stay those of all of them.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct CaptioningIntervals {
    /// Of BLEU-4.
    pub bleu4: Interval,
    /// Of CIDEr-D.
    pub cider: Interval,
}

/// Lets the model describe every picture that has captions, and compares.
///
/// # Errors
/// When no picture has captions, one cannot be decoded, the model writes no captions or fails, or `progress` breaks.
pub fn captioning(
    encoder: &dyn Encoder,
    pictures: &[CaptionedPicture],
    options: &CaptionOptions,
    mut progress: impl FnMut(EvalProgress) -> ControlFlow<()>,
) -> Result<CaptioningReport, EvalError> {
    let described = |picture: &&CaptionedPicture| !picture.captions.is_empty();
    let pictures: Vec<&CaptionedPicture> = pictures.iter().filter(described).collect();
    if pictures.is_empty() {
        return Err(EvalError::Nothing(
            "the data has no captions to compare with",
        ));
    }
    let mut watch = Watch::new(&mut progress);
    let what = "describing pictures";
    let captions = encode(encoder, &pictures, what, &mut watch, |squares| {
        encoder.captions(squares, None, options)
    })?;
    let captions: Vec<Vec<String>> = captions.iter().map(|c| words(&c.text)).collect();
    let references = pictures
        .iter()
        .map(|p| p.captions.iter().map(|c| words(c)).collect());
    let references: Vec<Vec<Vec<String>>> = references.collect();
    compare(&captions, &references, &mut watch)
}

fn compare(
    captions: &[Vec<String>],
    references: &[Vec<Vec<String>>],
    watch: &mut Watch<'_>,
) -> Result<CaptioningReport, EvalError> {
    let frequencies = DocumentFrequencies::new(references);
    let pairs = captions.iter().zip(references);
    let each: Vec<(BleuCounts, f64)> = pairs
        .map(|(caption, references)| {
            let cider = frequencies.cider_d(caption, references);
            (BleuCounts::new(caption, references), cider)
        })
        .collect();
    let [bleu4, cider] = figures(&each, &vec![1; each.len()]);
    let [bleu4_interval, cider_interval] =
        intervals(each.len(), watch, |times| figures(&each, times))?;
    Ok(CaptioningReport {
        images: captions.len(),
        references: references.iter().map(Vec::len).sum(),
        bleu4,
        cider,
        intervals: CaptioningIntervals {
            bleu4: bleu4_interval,
            cider: cider_interval,
        },
    })
}

/// BLEU-4 and CIDEr-D of pictures that were drawn so many times.
fn figures(each: &[(BleuCounts, f64)], times: &[u32]) -> [f64; 2] {
    let mut all = BleuCounts::default();
    let mut sum = 0.0;
    for ((counts, cider), &times) in each.iter().zip(times) {
        all.add(counts, times);
        sum += f64::from(times) * cider;
    }
    [all.bleu4(), sum / each.len() as f64]
}

impl fmt::Display for CaptioningReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{} pictures, {} references",
            self.images, self.references
        )?;
        writeln!(
            f,
            "times 100, in brackets 95 % intervals, bootstrap over pictures"
        )?;
        for (name, value, interval) in [
            ("BLEU-4", self.bleu4, self.intervals.bleu4),
            ("CIDEr-D", self.cider, self.intervals.cider),
        ] {
            let [value, low, high] = [value, interval.low, interval.high].map(|v| 100.0 * v);
            writeln!(f, "{name:<8} {value:>6.1} [{low:.1}, {high:.1}]")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::eval::fixtures::{Numbers, numbered};

    fn measure(pictures: &[CaptionedPicture]) -> Result<CaptioningReport, EvalError> {
        let options = CaptionOptions::default();
        captioning(&Numbers::new(), pictures, &options, |_| {
            ControlFlow::Continue(())
        })
    }

    #[test]
    fn captions_that_are_their_references_score_the_most() {
        let (_folder, mut pictures) = numbered(5);
        // The number alone tells the pictures apart, so of one word and more the runs with it are all that weighs.
        let report = measure(&pictures).unwrap();
        assert_eq!((report.images, report.references), (5, 10));
        assert!((report.bleu4 - 1.0).abs() < 1e-12, "{report:?}");
        assert!((report.cider - 10.0).abs() < 1e-9, "{report:?}");
        assert!(
            report
                .to_string()
                .contains("BLEU-4    100.0 [100.0, 100.0]"),
            "{report}"
        );
        // A picture without captions is left out, others compare worse.
        pictures[0].captions.clear();
        pictures[1].captions = vec!["two cats asleep in the sun".to_owned()];
        let report = measure(&pictures).unwrap();
        assert_eq!((report.images, report.references), (4, 7));
        assert!(report.bleu4 < 0.9 && report.cider < 9.0, "{report:?}");
        let interval = report.intervals.cider;
        assert!(interval.low < report.cider && report.cider < interval.high);
    }

    #[test]
    fn a_corpus_scores_what_the_formulas_of_cocos_code_give_it() {
        let corpus = [
            (
                "A black dog runs on the beach.",
                [
                    "A black dog is running along the beach",
                    "A dog runs on the sand near the water.",
                ],
            ),
            (
                "two men ride bikes down a street",
                [
                    "Two men on bikes ride down a city street",
                    "Cyclists in a street",
                ],
            ),
            (
                "a little girl in a red dress",
                [
                    "A girl wearing a red dress smiles.",
                    "A little girl in a pink dress stands on the beach",
                ],
            ),
        ];
        let captions: Vec<_> = corpus.iter().map(|(caption, _)| words(caption)).collect();
        let references = corpus.map(|(_, references)| references.map(words).to_vec());
        let mut told = |_| ControlFlow::Continue(());
        let report = compare(&captions, &references, &mut Watch::new(&mut told)).unwrap();
        assert!((report.bleu4 - 0.484_060_134).abs() < 1e-8, "{report:?}");
        assert!((report.cider - 2.898_172_671).abs() < 1e-8, "{report:?}");
    }

    #[test]
    fn what_cannot_be_compared_is_refused() {
        let (_folder, mut pictures) = numbered(1);
        pictures[0].captions.clear();
        assert!(matches!(measure(&pictures), Err(EvalError::Nothing(_))));
    }
}
