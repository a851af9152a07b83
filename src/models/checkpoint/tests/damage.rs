//! Truncated and altered files end with an error, or hold exactly what they held.

use super::*;

/// Numbers that look random and are the same in every run.
struct Noise(u64);

impl Noise {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % bound as u64) as usize
    }
}

/// Reads everything there is.
fn read_all(bytes: Vec<u8>) -> Result<Vec<(CheckpointTensor, Vec<u8>)>, ModelError> {
    let checkpoint = Checkpoint::from_bytes("f", bytes)?;
    let tensors = checkpoint.tensors().into_iter();
    tensors
        .map(|tensor| {
            let bytes = checkpoint.tensor(&tensor.name)?;
            Ok((tensor, bytes))
        })
        .collect()
}

#[test]
fn truncation_at_every_byte_is_refused() {
    for name in ["mixed.pth", "state_dict.bin", "mixed.safetensors"] {
        let bytes = fixture(&format!("checkpoints/{name}"));
        assert!(read_all(bytes.clone()).is_ok());
        for cut in 0..bytes.len() {
            assert!(
                read_all(bytes[..cut].to_vec()).is_err(),
                "{name} cut at {cut}"
            );
        }
    }
}

#[test]
fn any_altered_byte_of_a_small_file_is_harmless() {
    let bytes = fixture("checkpoints/mixed.pth");
    let expected = read_all(bytes.clone()).unwrap();
    for at in 0..bytes.len() {
        for mask in [0x01, 0x80, 0xff] {
            let mut altered = bytes.clone();
            altered[at] ^= mask;
            // A byte that neither the archive nor a tensor needs may be anything.
            if let Ok(found) = read_all(altered) {
                assert_eq!(found, expected, "byte {at} altered by {mask:#x}");
            }
        }
    }
}

#[test]
fn flipped_bits_of_a_whole_checkpoint_are_found() {
    let mut bytes = fixture("golden/tag2text_mini.pth");
    let expected = read_all(bytes.clone()).unwrap();
    let mut noise = Noise(0x9e37_79b9_7f4a_7c15);
    let mut refused = 0;
    for round in 0..300 {
        // The pickle, the numbers and the directory take turns.
        let at = match round % 3 {
            0 => noise.below(72_000),
            1 => noise.below(bytes.len()),
            _ => bytes.len() - 1 - noise.below(27_000),
        };
        let bit = 1 << noise.below(8);
        bytes[at] ^= bit;
        match read_all(bytes.clone()) {
            Ok(found) => assert!(found == expected, "bit {bit:#x} of byte {at}"),
            Err(_) => refused += 1,
        }
        bytes[at] ^= bit;
    }
    assert!(refused > 150, "{refused}");
}

#[test]
fn noise_of_any_length_is_refused() {
    let mut noise = Noise(0x2545_f491_4f6c_dd1d);
    for len in 0..2_000 {
        let start: &[u8] = [&b"PK\x03\x04"[..], b"\x20\0\0\0\0\0\0\0{", b"\x80\x02"][len % 3];
        let random = (0..len).map(|_| noise.below(256) as u8);
        assert!(read_all(start.iter().copied().chain(random).collect()).is_err());
    }
}
