//! Items in the order of their scores.

/// What the reference adds to the number of relevant items: without any the average precision is 0.
const EPSILON: f64 = 1e-8;

/// An item that was ranked.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ranked {
    pub(crate) score: f32,
    /// The picture that it belongs to.
    pub(crate) picture: u32,
    pub(crate) relevant: bool,
}

/// Items, best first, up to the last relevant one: what comes after it changes no average precision.
#[derive(Debug)]
pub(crate) struct Ranking(Vec<(u32, bool)>);

impl Ranking {
    /// Ties are broken by order, later items first, as the reference's reversed `argsort` does.
    pub(crate) fn new(items: impl IntoIterator<Item = Ranked>) -> Self {
        let mut items: Vec<Ranked> = items.into_iter().collect();
        items.reverse();
        items.sort_by(|a, b| b.score.total_cmp(&a.score));
        let end = items.iter().rposition(|item| item.relevant);
        items.truncate(end.map_or(0, |last| last + 1));
        Self(items.iter().map(|i| (i.picture, i.relevant)).collect())
    }

    /// Mean, over relevant items, of the precision at their rank, where each picture counts `times` often; `None` when no
    /// relevant item counts.
    ///
    /// A picture that is drawn twice must not find itself: before an item stand the others as often as they were drawn, and
    /// it itself once. Else every resample of a bootstrap would rank better than the data it was drawn from.
    pub(crate) fn average_precision(&self, times: &[u32]) -> Option<f64> {
        let (mut seen, mut found) = (0, 0);
        let (mut sum, mut relevant_items) = (0.0, 0);
        for &(picture, relevant) in &self.0 {
            let times = times[picture as usize];
            if relevant && times > 0 {
                sum += f64::from(times) * (f64::from(found + 1) / f64::from(seen + 1));
                relevant_items += times;
                found += times;
            }
            seen += times;
        }
        let count = f64::from(relevant_items);
        (relevant_items > 0).then(|| sum / (count + EPSILON))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ranking(items: &[(f32, bool)]) -> Ranking {
        let items = items.iter().zip(0..);
        Ranking::new(items.map(|(&(score, relevant), picture)| Ranked {
            score,
            picture,
            relevant,
        }))
    }

    fn close(found: Option<f64>, expected: f64) {
        let found = found.unwrap();
        assert!((found - expected).abs() < 1e-7, "{found} {expected}");
    }

    #[test]
    fn pictures_count_as_often_as_they_were_drawn() {
        // Ranking: 0 relevant, 1 not, 2 relevant, 3 not.
        let ranking = ranking(&[(0.9, true), (0.8, false), (0.7, true), (0.1, false)]);
        close(ranking.average_precision(&[1; 4]), (1.0 + 2.0 / 3.0) / 2.0);
        // Picture 1 twice: before picture 2 stand one relevant and two others.
        close(
            ranking.average_precision(&[1, 2, 1, 0]),
            (1.0 + 2.0 / 4.0) / 2.0,
        );
        // Picture 2 twice: two items, each of which has the precision 2/3.
        close(
            ranking.average_precision(&[1, 1, 2, 0]),
            (1.0 + 2.0 * (2.0 / 3.0)) / 3.0,
        );
        // Picture 0 left out.
        close(ranking.average_precision(&[0, 1, 1, 2]), 1.0 / 2.0);
        assert_eq!(ranking.average_precision(&[0, 3, 0, 1]), None);
    }

    #[test]
    fn of_equal_scores_the_later_item_comes_first() {
        close(
            ranking(&[(0.5, true), (0.5, false)]).average_precision(&[1; 2]),
            0.5,
        );
        close(
            ranking(&[(0.5, false), (0.5, true)]).average_precision(&[1; 2]),
            1.0,
        );
    }
}
