//! Figures of merit.

/// Average precision of `scores` against `relevant`: the mean, over relevant items, of the precision at their rank. Ties
/// are broken by order, later items first, as the reference's reversed `argsort` does. 0 without relevant items.
pub fn average_precision(scores: &[f32], relevant: &[bool]) -> f32 {
    let mut order: Vec<usize> = (0..scores.len()).collect();
    order.sort_by(|&a, &b| scores[b].total_cmp(&scores[a]).then(b.cmp(&a)));
    let (mut found, mut sum) = (0.0, 0.0);
    for (rank, &item) in order.iter().enumerate() {
        if relevant[item] {
            found += 1.0;
            sum += found / (rank + 1) as f32;
        }
    }
    if found == 0.0 { 0.0 } else { sum / found }
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

    #[test]
    fn average_precision_of_a_hand_worked_case() {
        // Ranking: relevant, not, relevant, not: (1/1 + 2/3) / 2.
        let ap = average_precision(&[0.9, 0.8, 0.7, 0.1], &[true, false, true, false]);
        assert!((ap - (1.0 + 2.0 / 3.0) / 2.0).abs() < 1e-6);
        assert_eq!(average_precision(&[0.5], &[false]), 0.0);
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
