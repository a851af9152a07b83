//! Any bytes are a checkpoint or a typed error; nothing panics, and no tensor is larger than the file.

#![no_main]

use imgsearch::models::Checkpoint;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Ok(checkpoint) = Checkpoint::from_bytes("fuzz", bytes.to_vec()) else {
        return;
    };
    for tensor in checkpoint.tensors() {
        if let Ok(elements) = checkpoint.tensor(&tensor.name) {
            assert!(elements.len() <= bytes.len(), "{}", tensor.name);
        }
    }
});
