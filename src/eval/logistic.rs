//! Logistic regression with few features, by Newton's method.

/// Steps, of which a handful are needed.
const STEPS: usize = 50;
/// Keeps weights finite where the data can be told apart without an error; small beside any data.
const RIDGE: f64 = 1e-3;

/// The weights, offset first, that make what happened likeliest; `N` counts the offset. Each sample has its features, whether it
/// happened, and how often it counts.
pub(crate) fn logistic<const N: usize>(samples: &[([f64; N], bool, f64)]) -> [f64; N] {
    let mut weights = [0.0; N];
    for _ in 0..STEPS {
        let mut gradient: [f64; N] = weights.map(|weight| -RIDGE * weight);
        let mut curvature = [[0.0; N]; N];
        for (at, row) in curvature.iter_mut().enumerate() {
            row[at] = RIDGE;
        }
        for (features, happened, count) in samples {
            let sum: f64 = weights.iter().zip(features).map(|(w, x)| w * x).sum();
            let probability = 1.0 / (1.0 + (-sum).exp());
            let error = f64::from(u8::from(*happened)) - probability;
            for (at, x) in features.iter().enumerate() {
                gradient[at] += count * error * x;
                for (value, y) in curvature[at].iter_mut().zip(features) {
                    *value += count * probability * (1.0 - probability) * x * y;
                }
            }
        }
        let step = solve(curvature, gradient);
        let mut largest: f64 = 0.0;
        for (weight, step) in weights.iter_mut().zip(step) {
            *weight += step;
            largest = largest.max(step.abs());
        }
        if largest < 1e-9 {
            break;
        }
    }
    weights
}

/// To three digits: more say nothing, and are copied by hand.
pub(crate) fn rounded(value: f64) -> f32 {
    ((1e3 * value).round() / 1e3) as f32
}

/// Solves a system whose matrix is symmetric and positive (Gauss, without choosing pivots).
fn solve<const N: usize>(mut matrix: [[f64; N]; N], mut right: [f64; N]) -> [f64; N] {
    for pivot in 0..N {
        let row = matrix[pivot];
        for at in pivot + 1..N {
            let times = matrix[at][pivot] / row[pivot];
            for (value, above) in matrix[at].iter_mut().zip(row) {
                *value -= times * above;
            }
            right[at] -= times * right[pivot];
        }
    }
    for at in (0..N).rev() {
        let known: f64 = (at + 1..N).map(|k| matrix[at][k] * right[k]).sum();
        right[at] = (right[at] - known) / matrix[at][at];
    }
    right
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_odds_of_two_groups_are_found() {
        // 1 of 4 without the feature, 3 of 4 with it.
        let group = |x, yes, no| [([1.0, x], true, yes), ([1.0, x], false, no)];
        let samples = [group(0.0, 100.0, 300.0), group(1.0, 300.0, 100.0)].concat();
        let [offset, weight] = logistic(&samples);
        assert!((offset + 3.0_f64.ln()).abs() < 1e-3, "{offset}");
        assert!((weight - 2.0 * 3.0_f64.ln()).abs() < 1e-3, "{weight}");
    }

    #[test]
    fn what_can_be_told_apart_has_finite_weights() {
        let samples = [([1.0, -1.0], false, 1.0), ([1.0, 1.0], true, 1.0)];
        let [offset, weight] = logistic(&samples);
        assert!(offset.abs() < 1e-6 && weight > 1.0 && weight.is_finite());
    }

    #[test]
    fn a_system_is_solved() {
        let solved = solve([[4.0, 1.0], [1.0, 3.0]], [1.0, 2.0]);
        assert!((solved[0] - 1.0 / 11.0).abs() < 1e-12);
        assert!((solved[1] - 7.0 / 11.0).abs() < 1e-12);
    }
}
