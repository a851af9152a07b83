//! Learned tables of positions, brought from the grid that a checkpoint was trained on to another.

use crate::models::ModelError;

/// Relative position biases `[source * source, channels]` for distances on a grid of `target * target`, as BEiT does it:
/// the source's distances stand at points whose gaps grow by a constant ratio from the centre, so that close distances
/// keep their biases and far ones are stretched; between them goes a bicubic spline.
///
/// # Errors
/// When a table is too small for a cubic spline.
pub(crate) fn relative_positions(
    table: &[f32],
    source: usize,
    target: usize,
) -> Result<Vec<f32>, ModelError> {
    if source < 4 {
        return Err(ModelError::Config {
            network: "Swin",
            reason: format!(
                "biases of {source} × {source} relative positions are too few to make {target} × {target} of"
            ),
        });
    }
    let points = geometric_points(source / 2, target / 2);
    let reach = points[points.len() - 1];
    let centre = (target / 2) as f64;
    let wanted = (0..target).map(|index| (index as f64 - centre).clamp(-reach, reach));
    let weights: Vec<Vec<f64>> = wanted.map(|x| spline_weights(&points, x)).collect();
    Ok(resample(table, source, &weights))
}

/// Position embeddings `[source * source, channels]` for a grid of `target * target`: bicubic (a = -0.75) between the
/// centres of cells, the border repeated, without antialiasing.
pub(crate) fn position_embedding(table: &[f32], source: usize, target: usize) -> Vec<f32> {
    let step = source as f64 / target as f64;
    let weights: Vec<Vec<f64>> = (0..target)
        .map(|index| {
            let x = (index as f64 + 0.5) * step - 0.5;
            let mut weights = vec![0.0; source];
            for offset in -1..=2 {
                let at = x.floor() + f64::from(offset);
                weights[at.clamp(0.0, (source - 1) as f64) as usize] += cubic(x - at);
            }
            weights
        })
        .collect();
    resample(table, source, &weights)
}

/// The cubic convolution kernel (Keys 1981) with a = -0.75.
fn cubic(distance: f64) -> f64 {
    const A: f64 = -0.75;
    let x = distance.abs();
    if x <= 1.0 {
        ((A + 2.0) * x - (A + 3.0)) * x * x + 1.0
    } else if x < 2.0 {
        ((x - 5.0) * x + 8.0) * x * A - 4.0 * A
    } else {
        0.0
    }
}

/// `weights` along both axes of `[source, source, channels]`.
fn resample(table: &[f32], source: usize, weights: &[Vec<f64>]) -> Vec<f32> {
    let channels = table.len() / (source * source);
    let row = source * channels;
    let combine = |weights: &[f64], at: &dyn Fn(usize) -> f64| -> f64 {
        weights
            .iter()
            .enumerate()
            .map(|(index, weight)| weight * at(index))
            .sum()
    };
    let mut out = Vec::with_capacity(weights.len() * weights.len() * channels);
    for vertical in weights {
        let line: Vec<f64> = (0..row)
            .map(|at| combine(vertical, &|index| f64::from(table[index * row + at])))
            .collect();
        for horizontal in weights {
            out.extend((0..channels).map(|channel| {
                combine(horizontal, &|index| line[index * channels + channel]) as f32
            }));
        }
    }
    out
}

/// `2 * side + 1` points around 0 whose gaps are 1, q, q², …, with the ratio that makes them end at `reach`.
fn geometric_points(side: usize, reach: usize) -> Vec<f64> {
    let end = |ratio: f64| (0..side).fold(0.0, |sum, _| sum * ratio + 1.0);
    // The reference's own bounds and precision.
    let (mut low, mut high, mut ratio) = (1.01, 1.5, 1.01);
    while high - low > 1e-6 {
        ratio = (low + high) / 2.0;
        if end(ratio) > reach as f64 {
            high = ratio;
        } else {
            low = ratio;
        }
    }
    let steps: Vec<f64> = (0..side as i32)
        .scan(0.0, |sum, power| {
            *sum += ratio.powi(power);
            Some(*sum)
        })
        .collect();
    let left = steps.iter().rev().map(|x| -x);
    left.chain([0.0]).chain(steps.iter().copied()).collect()
}

/// How much each of the points' values counts at `x` in the cubic spline through them whose third derivative is
/// continuous at the second and the last but one point (not-a-knot).
fn spline_weights(points: &[f64], x: f64) -> Vec<f64> {
    let count = points.len();
    let right = points
        .partition_point(|point| *point < x)
        .clamp(1, count - 1);
    let (a, b) = (points[right - 1], points[right]);
    let gap = b - a;
    let (from_right, from_left) = ((b - x) / gap, (x - a) / gap);
    // The spline at x as a sum over values and over second derivatives at both ends of the gap.
    let bend = |t: f64| (t * t * t - t) * gap * gap / 6.0;
    let mut derivatives = vec![0.0; count];
    derivatives[right - 1] = bend(from_right);
    derivatives[right] = bend(from_left);
    // Second derivatives depend on values by `system * derivatives = differences * values`.
    let (system, differences) = spline_system(points);
    let multipliers = solve_transposed(system, derivatives);
    let mut weights: Vec<f64> = (0..count)
        .map(|value| {
            (0..count)
                .map(|row| multipliers[row] * differences[row][value])
                .sum()
        })
        .collect();
    weights[right - 1] += from_right;
    weights[right] += from_left;
    weights
}

