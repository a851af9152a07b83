//! How well pictures and captions find each other, as one figure.

use crate::eval::rank_of;

/// The cutoffs of the field.
const CUTOFFS: [usize; 3] = [1, 5, 10];

/// Mean of R@1, R@5 and R@10, of captions that look for their picture and of pictures that look for any of their captions.
///
/// One of these alone moves by its standard error from epoch to epoch, which is as much as the epochs differ; the mean of six moves
/// less. `similarity` is `[captions, pictures]`, row-major, and `owners` has the picture of each caption, each picture at least
/// once. What is as similar as the own one, or no number, is counted as ahead of it: heads that tell nothing apart find nothing.
pub(crate) fn mean_recall(similarity: &[f32], owners: &[usize]) -> f32 {
    let Some(pictures) = similarity.len().checked_div(owners.len()) else {
        return 0.0;
    };
    let rows = similarity.chunks_exact(pictures).zip(owners);
    let of_captions: Vec<usize> = rows.map(|(row, &own)| rank_of(row, &[own])).collect();
    let of_pictures: Vec<usize> = (0..pictures)
        .map(|picture| {
            let column = similarity.iter().skip(picture).step_by(pictures);
            let column: Vec<f32> = column.copied().collect();
            let own = (0..owners.len()).filter(|&caption| owners[caption] == picture);
            rank_of(&column, &own.collect::<Vec<_>>())
        })
        .collect();
    let recalls = [of_captions, of_pictures].map(|ranks| {
        let found = CUTOFFS.map(|k| ranks.iter().filter(|&&rank| rank < k).count());
        let share = |found| found as f32 / ranks.len().max(1) as f32;
        found.into_iter().map(share).sum::<f32>() / CUTOFFS.len() as f32
    });
    recalls.iter().sum::<f32>() / recalls.len() as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_directions_count() {
        // Two captions of the first picture, one of the second.
        let owners = [0, 0, 1];
        let similarity = [
            0.9, 0.1, // found at once
            0.2, 0.3, // second
            0.8, 0.5, // second
        ];
        // Captions: R@1 is 1/3, all are among five. The first picture finds its first caption before the others; the second finds
        // its own before the others as well.
        let expected = ((1.0 / 3.0 + 1.0 + 1.0) / 3.0 + 1.0) / 2.0;
        assert!((mean_recall(&similarity, &owners) - expected).abs() < 1e-6);
        // Now the second picture likes another caption better.
        let similarity = [0.9, 0.6, 0.2, 0.3, 0.8, 0.5];
        let expected = (1.0 / 3.0 + 2.0 + 0.5 + 2.0) / 6.0;
        assert!((mean_recall(&similarity, &owners) - expected).abs() < 1e-6);
    }

    #[test]
    fn what_tells_nothing_apart_finds_nothing() {
        let owners: Vec<usize> = (0..20).collect();
        for value in [0.5, f32::NAN] {
            assert_eq!(mean_recall(&vec![value; 400], &owners), 0.0);
        }
        assert_eq!(mean_recall(&[], &[]), 0.0);
        let similarity: Vec<f32> = (0..400)
            .map(|at| f32::from(u8::from(at / 20 == at % 20)))
            .collect();
        assert_eq!(mean_recall(&similarity, &owners), 1.0);
    }
}
