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

    #[test]
    fn what_was_tuned_is_exchanged_and_the_rest_stays() {
        let tensor = |name: &str, shape: &[usize], values: &[f32]| StoredTensor {
            name: name.to_owned(),
            shape: shape.to_vec(),
            values: values.to_vec(),
        };
        let empty = safetensors::serialize(HashMap::<String, TensorView<'_>>::new(), None).unwrap();
        let old = [
            tensor("kept", &[2, 2], &[1.0, -2.0, 3.0, -4.0]),
            tensor("tuned", &[2, 2], &[9.0; 4]),
            tensor("bias", &[2], &[9.0; 2]),
        ];
        let old = exchange(&empty, &old).unwrap();
        let new = [
            tensor("tuned", &[2, 2], &[511.0, 5.11, -1.0, 0.01]),
            tensor("bias", &[2], &[0.1, 0.2]),
        ];
        let new = exchange(&old, &new).unwrap();
        let weights = Weights::parse("new", &new).unwrap();
        let values = |name, shape: &[usize]| weights.values(name, shape).unwrap();
        let expected = [511.0, 5.11, -1.0, 0.01];
        for (found, expected) in values("tuned", &[2, 2]).into_iter().zip(expected) {
            assert!((found - expected).abs() < 1e-6, "{found} {expected}");
        }
        assert_eq!(values("bias", &[2]), [0.1, 0.2]);
        let kept = values("kept", &[2, 2]);
        let before = Weights::parse("old", &old).unwrap();
        assert_eq!(kept, before.values("kept", &[2, 2]).unwrap());
        weights.finish().unwrap();
    }

    #[test]
    fn what_is_not_finite_is_refused() {
        let empty = safetensors::serialize(HashMap::<String, TensorView<'_>>::new(), None).unwrap();
        let tensors = [StoredTensor {
            name: "a".to_owned(),
            shape: vec![1],
            values: vec![f32::NAN],
        }];
        let error = exchange(&empty, &tensors).unwrap_err();
        assert!(matches!(error, ModelError::NotFinite));
    }
}
