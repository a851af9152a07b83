//! Learning rate and averaging over a run.

use std::f64::consts::PI;

/// Linear warm-up over the first twentieth, then a cosine to zero.
pub(crate) fn learning_rate(peak: f64, step: usize, steps: usize) -> f64 {
    let warm_up = (steps / 20).max(1);
    if step < warm_up {
        return peak * (step + 1) as f64 / warm_up as f64;
    }
    let done = (step - warm_up) as f64 / (steps - warm_up).max(1) as f64;
    peak * 0.5 * (1.0 + (PI * done).cos())
}

/// Decay of the moving average after `step` steps: it starts small, so that the random start is soon forgotten.
pub(crate) fn ema_decay(decay: f32, step: usize) -> f32 {
    decay.min((1.0 + step as f32) / (10.0 + step as f32))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rises_to_the_peak_and_falls_to_zero() {
        let rates: Vec<f64> = (0..100).map(|step| learning_rate(1.0, step, 100)).collect();
        assert!(rates[0] > 0.0 && rates[0] < rates[3]);
        assert_eq!(rates[4], 1.0);
        assert!(rates[5..].windows(2).all(|pair| pair[1] < pair[0]));
        assert!(rates[99] < 1e-2);
    }

    #[test]
    fn the_average_forgets_its_start_and_then_takes_its_time() {
        assert!(ema_decay(0.999, 1) < 0.2);
        assert_eq!(ema_decay(0.999, 100_000), 0.999);
        assert_eq!(ema_decay(0.1, 50), 0.1);
    }
}
