//! A checkpoint of PyTorch, of which one tensor at a time is in memory.

use std::borrow::Cow;
use std::collections::BTreeMap;

use safetensors::Dtype;

use super::archive::{Archive, Record};
use super::budget::Budget;
use super::input::Input;
use super::pickle::{Global, Pickle, PickleError, Value, ValueId};
use super::strided::Strided;
use super::{CheckpointError, MOST_DIMENSIONS};
use crate::models::ModelError;
use crate::models::tensors::{TensorInfo, TensorSource};

type Result<T, E = CheckpointError> = std::result::Result<T, E>;

/// The key that training scripts keep the state dict under, beside the optimizer's state.
const MODEL: &str = "model";

/// A `.pth` or `.bin` file.
///
/// Storages of the optimizer are never read. Tensors that share a storage are read from the same place.
#[derive(Debug)]
pub(super) struct TorchFile {
    archive: Archive,
    tensors: BTreeMap<String, Stored>,
}

/// A tensor: a view of a record.
#[derive(Debug)]
struct Stored {
    dtype: Dtype,
    record: Record,
    view: Strided,
}

impl TorchFile {
    /// Reads what the file says of its tensors.
    pub(super) fn read(input: Input) -> Result<Self> {
        let mut budget = Budget::for_file(input.len());
        let archive = Archive::read(input, &mut budget)?;
        archive.check_byte_order()?;
        let bytes = archive.pickle(&mut budget)?;
        let pickle = Pickle::read(&bytes, &mut budget).map_err(|error| match error {
            PickleError::Forbidden(what) => CheckpointError::Forbidden {
                file: archive.input().name().to_owned(),
                what,
            },
            PickleError::Broken(reason) => archive.input().damaged(reason),
        })?;
        let mut tensors = BTreeMap::new();
        for (key, value) in state_dict(&pickle, &archive)? {
            let (Some(name), Value::Tensor(arguments)) = (pickle.text(*key), pickle.value(*value))
            else {
                continue;
            };
            budget
                .take(
                    size_of::<(String, Stored)>()
                        + name.len()
                        + MOST_DIMENSIONS * size_of::<(usize, u64)>(),
                )
                .map_err(|source| archive.input().damaged(source))?;
            let stored = resolve(&pickle, *arguments, &archive).map_err(|error| match error {
                Unresolved::Checkpoint(error) => error,
                Unresolved::Reason(reason) => {
                    archive.input().damaged(format!("tensor `{name}` {reason}"))
                }
            })?;
            if tensors.insert(name.to_owned(), stored).is_some() {
                return Err(archive
                    .input()
                    .damaged(format!("tensor `{name}` is there more than once")));
            }
        }
        if tensors.is_empty() {
            return Err(no_state_dict(&archive));
        }
        Ok(Self { archive, tensors })
    }
}

impl TensorSource for TorchFile {
    fn file(&self) -> &str {
        self.archive.input().name()
    }

    fn names(&self) -> Vec<&str> {
        self.tensors.keys().map(String::as_str).collect()
    }

    fn info(&self, name: &str) -> Option<TensorInfo> {
        let stored = self.tensors.get(name)?;
        Some(TensorInfo {
            dtype: stored.dtype,
            shape: stored.view.shape().to_vec(),
        })
    }

    fn bytes(&self, name: &str) -> Result<Cow<'_, [u8]>, ModelError> {
        let stored = self
            .tensors
            .get(name)
            .ok_or_else(|| CheckpointError::MissingTensor {
                file: self.file().to_owned(),
                tensor: name.to_owned(),
            })?;
        let size = bytes_each(stored.dtype);
        let span = stored.view.span();
        let part = span.start * size..span.end * size;
        let bytes = self.archive.bytes(stored.record, part)?;
        Ok(Cow::Owned(stored.view.gather(bytes, size as usize)))
    }
}

/// The dict of names and tensors.
fn state_dict<'p>(pickle: &'p Pickle<'_>, archive: &Archive) -> Result<&'p [(ValueId, ValueId)]> {
    let Value::Dict(root) = pickle.root() else {
        return Err(no_state_dict(archive));
    };
    let model = root
        .iter()
        .rev()
        .find(|(key, _)| pickle.text(*key) == Some(MODEL))
        .map(|(_, value)| pickle.value(*value));
    match model {
        Some(Value::Dict(dict)) => Ok(dict),
        // `pytorch_model.bin` is a state dict by itself.
        None => Ok(root),
        Some(_) => Err(no_state_dict(archive)),
    }
}

fn no_state_dict(archive: &Archive) -> CheckpointError {
    CheckpointError::NoStateDict {
        file: archive.input().name().to_owned(),
    }
}

/// Why a tensor is none.
enum Unresolved {
    Checkpoint(CheckpointError),
    /// Goes on from "tensor `x`".
    Reason(String),
}

impl From<CheckpointError> for Unresolved {
    fn from(error: CheckpointError) -> Self {
        Self::Checkpoint(error)
    }
}

fn reason(reason: impl Into<String>) -> Unresolved {
    Unresolved::Reason(reason.into())
}

/// The tensor that `arguments` of `_rebuild_tensor_v2` describe: storage, offset, shape, strides, and what only matters
/// to training.
fn resolve(
    pickle: &Pickle<'_>,
    arguments: ValueId,
    archive: &Archive,
) -> Result<Stored, Unresolved> {
    let malformed = || reason("is not described as a tensor");
    let arguments = pickle.sequence(arguments).ok_or_else(malformed)?;
    let [storage, offset, shape, strides, ..] = arguments else {
        return Err(malformed());
    };
    let Value::Storage(storage) = pickle.value(*storage) else {
        return Err(malformed());
    };
    let (dtype, key, elements) = storage_of(pickle, *storage).ok_or_else(malformed)?;
    let offset = pickle.count(*offset).ok_or_else(malformed)?;
    let shape = pickle.counts(*shape).ok_or_else(malformed)?;
    let strides = pickle.counts(*strides).ok_or_else(malformed)?;
    let view = Strided::new(offset, &shape, &strides, elements).map_err(reason)?;
    let record = archive.record(&format!("data/{key}"))?;
    if elements.checked_mul(bytes_each(dtype)) != Some(record.len) {
        return Err(reason(format!(
            "is part of {elements} elements of {dtype:?}, but their record has {} bytes",
            record.len
        )));
    }
    Ok(Stored {
        dtype,
        record,
        view,
    })
}

/// Element type, key and number of elements of a storage, from `('storage', class, key, device, elements)`.
fn storage_of<'p>(pickle: &Pickle<'p>, id: ValueId) -> Option<(Dtype, &'p str, u64)> {
    let [kind, class, key, _device, elements] = pickle.sequence(id)? else {
        return None;
    };
    let Value::Global(Global::Storage(dtype)) = pickle.value(*class) else {
        return None;
    };
    (pickle.text(*kind)? == "storage").then_some(())?;
    Some((*dtype, pickle.text(*key)?, pickle.count(*elements)?))
}

/// PyTorch has no element type that is smaller than a byte.
fn bytes_each(dtype: Dtype) -> u64 {
    dtype.bitsize() as u64 / 8
}
