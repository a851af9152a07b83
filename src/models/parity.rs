//! The converted backbones against PyTorch, on real pictures and sentences. `tests/fixtures/backbones/make_golden.py` wrote
//! the numbers.

use burn::tensor::Tensor;
use safetensors::SafeTensors;

use super::backbone::{ImageBackbone, host};
use super::golden;
use super::manifest::Manifest;
use super::mini::{BACKBONES, WORDS};
use super::sentence::SentenceEncoder;
use super::weights::Weights;
use super::{ModelSource, Precision};
use crate::media::Pixels;

const GOLDEN: &[u8] = include_bytes!("../../tests/fixtures/backbones/golden.safetensors");
const SENTENCES: &str = include_str!("../../tests/fixtures/backbones/sentences.txt");

/// Largest relative distance that is allowed. In f16 fifty convolutions round to 11 bits one after another, and some kernels
/// their sums too: 1.43e-2 was found on the CPU.
fn tolerance() -> f32 {
    match golden::precision() {
        Precision::F32 => 1e-3,
        Precision::F16 => 3e-2,
    }
}

fn golden(name: &str) -> Vec<f32> {
    let file = SafeTensors::deserialize(GOLDEN).unwrap();
    let view = file.tensor(name).unwrap();
    view.data()
        .chunks_exact(4)
        .map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]]))
        .collect()
}

/// Largest relative distance of what `rows` pictures or sentences give.
fn worst(found: &[f32], name: &str, rows: usize) -> f32 {
    let expected = golden(name);
    assert_eq!(found.len(), expected.len(), "{name}");
    let length = |values: &mut dyn Iterator<Item = f32>| values.map(|v| v * v).sum::<f32>().sqrt();
    let width = found.len() / rows;
    found
        .chunks_exact(width)
        .zip(expected.chunks_exact(width))
        .map(|(a, b)| {
            let difference = length(&mut a.iter().zip(b).map(|(a, b)| a - b));
            difference / length(&mut b.iter().copied())
        })
        .fold(0.0, f32::max)
}

fn manifest() -> Manifest {
    Manifest::parse(
        Manifest::FILE,
        &ModelSource::Builtin.read(Manifest::FILE).unwrap(),
    )
    .unwrap()
}

#[test]
fn image_encoder_equals_pytorch() {
    let device = golden::device();
    let bytes = ModelSource::Builtin.read(BACKBONES).unwrap();
    let weights = Weights::parse(BACKBONES, &bytes)
        .unwrap()
        .in_precision(golden::precision());
    let backbone = ImageBackbone::load(&manifest(), &weights, &device).unwrap();
    let file = SafeTensors::deserialize(GOLDEN).unwrap();
    let pixels = file.tensor("pixels").unwrap();
    let side = pixels.shape()[1];
    let pictures: Vec<Pixels> = pixels
        .data()
        .chunks_exact(3 * side * side)
        .map(|rgb| Pixels::new(side as u32, rgb.to_vec()).unwrap())
        .collect();
    let seen = backbone.forward(&pictures).unwrap();
    let [batch, length, channels] = seen.tokens.dims();
    let token = |index: usize| {
        let token: Tensor<3> = seen
            .tokens
            .clone()
            .slice([0..batch, index..index + 1, 0..channels]);
        token
    };
    // The mean token comes first; the grid's corners follow at these places.
    let grid = ((length - 1) as f64).sqrt() as usize;
    let corners = [0, grid - 1, grid * (grid - 1), grid * grid - 1];
    let corners = Tensor::cat(corners.map(|corner| token(1 + corner)).to_vec(), 1);
    let logits = backbone.classifier().forward(token(0).squeeze_dim::<2>(1));
    for (found, name) in [
        (host(token(0)).unwrap(), "mean_token"),
        (host(corners).unwrap(), "corner_tokens"),
        (host(logits).unwrap(), "class_logits"),
    ] {
        let distance = worst(&found, name, batch);
        assert!(distance < tolerance(), "{name}: {distance}");
    }
}

#[test]
fn text_encoder_equals_pytorch_one_by_one_and_in_a_batch() {
    let device = golden::device();
    let bytes = ModelSource::Builtin.read(BACKBONES).unwrap();
    let weights = Weights::parse(BACKBONES, &bytes)
        .unwrap()
        .in_precision(golden::precision());
    let words = ModelSource::Builtin.text(WORDS).unwrap();
    let encoder = SentenceEncoder::load(&manifest(), &words, &weights, &device).unwrap();
    let sentences: Vec<&str> = SENTENCES.lines().collect();
    let batch = host(encoder.forward(&sentences).unwrap()).unwrap();
    let single: Vec<f32> = sentences
        .iter()
        .flat_map(|sentence| host(encoder.forward(&[sentence]).unwrap()).unwrap())
        .collect();
    for (found, how) in [(batch, "batch"), (single, "one by one")] {
        let distance = worst(&found, "sentences", sentences.len());
        assert!(distance < tolerance(), "{how}: {distance}");
    }
}
