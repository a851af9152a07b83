//! Writing the weights of a bundle.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};

use half::f16;
use safetensors::Dtype;
use safetensors::tensor::{Metadata, TensorInfo};

use super::CheckpointError;
use crate::models::ModelError;
use crate::models::bundle::manifest::WeightType;
use crate::models::tensors::{TensorSource, byte_len};
use crate::models::weights::to_f32;

/// The element type in a file.
fn stored_as(dtype: WeightType) -> Dtype {
    match dtype {
        WeightType::F16 => Dtype::F16,
        WeightType::F32 => Dtype::F32,
    }
}

/// Tensors of smaller elements are not of floating point, and refused.
fn bytes_each(dtype: Dtype) -> usize {
    dtype.bitsize().div_ceil(8)
}

/// A weight file that was written.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Written {
    /// BLAKE3, as hex.
    pub(crate) checksum: String,
    /// Size of the file.
    pub(crate) bytes: u64,
    /// Numbers in it.
    pub(crate) parameters: u64,
}

/// Values converted at a time.
const CHUNK: usize = 1 << 16;

/// Writes all tensors of `source` to a safetensors file at `path`, one after the other, so that no more than one is in
/// memory. The file is there when it is complete, and not before.
///
/// # Errors
/// When a tensor cannot be read, is not of floating point, holds what is no number, or exceeds the range of `dtype`; and
/// when the file cannot be written. Nothing is left behind then.
pub(crate) fn write_weights(
    source: &dyn TensorSource,
    dtype: WeightType,
    path: &Path,
) -> Result<Written, ModelError> {
    let partial = Partial(path.with_added_extension("partial"));
    let mut out = Hashed::create(&partial.0)?;
    let mut names = source.names();
    names.sort_unstable();
    let (header, data) = header(source, &names, dtype)?;
    out.write(&(header.len() as u64).to_le_bytes())?;
    out.write(&header)?;
    let mut converted = Vec::with_capacity(CHUNK * bytes_each(stored_as(dtype)));
    for name in names {
        let info = info(source, name)?;
        let bytes = source.bytes(name)?;
        for chunk in bytes.chunks(CHUNK * bytes_each(info.dtype)) {
            let values = floats(info.dtype, chunk).ok_or_else(|| not_floats(source, name))?;
            converted.clear();
            convert(&values, dtype, &mut converted)
                .map_err(|value| out_of_range(source, name, value))?;
            out.write(&converted)?;
        }
    }
    let checksum = out.finish()?;
    partial.rename(path)?;
    Ok(Written {
        checksum,
        bytes: LENGTH + header.len() as u64 + data,
        parameters: data / bytes_each(stored_as(dtype)) as u64,
    })
}

/// Bytes that give the header's length.
const LENGTH: u64 = 8;

/// The header of the file, and the bytes of all tensors together.
fn header(
    source: &dyn TensorSource,
    names: &[&str],
    dtype: WeightType,
) -> Result<(Vec<u8>, u64), ModelError> {
    let mut tensors = Vec::with_capacity(names.len());
    let mut position = 0;
    for name in names {
        let shape = info(source, name)?.shape;
        let len = byte_len(stored_as(dtype), &shape)
            .and_then(|len| usize::try_from(len).ok())
            .ok_or_else(|| not_floats(source, name))?;
        let data_offsets = (position, position + len);
        position += len;
        tensors.push((
            (*name).to_owned(),
            TensorInfo {
                dtype: stored_as(dtype),
                shape,
                data_offsets,
            },
        ));
    }
    let refused = |reason: String| ModelError::Weights {
        file: source.file().to_owned(),
        reason,
    };
    let format = HashMap::from([("format".to_owned(), "pt".to_owned())]);
    let metadata =
        Metadata::new(Some(format), tensors).map_err(|error| refused(error.to_string()))?;
    let mut header = serde_json::to_vec(&metadata).map_err(|error| refused(error.to_string()))?;
    // Readers that map the file find their numbers aligned.
    header.resize(header.len().next_multiple_of(8), b' ');
    Ok((header, position as u64))
}

fn info(
    source: &dyn TensorSource,
    name: &str,
) -> Result<crate::models::tensors::TensorInfo, ModelError> {
    source.info(name).ok_or_else(|| ModelError::MissingTensor {
        file: source.file().to_owned(),
        tensor: name.to_owned(),
    })
}

