//! A safetensors file, of which one tensor at a time is in memory.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use safetensors::Dtype;
use serde::Deserialize;
use serde::de::{DeserializeSeed, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::budget::Budget;
use super::input::Input;
use super::{CheckpointError, MOST_DIMENSIONS};
use crate::models::ModelError;
use crate::models::tensors::{TensorInfo, TensorSource, byte_len};

type Result<T, E = CheckpointError> = std::result::Result<T, E>;

/// Bytes that give the header's length.
const LENGTH: u64 = 8;
/// Longest header that the format allows.
const LONGEST_HEADER: u64 = 100_000_000;

/// A safetensors file.
#[derive(Debug)]
pub(crate) struct SafetensorsFile {
    input: Input,
    tensors: BTreeMap<String, Entry>,
    /// Where the tensors begin.
    data: u64,
}

impl SafetensorsFile {
    /// Reads and checks the header of a file.
    ///
    /// # Errors
    /// When the file cannot be read or its header does not describe it exactly.
    pub(crate) fn open(path: &Path) -> Result<Self> {
        Self::read(Input::open(path)?)
    }

    pub(super) fn read(input: Input) -> Result<Self> {
        let length = input.read(0, LENGTH)?;
        let length = u64::from_le_bytes(*length.first_chunk().unwrap_or(&[0; 8]));
        if length > LONGEST_HEADER {
            return Err(input.damaged(format!("its header would be {length} bytes long")));
        }
        let mut budget = Budget::for_file(input.len());
        let header = input.read(LENGTH, length)?;
        let data = LENGTH + length;
        let tensors = parse(&header, &mut budget)
            .and_then(|tensors| covers(&tensors, input.len() - data).map(|()| tensors))
            .map_err(|reason| input.damaged(reason))?;
        Ok(Self {
            input,
            tensors,
            data,
        })
    }
}

impl TensorSource for SafetensorsFile {
    fn file(&self) -> &str {
        self.input.name()
    }

    fn names(&self) -> Vec<&str> {
        self.tensors.keys().map(String::as_str).collect()
    }

    fn info(&self, name: &str) -> Option<TensorInfo> {
        let entry = self.tensors.get(name)?;
        Some(TensorInfo {
            dtype: entry.dtype,
            shape: entry.shape.0.clone(),
        })
    }

    fn bytes(&self, name: &str) -> Result<Cow<'_, [u8]>, ModelError> {
        let entry = self
            .tensors
            .get(name)
            .ok_or_else(|| CheckpointError::MissingTensor {
                file: self.input.name().to_owned(),
                tensor: name.to_owned(),
            })?;
        let (start, end) = entry.data_offsets;
        Ok(Cow::Owned(self.input.read(self.data + start, end - start)?))
    }
}

/// What the header says of a tensor; offsets count from the end of the header.
#[derive(Debug, Deserialize)]
struct Entry {
    dtype: Dtype,
    shape: Shape,
    data_offsets: (u64, u64),
}

/// Sizes of the dimensions, of which there are few.
#[derive(Debug)]
struct Shape(Vec<usize>);

impl<'de> Deserialize<'de> for Shape {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Sizes;
        impl<'de> Visitor<'de> for Sizes {
            type Value = Shape;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "the sizes of up to {MOST_DIMENSIONS} dimensions")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut sizes: A) -> Result<Shape, A::Error> {
                let mut shape = Vec::new();
                while let Some(size) = sizes.next_element()? {
                    if shape.len() == MOST_DIMENSIONS {
                        return Err(A::Error::invalid_length(shape.len() + 1, &self));
                    }
                    shape.push(size);
                }
                Ok(Shape(shape))
            }
        }
        deserializer.deserialize_seq(Sizes)
    }
}

/// Reads the header, which may not name a tensor twice.
fn parse(header: &[u8], budget: &mut Budget) -> Result<BTreeMap<String, Entry>, String> {
    let refused = |source: serde_json::Error| format!("its header does not parse: {source}");
    budget
        .take(header.len())
        .map_err(|source| source.to_string())?;
    let mut json = serde_json::Deserializer::from_slice(header);
    let tensors = Tensors { budget }.deserialize(&mut json).map_err(refused)?;
    json.end().map_err(refused)?;
    Ok(tensors)
}

struct Tensors<'b> {
    budget: &'b mut Budget,
}

impl<'de> DeserializeSeed<'de> for Tensors<'_> {
    type Value = BTreeMap<String, Entry>;

    fn deserialize<D: serde::Deserializer<'de>>(
        self,
        deserializer: D,
    ) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Tensors<'_> {
    type Value = BTreeMap<String, Entry>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of tensors")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut tensors = BTreeMap::new();
        while let Some(name) = map.next_key::<String>()? {
            if name == "__metadata__" {
                map.next_value::<IgnoredAny>()?;
                continue;
            }
            self.budget
                .take(name.len() + size_of::<(String, Entry)>() + size_of::<[usize; 4]>())
                .map_err(A::Error::custom)?;
            let entry: Entry = map.next_value()?;
            if tensors.contains_key(&name) {
                return Err(A::Error::custom(format!(
                    "tensor `{name}` is there more than once"
                )));
            }
            tensors.insert(name, entry);
        }
        Ok(tensors)
    }
}

