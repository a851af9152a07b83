//! The training objectives.

use burn::tensor::activation::{log_softmax, sigmoid};
use burn::tensor::{Bool, Tensor};

/// Focusing of easy negatives (paper appendix; the reference's `gamma_neg`).
const GAMMA_NEGATIVE: i32 = 7;
/// Probability margin below which a negative costs nothing (the reference's `clip`).
const CLIP: f32 = 0.05;
const EPSILON: f32 = 1e-8;

/// Asymmetric loss over logits `[B, T]` and 0/1 targets, summed over what `known` does not mask out.
///
/// `known` is 1 where the target is trusted; a caption does not list everything that a picture shows. The focusing weight
/// carries no gradient, as in the reference.
pub(crate) fn asymmetric(logits: Tensor<2>, targets: Tensor<2>, known: Tensor<2>) -> Tensor<1> {
    let p = sigmoid(logits);
    let not_p = (p.clone().neg() + (1.0 + CLIP)).clamp_max(1.0);
    let absent = targets.clone().neg() + 1.0;
    let log_likelihood = targets.clone() * p.clone().clamp_min(EPSILON).log()
        + absent.clone() * not_p.clone().clamp_min(EPSILON).log();
    // The positive focusing exponent is 0, so the weight only concerns negatives.
    let focus = (not_p.neg() + 1.0).detach().powi_scalar(GAMMA_NEGATIVE);
    let weight = targets + absent * focus;
    (log_likelihood * weight * known).sum().neg()
}

/// Image-text contrastive loss: mean of both directions of the cross-entropy between `logits` `[N, N]` (images by
/// sentences, temperature applied) and targets that share their mass among the sentences of the same picture.
pub(crate) fn contrastive(logits: Tensor<2>, same_picture: Tensor<2, Bool>) -> Tensor<1> {
    let same = same_picture.float();
    let targets = same.clone() / same.sum_dim(1);
    let to_text = (log_softmax(logits.clone(), 1) * targets.clone()).sum_dim(1);
    let to_image = (log_softmax(logits.transpose(), 1) * targets).sum_dim(1);
    (to_text.mean() + to_image.mean()) / -2.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::{Device, TensorData};

    /// Values printed by the reference implementation for `asl.*` of its published fixtures: gamma- 7, gamma+ 0, clip 0.05.
    fn fixture() -> (Vec<f32>, Vec<f32>, f32, Vec<f32>, [usize; 2]) {
        let text = include_str!("../../../tests/fixtures/losses/asymmetric.json");
        let json: serde_json::Value = serde_json::from_str(text).unwrap();
        let list = |key: &str| -> Vec<f32> { serde_json::from_value(json[key].clone()).unwrap() };
        let shape: [usize; 2] = serde_json::from_value(json["shape"].clone()).unwrap();
        (
            list("logits"),
            list("targets"),
            json["loss"].as_f64().unwrap() as f32,
            list("gradient"),
            shape,
        )
    }

    #[test]
    fn asymmetric_loss_and_gradient_equal_the_reference() {
        let (logits, targets, loss, gradient, shape) = fixture();
        let device = Device::flex().autodiff();
        let logits = Tensor::<2>::from_data(TensorData::new(logits, shape), &device).require_grad();
        let targets = Tensor::from_data(TensorData::new(targets, shape), &device);
        let value = asymmetric(logits.clone(), targets, Tensor::ones(shape, &device));
        let computed = value.clone().into_data().try_into_vec::<f32>().unwrap()[0];
        assert!(
            (computed - loss).abs() <= 1e-5 * loss.abs(),
            "{computed} {loss}"
        );
        let gradients = value.backward();
        let computed = logits
            .grad(&gradients)
            .unwrap()
            .into_data()
            .try_into_vec::<f32>()
            .unwrap();
        let largest = gradient.iter().fold(0.0f32, |m, g| m.max(g.abs()));
        for (a, b) in computed.iter().zip(&gradient) {
            assert!((a - b).abs() <= 1e-5 * largest, "{a} {b}");
        }
    }

    #[test]
    fn contrastive_loss_of_a_perfect_match_is_the_entropy_of_its_targets() {
        let device = Device::flex();
        let pictures = [0, 1, 1];
        let same: Vec<bool> = (0..9).map(|i| pictures[i / 3] == pictures[i % 3]).collect();
        let same = Tensor::<2, Bool>::from_data(TensorData::new(same, [3, 3]), &device);
        let logits = same.clone().float() * 50.0;
        let loss = contrastive(logits, same)
            .into_data()
            .try_into_vec::<f32>()
            .unwrap()[0];
        // Two of three rows spread their target over two sentences.
        let expected = 2.0 / 3.0 * 2f32.ln();
        assert!((loss - expected).abs() < 1e-5, "{loss} {expected}");
    }
}
