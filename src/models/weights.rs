//! Named tensors of a safetensors file, checked by name and shape as they are taken.

use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::BTreeSet;

use burn::module::Param;
use burn::nn::{LayerNorm, LayerNormConfig, Linear};
use burn::tensor::{Device, Tensor, TensorData};
use half::f16;
use half::slice::HalfFloatSliceExt;
use safetensors::{Dtype, SafeTensors};

use super::ModelError;

type Result<T, E = ModelError> = std::result::Result<T, E>;

/// A safetensors file whose tensors are handed out as f32.
///
/// Linear weights are stored `[d_input, d_output]`, the layout burn multiplies with; the conversion script transposes
/// once so that no start-up has to.
pub(crate) struct Weights<'a> {
    name: &'a str,
    tensors: SafeTensors<'a>,
    taken: RefCell<BTreeSet<String>>,
}

impl<'a> Weights<'a> {
    /// Reads the header of `bytes`; `name` is what errors call the file.
    pub(crate) fn parse(name: &'a str, bytes: &'a [u8]) -> Result<Self> {
        let tensors = SafeTensors::deserialize(bytes).map_err(|source| ModelError::Weights {
            file: name.to_owned(),
            reason: source.to_string(),
        })?;
        Ok(Self {
            name,
            tensors,
            taken: RefCell::default(),
        })
    }

    fn view(&self, key: &str, shape: &[usize]) -> Result<safetensors::tensor::TensorView<'a>> {
        let view = self
            .tensors
            .tensor(key)
            .map_err(|_| ModelError::MissingTensor {
                file: self.name.to_owned(),
                tensor: key.to_owned(),
            })?;
        if view.shape() != shape {
            return Err(ModelError::TensorShape {
                file: self.name.to_owned(),
                tensor: key.to_owned(),
                expected: shape.to_vec(),
                found: view.shape().to_vec(),
            });
        }
        self.taken.borrow_mut().insert(key.to_owned());
        Ok(view)
    }

    /// The values of `key`, whatever float type they are stored in.
    pub(crate) fn values(&self, key: &str, shape: &[usize]) -> Result<Vec<f32>> {
        let view = self.view(key, shape)?;
        match view.dtype() {
            Dtype::F16 => Ok(halves(view.data()).to_f32_vec()),
            Dtype::F32 => Ok(view
                .data()
                .chunks_exact(4)
                .map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]]))
                .collect()),
            other => Err(self.unreadable(key, other)),
        }
    }

    /// The bytes of `key`, a tensor of eight-bit integers.
    pub(crate) fn bytes(&self, key: &str, shape: &[usize]) -> Result<&'a [u8]> {
        let view = self.view(key, shape)?;
        match view.dtype() {
            Dtype::I8 | Dtype::U8 => Ok(view.data()),
            other => Err(self.unreadable(key, other)),
        }
    }

    fn unreadable(&self, key: &str, dtype: Dtype) -> ModelError {
        ModelError::Weights {
            file: self.name.to_owned(),
            reason: format!("tensor `{key}` is stored as {dtype:?}, which is not read here"),
        }
    }

    pub(crate) fn tensor<const D: usize>(
        &self,
        key: &str,
        shape: [usize; D],
        device: &Device,
    ) -> Result<Tensor<D>> {
        let values = self.values(key, &shape)?;
        Ok(Tensor::from_data(TensorData::new(values, shape), device))
    }

    pub(crate) fn param<const D: usize>(
        &self,
        key: &str,
        shape: [usize; D],
        device: &Device,
    ) -> Result<Param<Tensor<D>>> {
        Ok(Param::from_tensor(self.tensor(key, shape, device)?))
    }

    /// `prefix.weight` `[d_input, d_output]` and `prefix.bias` `[d_output]`.
    pub(crate) fn linear(
        &self,
        prefix: &str,
        d_input: usize,
        d_output: usize,
        device: &Device,
    ) -> Result<Linear> {
        Ok(Linear {
            weight: self.param(&format!("{prefix}.weight"), [d_input, d_output], device)?,
            bias: Some(self.param(&format!("{prefix}.bias"), [d_output], device)?),
        })
    }

    /// `prefix.weight` and `prefix.bias`, both `[d_model]`.
    pub(crate) fn layer_norm(
        &self,
        prefix: &str,
        d_model: usize,
        epsilon: f64,
        device: &Device,
    ) -> Result<LayerNorm> {
        let mut norm = LayerNormConfig::new(d_model)
            .with_epsilon(epsilon)
            .init(device);
        norm.gamma = self.param(&format!("{prefix}.weight"), [d_model], device)?;
        norm.beta = Some(self.param(&format!("{prefix}.bias"), [d_model], device)?);
        Ok(norm)
    }

    /// Refuses a file that holds tensors which no module asked for: a sign of the wrong kind of checkpoint.
    pub(crate) fn finish(self) -> Result<()> {
        let taken = self.taken.into_inner();
        let surplus: Vec<String> = self
            .tensors
            .names()
            .into_iter()
            .filter(|name| !taken.contains(*name))
            .map(str::to_owned)
            .collect();
        if surplus.is_empty() {
            Ok(())
        } else {
            Err(ModelError::SurplusTensors {
                file: self.name.to_owned(),
                tensors: surplus,
            })
        }
    }
}

/// A safetensors buffer promises no alignment, so values are read in place only where they happen to be aligned.
fn halves(bytes: &[u8]) -> Cow<'_, [f16]> {
    match bytemuck::try_cast_slice(bytes) {
        Ok(aligned) => Cow::Borrowed(aligned),
        Err(_) => bytes
            .chunks_exact(2)
            .map(|b| f16::from_le_bytes([b[0], b[1]]))
            .collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(values: &[f32], shape: &[usize]) -> Vec<u8> {
        let bytes: Vec<u8> = values.iter().flat_map(|v| v.to_le_bytes()).collect();
        let view =
            safetensors::tensor::TensorView::new(Dtype::F32, shape.to_vec(), &bytes).unwrap();
        safetensors::serialize([("a", view)], None).unwrap()
    }

    #[test]
    fn a_wrong_shape_is_named() {
        let bytes = file(&[1., 2., 3., 4.], &[2, 2]);
        let weights = Weights::parse("w", &bytes).unwrap();
        let error = weights.values("a", &[4]).unwrap_err().to_string();
        assert!(error.contains("`a`") && error.contains("[2, 2]"), "{error}");
    }

    #[test]
    fn a_missing_and_a_surplus_tensor_are_named() {
        let bytes = file(&[1., 2.], &[2]);
        let weights = Weights::parse("w", &bytes).unwrap();
        assert!(
            matches!(weights.values("b", &[2]), Err(ModelError::MissingTensor { tensor, .. }) if tensor == "b")
        );
        assert!(
            matches!(weights.finish(), Err(ModelError::SurplusTensors { tensors, .. }) if tensors == ["a"])
        );
    }

    #[test]
    fn a_truncated_file_is_an_error() {
        let bytes = file(&[1., 2.], &[2]);
        for cut in 0..bytes.len() {
            assert!(Weights::parse("w", &bytes[..cut]).is_err(), "cut at {cut}");
        }
    }
}
