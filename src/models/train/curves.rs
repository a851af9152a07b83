//! Loss and score over a run, drawn as SVG.

use std::ops::Range;
use std::path::Path;

use super::TrainError;
use super::checkpoint::State;
use crate::plot::{self, Axis, Chart};

/// Draws the training loss over steps, and below it the held-out score after each epoch.
pub(crate) fn draw(
    path: &Path,
    title: &str,
    score: &str,
    state: &State,
    steps: usize,
) -> Result<(), TrainError> {
    let losses: Vec<(f32, f32)> = state
        .losses
        .iter()
        .map(|&(step, loss)| (step as f32, loss))
        .collect();
    let per_epoch = steps as f32 / state.scores.len().max(1) as f32;
    let scores: Vec<(f32, f32)> = state
        .scores
        .iter()
        .enumerate()
        .map(|(epoch, &value)| ((epoch + 1) as f32 * per_epoch, value))
        .collect();
    let titles = [
        format!("{title}: training loss"),
        format!("{title}: {score}, held-out training pictures"),
    ];
    let over_steps = |title, line| Chart {
        title,
        x: Axis {
            name: "step",
            range: 0.0..steps as f32,
            labels: &[],
        },
        y: Axis {
            name: "",
            range: around(line),
            labels: &[],
        },
        line,
        marks: &[],
        spans: &[],
    };
    let charts = [
        over_steps(&titles[0], &losses),
        over_steps(&titles[1], &scores),
    ];
    plot::draw(path, &charts, 1).map_err(|reason| TrainError::Curves {
        path: path.to_owned(),
        reason,
    })
}

/// The values of a line with a little room; any where there are none.
fn around(points: &[(f32, f32)]) -> Range<f32> {
    if points.is_empty() {
        return 0.0..1.0;
    }
    let low = points.iter().map(|p| p.1).fold(f32::INFINITY, f32::min);
    let high = points.iter().map(|p| p.1).fold(f32::NEG_INFINITY, f32::max);
    let margin = 0.05 * (high - low).max(1e-3);
    low - margin..high + margin
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_a_picture_even_before_the_first_step() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("curve.svg");
        draw(&path, "alignment", "R@10", &State::default(), 10).unwrap();
        let state = State {
            step: 10,
            losses: vec![(5, 2.0), (10, 1.0)],
            scores: vec![0.5, 0.6],
            ..State::default()
        };
        draw(&path, "alignment", "R@10", &state, 10).unwrap();
        assert!(std::fs::read_to_string(&path).unwrap().contains("polyline"));
    }
}
