//! The file of backbones with those tensors exchanged that were tuned.

use std::collections::{BTreeMap, HashMap, HashSet};

use safetensors::tensor::TensorView;
use safetensors::{Dtype, SafeTensors};

use super::stored::StoredTensor;
use crate::models::ModelError;
use crate::models::mini::BACKBONES;
use crate::models::quantised::{LOW, Quantised, SCALE};

/// Bits of a weight.
const BITS: u32 = 10;

/// `file` with `tensors` in the place of those of the same names: matrices and filters in integers with a scale an output, the rest
/// in single precision.
pub(crate) fn exchange(file: &[u8], tensors: &[StoredTensor]) -> Result<Vec<u8>, ModelError> {
    let broken = |source: safetensors::SafeTensorError| ModelError::Weights {
        file: BACKBONES.to_owned(),
        reason: source.to_string(),
    };
    let known = SafeTensors::deserialize(file).map_err(broken)?;
    let replaced: HashSet<&str> = tensors.iter().map(|tensor| tensor.name.as_str()).collect();
    let whole = |name: &str| {
        let name = name.strip_suffix(LOW).unwrap_or(name);
        name.strip_suffix(SCALE).unwrap_or(name).to_owned()
    };
    let mut parts: BTreeMap<String, (Dtype, Vec<usize>, Vec<u8>)> = BTreeMap::new();
    for (name, view) in known.iter() {
        if !replaced.contains(whole(name).as_str()) {
            let kept = (view.dtype(), view.shape().to_vec(), view.data().to_vec());
            parts.insert(name.to_owned(), kept);
        }
    }
    if let Some(unknown) = replaced.iter().find(|name| known.tensor(name).is_err()) {
        return Err(ModelError::MissingTensor {
            file: BACKBONES.to_owned(),
            tensor: (*unknown).to_owned(),
        });
    }
    for StoredTensor {
        name,
        shape,
        values,
    } in tensors
    {
        if values.iter().any(|value| !value.is_finite()) {
            return Err(ModelError::NotFinite);
        }
        // A matrix has an output a column, a filter an output a row.
        let axis = match shape.len() {
            1 => {
                let bytes = bytemuck::cast_slice(values).to_vec();
                parts.insert(name.clone(), (Dtype::F32, shape.clone(), bytes));
                continue;
            }
            2 => 1,
            _ => 0,
        };
        for (name, dtype, shape, bytes) in Quantised::round(values, shape, axis, BITS).parts(name) {
            parts.insert(name, (dtype, shape, bytes));
        }
    }
    let views: HashMap<&String, TensorView<'_>> = parts
        .iter()
        .map(|(name, (dtype, shape, bytes))| {
            let view = TensorView::new(*dtype, shape.clone(), bytes).map_err(broken)?;
            Ok((name, view))
        })
        .collect::<Result<_, ModelError>>()?;
    safetensors::serialize(views, None).map_err(broken)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::models::weights::Weights;

    /// A file of weights that are all one.
    fn ones(shapes: &[(&str, &[usize])]) -> Vec<u8> {
        let one = 1f32.to_le_bytes().repeat(4);
        let views = shapes.iter().map(|(name, shape)| {
            let values: usize = shape.iter().product();
            let view = TensorView::new(Dtype::F32, shape.to_vec(), &one[..4 * values]).unwrap();
            (name.to_string(), view)
        });
        safetensors::serialize(views.collect::<HashMap<_, _>>(), None).unwrap()
    }

    fn tensor(name: &str, shape: &[usize], values: &[f32]) -> StoredTensor {
        StoredTensor {
            name: name.to_owned(),
            shape: shape.to_vec(),
            values: values.to_vec(),
        }
    }

    #[test]
    fn what_was_tuned_is_exchanged_and_the_rest_stays() {
        let old = ones(&[("kept", &[4]), ("tuned", &[2, 2]), ("bias", &[2])]);
        let first = exchange(&old, &[tensor("tuned", &[2, 2], &[3.0; 4])]).unwrap();
        let tuned = [
            tensor("tuned", &[2, 2], &[511.0, 5.11, -1.0, 0.01]),
            tensor("bias", &[2], &[0.1, 0.2]),
        ];
        let second = exchange(&first, &tuned).unwrap();
        let weights = Weights::parse("second", &second).unwrap();
        let values = |name, shape: &[usize]| weights.values(name, shape).unwrap();
        let expected = [511.0, 5.11, -1.0, 0.01];
        for (found, expected) in values("tuned", &[2, 2]).into_iter().zip(expected) {
            assert!((found - expected).abs() < 1e-6, "{found} {expected}");
        }
        assert_eq!(values("bias", &[2]), [0.1, 0.2]);
        assert_eq!(values("kept", &[4]), [1.0; 4]);
        weights.finish().unwrap();
    }

    #[test]
    fn what_the_file_does_not_know_or_is_not_finite_is_refused() {
        let old = ones(&[("a", &[1])]);
        let error = exchange(&old, &[tensor("b", &[1], &[1.0])]).unwrap_err();
        assert!(matches!(error, ModelError::MissingTensor { .. }), "{error}");
        let error = exchange(&old, &[tensor("a", &[1], &[f32::NAN])]).unwrap_err();
        assert!(matches!(error, ModelError::NotFinite), "{error}");
    }
}
