//! Which tags a picture has, by their probabilities.

use std::collections::BTreeMap;

#[cfg(test)]
use imgsearch_index::TagId;
use serde::{Deserialize, Serialize};

use crate::models::ModelError;

/// Thresholds in the words of the reference's constructor.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub(crate) struct ThresholdsConfig {
    /// For tags without one of their own.
    pub(crate) threshold: f32,
    /// By tag id.
    #[serde(default)]
    pub(crate) class_threshold: BTreeMap<u32, f32>,
    /// Tags that are never reported.
    #[serde(default)]
    pub(crate) delete_tag_index: Vec<u32>,
}

impl ThresholdsConfig {
    /// What the reference uses for Tag2Text's 3,429 tags: people are claimed with more caution, and numbers and words without
    /// a visible meaning (127 quarter, 2961 back, 3265 three, 3338 four, 3351 two, 3355 five, 3359 one) never.
    pub(crate) fn tag2text() -> Self {
        const WOMAN: u32 = 1167;
        const PERSON: u32 = 2701;
        const MAN: u32 = 2828;
        Self {
            threshold: 0.68,
            class_threshold: [WOMAN, PERSON, MAN].map(|tag| (tag, 0.7)).into(),
            delete_tag_index: vec![127, 2961, 3265, 3338, 3351, 3355, 3359],
        }
    }
}

/// The threshold of every tag, and the tags that are never reported.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Thresholds {
    values: Vec<f32>,
    deleted: Vec<bool>,
}

impl Thresholds {
    /// One threshold a tag.
    ///
    /// # Errors
    /// When a threshold is not between 0 and 1.
    pub(crate) fn new(values: Vec<f32>) -> Result<Self, ModelError> {
        if let Some(tag) = values.iter().position(|v| !(0.0..=1.0).contains(v)) {
            return Err(unusable(format!(
                "the threshold {} of tag {tag} is not between 0 and 1",
                values[tag]
            )));
        }
        let deleted = vec![false; values.len()];
        Ok(Self { values, deleted })
    }

    /// For `tags` tags by `config`.
    ///
    /// # Errors
    /// When it names a tag that there is none of, or a threshold is not between 0 and 1.
    pub(crate) fn from_config(config: &ThresholdsConfig, tags: usize) -> Result<Self, ModelError> {
        let place = |tag: u32| {
            usize::try_from(tag)
                .ok()
                .filter(|&place| place < tags)
                .ok_or_else(|| unusable(format!("there is no tag {tag} among {tags}")))
        };
        let mut values = vec![config.threshold; tags];
        for (&tag, &value) in &config.class_threshold {
            values[place(tag)?] = value;
        }
        let mut thresholds = Self::new(values)?;
        for &tag in &config.delete_tag_index {
            thresholds.deleted[place(tag)?] = true;
        }
        Ok(thresholds)
    }

    /// Reads a list of thresholds, one a line in the order of the tags.
    ///
    /// # Errors
    /// When a line is no number between 0 and 1.
    pub(crate) fn from_lines(text: &str) -> Result<Self, ModelError> {
        let values = text.lines().enumerate().map(|(line, value)| {
            value.trim().parse().map_err(|_| {
                unusable(format!(
                    "line {} is {value:?}, not a threshold such as 0.65",
                    line + 1
                ))
            })
        });
        Self::new(values.collect::<Result<_, _>>()?)
    }

    /// How many tags there are.
    pub(crate) fn len(&self) -> usize {
        self.values.len()
    }

    /// Whether the probability of `tag` is above its threshold, deleted or not.
    #[cfg(test)]
    pub(crate) fn exceeded(&self, tag: TagId, probability: f32) -> bool {
        probability > self.values[tag.0 as usize]
    }

    /// Whether `tag` is reported with this probability.
    #[cfg(test)]
    pub(crate) fn recognized(&self, tag: TagId, probability: f32) -> bool {
        !self.deleted[tag.0 as usize] && self.exceeded(tag, probability)
    }

    /// The threshold of every tag as a vocabulary has it: no probability is above the 1 of a deleted tag.
    pub(crate) fn effective(&self) -> Vec<f32> {
        let values = self.values.iter().zip(&self.deleted);
        values
            .map(|(&value, &deleted)| if deleted { 1.0 } else { value })
            .collect()
    }
}

fn unusable(reason: String) -> ModelError {
    ModelError::Thresholds { reason }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::models::golden::Golden;

    const GOLDEN: &[u8] =
        include_bytes!("../../../tests/fixtures/golden/tag2text_mini_golden.safetensors");

    fn mini() -> ThresholdsConfig {
        serde_json::from_str(
            r#"{"threshold": 0.68, "class_threshold": {"2": 0.7, "49": 0.7, "23": 0.72},
                "delete_tag_index": [5, 7], "image_size": 192}"#,
        )
        .unwrap()
    }

    #[test]
    fn decisions_equal_the_reference() {
        let golden = Golden::parse(GOLDEN);
        let thresholds = Thresholds::from_config(&mini(), 50).unwrap();
        assert_eq!(thresholds.values, golden.f32("class_threshold").values);
        let probabilities = golden.f32("tag_probs").values;
        type Decide = fn(&Thresholds, TagId, f32) -> bool;
        let cases: [(&str, Decide); 2] = [
            ("tag_mask_thresholded", Thresholds::exceeded),
            ("tag_mask_final", Thresholds::recognized),
        ];
        for (key, decide) in cases {
            let expected = golden.f32(key).values;
            for (index, (&probability, &expected)) in
                probabilities.iter().zip(&expected).enumerate()
            {
                let tag = TagId(index as u32 % 50);
                let found = decide(&thresholds, tag, probability);
                assert_eq!(found, expected == 1.0, "{key} {index}");
            }
        }
        // What a vocabulary does with the effective thresholds is the same as the final decision.
        let effective = thresholds.effective();
        for (index, &probability) in probabilities.iter().enumerate() {
            let final_ = thresholds.recognized(TagId(index as u32 % 50), probability);
            assert_eq!(probability > effective[index % 50], final_);
        }
        assert!(effective[5] >= 1.0, "not even certainty");
    }

    #[test]
    fn a_threshold_is_not_reached_by_itself() {
        let thresholds = Thresholds::new(vec![0.5]).unwrap();
        assert!(!thresholds.recognized(TagId(0), 0.5));
        assert!(thresholds.recognized(TagId(0), 0.5f32.next_up()));
    }

    #[test]
    fn the_published_thresholds() {
        let thresholds = Thresholds::from_config(&ThresholdsConfig::tag2text(), 3429).unwrap();
        let effective = thresholds.effective();
        assert_eq!(effective.iter().filter(|&&t| t == 1.0).count(), 7);
        assert_eq!(effective.iter().filter(|&&t| t == 0.7).count(), 3);
        assert_eq!(effective[0], 0.68);
    }

    #[test]
    fn bad_lists_say_where() {
        let error = |result: Result<Thresholds, ModelError>| result.unwrap_err().to_string();
        assert!(error(Thresholds::from_lines("0.65\nx\n")).contains("line 2"));
        assert!(error(Thresholds::from_lines("0.65\n1.5")).contains("tag 1"));
        assert!(error(Thresholds::new(vec![f32::NAN])).contains("tag 0"));
        assert!(error(Thresholds::from_config(&mini(), 10)).contains("no tag 23"));
        assert_eq!(Thresholds::from_lines("0.65\n1.0\n").unwrap().len(), 2);
    }
}
