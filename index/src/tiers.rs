/// A commit smaller than this counts as this, so that a run of tiny commits does not make a ladder of tiny
/// segments.
const SMALLEST: u64 = 64;
/// A segment is merged once what is younger has grown to this part of it (1/3).
const RATIO: u64 = 3;
/// A segment of which this part (1/4) is dead is written again without it.
const DEAD: u64 = 4;

/// Says which segments are to be merged with `fresh` new rows, given the `(live, dead)` rows of each.
///
/// Each row is written again only when its segment grows by a third, so n rows cost O(n log n) writes, and since
/// each segment that stays is three times the sum of the smaller ones, there are at most log3(n / 64) + 1.
pub(crate) fn to_merge(segments: &[(u64, u64)], fresh: u64) -> Vec<bool> {
    let mut merged: Vec<bool> = segments
        .iter()
        .map(|&(live, dead)| live == 0 || dead * DEAD > live + dead)
        .collect();
    let forced: u64 = segments
        .iter()
        .zip(&merged)
        .filter(|(_, m)| **m)
        .map(|(s, _)| s.0)
        .sum();
    let mut sum = fresh + forced;
    if sum == 0 {
        return merged;
    }
    let mut smallest_first: Vec<usize> = (0..segments.len()).filter(|&at| !merged[at]).collect();
    smallest_first.sort_by_key(|&at| segments[at].0);
    for at in smallest_first {
        let live = segments[at].0;
        if live >= RATIO * sum.max(SMALLEST) {
            break;
        }
        merged[at] = true;
        sum += live;
    }
    merged
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Commits batches one after the other; gives the number of segments at most and the rows written per row.
    fn grow(batches: usize, batch: u64) -> (usize, f64) {
        let (mut segments, mut most, mut written) = (Vec::<(u64, u64)>::new(), 0, 0);
        for _ in 0..batches {
            let merged = to_merge(&segments, batch);
            let sum: u64 = segments
                .iter()
                .zip(&merged)
                .filter(|(_, m)| **m)
                .map(|(s, _)| s.0)
                .sum();
            let mut keep = merged.iter().map(|merged| !merged);
            segments.retain(|_| keep.next() == Some(true));
            segments.push((sum + batch, 0));
            written += sum + batch;
            most = most.max(segments.len());
        }
        (most, written as f64 / (batches as u64 * batch) as f64)
    }

    #[test]
    fn there_are_few_segments_and_rows_are_rarely_written_again() {
        let (most, times) = grow(4000, 256);
        assert!(
            most <= 8 && times < 20.0,
            "{most} segments, each row written {times} times"
        );
        let (most, times) = grow(5000, 1);
        assert!(
            most <= 8 && times < 80.0,
            "{most} segments, each row written {times} times"
        );
    }

    #[test]
    fn segments_that_are_mostly_dead_are_written_again() {
        assert_eq!(
            to_merge(&[(1000, 0), (0, 10), (100_000, 50_000)], 0),
            [true, true, true]
        );
        assert_eq!(to_merge(&[(0, 10), (100_000, 5)], 0), [true, false]);
        assert_eq!(to_merge(&[(1000, 20)], 0), [false]);
    }
}