/// Elements of a floating-point type; `None` for any other type.
fn floats(dtype: Dtype, bytes: &[u8]) -> Option<Vec<f32>> {
    match dtype {
        Dtype::F32 | Dtype::F16 | Dtype::BF16 => Some(to_f32(dtype, bytes)),
        Dtype::F64 => {
            let (elements, _) = bytes.as_chunks();
            Some(
                elements
                    .iter()
                    .map(|b| f64::from_le_bytes(*b) as f32)
                    .collect(),
            )
        }
        _ => None,
    }
}

/// Appends `values` in another precision; the error is a value that it does not have.
fn convert(values: &[f32], dtype: WeightType, out: &mut Vec<u8>) -> Result<(), f32> {
    for &value in values {
        match dtype {
            WeightType::F32 if value.is_finite() => out.extend_from_slice(&value.to_le_bytes()),
            WeightType::F16 if f16::from_f32(value).is_finite() => {
                out.extend_from_slice(&f16::from_f32(value).to_le_bytes());
            }
            _ => return Err(value),
        }
    }
    Ok(())
}

fn not_floats(source: &dyn TensorSource, name: &str) -> ModelError {
    ModelError::Weights {
        file: source.file().to_owned(),
        reason: format!("tensor `{name}` is not of floating point"),
    }
}

fn out_of_range(source: &dyn TensorSource, name: &str, value: f32) -> ModelError {
    let (file, tensor) = (source.file().to_owned(), name.to_owned());
    let error = if value.is_finite() {
        CheckpointError::Range {
            file,
            tensor,
            value,
        }
    } else {
        CheckpointError::NotFinite {
            file,
            tensor,
            value,
        }
    };
    error.into()
}

/// A file that counts as long as it is not complete, and is removed if it never is.
struct Partial(PathBuf);

impl Partial {
    fn rename(self, path: &Path) -> Result<(), ModelError> {
        let failed = |source| ModelError::Write {
            path: path.to_owned(),
            source,
        };
        fs::rename(&self.0, path).map_err(failed)?;
        sync_folder(path).map_err(failed)
    }
}

impl Drop for Partial {
    fn drop(&mut self) {
        // After the renaming there is none; otherwise the first error is the one to report.
        let _ = fs::remove_file(&self.0);
    }
}

/// Makes a renaming durable. Windows neither lets a folder be opened as a file nor needs it.
fn sync_folder(path: &Path) -> std::io::Result<()> {
    match path.parent() {
        Some(folder) if cfg!(unix) && !folder.as_os_str().is_empty() => {
            File::open(folder)?.sync_all()
        }
        _ => Ok(()),
    }
}

/// A file whose checksum is computed while it is written.
struct Hashed<'p> {
    path: &'p Path,
    file: File,
    hasher: blake3::Hasher,
}

impl<'p> Hashed<'p> {
    fn create(path: &'p Path) -> Result<Self, ModelError> {
        let file = File::create(path).map_err(|source| ModelError::Write {
            path: path.to_owned(),
            source,
        })?;
        Ok(Self {
            path,
            file,
            hasher: blake3::Hasher::new(),
        })
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), ModelError> {
        self.hasher.update(bytes);
        self.file
            .write_all(bytes)
            .map_err(|source| self.failed(source))
    }

    /// Syncs the file and says its checksum.
    fn finish(self) -> Result<String, ModelError> {
        self.file.sync_all().map_err(|source| self.failed(source))?;
        Ok(self.hasher.finalize().to_hex().to_string())
    }

    fn failed(&self, source: std::io::Error) -> ModelError {
        ModelError::Write {
            path: self.path.to_owned(),
            source,
        }
    }
}

#[cfg(test)]
mod tests {
    use half::bf16;

    use super::*;
    use crate::models::checkpoint::tests::{fixture, open};
    use crate::models::checkpoint::{Checkpoint, CheckpointKind, Official, SafetensorsFile};

    fn mini() -> Official<Checkpoint> {
        let checkpoint = open("mini", fixture("golden/tag2text_mini.pth"));
        Official::new(checkpoint, CheckpointKind::Tag2Text).unwrap()
    }

