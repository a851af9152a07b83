//! Checkpoints that PyTorch wrote, and such as nobody should have written.

mod damage;
mod hostile;
mod written;

use std::io::Write;

use rawzip::{CompressionMethod, ZipArchiveWriter};

use super::*;

/// A committed file.
pub(super) fn fixture(name: &str) -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/fixtures")
        .join(name);
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

pub(super) fn open(name: &str, bytes: Vec<u8>) -> Checkpoint {
    Checkpoint::from_bytes(name, bytes).unwrap_or_else(|error| panic!("{error}"))
}

/// An archive as `torch.save` writes it, around any pickle.
fn archive(pickle: &[u8], storages: &[(&str, &[u8])]) -> Vec<u8> {
    let storages = storages
        .iter()
        .map(|(key, bytes)| (format!("data/{key}"), *bytes));
    zip([("data.pkl".to_owned(), pickle)]
        .into_iter()
        .chain(storages))
}

fn zip<'a>(records: impl IntoIterator<Item = (String, &'a [u8])>) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut zip = ZipArchiveWriter::new(&mut bytes);
    for (name, contents) in records {
        let (mut entry, config) = zip
            .new_file(format!("archive/{name}"))
            .compression_method(CompressionMethod::STORE)
            .start()
            .unwrap();
        let mut writer = config.wrap(&mut entry);
        writer.write_all(contents).unwrap();
        let (_, descriptor) = writer.finish().unwrap();
        entry.finish(descriptor).unwrap();
    }
    zip.finish().unwrap();
    bytes
}

/// A pickle under construction, in the instructions that `torch.save` uses.
#[derive(Default)]
struct Script(Vec<u8>);

impl Script {
    fn op(mut self, bytes: &[u8]) -> Self {
        self.0.extend_from_slice(bytes);
        self
    }

    fn text(self, text: &str) -> Self {
        let len = u32::try_from(text.len()).unwrap().to_le_bytes();
        self.op(b"X").op(&len).op(text.as_bytes())
    }

    fn global(self, module: &str, name: &str) -> Self {
        self.op(format!("c{module}\n{name}\n").as_bytes())
    }

    /// The shortest form for a number of any size.
    fn number(self, number: i64) -> Self {
        self.op(&[0x8a, 8]).op(&number.to_le_bytes())
    }

    fn numbers(mut self, numbers: &[i64]) -> Self {
        self = self.op(b"(");
        for number in numbers {
            self = self.number(*number);
        }
        self.op(b"t")
    }

    /// A tensor in storage `key`, which is said to have `elements` floats.
    fn tensor(self, key: &str, elements: i64, offset: i64, shape: &[i64], strides: &[i64]) -> Self {
        self.global("torch._utils", "_rebuild_tensor_v2")
            .op(b"((")
            .text("storage")
            .global("torch", "FloatStorage")
            .text(key)
            .text("cpu")
            .number(elements)
            .op(b"tQ")
            .number(offset)
            .numbers(shape)
            .numbers(strides)
            .op(b"\x89")
            .global("collections", "OrderedDict")
            .op(b")RtR")
    }

    /// The file `{"model": {"x": …}}` around the value that `inner` pushes, with four floats in storage 0.
    fn checkpoint(inner: impl FnOnce(Self) -> Self) -> Result<Checkpoint, CheckpointError> {
        let script = Self::default()
            .op(b"\x80\x02}")
            .text("model")
            .op(b"}")
            .text("x");
        Checkpoint::from_bytes("f", inner(script).op(b"ss.").in_archive())
    }

    fn in_archive(self) -> Vec<u8> {
        archive(&self.0, &[("0", &[1; 16])])
    }
}
