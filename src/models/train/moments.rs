//! Mean and spread of features of the image encoder, measured once before heads are trained on them.

use burn::tensor::{Device, Tensor};

use crate::models::aligner::Statistics;

/// Sums over rows of features.
#[derive(Debug)]
pub(crate) struct Moments {
    sum: Vec<f64>,
    squares: Vec<f64>,
    rows: f64,
    rooted: usize,
}

impl Moments {
    /// Of rows of `width` features, the first `rooted` of which are measured by their square roots.
    pub(crate) fn new(width: usize, rooted: usize) -> Self {
        Self {
            sum: vec![0.0; width],
            squares: vec![0.0; width],
            rows: 0.0,
            rooted,
        }
    }

    pub(crate) fn add(&mut self, row: &[f32]) {
        let sums = self.sum.iter_mut().zip(&mut self.squares);
        for (channel, (&value, (sum, square))) in row.iter().zip(sums).enumerate() {
            let value = if channel < self.rooted {
                value.max(0.0).sqrt()
            } else {
                value
            };
            *sum += f64::from(value);
            *square += f64::from(value).powi(2);
        }
        self.rows += 1.0;
    }

    pub(crate) fn statistics(&self, device: &Device) -> Statistics {
        /// Added to a deviation: channels that hardly ever speak are not to be the loudest.
        const LEAST: f32 = 0.05;
        let rows = self.rows.max(1.0);
        let scale = self.sum.iter().zip(&self.squares).map(|(sum, squares)| {
            let variance = squares / rows - (sum / rows).powi(2);
            1.0 / (variance.max(0.0).sqrt() as f32 + LEAST)
        });
        let scale: Vec<f32> = scale.collect();
        let mean: Vec<f32> = self.sum.iter().map(|sum| (sum / rows) as f32).collect();
        let tensor = |values: &[f32]| Tensor::<1>::from_floats(values, device);
        Statistics::new(tensor(&mean), tensor(&scale), self.rooted)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::models::backbone::host;

    #[test]
    fn roots_and_other_features_have_their_mean_and_scale() {
        let mut moments = Moments::new(2, 1);
        moments.add(&[1.0, 1.0]);
        moments.add(&[9.0, 1.0]);
        let found = moments.statistics(&Device::flex());
        assert_eq!(host(found.mean.val()).unwrap(), [2.0, 1.0]);
        let scale = host(found.scale.val()).unwrap();
        assert!((scale[0] - 1.0 / 1.05).abs() < 1e-6, "{scale:?}");
        assert!((scale[1] - 20.0).abs() < 1e-4, "{scale:?}");
    }
}
