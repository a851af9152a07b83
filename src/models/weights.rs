//! Named tensors, checked by name and shape as they are taken.

mod layers;
mod survey;

use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::BTreeSet;

use burn::module::Param;
use burn::tensor::{Device, Tensor, TensorData};
use half::slice::HalfFloatSliceExt;
use half::{bf16, f16};
use safetensors::Dtype;

use super::device::Precision;
use super::initial::initial;
use super::quantised::{LOW, Quantised, SCALE};
use super::tensors::{SafetensorsBytes, TensorInfo, TensorSource};
use super::{CheckpointError, ModelError};
use survey::Lacking;

type Result<T, E = ModelError> = std::result::Result<T, E>;

/// How the weight of a linear layer is stored.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Layout {
    /// `[d_input, d_output]`, which burn multiplies with: the built-in model, whose start-up then transposes nothing.
    Burn,
    /// `[d_output, d_input]`: checkpoints of PyTorch, and the bundles made from them.
    Torch,
}

/// Tensors of a source: values as f32, tensors of a device in the precision that it computes in.
pub(crate) struct Weights<'a> {
    source: Box<dyn TensorSource + 'a>,
    layout: Layout,
    precision: Precision,
    taken: RefCell<BTreeSet<String>>,
    /// Seed of what stands in for tensors that the source lacks.
    initial: Option<u64>,
    /// In a survey, what was asked for and is not there.
    lacking: Option<RefCell<Lacking>>,
}

impl<'a> Weights<'a> {
    /// Takes from `source`.
    pub(crate) fn new(source: impl TensorSource + 'a, layout: Layout) -> Self {
        Self {
            source: Box::new(source),
            layout,
            precision: Precision::F32,
            taken: RefCell::default(),
            initial: None,
            lacking: None,
        }
    }

    /// Hands out what training starts from, instead of an error, where the source lacks a tensor.
    #[cfg(feature = "train")]
    #[must_use]
    pub(crate) fn or_initial(mut self, seed: u64) -> Self {
        self.initial = Some(seed);
        self
    }

    /// Makes tensors in `precision`. Default: f32
    #[must_use]
    pub(crate) fn in_precision(mut self, precision: Precision) -> Self {
        self.precision = precision;
        self
    }

    /// A safetensors file in burn's layout; `file` is what errors call it.
    pub(crate) fn parse(file: &'a str, bytes: &'a [u8]) -> Result<Self> {
        Ok(Self::new(
            SafetensorsBytes::parse(file, bytes)?,
            Layout::Burn,
        ))
    }

    /// Whether the source has `key`.
    pub(crate) fn has(&self, key: &str) -> bool {
        self.source.info(key).is_some()
    }

    /// Shape of `key`, where the source has it.
    pub(crate) fn shape(&self, key: &str) -> Option<Vec<usize>> {
        self.source.info(key).map(|info| info.shape)
    }

    fn info(&self, key: &str) -> Result<TensorInfo> {
        self.source
            .info(key)
            .ok_or_else(|| ModelError::MissingTensor {
                file: self.source.file().to_owned(),
                tensor: key.to_owned(),
            })
    }

    /// Type and elements of `key`, which must have `shape`.
    fn read(&self, key: &str, shape: &[usize]) -> Result<(Dtype, Cow<'_, [u8]>)> {
        let info = self.info(key)?;
        if info.shape != shape {
            return Err(ModelError::TensorShape {
                file: self.source.file().to_owned(),
                tensor: key.to_owned(),
                expected: shape.to_vec(),
                found: info.shape,
            });
        }
        let bytes = self.source.bytes(key)?;
        self.taken.borrow_mut().insert(key.to_owned());
        Ok((info.dtype, bytes))
    }

    /// The values of `key`, whatever type they are stored in.
    pub(crate) fn values(&self, key: &str, shape: &[usize]) -> Result<Vec<f32>> {
        if let Some(zeros) = self.surveyed(key, shape) {
            return Ok(vec![0.0; zeros]);
        }
        if let Some(seed) = self.initial
            && !self.has(key)
        {
            return Ok(initial(seed, key, shape, self.layout));
        }
        if self.is_quantised(key) {
            return Ok(self.quantised(key, shape)?.values());
        }
        let (dtype, bytes) = self.floats(key, shape)?;
        Ok(to_f32(dtype, &bytes))
    }

    /// The values of `key` in a type that [`to_f32`] reads: as they are stored, unless they are integers.
    pub(crate) fn floats(&self, key: &str, shape: &[usize]) -> Result<(Dtype, Cow<'_, [u8]>)> {
        if let Some(zeros) = self.surveyed(key, shape) {
            return Ok((Dtype::F16, Cow::Owned(vec![0; 2 * zeros])));
        }
        if self.is_quantised(key) {
            let values = self.quantised(key, shape)?.values();
            let bytes = values.iter().flat_map(|value| value.to_le_bytes());
            return Ok((Dtype::F32, Cow::Owned(bytes.collect())));
        }
        match self.read(key, shape)? {
            (dtype @ (Dtype::F16 | Dtype::BF16 | Dtype::F32), bytes) => Ok((dtype, bytes)),
            (other, _) => Err(self.unreadable(key, other)),
        }
    }

