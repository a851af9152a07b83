//! Several objectives at once.

use burn::tensor::Tensor;

/// A loss below this counts as reached: a factor without bound would make no number of it.
const NOTHING: f32 = 1e-12;

/// `reference` plus each of `others`, scaled to the same value by a factor without gradient: none outweighs the rest because of
/// the units it is counted in. The value is that of `reference` times their number; only the gradient says more.
///
/// The reference adds its tagging loss to the generation loss in this way.
pub(crate) fn balanced(
    reference: Tensor<1>,
    others: impl IntoIterator<Item = Tensor<1>>,
) -> Tensor<1> {
    let scale = reference.clone().detach();
    others.into_iter().fold(reference, |sum, loss| {
        let factor = scale.clone() / loss.clone().detach().clamp_min(NOTHING);
        sum + loss * factor
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::models::golden::host;
    use burn::tensor::Device;

    #[test]
    fn every_objective_pulls_with_the_same_relative_force() {
        let device = Device::flex().autodiff();
        let x = Tensor::<1>::from_floats([3.0], &device).require_grad();
        let line = x.clone() * 2.0;
        let square = x.clone().powi_scalar(2) * 100.0;
        let none = x.clone() * 0.0;
        let sum = balanced(line, [square, none]);
        // Twice 6 and once nothing; 2 from the line, 6 * 600 / 900 from the square.
        assert_eq!(host(sum.clone()), [12.0]);
        let gradient = host(x.grad(&sum.backward()).unwrap());
        assert!((gradient[0] - 6.0).abs() < 1e-5, "{gradient:?}");
    }
}
