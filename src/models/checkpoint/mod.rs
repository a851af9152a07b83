//! Weight files as others publish them: PyTorch's `.pth` and `.bin`, and safetensors.
//!
//! Such a file is not trusted. Its numbers are checked before anything is allocated, tensors are read one at a time by
//! position, and nothing in it is ever executed.

mod budget;
mod error;
mod input;
mod safetensors;

pub use error::CheckpointError;
pub(crate) use safetensors::SafetensorsFile;
