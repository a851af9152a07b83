//! Recall of both directions, for each leg and for their fusion (paper, Table 5).

use std::collections::BTreeMap;
use std::fmt;
use std::ops::ControlFlow;

use imgsearch_index::TagId;
use serde::Serialize;

use super::features::{EvalError, image_features};
use super::metrics::{rank_of, recall_at};
use crate::corpus::CaptionedPicture;
use crate::encoder::Encoder;
use crate::query::{Fusion, FusionParams, Rarity, Resolver};

/// Recall at 1, 5 and 10, as fractions.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Recall {
    /// Recall at 1.
    pub r1: f64,
    /// Recall at 5.
    pub r5: f64,
    /// Recall at 10.
    pub r10: f64,
}

impl Recall {
    fn of(ranks: &[usize]) -> Self {
        Self {
            r1: recall_at(ranks, 1),
            r5: recall_at(ranks, 5),
            r10: recall_at(ranks, 10),
        }
    }
}

/// Both directions of one leg.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Leg {
    /// A caption finds its picture.
    pub t2i: Recall,
    /// A picture finds one of its captions.
    pub i2t: Recall,
}

/// What was measured.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct RetrievalReport {
    /// Pictures.
    pub images: usize,
    /// Captions.
    pub captions: usize,
    /// `itc`, `tags`, `tags+itc`.
    pub legs: BTreeMap<&'static str, Leg>,
}

/// Ranks every picture for every caption and every caption for every picture. Pictures without captions are distractors.
///
/// # Errors
/// When there is no caption, a picture cannot be decoded, the model fails, or `progress` breaks.
pub fn retrieval(
    encoder: &dyn Encoder,
    pictures: &[CaptionedPicture],
    params: FusionParams,
    progress: impl FnMut(usize) -> ControlFlow<()>,
) -> Result<RetrievalReport, EvalError> {
    let captions: Vec<(usize, &str)> = pictures
        .iter()
        .enumerate()
        .flat_map(|(index, picture)| picture.captions.iter().map(move |c| (index, c.as_str())))
        .collect();
    if captions.is_empty() {
        return Err(EvalError::Nothing(
            "the data has no captions to search with",
        ));
    }
    let images = image_features(encoder, pictures, progress)?;
    let vocabulary = encoder.vocabulary();
    let resolver = Resolver::new(vocabulary);
    let counts = vocabulary.iter().map(|tag| {
        let shown = images
            .iter()
            .filter(|image| image.tag_scores[tag.id.0 as usize] > tag.threshold);
        (tag.id, shown.count() as u64)
    });
    let rarity = Rarity::new(images.len() as u64, counts.filter(|(_, count)| *count > 0));

    let mut legs: [(&'static str, Vec<Vec<f32>>); 3] =
        ["itc", "tags", "tags+itc"].map(|name| (name, Vec::with_capacity(captions.len())));
    for &(_, caption) in &captions {
        let text = encoder.text(caption)?;
        let resolution = resolver.resolve(caption, false);
        let fusion = Fusion::new(vocabulary, &resolution, &rarity, params);
        let cosines: Vec<f32> = images.iter().map(|i| i.embedding.dot(&text)).collect();
        let fused = |similarity: bool| -> Vec<f32> {
            images
                .iter()
                .zip(&cosines)
                .map(|(image, &cosine)| {
                    let probability = |tag: TagId| image.tag_scores[tag.0 as usize];
                    fusion.score(similarity.then_some(cosine), probability)
                })
                .collect()
        };
        legs[1].1.push(fused(false));
        legs[2].1.push(fused(true));
        legs[0].1.push(cosines);
    }
    let owners: Vec<usize> = captions.iter().map(|caption| caption.0).collect();
    Ok(RetrievalReport {
        images: pictures.len(),
        captions: captions.len(),
        legs: legs
            .into_iter()
            .map(|(name, scores)| (name, measure(&scores, &owners, pictures.len())))
            .collect(),
    })
}

/// Recall from scores `[captions][pictures]` and the picture of each caption.
fn measure(scores: &[Vec<f32>], owners: &[usize], pictures: usize) -> Leg {
    let to_image: Vec<usize> = scores
        .iter()
        .zip(owners)
        .map(|(row, &owner)| rank_of(row, &[owner]))
        .collect();
    let to_text: Vec<usize> = (0..pictures)
        .filter_map(|picture| {
            let own: Vec<usize> = (0..owners.len())
                .filter(|&c| owners[c] == picture)
                .collect();
            if own.is_empty() {
                return None;
            }
            let column: Vec<f32> = scores.iter().map(|row| row[picture]).collect();
            Some(rank_of(&column, &own))
        })
        .collect();
    Leg {
        t2i: Recall::of(&to_image),
        i2t: Recall::of(&to_text),
    }
}

impl fmt::Display for RetrievalReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} pictures, {} captions", self.images, self.captions)?;
        writeln!(
            f,
            "{:<10} {:>24}   {:>24}",
            "leg", "text to image R@1/5/10", "image to text R@1/5/10"
        )?;
        for (name, leg) in &self.legs {
            write!(f, "{name:<10}")?;
            for recall in [leg.t2i, leg.i2t] {
                let percent = |value: f64| 100.0 * value;
                write!(
                    f,
                    "   {:>7.1} {:>7.1} {:>7.1}",
                    percent(recall.r1),
                    percent(recall.r5),
                    percent(recall.r10)
                )?;
            }
            writeln!(f)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_directions_of_a_hand_worked_case() {
        // Captions 0 and 1 belong to picture 0, caption 2 to picture 1.
        let scores = vec![vec![0.9, 0.1], vec![0.2, 0.6], vec![0.3, 0.8]];
        let leg = measure(&scores, &[0, 0, 1], 2);
        assert!((leg.t2i.r1 - 2.0 / 3.0).abs() < 1e-9);
        assert_eq!(leg.t2i.r5, 1.0);
        assert_eq!(leg.i2t.r1, 1.0);
    }
}
