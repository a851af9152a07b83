//! Precision against recall, drawn as SVG.

use std::path::Path;

use super::{EvalError, TaggingReport};
use crate::plot::{self, Axis, Chart};

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
