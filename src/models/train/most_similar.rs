//! The columns of a row of similarities that are greatest.

/// Up to `count` columns but `own`, the most similar first; of equals, the first.
pub(crate) fn most_similar(similarities: &[f32], own: Option<usize>, count: usize) -> Vec<usize> {
    let others = (0..similarities.len()).filter(|&column| Some(column) != own);
    let mut order: Vec<usize> = others.collect();
    let by_similarity =
        |&a: &usize, &b: &usize| similarities[b].total_cmp(&similarities[a]).then(a.cmp(&b));
    if count < order.len() {
        order.select_nth_unstable_by(count, by_similarity);
        order.truncate(count);
    }
    order.sort_unstable_by(by_similarity);
    order
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_greatest_come_first_and_the_own_one_never() {
        let row = [0.1, 0.9, 0.5, 0.5, 0.8];
        assert_eq!(most_similar(&row, Some(1), 2), [4, 2]);
        assert_eq!(most_similar(&row, Some(1), 9), [4, 2, 3, 0]);
        assert_eq!(most_similar(&row, None, 1), [1]);
        assert!(most_similar(&[], None, 3).is_empty());
    }
}