    fn is_quantised(&self, key: &str) -> bool {
        let info = self.source.info(key);
        info.is_some_and(|info| info.dtype == Dtype::I8)
    }

    /// `key`, a weight that is stored in integers, with its parts.
    pub(crate) fn quantised(&self, key: &str, shape: &[usize]) -> Result<Quantised<'_>> {
        let part = |name: &str, shape: &[usize], dtype| match self.read(name, shape)? {
            (found, bytes) if found == dtype => Ok(bytes),
            (other, _) => Err(self.unreadable(name, other)),
        };
        let high = part(key, shape, Dtype::I8)?;
        let (low_key, scale_key) = (format!("{key}{LOW}"), format!("{key}{SCALE}"));
        let low_shape = self.info(&low_key)?.shape;
        let low = part(&low_key, &low_shape, Dtype::U8)?;
        let scale_shape = self.info(&scale_key)?.shape;
        let scale = part(&scale_key, &scale_shape, Dtype::F32)?;
        let scale = (&*scale_shape, to_f32(Dtype::F32, &scale));
        Quantised::from_parts(shape, high, (&low_shape, low), scale)
            .map_err(|(part, reason)| self.damaged(&format!("{key}{part}"), &reason))
    }

    /// Something about `key`, as a sentence goes on.
    pub(crate) fn damaged(&self, key: &str, reason: &str) -> ModelError {
        ModelError::Weights {
            file: self.source.file().to_owned(),
            reason: format!("tensor `{key}` {reason}"),
        }
    }

    fn unreadable(&self, key: &str, dtype: Dtype) -> ModelError {
        self.damaged(
            key,
            &format!("is stored as {dtype:?}, which is not read here"),
        )
    }

    pub(crate) fn tensor<const D: usize>(
        &self,
        key: &str,
        shape: [usize; D],
        device: &Device,
    ) -> Result<Tensor<D>> {
        Ok(self.to_device(self.values(key, &shape)?, shape, device))
    }

    /// What was computed from values, as a tensor like those of [`tensor`](Self::tensor).
    pub(crate) fn to_device<const D: usize>(
        &self,
        values: Vec<f32>,
        shape: [usize; D],
        device: &Device,
    ) -> Tensor<D> {
        let options = (device, self.precision.dtype());
        Tensor::from_data(TensorData::new(values, shape), options)
    }

    pub(crate) fn param<const D: usize>(
        &self,
        key: &str,
        shape: [usize; D],
        device: &Device,
    ) -> Result<Param<Tensor<D>>> {
        Ok(Param::from_tensor(self.tensor(key, shape, device)?))
    }

    /// Refuses a file that holds tensors which no module asked for: a sign of the wrong kind of checkpoint. After a survey,
    /// also one that lacks tensors.
    pub(crate) fn finish(self) -> Result<()> {
        let taken = self.taken.into_inner();
        let lacking = self.lacking.map(RefCell::into_inner);
        let surplus: Vec<String> = self
            .source
            .names()
            .into_iter()
            .filter(|name| !taken.contains(*name))
            .map(str::to_owned)
            .collect();
        let lacking = lacking.unwrap_or_default();
        if !lacking.is_empty() {
            return Err(CheckpointError::mismatch(self.source.file(), lacking, surplus).into());
        }
        if surplus.is_empty() {
            Ok(())
        } else {
            Err(ModelError::SurplusTensors {
                file: self.source.file().to_owned(),
                tensors: surplus,
            })
        }
    }
}

/// Values that [`Weights::floats`] handed out.
pub(crate) fn to_f32(dtype: Dtype, bytes: &[u8]) -> Vec<f32> {
    match dtype {
        Dtype::F16 => halves::<f16>(bytes).to_f32_vec(),
        Dtype::BF16 => halves::<bf16>(bytes).to_f32_vec(),
        _ => bytes
            .chunks_exact(4)
            .map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]]))
            .collect(),
    }
}

/// A stored tensor promises no alignment, so values are read in place only where they happen to be aligned.
fn halves<T: bytemuck::AnyBitPattern>(bytes: &[u8]) -> Cow<'_, [T]> {
    match bytemuck::try_cast_slice(bytes) {
        Ok(aligned) => Cow::Borrowed(aligned),
        Err(_) => bytes
            .chunks_exact(size_of::<T>())
            .map(bytemuck::pod_read_unaligned)
            .collect(),
    }
}

/// `[rows, columns]` to `[columns, rows]`, in tiles that stay in the nearest cache.
pub(crate) fn transposed(values: &[f32], columns: usize) -> Vec<f32> {
    const TILE: usize = 16;
    let rows = values.len() / columns.max(1);
    let mut out = vec![0.0; values.len()];
    for top in (0..rows).step_by(TILE) {
        for left in (0..columns).step_by(TILE) {
            for row in top..rows.min(top + TILE) {
                for column in left..columns.min(left + TILE) {
                    out[column * rows + row] = values[row * columns + column];
                }
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(super) fn file(values: &[f32], shape: &[usize]) -> Vec<u8> {
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
