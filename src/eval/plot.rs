//! Precision against recall, drawn as SVG.

use std::path::Path;

use super::{AblationReport, AblationRow, EvalError, Figure, TaggingReport};
use crate::plot::{self, Axis, Chart};

impl AblationReport {
    /// Draws recall at 1, 5 and 10 of every combination of legs, for captions and for words of them.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn plot(&self, path: &Path) -> Result<(), EvalError> {
        let marks = |rows: &'_ [AblationRow]| {
            let rows = rows.iter().zip(1..);
            let marks = rows.flat_map(|(row, at)| {
                let place = |figure: Figure, word| (at as f32, figure.value as f32, word);
                [
                    place(row.r1, ""),
                    place(row.r5, ""),
                    place(row.r10, row.legs),
                ]
            });
            marks.collect::<Vec<_>>()
        };
        let (sentences, keywords) = (marks(&self.sentences), marks(&self.keywords));
        let chart = |title, marks| Chart {
            title,
            x: Axis {
                name: "legs",
                range: 0.5..self.sentences.len() as f32 + 1.0,
            },
            y: Axis {
                name: "recall at 1, 5 and 10",
                range: 0.0..1.0,
            },
            line: &[],
            marks,
        };
        let charts = [
            chart("whole captions", &sentences),
            chart("2 to 4 content words of each caption", &keywords),
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
        };
        let chart = Chart {
            title: &title,
            x: share("recall"),
            y: share("precision"),
            line: &line,
            marks: &[(own.0, own.1, "the tags' own thresholds")],
        };
        plot::draw(path, &[chart], 2).map_err(|reason| EvalError::Curve {
            path: path.to_owned(),
            reason,
        })
    }
}
