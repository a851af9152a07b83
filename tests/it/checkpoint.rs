//! However a weight file was damaged, reading it takes no more memory than it has bytes.

use std::path::{Path, PathBuf};

use imgsearch::models::{Checkpoint, ModelError};
use proptest::prelude::*;

use crate::allocations::{Usage, measure};

/// What reading a file of any size may take besides.
const FIXED: usize = 1 << 20;

fn fixture(name: &str) -> Vec<u8> {
    let path: PathBuf = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/fixtures")
        .join(name);
    std::fs::read(&path).unwrap()
}

/// Reads every tensor.
fn read(bytes: Vec<u8>) -> Result<usize, ModelError> {
    let checkpoint = Checkpoint::from_bytes("f", bytes)?;
    let mut read = 0;
    for tensor in checkpoint.tensors() {
        read += checkpoint.tensor(&tensor.name)?.len();
    }
    Ok(read)
}

#[track_caller]
fn assert_within(len: usize, usage: Usage) {
    assert!(usage.largest <= len.max(FIXED), "{len} bytes: {usage:?}");
    assert!(usage.peak <= len + FIXED, "{len} bytes: {usage:?}");
}

#[test]
fn a_checkpoint_is_read_in_less_memory_than_it_has_bytes() {
    let bytes = fixture("golden/tag2text_mini.pth");
    let len = bytes.len();
    let (read, usage) = measure(|| read(bytes));
    assert!(read.unwrap() > 4_000_000);
    assert_within(len, usage);
    assert!(
        usage.peak < FIXED,
        "tensors are read one at a time: {usage:?}"
    );
}

/// See `tests/fixtures/checkpoints/make.py`.
#[test]
#[ignore = "needs a folder with a full-size checkpoint, in IMGSEARCH_FULL_SIZE"]
fn a_full_size_checkpoint_takes_little_memory() {
    let folder =
        std::env::var_os("IMGSEARCH_FULL_SIZE").expect("IMGSEARCH_FULL_SIZE names no folder");
    let open = |name| Checkpoint::open(Path::new(&folder).join(name)).unwrap();
    let expected = open("tag2text.safetensors");
    let (model, usage) = measure(|| {
        let found = open("tag2text.pth");
        let tensors = expected.tensors().into_iter();
        let lens = tensors.map(|tensor| {
            let elements = found.tensor(&tensor.name).unwrap();
            assert!(
                elements == expected.tensor(&tensor.name).unwrap(),
                "{}",
                tensor.name
            );
            elements.len()
        });
        lens.sum::<usize>()
    });
    assert!(model > 1_400_000_000, "{model}");
    assert!(usage.peak < model / 5, "{usage:?}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn damage_takes_no_memory(
        file in prop::sample::select(vec!["mixed.pth", "state_dict.bin", "mixed.safetensors", "no_checksums.pth"]),
        cut in prop::option::weighted(0.2, any::<prop::sample::Index>()),
        changes in prop::collection::vec((any::<prop::sample::Index>(), prop::sample::select(vec![0u8, 1, 0x7f, 0x80, 0xff])), 0..6),
        wide in prop::option::of((any::<prop::sample::Index>(), any::<u64>())),
    ) {
        let mut bytes = fixture(&format!("checkpoints/{file}"));
        if let Some(cut) = cut {
            bytes.truncate(cut.index(bytes.len()));
        }
        if !bytes.is_empty() {
            for (at, value) in changes {
                let at = at.index(bytes.len());
                bytes[at] = value;
            }
        }
        // A length, an offset or a size somewhere.
        if let (Some((at, value)), true) = (wide, bytes.len() > 8) {
            let at = at.index(bytes.len() - 8);
            bytes[at..at + 8].copy_from_slice(&value.to_le_bytes());
        }
        let len = bytes.len();
        let (_, usage) = measure(|| read(bytes));
        assert_within(len, usage);
    }
}
