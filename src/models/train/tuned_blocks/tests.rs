use super::*;
use crate::media::{Picture, ResizeFilter, resize};
use crate::models::backbone::ImageBackbone;
use crate::models::builtin;
use crate::models::golden::assert_close;
use crate::models::manifest::Manifest;
use crate::models::mini::BACKBONES;

#[test]
fn tuned_blocks_compute_what_the_image_encoder_does() {
    let manifest = Manifest::parse(Manifest::FILE, builtin::file(Manifest::FILE)).unwrap();
    let weights = Weights::parse(BACKBONES, builtin::file(BACKBONES)).unwrap();
    let device = Device::flex();
    let backbone = ImageBackbone::load(&manifest, &weights, &device).unwrap();
    let pictures = [3u32, 7].map(|step| {
        let rgb = (0..3 * 64 * 64u32)
            .map(|i| (i * step % 251) as u8)
            .collect();
        let picture = Picture::from_rgb(64, 64, rgb).unwrap();
        let side = manifest.image_encoder.image_size as u32;
        resize(&picture, side, ResizeFilter::Bicubic)
    });
    let expected = backbone.forward(&pictures).unwrap();
    // The cuts differ in what the lowest of the blocks above does: widen, halve, or neither.
    for count in [1, 2, 5, 7] {
        let below = backbone.below(&pictures, count).unwrap();
        let [batch, channels, side, _] = below.dims();
        let (tuned, fixed) = load(&manifest.image_encoder, count, side, &weights, &device).unwrap();
        let maps = below.clone().reshape([batch, channels, side * side]);
        let maps = tuned.forward(maps.swap_dims(0, 1), &fixed);
        let pooled = Tensor::cat(pool(maps).unwrap().to_vec(), 1);
        let known = host(expected.pooled.clone()).unwrap();
        assert_close(&host(pooled).unwrap(), &known, 1e-4, "pooled");
        let again = backbone.above(below, count).unwrap();
        assert_close(&host(again.pooled).unwrap(), &known, 1e-6, "above");

        let stored = tuned.stored(manifest.image_encoder.blocks().len()).unwrap();
        for tensor in stored {
            let values = weights.values(&tensor.name, &tensor.shape).unwrap();
            assert_eq!(tensor.values, values, "{}", tensor.name);
        }
    }
}

#[test]
fn every_tuned_weight_has_a_gradient() {
    let manifest = Manifest::parse(Manifest::FILE, builtin::file(Manifest::FILE)).unwrap();
    let weights = Weights::parse(BACKBONES, builtin::file(BACKBONES)).unwrap();
    let device = Device::flex().autodiff();
    let (tuned, fixed) = load(&manifest.image_encoder, 2, 7, &weights, &device).unwrap();
    let input = crate::models::generated::uniform("maps", 192 * 2 * 49);
    let input: Vec<f32> = input.map(|value| value as f32).collect();
    let maps = Tensor::from_data(TensorData::new(input, [192, 2, 49]), &device);
    let loss = |tuned: &TunedBlocks| {
        let [mean, peaks] = pool(tuned.forward(maps.clone(), &fixed)).unwrap();
        (mean.powi_scalar(2) + peaks).sum()
    };
    let gradients = loss(&tuned).backward();
    let weight = tuned.blocks[0].expand.weight.val();
    let gradient = host(weight.grad(&gradients).unwrap()).unwrap();
    for part in [&tuned.blocks[1].project, &tuned.head] {
        let gradient = part.bias.val().grad(&gradients).unwrap();
        assert!(host(gradient).unwrap().iter().any(|value| *value != 0.0));
    }
    // Against the difference that a small step along the gradient makes.
    let step = 1e-6;
    let moved = |sign: f32| {
        let mut moved = tuned.clone();
        let values = host(weight.clone().detach()).unwrap();
        let values: Vec<f32> = values
            .iter()
            .zip(&gradient)
            .map(|(value, gradient)| value + sign * step * gradient)
            .collect();
        let tensor = Tensor::from_data(TensorData::new(values, weight.dims()), &device);
        moved.blocks[0].expand.weight = Param::from_tensor(tensor);
        host(loss(&moved).detach()).unwrap()[0]
    };
    let difference = (moved(1.0) - moved(-1.0)) / (2.0 * step);
    let expected: f32 = gradient.iter().map(|value| value * value).sum();
    let ratio = difference / expected;
    assert!((ratio - 1.0).abs() < 0.05, "{difference} {expected}");
}

#[test]
fn the_strongest_positions_share_the_mean() {
    let row: Vec<f32> = (0..12).map(|i| (i * 5 % 12) as f32).collect();
    let shares = peak_shares(&row, 12);
    let mean: f32 = row.iter().zip(&shares).map(|(a, b)| a * b).sum();
    assert!((mean - 7.5).abs() < 1e-5, "{mean}");
    let equal = peak_shares(&[2.0; 20], 10);
    for row in equal.chunks(10) {
        assert_eq!(row.iter().filter(|&&share| share == 0.125).count(), PEAKS);
    }
}
