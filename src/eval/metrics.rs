//! Figures of merit.

/// What the reference adds to the number of relevant items of average precision, and to the denominators of precision and
/// recall: a class without any scores 0 instead of dividing by it.
const AVERAGE_PRECISION_EPSILON: f64 = 1e-8;
const EPSILON: f64 = 1e-9;

/// Average precision of `scores` against `relevant`: the mean, over relevant items, of the precision at their rank. Ties
/// are broken by order, later items first, as the reference's reversed `argsort` does. 0 without relevant items. mAP is its
/// mean over classes.
pub fn average_precision(scores: &[f32], relevant: &[bool]) -> f64 {
    let mut order: Vec<usize> = (0..scores.len()).collect();
    order.sort_by(|&a, &b| scores[b].total_cmp(&scores[a]).then(b.cmp(&a)));
    let (mut found, mut sum) = (0.0, 0.0);
    for (rank, &item) in order.iter().enumerate() {
        if relevant[item] {
            found += 1.0;
            sum += found / (rank + 1) as f64;
        }
    }
    sum / (found + AVERAGE_PRECISION_EPSILON)
}

/// Precision and recall of what is `recognized` against what is `relevant`. Their means over classes are the reference's CP
/// and CR.
pub fn precision_recall(recognized: &[bool], relevant: &[bool]) -> (f64, f64) {
    let count = |items: &[bool]| items.iter().filter(|&&item| item).count() as f64;
    let both = recognized
        .iter()
        .zip(relevant)
        .filter(|&(&a, &b)| a && b)
        .count() as f64;
    (
        both / (count(recognized) + EPSILON),
        both / (count(relevant) + EPSILON),
    )
}

/// Rank, from 0, of the best of `targets` among `scores`; what scores the same as it is counted as ranked before it, so a
/// constant score earns nothing.
pub fn rank_of(scores: &[f32], targets: &[usize]) -> usize {
    let best = targets
        .iter()
        .map(|&target| scores[target])
        .fold(f32::NEG_INFINITY, f32::max);
    let not_below = scores.iter().filter(|&&score| score >= best).count();
    let own = targets
        .iter()
        .filter(|&&target| scores[target] >= best)
        .count();
    not_below - own
}

/// Share of ranks, from 0, that are below `k`.
pub fn recall_at(ranks: &[usize], k: usize) -> f64 {
    let hits = ranks.iter().filter(|&&rank| rank < k).count();
    hits as f64 / ranks.len().max(1) as f64
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

    #[test]
    fn recall_counts_the_first_k_ranks() {
        assert_eq!(recall_at(&[0, 1, 9, 10], 10), 0.75);
        assert_eq!(recall_at(&[], 10), 0.0);
    }
}
