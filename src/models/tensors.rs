//! Where named tensors come from: the file inside the binary, a bundle on disk, a checkpoint of somebody else.

use std::borrow::Cow;

use safetensors::{Dtype, SafeTensors};

use super::ModelError;

/// Element type and shape of a stored tensor.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct TensorInfo {
    pub(crate) dtype: Dtype,
    pub(crate) shape: Vec<usize>,
}

/// Bytes that a tensor takes; `None` when that is no whole number, or one too large to be true.
pub(crate) fn byte_len(dtype: Dtype, shape: &[usize]) -> Option<u64> {
    let elements = shape
        .iter()
        .try_fold(1u64, |product, size| product.checked_mul(*size as u64))?;
    let bits = elements.checked_mul(dtype.bitsize() as u64)?;
    (bits % 8 == 0).then_some(bits / 8)
}

/// A set of named tensors, each read when it is asked for.
pub(crate) trait TensorSource {
    /// What errors call it.
    fn file(&self) -> &str;

    /// Names of its tensors, in no particular order.
    fn names(&self) -> Vec<&str>;

    /// Type and shape of `name`; `None` when there is no such tensor.
    fn info(&self, name: &str) -> Option<TensorInfo>;

    /// The elements of `name`, little endian, in C order.
    ///
    /// # Errors
    /// When there is no such tensor or it cannot be read.
    fn bytes(&self, name: &str) -> Result<Cow<'_, [u8]>, ModelError>;
}

impl<T: TensorSource + ?Sized> TensorSource for &T {
    fn file(&self) -> &str {
        (**self).file()
    }

    fn names(&self) -> Vec<&str> {
        (**self).names()
    }

    fn info(&self, name: &str) -> Option<TensorInfo> {
        (**self).info(name)
    }

    fn bytes(&self, name: &str) -> Result<Cow<'_, [u8]>, ModelError> {
        (**self).bytes(name)
    }
}

/// A safetensors file in memory.
pub(crate) struct SafetensorsBytes<'a> {
    file: &'a str,
    tensors: SafeTensors<'a>,
}

impl<'a> SafetensorsBytes<'a> {
    /// Reads the header of `bytes`; `file` is what errors call it.
    pub(crate) fn parse(file: &'a str, bytes: &'a [u8]) -> Result<Self, ModelError> {
        let tensors = SafeTensors::deserialize(bytes).map_err(|source| ModelError::Weights {
            file: file.to_owned(),
            reason: source.to_string(),
        })?;
        Ok(Self { file, tensors })
    }
}

impl TensorSource for SafetensorsBytes<'_> {
    fn file(&self) -> &str {
        self.file
    }

    fn names(&self) -> Vec<&str> {
        self.tensors.names()
    }

    fn info(&self, name: &str) -> Option<TensorInfo> {
        let view = self.tensors.tensor(name).ok()?;
        Some(TensorInfo {
            dtype: view.dtype(),
            shape: view.shape().to_vec(),
        })
    }

    fn bytes(&self, name: &str) -> Result<Cow<'_, [u8]>, ModelError> {
        let view = self
            .tensors
            .tensor(name)
            .map_err(|_| ModelError::MissingTensor {
                file: self.file.to_owned(),
                tensor: name.to_owned(),
            })?;
        Ok(Cow::Borrowed(view.data()))
    }
}
