//! Retrieval in two steps: a cheap score for all candidates, an expensive one for the best of them (BLIP's evaluation).

/// What a candidate beyond the depth scores: less than any that was looked at closely.
const BEYOND: f32 = -100.0;

/// Scores of all candidates of one query. The `depth` most similar of them (all, where there are fewer) get what `matching`
/// returns for their indices plus their similarity, all others -100. Of equally similar candidates the first comes first.
///
/// # Errors
/// What `matching` fails with.
///
/// # Panics
/// When `matching` does not return one score for each index.
pub fn rerank<E>(
    similarities: &[f32],
    depth: usize,
    matching: impl FnOnce(&[usize]) -> Result<Vec<f32>, E>,
) -> Result<Vec<f32>, E> {
    let order = closest(similarities, depth);
    let matches = matching(&order)?;
    assert_eq!(matches.len(), order.len(), "one score for each candidate");
    let mut scores = vec![BEYOND; similarities.len()];
    for (&candidate, score) in order.iter().zip(matches) {
        scores[candidate] = score + similarities[candidate];
    }
    Ok(scores)
}

/// The `depth` most similar candidates, or all of them; of equally similar ones the first comes first.
pub(crate) fn closest(similarities: &[f32], depth: usize) -> Vec<usize> {
    let mut order: Vec<usize> = (0..similarities.len()).collect();
    order.sort_by(|&a, &b| similarities[b].total_cmp(&similarities[a]));
    order.truncate(depth);
    order
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::convert::Infallible;

    fn ranked(similarities: &[f32], depth: usize) -> (Vec<f32>, Vec<usize>) {
        let mut asked = Vec::new();
        let scores = rerank(similarities, depth, |candidates| {
            asked = candidates.to_vec();
            Ok::<_, Infallible>(candidates.iter().map(|&c| 10.0 * c as f32).collect())
        });
        let Ok(scores) = scores;
        (scores, asked)
    }

    #[test]
    fn only_the_most_similar_are_looked_at() {
        let (scores, asked) = ranked(&[0.25, 0.5, -1.0, 0.5], 2);
        assert_eq!(asked, [1, 3]);
        assert_eq!(scores, [-100.0, 10.5, -100.0, 30.5]);
    }

    #[test]
    fn a_depth_beyond_the_candidates_is_all_of_them() {
        let (scores, asked) = ranked(&[0.25, 0.5], 256);
        assert_eq!(asked, [1, 0]);
        assert_eq!(scores, [0.25, 10.5]);
        assert_eq!(ranked(&[], 5), (vec![], vec![]));
        assert_eq!(ranked(&[0.5], 0), (vec![-100.0], vec![]));
    }

    #[test]
    fn a_failure_is_passed_on() {
        assert_eq!(rerank(&[0.5], 1, |_| Err("no")), Err("no"));
    }
}
