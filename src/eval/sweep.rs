//! Precision and recall of one threshold for all tags, from the most lenient to the strictest.

use serde::Serialize;

use super::metrics::Counts;
use super::tagging::Column;

/// Thresholds: 0.01 to 0.99.
const POINTS: usize = 99;

/// What one threshold for all tags makes of the scores; a score above it is recognised.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct SweepPoint {
    /// The threshold.
    pub threshold: f32,
    /// Share of the recognised that is named, over all pairs of picture and tag.
    pub precision: f64,
    /// Share of the named that is recognised, over all pairs.
    pub recall: f64,
    /// Harmonic mean of the two.
    pub f1: f64,
    /// Mean over tags of the precision (CP).
    pub class_precision: f64,
    /// Mean over tags of the recall (CR).
    pub class_recall: f64,
}

/// Decides all columns at every threshold.
pub(super) fn sweep(columns: &[Column]) -> Vec<SweepPoint> {
    let thresholds: [f32; POINTS] = std::array::from_fn(|at| (at + 1) as f32 / 100.0);
    let mut all = [Counts::default(); POINTS];
    let (mut precisions, mut recalls) = ([0.0; POINTS], [0.0; POINTS]);
    for column in columns {
        for (at, counts) in decided(column, &thresholds).into_iter().enumerate() {
            precisions[at] += counts.precision() / columns.len() as f64;
            recalls[at] += counts.recall() / columns.len() as f64;
            all[at].merge(counts);
        }
    }
    (0..POINTS)
        .map(|at| SweepPoint {
            threshold: thresholds[at],
            precision: all[at].precision(),
            recall: all[at].recall(),
            f1: all[at].f1(),
            class_precision: precisions[at],
            class_recall: recalls[at],
        })
        .collect()
}

/// Counts at every threshold. Each score is put where it is passed by the next threshold, and counts below that.
fn decided(column: &Column, thresholds: &[f32; POINTS]) -> [Counts; POINTS] {
    let mut places = [(0, 0); POINTS + 1];
    for (&score, &shown) in column.scores.iter().zip(&column.shown) {
        let (recognized, both) = &mut places[thresholds.partition_point(|&t| t < score)];
        *recognized += 1;
        *both += u64::from(shown);
    }
    let relevant = column.shown.iter().filter(|&&shown| shown).count() as u64;
    let mut counts = [Counts::default(); POINTS];
    let mut above = Counts {
        relevant,
        ..Counts::default()
    };
    for (counts, (recognized, both)) in counts.iter_mut().zip(&places[1..]).rev() {
        above.recognized += recognized;
        above.both += both;
        *counts = above;
    }
    counts
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::eval::precision_recall;

    #[test]
    fn each_point_is_what_its_threshold_decides() {
        let scores = vec![0.0, 0.01, 0.3, 0.300_1, 0.5, 0.77, 0.99, 1.0];
        let shown = vec![false, true, true, false, true, false, true, true];
        let column = Column {
            scores,
            threshold: 0.5,
            shown,
        };
        let points = sweep(std::slice::from_ref(&column));
        assert_eq!(points.len(), 99);
        for point in &points {
            let above = column.scores.iter().map(|&s| s > point.threshold);
            let above: Vec<bool> = above.collect();
            let expected = precision_recall(&above, &column.shown);
            assert_eq!((point.precision, point.recall), expected, "{point:?}");
            let class = (point.class_precision, point.class_recall);
            assert_eq!(class, expected, "{point:?}");
        }
        assert_eq!(points[29].threshold, 0.3);
    }
}
