//! How far a figure would move with other pictures: percentile intervals by bootstrap (Efron 1979).

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};
use rayon::prelude::*;
use serde::Serialize;

use super::EvalError;
use super::progress::Watch;

/// Resamples of each interval.
const RESAMPLES: usize = 1000;
/// Resamples between two reports of progress.
const ROUND: usize = 50;
/// Share of the resamples that an interval leaves out on either side.
const TAIL: f64 = 0.025;

/// The interval in which 95 % of the resamples lie; an array of two numbers in JSON.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
#[serde(into = "[f64; 2]")]
#[non_exhaustive]
pub struct Interval {
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

impl From<Interval> for [f64; 2] {
    fn from(interval: Interval) -> Self {
        [interval.low, interval.high]
    }
}

/// Intervals of `statistic`, which is given how often each of the pictures was drawn. As many are drawn as there are, with
/// replacement; what belongs to one picture stays together. The same data give the same intervals on every machine.
pub(crate) fn intervals<const N: usize>(
    pictures: usize,
    watch: &mut Watch<'_>,
    statistic: impl Fn(&[u32]) -> [f64; N] + Sync,
) -> Result<[Interval; N], EvalError> {
    let mut found: Vec<[f64; N]> = Vec::with_capacity(RESAMPLES);
    while found.len() < RESAMPLES {
        let seeds = found.len()..(found.len() + ROUND).min(RESAMPLES);
        let round: Vec<[f64; N]> = seeds
            .into_par_iter()
            .map(|seed| statistic(&drawn(pictures, seed as u64)))
            .collect();
        found.extend(round);
        watch.count("resampling", found.len(), RESAMPLES)?;
    }
    Ok(std::array::from_fn(|figure| {
        let mut values: Vec<f64> = found.iter().map(|values| values[figure]).collect();
        values.sort_by(f64::total_cmp);
        Interval {
            low: quantile(&values, TAIL),
            high: quantile(&values, 1.0 - TAIL),
        }
    }))
}

/// How often each picture is drawn in one resample.
fn drawn(pictures: usize, seed: u64) -> Vec<u32> {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let mut times = vec![0; pictures];
    for _ in 0..pictures {
        // The upper half of the product: uniform to 2^-64 of the number of pictures.
        let at = (u128::from(random.next_u64()) * pictures as u128) >> 64;
        times[at as usize] += 1;
    }
    times
}

/// Of sorted values, between the two nearest.
fn quantile(sorted: &[f64], share: f64) -> f64 {
    let place = share * (sorted.len() - 1) as f64;
    let (below, above) = (place.floor() as usize, place.ceil() as usize);
    sorted[below] + (place - place.floor()) * (sorted[above] - sorted[below])
}

#[cfg(test)]
mod tests {
    use std::ops::ControlFlow;

    use super::*;

    fn share(hits: &[bool]) -> Interval {
        let mut told = |_| ControlFlow::Continue(());
        let statistic = |times: &[u32]| {
            let hit: u32 = times.iter().zip(hits).map(|(t, &h)| t * u32::from(h)).sum();
            [f64::from(hit) / hits.len() as f64]
        };
        let [interval] = intervals(hits.len(), &mut Watch::new(&mut told), statistic).unwrap();
        interval
    }

    #[test]
    fn the_interval_of_a_share_is_that_of_the_binomial_distribution() {
        let hits: Vec<bool> = (0..400).map(|i| i % 4 == 0).collect();
        let found = share(&hits);
        // 0.25 ± 1.96 · √(0.25 · 0.75 / 400)
        let half = 1.96 * (0.25f64 * 0.75 / 400.0).sqrt();
        assert!((found.low - (0.25 - half)).abs() < 0.1 * half, "{found:?}");
        assert!((found.high - (0.25 + half)).abs() < 0.1 * half, "{found:?}");
        assert_eq!(share(&hits), found);
    }

    #[test]
    fn what_does_not_vary_has_no_width() {
        let found = share(&[true; 30]);
        assert_eq!((found.low, found.high), (1.0, 1.0));
        assert_eq!(serde_json::to_string(&found).unwrap(), "[1.0,1.0]");
    }

    #[test]
    fn as_many_are_drawn_as_there_are_and_each_as_likely() {
        let mut sums = [0; 7];
        for seed in 0..1000 {
            let times = drawn(7, seed);
            assert_eq!(times.iter().sum::<u32>(), 7);
            sums.iter_mut().zip(&times).for_each(|(sum, t)| *sum += t);
        }
        // 1000 draws expected each, with a standard deviation of 29.
        assert!(sums.iter().all(|sum| (880..1120).contains(sum)), "{sums:?}");
        assert_ne!(drawn(7, 0), drawn(7, 1));
    }

    #[test]
    fn quantiles_lie_between_the_nearest_values() {
        let values = [0.0, 1.0, 2.0, 3.0, 10.0];
        assert_eq!(quantile(&values, 0.5), 2.0);
        assert_eq!(quantile(&values, 0.875), 6.5);
        assert_eq!(
            (quantile(&values, 0.0), quantile(&values, 1.0)),
            (0.0, 10.0)
        );
    }

    #[test]
    fn it_stops_when_told_to() {
        let mut told = |_| ControlFlow::Break(());
        let stopped = intervals(3, &mut Watch::new(&mut told), |_| [0.0]);
        assert!(matches!(stopped, Err(EvalError::Cancelled)));
    }
}
