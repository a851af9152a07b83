//! Figures of merit.

use super::ranking::{Ranked, Ranking};

/// What the reference adds to the denominators of precision and recall: a class without any scores 0 instead of dividing by
/// it.
const EPSILON: f64 = 1e-9;

/// Average precision of `scores` against `relevant`: the mean, over relevant items, of the precision at their rank. Ties
/// are broken by order, later items first, as the reference's reversed `argsort` does. 0 without relevant items. mAP is its
/// mean over classes.
pub fn average_precision(scores: &[f32], relevant: &[bool]) -> f64 {
    let items = scores.iter().zip(relevant).zip(0..);
    let ranking = Ranking::new(items.map(|((&score, &relevant), picture)| Ranked {
        score,
        picture,
        relevant,
    }));
    ranking
        .average_precision(&vec![1; scores.len()])
        .unwrap_or_default()
}

/// Precision and recall of what is `recognized` against what is `relevant`. Their means over classes are the reference's CP
/// and CR.
pub fn precision_recall(recognized: &[bool], relevant: &[bool]) -> (f64, f64) {
    let mut counts = Counts::default();
    for (&recognized, &relevant) in recognized.iter().zip(relevant) {
        counts.add(recognized, relevant, 1);
    }
    (counts.precision(), counts.recall())
}

/// How often a decision and the truth agree.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Counts {
    pub(crate) recognized: u64,
    pub(crate) relevant: u64,
    pub(crate) both: u64,
}

impl Counts {
    pub(crate) fn add(&mut self, recognized: bool, relevant: bool, times: u32) {
        self.recognized += u64::from(recognized) * u64::from(times);
        self.relevant += u64::from(relevant) * u64::from(times);
        self.both += u64::from(recognized && relevant) * u64::from(times);
    }

    pub(crate) fn merge(&mut self, other: Self) {
        self.recognized += other.recognized;
        self.relevant += other.relevant;
        self.both += other.both;
    }

    pub(crate) fn precision(&self) -> f64 {
        self.both as f64 / (self.recognized as f64 + EPSILON)
    }

    pub(crate) fn recall(&self) -> f64 {
        self.both as f64 / (self.relevant as f64 + EPSILON)
    }

    /// Harmonic mean of the two.
    pub(crate) fn f1(&self) -> f64 {
        let (precision, recall) = (self.precision(), self.recall());
        2.0 * precision * recall / (precision + recall).max(f64::MIN_POSITIVE)
    }
}

/// Rank, from 0, of the best of `targets` among `scores`; what scores the same as it, or no number, is counted as ranked
/// before it, so a constant score earns nothing.
pub fn rank_of(scores: &[f32], targets: &[usize]) -> usize {
    let best = targets
        .iter()
        .map(|&target| scores[target])
        .fold(f32::NEG_INFINITY, f32::max);
    let is_below = |score: f32| score < best;
    let not_below = scores.iter().filter(|&&score| !is_below(score)).count();
    let own = targets
        .iter()
        .filter(|&&target| !is_below(scores[target]))
        .count();
    not_below - own
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(serde::Deserialize)]
    #[serde(rename_all = "UPPERCASE")]
    struct Golden {
        #[serde(rename = "scores")]
        scores: Vec<Vec<f32>>,
        #[serde(rename = "gt")]
        shown: Vec<Vec<u8>>,
        #[serde(rename = "threshold")]
        threshold: f32,
        #[serde(rename = "mAP")]
        mean_average_precision: f64,
        ap: Vec<f64>,
        cp: f64,
        cr: f64,
        p: Vec<f64>,
        r: Vec<f64>,
    }

    fn close(found: f64, expected: f64) {
        assert!((found - expected).abs() < 1e-12, "{found} {expected}");
    }

    #[test]
    fn class_metrics_equal_the_reference() {
        let golden: Golden = serde_json::from_str(include_str!(
            "../../tests/fixtures/golden/metrics_golden.json"
        ))
        .unwrap();
        let classes = golden.ap.len();
        let mut means = [0.0; 3];
        for class in 0..classes {
            let scores: Vec<f32> = golden.scores.iter().map(|row| row[class]).collect();
            let shown: Vec<bool> = golden.shown.iter().map(|row| row[class] == 1).collect();
            // The reference's evaluation counts a score on the threshold, its inference does not.
            let found: Vec<bool> = scores.iter().map(|&s| s >= golden.threshold).collect();
            let ap = average_precision(&scores, &shown);
            let (precision, recall) = precision_recall(&found, &shown);
            close(ap, golden.ap[class]);
            close(precision, golden.p[class]);
            close(recall, golden.r[class]);
            for (mean, value) in means.iter_mut().zip([ap, precision, recall]) {
                *mean += value / classes as f64;
            }
        }
        close(means[0], golden.mean_average_precision);
        close(means[1], golden.cp);
        close(means[2], golden.cr);
    }

    #[test]
    fn average_precision_of_a_hand_worked_case() {
        // Ranking: relevant, not, relevant, not: (1/1 + 2/3) / 2.
        let ap = average_precision(&[0.9, 0.8, 0.7, 0.1], &[true, false, true, false]);
        assert!((ap - (1.0 + 2.0 / 3.0) / 2.0).abs() < 1e-7);
        assert_eq!(average_precision(&[0.5], &[false]), 0.0);
        assert_eq!(precision_recall(&[false], &[false]), (0.0, 0.0));
    }

    #[test]
    fn a_constant_score_earns_the_worst_rank() {
        assert_eq!(rank_of(&[0.0; 5], &[2]), 4);
        assert_eq!(rank_of(&[0.1, 0.9, 0.4, 0.8], &[2, 3]), 1);
    }
}