/// The conditions on a spline's second derivatives: `system` on them, `differences` on the values.
fn spline_system(points: &[f64]) -> (Vec<Vec<f64>>, Vec<Vec<f64>>) {
    let count = points.len();
    let gap = |index: usize| points[index + 1] - points[index];
    let mut system = vec![vec![0.0; count]; count];
    let mut differences = vec![vec![0.0; count]; count];
    for index in 1..count - 1 {
        let (before, after) = (gap(index - 1), gap(index));
        system[index][index - 1] = before;
        system[index][index] = 2.0 * (before + after);
        system[index][index + 1] = after;
        differences[index][index - 1] = 6.0 / before;
        differences[index][index] = -6.0 / before - 6.0 / after;
        differences[index][index + 1] = 6.0 / after;
    }
    for (row, first) in [(0, 0), (count - 1, count - 3)] {
        let (before, after) = (gap(first), gap(first + 1));
        system[row][first] = 1.0 / before;
        system[row][first + 1] = -1.0 / before - 1.0 / after;
        system[row][first + 2] = 1.0 / after;
    }
    (system, differences)
}

/// `x` of `systemᵀ x = right`, by elimination with row exchanges.
fn solve_transposed(system: Vec<Vec<f64>>, mut right: Vec<f64>) -> Vec<f64> {
    let count = right.len();
    let mut rows: Vec<Vec<f64>> = (0..count)
        .map(|row| system.iter().map(|line| line[row]).collect())
        .collect();
    for column in 0..count {
        let size = |row: &usize| rows[*row][column].abs();
        let pivot = (column..count).max_by(|a, b| size(a).total_cmp(&size(b)));
        let pivot = pivot.unwrap_or(column);
        rows.swap(column, pivot);
        right.swap(column, pivot);
        for row in column + 1..count {
            let factor = rows[row][column] / rows[column][column];
            let (above, below) = rows.split_at_mut(row);
            for (value, pivot) in below[0][column..].iter_mut().zip(&above[column][column..]) {
                *value -= factor * pivot;
            }
            right[row] -= factor * right[column];
        }
    }
    for row in (0..count).rev() {
        let known: f64 = (row + 1..count).map(|at| rows[row][at] * right[at]).sum();
        right[row] = (right[row] - known) / rows[row][row];
    }
    right
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::models::golden::{Golden, assert_close};

    const GOLDEN: &[u8] =
        include_bytes!("../../../tests/fixtures/golden/interp_golden.safetensors");

    #[test]
    fn relative_positions_equal_the_reference() {
        let golden = Golden::parse(GOLDEN);
        for (source, target) in [(13, 23), (11, 13)] {
            let table = golden.f32(&format!("relpos_in_{source}")).values;
            let name = format!("relpos_out_{target}");
            let found = relative_positions(&table, source, target).unwrap();
            assert_close(&found, &golden.f32(&name).values, 2e-6, &name);
        }
    }

    #[test]
    fn position_embeddings_equal_the_reference() {
        let golden = Golden::parse(GOLDEN);
        for (source, target) in [(4, 6), (14, 24)] {
            let (input, output) = (format!("pos_in_{source}"), format!("pos_out_{target}"));
            let (table, expected) = (golden.f32(&input).values, golden.f32(&output).values);
            // The first token has no place on the grid.
            let channels = 4;
            let found = position_embedding(&table[channels..], source, target);
            // The reference computes in single precision, this in double.
            assert_close(&found, &expected[channels..], 5e-6, &output);
        }
    }

    #[test]
    fn the_same_grid_is_left_as_it_is() {
        let table: Vec<f32> = (0..2 * 49).map(|i| (i * 31 % 17) as f32).collect();
        assert_close(&position_embedding(&table, 7, 7), &table, 0.0, "positions");
    }

    #[test]
    fn a_spline_goes_through_its_points_and_keeps_cubics() {
        let points = geometric_points(5, 11);
        let cube = |x: f64| (x - 3.0) * (x + 1.0) * x;
        for x in [-11.0, -3.5, 0.0, 0.25, 7.0, points[9]] {
            let weights = spline_weights(&points, x);
            let value: f64 = weights.iter().zip(&points).map(|(w, p)| w * cube(*p)).sum();
            assert!((value - cube(x)).abs() < 1e-8, "{x}: {value}");
        }
    }

    #[test]
    fn too_small_a_table_is_an_error() {
        let error = relative_positions(&[0.0; 9], 3, 5).unwrap_err();
        assert!(error.to_string().contains("3 × 3"), "{error}");
    }
}
