//! What the legs say of a picture as a probability, and when a collection shows nothing of what is asked for.
//!
//! Ranking needs no more than an order; an answer that may be empty needs to know how sure its best is. All of it is logistic
//! regression on captioned pictures: few numbers, fitted by a command, and never more certain than the data.

use serde::{Deserialize, Serialize};

use super::fuse::{log_odds, sigmoid};

/// How many of the pictures that show a thing best tell whether a collection shows it: the best, and this many further.
const SUPPORT: usize = 5;
/// Of fewer pictures the sixth best says nothing: it is any picture.
const FEW: usize = 100;

/// How evidence becomes probability. The defaults are what `imgsearch eval calibration` found for the built-in model.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct CalibrationParams {
    /// An answer is empty when nothing that the query names is shown with at least this probability; 0 for never. Default: 0.684
    pub floor: f32,
    /// Whether a collection shows a thing.
    pub shown: ShownParams,
    /// Whether a picture is the one that a sentence means which was matched with it (ITM).
    pub sentence: AnswerParams,
    /// Whether a picture shows what words name that stand for tags.
    pub tags: AnswerParams,
    /// Whether a picture shows what words name of which none stands for a tag.
    pub similarity: AnswerParams,
}

/// Log odds that a collection shows a thing, as a sum.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct ShownParams {
    /// What the sum starts from.
    pub offset: f32,
    /// Times the margin of the picture that shows it best.
    pub best: f32,
    /// Times the margin of the sixth best.
    pub sixth: f32,
    /// Times the log odds of the tag's threshold: frequent tags have a higher one, and are recognised more surely.
    pub threshold: f32,
}

/// Log odds that a picture answers a query, as a sum; what is not known adds nothing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct AnswerParams {
    /// What the sum starts from.
    pub offset: f32,
    /// Times the log odds of a match (ITM).
    pub itm: f32,
    /// Times the cosine (ITC).
    pub itc: f32,
    /// Times the mean margin of the tags.
    pub margin: f32,
}

impl Default for ShownParams {
    fn default() -> Self {
        Self {
            offset: -2.019,
            best: 1.462,
            sixth: 2.23,
            threshold: 3.859,
        }
    }
}

impl Default for CalibrationParams {
    fn default() -> Self {
        Self {
            floor: 0.684,
            shown: ShownParams::default(),
            sentence: AnswerParams {
                offset: -9.045,
                itm: 0.27,
                itc: 10.792,
                margin: -0.248,
            },
            tags: AnswerParams {
                offset: -2.349,
                itc: 3.089,
                margin: 1.864,
                ..AnswerParams::default()
            },
            similarity: AnswerParams {
                offset: -6.914,
                itc: 9.456,
                ..AnswerParams::default()
            },
        }
    }
}

/// How surely one picture shows one thing that a query names.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Evidence {
    /// Log odds of its best tag's probability above those of the tag's threshold.
    pub(crate) margin: f32,
    /// Log odds of that threshold.
    pub(crate) threshold: f32,
}

impl Evidence {
    /// Whether the tag is recognised.
    pub(crate) fn is_recognised(&self) -> bool {
        self.margin > 0.0
    }

    pub(crate) fn new(probability: f32, threshold: f32) -> Self {
        let threshold = log_odds(threshold);
        Self {
            margin: log_odds(probability) - threshold,
            threshold,
        }
    }
}

/// What a collection says of one thing: margins of the picture that shows it best and of the sixth best, or of the best once more where
/// there are few pictures, and the threshold of the best one's tag.
pub(crate) fn support(mut evidence: Vec<Evidence>) -> Option<[f32; 3]> {
    evidence.sort_by(|a, b| b.margin.total_cmp(&a.margin));
    let best = evidence.first()?;
    let sixth = match evidence.len() {
        0..FEW => best,
        _ => &evidence[SUPPORT],
    };
    Some([best.margin, sixth.margin, best.threshold])
}

impl CalibrationParams {
    /// Whether a collection shows a thing surely enough, from what its pictures say of it. What is recognised in one of them is.
    pub(crate) fn is_shown(&self, evidence: Vec<Evidence>) -> bool {
        evidence.iter().any(Evidence::is_recognised) || self.shown(evidence) >= self.floor
    }

    /// The probability that a collection shows a thing, from what its pictures say of it.
    pub(crate) fn shown(&self, evidence: Vec<Evidence>) -> f32 {
        support(evidence).map_or(0.0, |[best, sixth, threshold]| {
            let ShownParams { offset, .. } = self.shown;
            let sum = self.shown.best * best + self.shown.sixth * sixth;
            sigmoid(offset + sum + self.shown.threshold * threshold)
        })
    }

    /// The probability that a picture answers a query, from cosine similarity (ITC), probability of a match (ITM) and the margins of
    /// its tags.
    pub(crate) fn answers(&self, itc: Option<f32>, itm: Option<f32>, margins: &[Evidence]) -> f32 {
        let params = match (itm, margins) {
            (Some(_), _) => self.sentence,
            (None, []) => self.similarity,
            (None, _) => self.tags,
        };
        let itm = itm.map_or(0.0, |itm| params.itm * log_odds(itm));
        let itc = itc.map_or(0.0, |itc| params.itc * itc);
        sigmoid(params.offset + itm + itc + params.margin * mean_margin(margins))
    }
}

/// The mean over the things that a query names; 0 where it names none.
pub(crate) fn mean_margin(evidence: &[Evidence]) -> f32 {
    let sum: f32 = evidence.iter().map(|evidence| evidence.margin).sum();
    sum / evidence.len().max(1) as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thing_is_shown_more_surely_by_a_surer_picture_and_by_more_of_them() {
        let params = CalibrationParams {
            shown: ShownParams {
                offset: -0.5,
                best: 1.0,
                sixth: 0.5,
                threshold: 0.0,
            },
            ..CalibrationParams::default()
        };
        let shown = |probabilities: &[f32]| {
            let evidence = probabilities.iter().map(|&p| Evidence::new(p, 0.5));
            params.shown(evidence.collect())
        };
        assert!(shown(&[0.9, 0.1]) > shown(&[0.1, 0.6]));
        let (mut one, many) = ([0.1; FEW], [0.9; FEW]);
        one[7] = 0.9;
        assert!(shown(&many) > shown(&one));
        assert_eq!(
            shown(&one[..9]),
            shown(&many[..9]),
            "of few the best alone counts"
        );
        let is_shown = |probability| params.is_shown(vec![Evidence::new(probability, 0.5)]);
        assert!(is_shown(0.51) && !is_shown(0.01));
        assert_eq!(shown(&[]), 0.0);
        // At the threshold the margin is nothing.
        assert_eq!(shown(&[0.5]), sigmoid(-0.5));
    }

    #[test]
    fn the_mean_margin_of_no_tags_is_nothing() {
        assert_eq!(mean_margin(&[]), 0.0);
        let evidence = [Evidence::new(0.5, 0.5), Evidence::new(0.9, 0.5)];
        assert!((mean_margin(&evidence) - 9.0_f32.ln() / 2.0).abs() < 1e-5);
    }
}
