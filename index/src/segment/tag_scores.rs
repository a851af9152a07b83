use crate::{TagId, TagScore};

/// How many levels of confidence the tag index tells apart.
pub(crate) const LEVELS: u32 = 8;
/// What one level adds to a match: so little that the number of matches decides first.
const PER_LEVEL: f32 = 0.01;

/// All tag probabilities of a document, to 1/255, with the thresholds above which they count as recognised.
#[derive(Debug, Clone, Copy)]
pub struct TagScores<'a> {
    pub(crate) bytes: &'a [u8],
    pub(crate) thresholds: &'a [f32],
}

impl<'a> TagScores<'a> {
    /// How many tags there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// True for a model without tags.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// The probability of a tag, 0 to 1; 0 for a tag that there is not.
    #[must_use]
    pub fn get(&self, tag: TagId) -> f32 {
        self.bytes
            .get(tag.0 as usize)
            .map_or(0.0, |&byte| probability(byte))
    }

    /// Every tag with its probability, in the order of the vocabulary.
    pub fn iter(&self) -> impl Iterator<Item = TagScore> + use<'a> {
        let scores = self.bytes.iter().map(|&byte| probability(byte));
        scores.zip(0..).map(|(score, tag)| TagScore {
            tag: TagId(tag),
            score,
        })
    }

    /// The tags above their thresholds, in the order of the vocabulary.
    pub fn recognised(&self) -> impl Iterator<Item = TagScore> + use<'a> {
        let thresholds = self.thresholds;
        self.iter()
            .filter(move |s| s.score > thresholds[s.tag.0 as usize])
    }

    /// What a tag of weight 1 adds to the score of
    /// [`Reader::match_tags`](crate::Reader::match_tags): 0 if it is not recognised, else 1 to 1.07 by its
    /// confidence.
    #[must_use]
    pub fn confidence(&self, tag: TagId) -> f32 {
        let at = tag.0 as usize;
        match (self.bytes.get(at), self.thresholds.get(at)) {
            (Some(&byte), Some(&threshold)) => {
                level(byte, threshold).map_or(0.0, confidence_of_level)
            }
            _ => 0.0,
        }
    }

    /// The recognised tags with their levels.
    pub(crate) fn levels(&self) -> impl Iterator<Item = (TagId, u32)> + use<'a> {
        let levels = self
            .bytes
            .iter()
            .zip(self.thresholds)
            .map(|(&b, &t)| level(b, t));
        levels
            .zip(0..)
            .filter_map(|(level, tag)| Some((TagId(tag), level?)))
    }
}

/// What a match of weight 1 at this level adds to a score.
pub(crate) fn confidence_of_level(level: u32) -> f32 {
    1.0 + PER_LEVEL * level as f32
}

/// The byte for a probability: the nearest on the same side of the threshold, so that rounding never changes what
/// is recognised.
pub(super) fn byte(probability: f32, threshold: f32) -> u8 {
    let nearest = (probability * 255.0).round().clamp(0.0, 255.0) as u8;
    let is_recognised = |byte| self::probability(byte) > threshold;
    match (probability > threshold, is_recognised(nearest)) {
        (true, false) => nearest.saturating_add(1),
        (false, true) => nearest.saturating_sub(1),
        _ => nearest,
    }
}

pub(super) fn probability(byte: u8) -> f32 {
    f32::from(byte) / 255.0
}

/// The level of a recognised tag: eight equal parts of what is above the threshold.
pub(crate) fn level(byte: u8, threshold: f32) -> Option<u32> {
    let score = probability(byte);
    let above = (score - threshold) / (1.0 - threshold).max(f32::MIN_POSITIVE);
    (score > threshold).then(|| ((above * LEVELS as f32) as u32).min(LEVELS - 1))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn rounding_is_small_and_keeps_the_side_of_the_threshold(
            probability in 0.0_f32..=1.0, threshold in 0.0_f32..1.0,
        ) {
            for probability in [probability, threshold, threshold.next_up()] {
                let byte = byte(probability, threshold);
                let rounded = super::probability(byte);
                prop_assert_eq!(rounded > threshold, probability > threshold);
                prop_assert!((rounded - probability).abs() <= 1.0 / 255.0);
                prop_assert_eq!(level(byte, threshold).is_some(), probability > threshold);
            }
        }
    }

    #[test]
    fn confidence_grows_with_the_probability() {
        let scores = TagScores {
            bytes: &[127, 128, 200, 255],
            thresholds: &[0.5; 4],
        };
        let confidence: Vec<_> = (0..5).map(|tag| scores.confidence(TagId(tag))).collect();
        assert_eq!(confidence, [0.0, 1.0, 1.04, 1.07, 0.0]);
        assert_eq!(
            scores.recognised().map(|s| s.tag.0).collect::<Vec<_>>(),
            [1, 2, 3]
        );
    }
}
