//! Weight files as others publish them: PyTorch's `.pth` and `.bin`, and safetensors.
//!
//! Such a file is not trusted. Its numbers are checked before anything is allocated, tensors are read one at a time by
//! position, and nothing in it is ever executed.

mod archive;
mod budget;
mod error;
mod hugging_face;
mod import;
mod input;
mod layout;
mod pickle;
mod safetensors;
mod strided;
#[cfg(test)]
mod tests;
mod torch;

use std::borrow::Cow;
use std::path::Path;

use serde::Serialize;

pub(crate) use self::import::write_weights;
use self::input::Input;
pub(crate) use self::layout::{CheckpointKind, Official};
pub(crate) use self::safetensors::SafetensorsFile;
use self::torch::TorchFile;
use super::ModelError;
use super::tensors::{TensorInfo, TensorSource};
pub use error::CheckpointError;

/// Most dimensions of a tensor; the networks use four.
const MOST_DIMENSIONS: usize = 8;

/// A weight file of somebody else: a PyTorch checkpoint or a safetensors file.
///
/// Opening it reads what it says of its tensors, and not the tensors. Of a PyTorch checkpoint only the state dict is
/// looked at: what is under the key `model`, or the whole file where there is no such key.
#[derive(Debug)]
pub struct Checkpoint {
    source: Source,
}

#[derive(Debug)]
enum Source {
    Torch(TorchFile),
    Safetensors(SafetensorsFile),
}

/// What a checkpoint says of a tensor.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[non_exhaustive]
pub struct CheckpointTensor {
    /// Its name in the file.
    pub name: String,
    /// Type of its elements, as safetensors calls it: `F32`, `F16`, `BF16`, `I64`…
    pub dtype: String,
    /// Sizes of its dimensions; empty for a single number.
    pub shape: Vec<usize>,
}

impl Checkpoint {
    /// Opens a file; its contents tell which format it has.
    ///
    /// # Errors
    /// When it cannot be read, is no checkpoint, is damaged, or asks for anything but tensors.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, CheckpointError> {
        Self::read(Input::open(path.as_ref())?)
    }

    /// Takes a file that is in memory; `name` is what errors call it.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn from_bytes(name: &str, bytes: Vec<u8>) -> Result<Self, CheckpointError> {
        Self::read(Input::memory(name, bytes))
    }

    fn read(input: Input) -> Result<Self, CheckpointError> {
        let start = input.read(0, input.len().min(16))?;
        let source = match &*start {
            [b'P', b'K', 3, 4, ..] => Source::Torch(TorchFile::read(input)?),
            [_, _, _, _, _, _, _, _, b'{', ..] => {
                Source::Safetensors(SafetensorsFile::read(input)?)
            }
            // A pickle outside of an archive.
            [0x80, ..] => {
                return Err(CheckpointError::Legacy {
                    file: input.name().to_owned(),
                });
            }
            _ => {
                return Err(CheckpointError::Unknown {
                    file: input.name().to_owned(),
                });
            }
        };
        Ok(Self { source })
    }

    /// All tensors, by name.
    #[must_use]
    pub fn tensors(&self) -> Vec<CheckpointTensor> {
        let names = self.names().into_iter();
        names
            .filter_map(|name| {
                let info = self.info(name)?;
                Some(CheckpointTensor {
                    name: name.to_owned(),
                    dtype: info.dtype.to_string(),
                    shape: info.shape,
                })
            })
            .collect()
    }

    /// The elements of a tensor, little endian, in C order.
    ///
    /// # Errors
    /// When there is no such tensor, or the file is damaged where it should be.
    pub fn tensor(&self, name: &str) -> Result<Vec<u8>, ModelError> {
        Ok(self.bytes(name)?.into_owned())
    }

    fn source(&self) -> &dyn TensorSource {
        match &self.source {
            Source::Torch(file) => file,
            Source::Safetensors(file) => file,
        }
    }
}

impl TensorSource for Checkpoint {
    fn file(&self) -> &str {
        self.source().file()
    }

    fn names(&self) -> Vec<&str> {
        self.source().names()
    }

    fn info(&self, name: &str) -> Option<TensorInfo> {
        self.source().info(name)
    }

    fn bytes(&self, name: &str) -> Result<Cow<'_, [u8]>, ModelError> {
        self.source().bytes(name)
    }
}
