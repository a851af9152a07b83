//! How well tags are recognised, against the tags that captions and labels name.

use std::fmt;
use std::ops::ControlFlow;

use serde::Serialize;

use super::features::{EvalError, tag_scores};
use super::metrics::{average_precision, precision_recall};
use crate::corpus::CaptionedPicture;
use crate::encoder::Encoder;
use crate::query::{Labeller, Lexicon, Parser};

/// What was measured. Captions do not name everything, so precision and recall understate the truth.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct TaggingReport {
    /// Pictures.
    pub images: usize,
    /// Tags that enough pictures show.
    pub tags: usize,
    /// Mean over tags of the average precision.
    pub map_macro: f64,
    /// Average precision over all pairs of picture and tag.
    pub map_micro: f64,
    /// Mean over tags of the precision (CP).
    pub class_precision: f64,
    /// Mean over tags of the recall (CR).
    pub class_recall: f64,
    /// Share of the recognised that is named, over all pairs.
    pub precision: f64,
    /// Share of the named that is recognised, over all pairs.
    pub recall: f64,
    /// Harmonic mean of the two.
    pub f1: f64,
}

/// Measures over the tags that at least `fewest` pictures show. The model need do nothing but recognise tags.
///
/// # Errors
/// When no tag is shown that often, a picture cannot be decoded, the model fails, or `progress` breaks.
pub fn tagging(
    encoder: &dyn Encoder,
    pictures: &[CaptionedPicture],
    fewest: usize,
    progress: impl FnMut(usize) -> ControlFlow<()>,
) -> Result<TaggingReport, EvalError> {
    let vocabulary = encoder.vocabulary();
    let labeller = Labeller::new(vocabulary, Parser::new(Lexicon::english()));
    let mut shown = vec![vec![false; pictures.len()]; vocabulary.len()];
    for (index, picture) in pictures.iter().enumerate() {
        for tag in labeller.targets(&picture.captions, &picture.tags) {
            shown[tag.0 as usize][index] = true;
        }
    }
    let measured: Vec<usize> = (0..vocabulary.len())
        .filter(|&tag| shown[tag].iter().filter(|&&s| s).count() >= fewest.max(1))
        .collect();
    if measured.is_empty() {
        return Err(EvalError::Nothing(
            "no tag is shown by enough pictures to measure it",
        ));
    }
    let images = tag_scores(encoder, pictures, progress)?;
    let thresholds: Vec<f32> = vocabulary.iter().map(|tag| tag.threshold).collect();
    let (mut scores, mut relevant, mut recognized) = (Vec::new(), Vec::new(), Vec::new());
    let (mut map_macro, mut class_precision, mut class_recall) = (0.0, 0.0, 0.0);
    for &tag in &measured {
        let column: Vec<f32> = images.iter().map(|scores| scores[tag]).collect();
        let decided: Vec<bool> = column.iter().map(|&s| s > thresholds[tag]).collect();
        let (precision, recall) = precision_recall(&decided, &shown[tag]);
        map_macro += average_precision(&column, &shown[tag]) / measured.len() as f64;
        class_precision += precision / measured.len() as f64;
        class_recall += recall / measured.len() as f64;
        scores.extend(column);
        recognized.extend(decided);
        relevant.extend_from_slice(&shown[tag]);
    }
    let (precision, recall) = precision_recall(&recognized, &relevant);
    Ok(TaggingReport {
        images: pictures.len(),
        tags: measured.len(),
        map_macro,
        map_micro: average_precision(&scores, &relevant),
        class_precision,
        class_recall,
        precision,
        recall,
        f1: 2.0 * precision * recall / (precision + recall).max(f64::MIN_POSITIVE),
    })
}

impl fmt::Display for TaggingReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} pictures, {} tags", self.images, self.tags)?;
        writeln!(f, "mAP macro  {:.3}", self.map_macro)?;
        writeln!(f, "mAP micro  {:.3}", self.map_micro)?;
        writeln!(
            f,
            "CP         {:.3}  CR     {:.3}",
            self.class_precision, self.class_recall
        )?;
        writeln!(
            f,
            "precision  {:.3}  recall {:.3}  F1 {:.3}  at the thresholds",
            self.precision, self.recall, self.f1
        )
    }
}
