//! Precision against recall, drawn as SVG.

use std::path::Path;

use super::{AblationReport, AblationRow, EvalError, Figure, TaggingReport};
use crate::plot::{self, Axis, Chart};

impl AblationReport {
    /// Draws recall at 1, 5 and 10 of every combination of legs with 95 % intervals, for captions and for words of them.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn plot(&self, path: &Path) -> Result<(), EvalError> {
        let figures = |rows: &[AblationRow]| {
            let rows = rows.iter().zip(1..);
            let figures = rows
                .flat_map(|(row, at)| [row.r1, row.r5, row.r10].map(|figure| (at as f32, figure)));
            figures.collect::<Vec<_>>()
        };
        let marks = |figures: &[(f32, Figure)]| {
            let marks = figures.iter().map(|(at, figure)| {
                let percent = format!("{:.1} %", 100.0 * figure.value);
                (*at, figure.value as f32, percent)
            });
            marks.collect::<Vec<_>>()
        };
        let spans = |figures: &[(f32, Figure)]| {
            let spans = figures
                .iter()
                .map(|(_, Figure { interval, .. })| interval.low as f32..interval.high as f32);
            spans.collect::<Vec<_>>()
        };
        let legs: Vec<&str> = self.sentences.iter().map(|row| row.legs).collect();
        let (sentences, keywords) = (figures(&self.sentences), figures(&self.keywords));
        let drawn = [&sentences, &keywords].map(|figures| (marks(figures), spans(figures)));
        let chart = |title, at: usize| Chart {
            title,
            x: Axis {
                name: "legs",
                range: 0.5..legs.len() as f32 + 0.9,
                labels: &legs,
            },
            y: Axis {
                name: "recall at 1, 5 and 10",
                range: 0.0..1.0,
                labels: &[],
            },
            line: &[],
            marks: &drawn[at].0,
            spans: &drawn[at].1,
        };
        let charts = [
            chart("whole captions", 0),
            chart("2 to 4 content words of each caption", 1),
        ];
        plot::draw(path, &charts, 1).map_err(|reason| EvalError::Curve {
            path: path.to_owned(),
            reason,
        })
    }
}

impl TaggingReport {
    /// Draws precision against recall over all pairs of picture and tag: a line for one threshold from 0.01 to 0.99, and where
    /// the tags' own thresholds are.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn plot(&self, path: &Path) -> Result<(), EvalError> {
        // Where nothing is recognised there is no precision.
        let points = self.sweep.iter().filter(|point| point.recall > 0.0);
        let line: Vec<(f32, f32)> = points
            .map(|point| (point.recall as f32, point.precision as f32))
            .collect();
        let own = (self.figures.recall as f32, self.figures.precision as f32);
        let title = format!("{} tags in {} pictures", self.tags, self.images);
        let share = |name| Axis {
            name,
            range: 0.0..1.0,
            labels: &[],
        };
        let chart = Chart {
            title: &title,
            x: share("recall"),
            y: share("precision"),
            line: &line,
            marks: &[(own.0, own.1, "the tags' own thresholds".to_owned())],
            spans: &[],
        };
        plot::draw(path, &[chart], 2).map_err(|reason| EvalError::Curve {
            path: path.to_owned(),
            reason,
        })
    }
}
