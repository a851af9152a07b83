//! What is done to the scores of one row, a score for each token of the vocabulary, before a token is chosen.

/// Scores of the tokens that `ids` holds become less likely: negative ones are multiplied by `penalty`, others divided by it
/// (Keskar et al. 2019, CTRL). A token that comes twice is penalised once.
pub(crate) fn penalise_repetition(scores: &mut [f32], ids: &[u32], penalty: f32) {
    if penalty == 1.0 {
        return;
    }
    for (i, id) in ids.iter().enumerate() {
        if ids[..i].contains(id) {
            continue;
        }
        let score = &mut scores[*id as usize];
        *score = if *score < 0.0 {
            *score * penalty
        } else {
            *score / penalty
        };
    }
}

/// Keeps a text of `length` tokens from ending before it has `min_length`.
pub(crate) fn hold_back_end(scores: &mut [f32], length: usize, min_length: usize, end: u32) {
    if length < min_length {
        scores[end as usize] = f32::NEG_INFINITY;
    }
}

/// Logits to log-probabilities.
pub(crate) fn log_softmax(scores: &mut [f32]) {
    let shift = log_sum_exp(scores);
    for score in scores {
        *score -= shift;
    }
}

/// The logarithm of the sum of all `e^score`.
pub(crate) fn log_sum_exp(scores: &[f32]) -> f32 {
    let largest = scores.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let sum: f64 = scores
        .iter()
        .map(|&score| f64::from((score - largest).exp()))
        .sum();
    largest + sum.ln() as f32
}

/// The `count` highest scores, the highest first; of equal ones the lower index first. What is not finite is passed over, so
/// there may be fewer.
pub(crate) fn highest(scores: &[f32], count: usize) -> Vec<(usize, f32)> {
    let mut best: Vec<(usize, f32)> = Vec::with_capacity(count + 1);
    let mut least = f32::NEG_INFINITY;
    for (index, &score) in scores.iter().enumerate() {
        // NaN fails this too.
        if !(score > least && score < f32::INFINITY) {
            continue;
        }
        let place = best.partition_point(|&(_, other)| other >= score);
        best.insert(place, (index, score));
        best.truncate(count);
        if best.len() == count {
            least = best.last().map_or(f32::INFINITY, |&(_, score)| score);
        }
    }
    best
}

/// Tokens and probabilities to sample from: the `top_k` highest scores (and what equals the last of them), then of these the
/// fewest whose probabilities, the highest first, reach `top_p` (Holtzman et al. 2020).
pub(crate) fn nucleus(scores: &[f32], top_k: usize, top_p: f32) -> Vec<(u32, f64)> {
    let Some(&(_, least)) = highest(scores, top_k).last() else {
        return Vec::new();
    };
    let mut kept: Vec<(u32, f32)> = (0..)
        .zip(scores.iter().copied())
        .filter(|&(_, score)| score >= least)
        .collect();
    kept.sort_by(|a, b| a.1.total_cmp(&b.1));
    let total = f64::from(log_sum_exp(
        &kept.iter().map(|&(_, score)| score).collect::<Vec<_>>(),
    ));
    let mut cumulative = 0.0;
    let mut nucleus: Vec<(u32, f64)> = kept
        .into_iter()
        .map(|(id, score)| (id, (f64::from(score) - total).exp()))
        .filter(|&(_, probability)| {
            // From the least likely on: what lies wholly in the tail is dropped.
            cumulative += probability;
            cumulative > 1.0 - f64::from(top_p)
        })
        .collect();
    let sum: f64 = nucleus.iter().map(|&(_, probability)| probability).sum();
    for (_, probability) in &mut nucleus {
        *probability /= sum;
    }
    nucleus
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_repeated_token_is_penalised_once_towards_less_likely() {
        let mut scores = [2.0, -2.0, 3.0, 0.0];
        penalise_repetition(&mut scores, &[0, 1, 1, 3, 0], 4.0);
        assert_eq!(scores, [0.5, -8.0, 3.0, 0.0]);
        penalise_repetition(&mut scores, &[0, 1, 2, 3], 1.0);
        assert_eq!(scores, [0.5, -8.0, 3.0, 0.0]);
    }

    #[test]
    fn the_end_is_held_back_below_the_least_length() {
        let mut scores = [1.0, 2.0];
        hold_back_end(&mut scores, 10, 10, 1);
        assert_eq!(scores, [1.0, 2.0]);
        hold_back_end(&mut scores, 9, 10, 1);
        assert_eq!(scores, [1.0, f32::NEG_INFINITY]);
    }

    #[test]
    fn log_softmax_of_one_half_and_two_quarters() {
        // 1000 + ln 2 and twice 1000: exponentials that overflow unless the largest is taken off first.
        let mut scores = [1000.0 + 2f32.ln(), 1000.0, 1000.0];
        log_softmax(&mut scores);
        for (score, probability) in scores.iter().zip([0.5f32, 0.25, 0.25]) {
            assert!((score - probability.ln()).abs() < 1e-4, "{score}");
        }
        let mut masked = [f32::NEG_INFINITY, 0.0];
        log_softmax(&mut masked);
        assert_eq!(masked, [f32::NEG_INFINITY, 0.0]);
    }

    #[test]
    fn the_highest_come_in_order_and_ties_by_index() {
        let scores = [1.0, 5.0, 3.0, 5.0, f32::NAN, f32::NEG_INFINITY, 4.0];
        assert_eq!(highest(&scores, 3), [(1, 5.0), (3, 5.0), (6, 4.0)]);
        assert_eq!(highest(&scores, 9).len(), 5);
        assert_eq!(highest(&[f32::NAN, f32::INFINITY], 2), []);
    }

    #[test]
    fn the_nucleus_is_the_fewest_that_reach_the_share() {
        // Probabilities 0.4, 0.1, 0.3, 0.2.
        let scores = [0.4f32, 0.1, 0.3, 0.2].map(f32::ln);
        let ids = |top_k, top_p| -> Vec<u32> {
            let mut ids: Vec<u32> = nucleus(&scores, top_k, top_p).iter().map(|n| n.0).collect();
            ids.sort();
            ids
        };
        assert_eq!(ids(50, 1.0), [0, 1, 2, 3]);
        // 0.4 + 0.3 fall short of 0.75, so the third is needed; its tail holds 0.1 + 0.2 > 0.25.
        assert_eq!(ids(50, 0.75), [0, 2, 3]);
        assert_eq!(ids(50, 0.65), [0, 2]);
        assert_eq!(ids(50, 0.3), [0]);
        assert_eq!(ids(50, 1e-6), [0]);
        // The share is taken of what top-k left: 0.4 / 0.7 and 0.3 / 0.7.
        assert_eq!(ids(2, 0.6), [0, 2]);
        assert_eq!(ids(2, 0.55), [0]);
        let sum: f64 = nucleus(&scores, 3, 0.7).iter().map(|n| n.1).sum();
        assert!((sum - 1.0).abs() < 1e-12);
        assert_eq!(
            nucleus(&[1.0, 1.0, 1.0], 2, 1.0).len(),
            3,
            "ties with the last are kept"
        );
        assert!(nucleus(&[f32::NAN], 2, 1.0).is_empty());
    }
}
