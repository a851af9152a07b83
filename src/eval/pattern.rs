//! Pattern search: a maximum of a function of which nothing but values is known.

use std::ops::RangeInclusive;

/// How often a step has been halved when the search begins, and when it ends. It begins with larger ones, because a rank does not
/// change with a small one where one score is far from the other.
const HALVINGS: RangeInclusive<i32> = -3..=5;

/// One number of `P` that may be moved, and how.
pub(super) struct Axis<P> {
    of: fn(&mut P) -> &mut f32,
    step: Step,
}

enum Step {
    /// Added or taken off; what becomes negative is 0.
    Linear(f32),
    /// Multiplied with or divided by.
    Factor(f32),
}

impl<P> Axis<P> {
    /// A number of at least 0.
    pub(super) const fn linear(of: fn(&mut P) -> &mut f32, step: f32) -> Self {
        Self {
            of,
            step: Step::Linear(step),
        }
    }

    /// A number above 0 of which the magnitude matters.
    pub(super) const fn factor(of: fn(&mut P) -> &mut f32, factor: f32) -> Self {
        Self {
            of,
            step: Step::Factor(factor),
        }
    }

    fn moved(&self, params: &P, up: bool, halvings: i32) -> P
    where
        P: Clone,
    {
        let mut params = params.clone();
        let value = (self.of)(&mut params);
        let part = 0.5_f32.powi(halvings);
        let sign = if up { part } else { -part };
        *value = match self.step {
            Step::Linear(step) => (*value + sign * step).max(0.0),
            Step::Factor(factor) => *value * factor.powf(sign),
        };
        params
    }
}

/// Moves `params` along one axis at a time for as long as that makes `objective` larger, then with half the steps; returns the
/// largest value. Ends where it has climbed to, which is a maximum of no more than its surroundings.
///
/// # Errors
/// The first of `objective`.
pub(super) fn climb<P: Clone, E>(
    params: &mut P,
    axes: &[Axis<P>],
    mut objective: impl FnMut(&P) -> Result<f64, E>,
) -> Result<f64, E> {
    let mut best = objective(params)?;
    for halvings in HALVINGS {
        let mut climbs = true;
        while climbs {
            climbs = false;
            for (axis, up) in axes.iter().flat_map(|axis| [(axis, true), (axis, false)]) {
                let moved = axis.moved(params, up, halvings);
                let value = objective(&moved)?;
                if value > best {
                    (*params, best, climbs) = (moved, value, true);
                }
            }
        }
    }
    Ok(best)
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use super::*;

    #[test]
    fn the_top_of_a_slanting_hill_is_found() {
        let mut at = [0.0_f32, 1.0];
        let axes = [
            Axis::linear(|at: &mut [f32; 2]| &mut at[0], 1.0),
            Axis::factor(|at: &mut [f32; 2]| &mut at[1], 2.0),
        ];
        let height = |at: &[f32; 2]| {
            let (x, y) = (f64::from(at[0]) - 2.3, f64::from(at[1]).ln() - 3.0);
            Ok::<_, Infallible>(-x * x - y * y - 0.5 * x * y)
        };
        let Ok(top) = climb(&mut at, &axes, height);
        assert!(top > -0.01, "{at:?} {top}");
        assert!((at[0] - 2.3).abs() < 0.1 && (at[1].ln() - 3.0).abs() < 0.1);
    }

    #[test]
    fn numbers_stay_at_least_zero() {
        let mut at = 1.5_f32;
        let axes = [Axis::linear(|at: &mut f32| at, 1.0)];
        let Ok(_) = climb(&mut at, &axes, |at| Ok::<_, Infallible>(-f64::from(*at)));
        assert_eq!(at, 0.0);
    }

    #[test]
    fn what_is_flat_nearby_is_left() {
        let mut at = 0.001_f32;
        let axes = [Axis::factor(|at: &mut f32| at, 2.0)];
        let step = |at: &f32| Ok::<_, Infallible>(f64::from(u8::from(*at > 0.1)));
        let Ok(top) = climb(&mut at, &axes, step);
        assert_eq!(top, 1.0);
    }

    #[test]
    fn an_objective_that_fails_ends_the_search() {
        let axes = [Axis::linear(|at: &mut f32| at, 1.0)];
        assert_eq!(climb(&mut 0.0, &axes, |_| Err("stopped")), Err("stopped"));
    }
}