    /// A checkpoint of one tensor `x`.
    fn single(dtype: Dtype, bytes: &[u8]) -> Checkpoint {
        let elements = bytes.len() * 8 / dtype.bitsize();
        let view = safetensors::tensor::TensorView::new(dtype, vec![elements], bytes).unwrap();
        open(
            "single",
            safetensors::serialize([("x", view)], None).unwrap(),
        )
    }

    fn floats_of(file: &SafetensorsFile, name: &str) -> Vec<f32> {
        floats(file.info(name).unwrap().dtype, &file.bytes(name).unwrap()).unwrap()
    }

    #[test]
    fn single_precision_keeps_every_bit() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("weights.safetensors");
        let source = mini();
        let written = write_weights(&source, WeightType::F32, &path).unwrap();
        let bytes = fs::read(&path).unwrap();
        assert_eq!(written.bytes, bytes.len() as u64);
        assert_eq!(written.checksum, blake3::hash(&bytes).to_hex().to_string());
        assert_eq!(written.parameters, 1_051_288);
        let file = SafetensorsFile::open(&path).unwrap();
        assert_eq!(file.names(), source.names());
        for name in source.names() {
            assert_eq!(file.info(name), source.info(name), "{name}");
            assert_eq!(
                file.bytes(name).unwrap(),
                source.bytes(name).unwrap(),
                "{name}"
            );
        }
        let entries = fs::read_dir(folder.path()).unwrap().count();
        assert_eq!(entries, 1, "the unfinished file is gone");
    }

    #[test]
    fn half_precision_rounds_to_the_nearest() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("weights.safetensors");
        let source = mini();
        let written = write_weights(&source, WeightType::F16, &path).unwrap();
        let file = SafetensorsFile::open(&path).unwrap();
        assert!(written.bytes < 2 * written.parameters + 40_000);
        for name in ["visual_encoder.layers.1.blocks.0.mlp.fc1.weight", "fc.W"] {
            let stored = floats(Dtype::F32, &source.bytes(name).unwrap()).unwrap();
            let found = floats_of(&file, name);
            assert_eq!(found.len(), stored.len());
            for (found, stored) in found.iter().zip(&stored) {
                let step = (stored.abs() / 1024.0).max(2.0_f32.powi(-24));
                assert!((found - stored).abs() <= step / 2.0, "{found} {stored}");
            }
        }
    }

    #[test]
    fn every_float_type_is_converted() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("weights.safetensors");
        let values = [0.0, -1.5, 0.25, 2048.0];
        for (dtype, bytes) in [
            (Dtype::F64, values.map(f64::to_le_bytes).concat()),
            (
                Dtype::F32,
                values.map(|v| (v as f32).to_le_bytes()).concat(),
            ),
            (
                Dtype::F16,
                values.map(|v| f16::from_f64(v).to_le_bytes()).concat(),
            ),
            (
                Dtype::BF16,
                values.map(|v| bf16::from_f64(v).to_le_bytes()).concat(),
            ),
        ] {
            for weights in [WeightType::F16, WeightType::F32] {
                write_weights(&single(dtype, &bytes), weights, &path).unwrap();
                let file = SafetensorsFile::open(&path).unwrap();
                assert_eq!(floats_of(&file, "x"), [0.0, -1.5, 0.25, 2048.0]);
            }
        }
    }

    #[test]
    fn what_cannot_be_expressed_is_named_and_leaves_the_old_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("weights.safetensors");
        fs::write(&path, "old").unwrap();
        let refusal = |dtype, bytes: &[u8], weights| {
            write_weights(&single(dtype, bytes), weights, &path)
                .unwrap_err()
                .to_string()
        };
        let large = 65_520_f32.to_le_bytes();
        let range = refusal(Dtype::F32, &large, WeightType::F16);
        assert!(range.contains("`x` holds 65520"), "{range}");
        for weights in [WeightType::F16, WeightType::F32] {
            for value in [f32::NAN, f32::INFINITY] {
                let text = refusal(Dtype::F32, &value.to_le_bytes(), weights);
                assert!(text.contains("`x` holds"), "{text}");
            }
            let text = refusal(Dtype::I64, &[0; 8], weights);
            assert!(text.contains("not of floating point"), "{text}");
        }
        assert_eq!(fs::read(&path).unwrap(), b"old");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
        write_weights(&single(Dtype::F32, &large), WeightType::F32, &path).unwrap();
    }
}
