//! Loss and score over a run, drawn as SVG.

use std::path::Path;

use plotters::prelude::*;

use super::TrainError;
use super::checkpoint::State;

/// Draws the training loss over steps, and below it the held-out score after each epoch.
pub(crate) fn draw(
    path: &Path,
    title: &str,
    score: &str,
    state: &State,
    steps: usize,
) -> Result<(), TrainError> {
    let failed = |reason: String| TrainError::Curves {
        path: path.to_owned(),
        reason,
    };
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
    let root = SVGBackend::new(path, (720, 560)).into_drawing_area();
    let draw = || -> Result<(), Box<dyn std::error::Error>> {
        root.fill(&WHITE)?;
        let (upper, lower) = root.split_vertically(280);
        line(&upper, &format!("{title}: training loss"), &losses, steps)?;
        line(
            &lower,
            &format!("{title}: {score}, held-out training pictures"),
            &scores,
            steps,
        )?;
        root.present()?;
        Ok(())
    };
    draw().map_err(|error| failed(error.to_string()))
}

fn line<DB: DrawingBackend>(
    area: &DrawingArea<DB, plotters::coord::Shift>,
    title: &str,
    points: &[(f32, f32)],
    steps: usize,
) -> Result<(), Box<dyn std::error::Error>>
where
    DB::ErrorType: 'static,
{
    let low = points.iter().map(|p| p.1).fold(f32::INFINITY, f32::min);
    let high = points.iter().map(|p| p.1).fold(f32::NEG_INFINITY, f32::max);
    let (low, high) = if points.is_empty() {
        (0.0, 1.0)
    } else {
        let margin = 0.05 * (high - low).max(1e-3);
        (low - margin, high + margin)
    };
    let mut chart = ChartBuilder::on(area)
        .caption(title, ("sans-serif", 16))
        .margin(8)
        .x_label_area_size(28)
        .y_label_area_size(56)
        .build_cartesian_2d(0f32..steps as f32, low..high)?;
    chart.configure_mesh().x_desc("step").draw()?;
    chart.draw_series(LineSeries::new(points.iter().copied(), &BLUE))?;
    Ok(())
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
        };
        draw(&path, "alignment", "R@10", &state, 10).unwrap();
        assert!(std::fs::read_to_string(&path).unwrap().contains("polyline"));
    }
}