/// Whether the tensors fill `data` bytes without gap or overlap.
fn covers(tensors: &BTreeMap<String, Entry>, data: u64) -> Result<(), String> {
    let mut order: Vec<(&String, &Entry)> = tensors.iter().collect();
    order.sort_by_key(|(_, entry)| entry.data_offsets);
    let mut position = 0;
    for (name, entry) in order {
        let (start, end) = entry.data_offsets;
        if start != position || end < start || end > data {
            return Err(format!(
                "tensor `{name}` is said to be at {start}..{end}, expected from {position} on and within {data} bytes"
            ));
        }
        if byte_len(entry.dtype, &entry.shape.0) != Some(end - start) {
            return Err(format!(
                "tensor `{name}` of {:?} {:?} does not take {} bytes",
                entry.dtype,
                entry.shape.0,
                end - start
            ));
        }
        position = end;
    }
    if position != data {
        return Err(format!(
            "{} bytes belong to no tensor",
            data.saturating_sub(position)
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    const GOLDEN: &str = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/tests/fixtures/golden/blip_itm_mini.safetensors"
    );

    fn file(header: &str, data: usize) -> Result<SafetensorsFile> {
        let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
        bytes.extend_from_slice(header.as_bytes());
        bytes.resize(bytes.len() + data, 7);
        SafetensorsFile::read(Input::memory("f", bytes))
    }

    fn refusal(header: &str, data: usize) -> String {
        match file(header, data).map(|file| file.tensors) {
            Err(error @ CheckpointError::Damaged { .. }) => error.to_string(),
            other => panic!("{header}: {other:?}"),
        }
    }

    #[test]
    fn every_tensor_is_the_one_that_the_safetensors_crate_reads() {
        let bytes = fs::read(GOLDEN).unwrap();
        let expected = safetensors::SafeTensors::deserialize(&bytes).unwrap();
        let file = SafetensorsFile::open(Path::new(GOLDEN)).unwrap();
        assert_eq!(file.names().len(), expected.len());
        for (name, view) in expected.iter() {
            let info = file.info(name).unwrap();
            assert_eq!((info.dtype, &*info.shape), (view.dtype(), view.shape()));
            assert_eq!(file.bytes(name).unwrap(), view.data(), "{name}");
        }
    }

    #[test]
    fn every_truncation_is_refused() {
        let header =
            r#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"__metadata__":{"k":"v"}}"#;
        let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
        bytes.extend_from_slice(header.as_bytes());
        bytes.extend_from_slice(&[1; 8]);
        for cut in 0..bytes.len() {
            let input = Input::memory("f", bytes[..cut].to_vec());
            assert!(SafetensorsFile::read(input).is_err(), "cut at {cut}");
        }
        assert!(SafetensorsFile::read(Input::memory("f", bytes)).is_ok());
    }

    #[test]
    fn a_header_that_lies_is_refused() {
        let tensor = |shape: &str, offsets: &str| {
            format!(r#"{{"a":{{"dtype":"F32","shape":{shape},"data_offsets":{offsets}}}}}"#)
        };
        assert!(file(&tensor("[2]", "[0,8]"), 8).is_ok());
        for (shape, offsets, data) in [
            ("[2]", "[0,16]", 8),
            ("[2]", "[8,0]", 8),
            ("[2]", "[4,12]", 12),
            ("[2]", "[0,8]", 9),
            ("[3]", "[0,8]", 8),
            ("[1152921504606846976]", "[0,8]", 8),
            ("[4611686018427387904,4]", "[0,0]", 0),
            ("[1152921504606846976]", "[0,4611686018427387904]", 8),
            ("[2,-1]", "[0,8]", 8),
            ("[1,1,1,1,1,1,1,1,2]", "[0,8]", 8),
            ("[2]", "[0,18446744073709551615]", 8),
            ("[2]", "[18446744073709551615,7]", 8),
        ] {
            refusal(&tensor(shape, offsets), data);
        }
        for header in [
            "",
            "[]",
            "{",
            r#"{"a":1}"#,
            r#"{"a":{"dtype":"F99","shape":[],"data_offsets":[0,0]}}"#,
        ] {
            refusal(header, 0);
        }
    }

    #[test]
    fn tensors_may_not_overlap_or_share_a_name() {
        let entry = |name, offsets| {
            format!(r#""{name}":{{"dtype":"U8","shape":[4],"data_offsets":{offsets}}}"#)
        };
        let both = |a, b| format!("{{{a},{b}}}");
        assert!(file(&both(entry("b", "[4,8]"), entry("a", "[0,4]")), 8).is_ok());
        refusal(&both(entry("a", "[0,4]"), entry("b", "[2,6]")), 8);
        let twice = refusal(&both(entry("a", "[0,4]"), entry("a", "[4,8]")), 8);
        assert!(twice.contains("`a` is there more than once"), "{twice}");
    }

    #[test]
    fn a_header_longer_than_the_file_is_refused_before_it_is_read() {
        for length in [9, 1 << 20, 1 << 60, u64::MAX] {
            let mut bytes = u64::to_le_bytes(length).to_vec();
            bytes.extend_from_slice(b"{}");
            assert!(matches!(
                SafetensorsFile::read(Input::memory("f", bytes)),
                Err(CheckpointError::Damaged { .. })
            ));
        }
    }

    #[test]
    fn a_missing_file_and_a_folder_are_named() {
        for path in ["no/such/file", env!("CARGO_MANIFEST_DIR")] {
            let error = SafetensorsFile::open(Path::new(path)).unwrap_err();
            assert!(error.to_string().contains(path), "{error}");
        }
    }
}
