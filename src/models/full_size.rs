//! Full-size networks for tests that are ignored by default, and the numbers of the reference. Panics with a sentence: it is
//! for tests only.

use std::path::{Path, PathBuf};
use std::process::Command;

use burn::tensor::{Device, Tensor};

use super::checkpoint::SafetensorsFile;
use super::golden::{self, Golden};
use super::nn::{Swin, SwinConfig};
use super::weights::Weights;

const GOLDEN: &[u8] = include_bytes!("../../tests/fixtures/golden/full_size_golden.safetensors");
const FOLDER: &str = "IMGSEARCH_FULL_SIZE";
const ALONE: &str = "IMGSEARCH_TEST_ALONE";

pub(crate) fn golden() -> Golden<'static> {
    Golden::parse(GOLDEN)
}

fn file(name: &str) -> SafetensorsFile {
    let folder = std::env::var_os(FOLDER).map(PathBuf::from);
    let Some(folder) = folder else {
        panic!(
            "{FOLDER} is not set: let it name the folder that tests/fixtures/golden/generate.py wrote to"
        )
    };
    SafetensorsFile::open(&folder.join(name)).expect("weights that generate.py wrote")
}

/// Weights that are read from `name` in that folder as they are asked for.
pub(crate) fn weights(name: &str) -> Weights<'static> {
    golden::weights(file(name))
}

/// The picture that the numbers belong to, normalised: `[1, 3, 384, 384]`.
pub(crate) fn picture(device: &Device) -> Tensor<4> {
    weights("image.safetensors")
        .tensor("image", [1, 3, 384, 384], device)
        .expect("the image that generate.py wrote")
}

/// Swin-B of 384 pixels.
pub(crate) fn swin_base_config() -> SwinConfig {
    SwinConfig {
        image_res: 384,
        vision_width: 1024,
        embed_dim: 128,
        depths: vec![2, 2, 18, 2],
        num_heads: vec![4, 8, 16, 32],
        window_size: 12,
    }
}

/// Tag2Text's image encoder.
pub(crate) fn swin_base(weights: &Weights<'_>, device: &Device) -> Swin {
    Swin::load(&swin_base_config(), "visual_encoder", weights, device).expect("Swin-B")
}

/// Runs the rest of the test called `name` in a process of its own: returns whether this is that process. So its peak memory is
/// that of no other test.
pub(crate) fn alone(name: &str) -> bool {
    if std::env::var_os(ALONE).is_some() {
        return true;
    }
    let output = Command::new(std::env::current_exe().expect("test binary"))
        .args([name, "--exact", "--ignored"])
        .env(ALONE, "1")
        .output()
        .expect("the test binary starts");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}");
    assert!(said.contains("1 passed"), "there is no test {name}: {said}");
    false
}

/// The most memory that this process ever held, in bytes.
pub(crate) fn peak_memory() -> u64 {
    let status = std::fs::read_to_string(Path::new("/proc/self/status")).expect("Linux");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kilobytes = line.and_then(|line| line.trim().strip_suffix(" kB"));
    1024 * kilobytes
        .and_then(|kb| kb.parse::<u64>().ok())
        .expect("VmHWM")
}
