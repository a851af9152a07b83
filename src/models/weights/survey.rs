//! What a network asks for, compared with what there is, before anything is read.

use std::cell::RefCell;
use std::collections::BTreeMap;

use super::{Layout, Weights};
use crate::models::quantised::{LOW, SCALE};
use crate::models::tensors::TensorSource;

/// Name of a tensor, shape that a network asks for, and shape that the source has, if any.
pub(super) type Lacking = BTreeMap<String, (Vec<usize>, Option<Vec<usize>>)>;

impl<'a> Weights<'a> {
    /// Hands out zeros, whatever `source` holds, and reads nothing. A network that was built of them has said what it needs,
    /// and [`finish`](Self::finish) names everything that is missing, surplus or of another shape at once.
    pub(crate) fn survey(source: impl TensorSource + 'a, layout: Layout) -> Self {
        Self {
            lacking: Some(RefCell::default()),
            ..Self::new(source, layout)
        }
    }

    /// In a survey, notes that `key` is asked for, and says how many zeros stand for it.
    pub(super) fn surveyed(&self, key: &str, shape: &[usize]) -> Option<usize> {
        let lacking = self.lacking.as_ref()?;
        self.taken.borrow_mut().insert(key.to_owned());
        if self.is_quantised(key) {
            let parts = [LOW, SCALE].map(|part| format!("{key}{part}"));
            self.taken.borrow_mut().extend(parts);
        }
        let found = self.shape(key);
        if found.as_deref() != Some(shape) {
            let both = (shape.to_vec(), found);
            lacking.borrow_mut().insert(key.to_owned(), both);
        }
        Some(shape.iter().product())
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::file;
    use super::*;
    use crate::models::quantised::Quantised;
    use crate::models::tensors::SafetensorsBytes;
    use crate::models::{CheckpointError, ModelError};

    #[test]
    fn a_survey_names_all_that_does_not_fit() {
        let device = crate::models::DeviceChoice::Cpu.open().unwrap();
        let bytes = file(&[1., 2., 3., 4.], &[2, 2]);
        let survey = |keys: [&str; 2]| {
            let source = SafetensorsBytes::parse("w", &bytes).unwrap();
            let weights = Weights::survey(source, Layout::Torch);
            for key in keys {
                weights.linear(key, 2, 2, &device).unwrap();
                weights.layer_norm(key, 3, 1e-5, &device).unwrap();
                weights.tensor("a", [2, 2], &device).unwrap();
            }
            weights.finish()
        };
        let error = survey(["b", "c"]).unwrap_err();
        let ModelError::Checkpoint(CheckpointError::Mismatch { missing, .. }) = &error else {
            panic!("{error}");
        };
        assert_eq!(missing, &["b.bias", "b.weight", "c.bias", "c.weight"]);

        let source = SafetensorsBytes::parse("w", &bytes).unwrap();
        let weights = Weights::survey(source, Layout::Torch);
        weights.tensor("a", [4], &device).unwrap();
        let text = weights.finish().unwrap_err().to_string();
        assert!(text.contains("`a` [2, 2] instead of [4]"), "{text}");

        let source = SafetensorsBytes::parse("w", &bytes).unwrap();
        assert!(
            Weights::survey(source, Layout::Torch).finish().is_err(),
            "surplus"
        );
    }

    #[test]
    fn a_survey_knows_the_parts_of_quantised_weights() {
        let device = crate::models::DeviceChoice::Cpu.open().unwrap();
        let parts = Quantised::round(&[1., 2., 3., 4.], &[2, 2], 1, 12).parts("a");
        let views = parts.iter().map(|(name, dtype, shape, bytes)| {
            let view = safetensors::tensor::TensorView::new(*dtype, shape.clone(), bytes);
            (name.as_str(), view.unwrap())
        });
        let bytes = safetensors::serialize(views, None).unwrap();
        let survey = |shape| {
            let source = SafetensorsBytes::parse("w", &bytes).unwrap();
            let weights = Weights::survey(source, Layout::Torch);
            weights.tensor("a", shape, &device).unwrap();
            weights.finish()
        };
        survey([2, 2]).unwrap();
        let text = survey([2, 3]).unwrap_err().to_string();
        assert!(text.contains("`a` [2, 2] instead of [2, 3]"), "{text}");
    }
}
