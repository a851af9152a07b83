//! Tagging.

use burn::tensor::Tensor;
use burn::tensor::activation::sigmoid;

/// Focusing of easy negatives (paper appendix A, γ-; the reference's `gamma_neg`).
const GAMMA_NEGATIVE: i32 = 7;
/// Probability margin below which a negative costs nothing (the reference's `clip`).
const CLIP: f32 = 0.05;
const EPSILON: f32 = 1e-8;

/// Asymmetric loss (Ridnik et al. 2021) over logits `[B, T]` and 0/1 targets, summed over what `known` does not mask out.
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::models::golden::{Golden, assert_close, host};
    use burn::tensor::Device;

    const GOLDEN: &[u8] =
        include_bytes!("../../../../tests/fixtures/golden/tag2text_mini_golden.safetensors");

    #[test]
    fn loss_and_gradient_equal_the_reference() {
        let golden = Golden::parse(GOLDEN);
        let device = Device::flex().autodiff();
        let logits = golden.tensor::<2>("asl.logits", &device).require_grad();
        let targets = golden.tensor::<2>("train.tag_targets", &device);
        let known = targets.ones_like();
        let loss = asymmetric(logits.clone(), targets, known);
        for key in ["asl.loss", "train.loss_tag"] {
            let expected = golden.f32(key).values;
            assert_close(&host(loss.clone()), &expected, 1e-5 * expected[0], key);
        }
        let gradient = host(logits.grad(&loss.backward()).unwrap());
        let expected = golden.f32("asl.grad_logits").values;
        let largest = expected.iter().fold(0.0f32, |m, g| m.max(g.abs()));
        assert_close(&gradient, &expected, 1e-5 * largest, "asl.grad_logits");
    }

    #[test]
    fn what_is_not_known_costs_nothing() {
        let device = Device::flex();
        let row = |values: [f32; 3]| Tensor::<2>::from_floats([values], &device);
        let (logits, targets) = ([2.0, -1.0, 3.0], [1.0, 1.0, 0.0]);
        let loss = |known| host(asymmetric(row(logits), row(targets), row(known)))[0];
        let apart = loss([1.0, 0.0, 0.0]) + loss([0.0, 1.0, 0.0]) + loss([0.0, 0.0, 1.0]);
        assert!((loss([1.0; 3]) - apart).abs() < 1e-6);
        assert_eq!(loss([0.0; 3]), 0.0);
        assert!(loss([0.0, 0.0, 1.0]) > 0.1, "a confident mistake");
    }
}
