//! Captions and how they are asked for.

use serde::{Deserialize, Serialize};

use super::ModelError;
use super::generation::Limits;

/// A sentence that describes a picture.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Caption {
    /// The sentence.
    pub text: String,
    /// Mean log-probability of its tokens, at most 0: the higher, the surer the model.
    pub score: f64,
}

/// How a caption is made. The defaults are those of Tag2Text's own inference script.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct CaptionOptions {
    /// Beams of the search, 1 to 100; one is greedy. Not used when sampling. Default: 3.
    pub beams: usize,
    /// Tokens after which a caption is cut, the prompt's four included. Default: 50.
    pub max_length: usize,
    /// Tokens below which a caption does not end, the prompt's four included. Default: 10.
    pub min_length: usize,
    /// Makes words less likely that the caption already has, when above 1 (Keskar et al. 2019). Default: 1, no effect.
    pub repetition_penalty: f32,
    /// Samples instead of searching. Default: none.
    pub sampling: Option<Sampling>,
}

/// Nucleus sampling (Holtzman et al. 2020).
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Sampling {
    /// Only the fewest tokens are drawn from whose probabilities reach this share, above 0 and up to 1. Default: 0.9.
    pub top_p: f32,
    /// Of these only so many, at least one. Default: 50.
    pub top_k: usize,
    /// Divides the logits: below 1 the likely becomes likelier. Default: 1.
    pub temperature: f32,
    /// Start of the random generator. The same seed gives the same caption, whatever pictures are beside it. Default: 0.
    pub seed: u64,
}

impl Default for CaptionOptions {
    fn default() -> Self {
        Self {
            beams: 3,
            max_length: 50,
            min_length: 10,
            repetition_penalty: 1.0,
            sampling: None,
        }
    }
}

impl Default for Sampling {
    fn default() -> Self {
        Self {
            top_p: 0.9,
            top_k: 50,
            temperature: 1.0,
            seed: 0,
        }
    }
}

impl CaptionOptions {
    /// Sampling as in the reference, which then makes repetition less likely too (penalty 1.1).
    pub fn sampled(seed: u64) -> Self {
        Self {
            repetition_penalty: 1.1,
            sampling: Some(Sampling {
                seed,
                ..Sampling::default()
            }),
            ..Self::default()
        }
    }

    /// What these options ask of a model that starts with `prompt` tokens, reads at most `positions` and ends with `end`.
    pub(crate) fn limits(
        &self,
        prompt: usize,
        positions: usize,
        end: u32,
    ) -> Result<Limits, ModelError> {
        let refuse = |reason: String| Err(ModelError::CaptionOptions { reason });
        if !(1..=100).contains(&self.beams) {
            return refuse(format!("beams must be 1 to 100, not {}", self.beams));
        }
        if self.max_length <= prompt || self.max_length > positions {
            return refuse(format!(
                "max_length counts the {prompt} tokens of the prompt and must be {} to {positions}, not {}",
                prompt + 1,
                self.max_length
            ));
        }
        let positive = |value: f32| value.is_finite() && value > 0.0;
        if !positive(self.repetition_penalty) {
            return refuse(format!(
                "repetition_penalty must be above 0, not {}",
                self.repetition_penalty
            ));
        }
        if let Some(sampling) = &self.sampling {
            if !positive(sampling.top_p) || sampling.top_p > 1.0 {
                return refuse(format!(
                    "top_p must be above 0 and at most 1, not {}",
                    sampling.top_p
                ));
            }
            if sampling.top_k == 0 {
                return refuse("top_k must be at least 1, not 0".to_owned());
            }
            if !positive(sampling.temperature) {
                return refuse(format!(
                    "temperature must be above 0, not {}; for the likeliest caption use one beam without sampling",
                    sampling.temperature
                ));
            }
        }
        Ok(Limits {
            max_length: self.max_length,
            min_length: self.min_length,
            repetition_penalty: self.repetition_penalty,
            end,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_bad_option_is_named() {
        let good = CaptionOptions::sampled(1);
        assert!(good.limits(4, 512, 102).is_ok());
        let sampling = |change: fn(&mut Sampling)| {
            move |options: &mut CaptionOptions| change(options.sampling.as_mut().unwrap())
        };
        type Change = Box<dyn Fn(&mut CaptionOptions)>;
        let cases: [(&str, Change); 9] = [
            ("beams", Box::new(|o| o.beams = 0)),
            ("beams", Box::new(|o| o.beams = 101)),
            ("max_length", Box::new(|o| o.max_length = 4)),
            ("max_length", Box::new(|o| o.max_length = 513)),
            (
                "repetition_penalty",
                Box::new(|o| o.repetition_penalty = f32::NAN),
            ),
            ("top_p", Box::new(sampling(|s| s.top_p = 1.1))),
            ("top_p", Box::new(sampling(|s| s.top_p = 0.0))),
            ("top_k", Box::new(sampling(|s| s.top_k = 0))),
            ("temperature", Box::new(sampling(|s| s.temperature = 0.0))),
        ];
        for (name, change) in cases {
            let mut options = good.clone();
            change(&mut options);
            let error = options.limits(4, 512, 102).unwrap_err().to_string();
            assert!(error.contains(name), "{error}");
        }
    }

    #[test]
    fn missing_fields_are_defaults_and_unknown_ones_are_refused() {
        let parse = serde_json::from_str::<CaptionOptions>;
        let options = parse(r#"{"beams": 5, "sampling": {"seed": 3}}"#).unwrap();
        assert_eq!((options.beams, options.max_length), (5, 50));
        assert_eq!(options.sampling.unwrap().top_p, 0.9);
        assert!(parse(r#"{"beam": 5}"#).is_err());
    }
}
