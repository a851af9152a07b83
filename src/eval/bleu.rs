//! BLEU with up to four words (Papineni et al. 2002), over all captions together and unsmoothed, as the COCO evaluation counts.

use super::ngrams::{ORDERS, ngrams};

/// What one caption adds to the counts of all.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct BleuCounts {
    /// Runs of 1 to 4 words that are in a reference too, each at most as often as in the reference that has most of it.
    matched: [u64; ORDERS],
    /// Runs of 1 to 4 words.
    written: [u64; ORDERS],
    /// Words.
    length: u64,
    /// Words of the reference nearest in length, of two as near the shorter.
    reference: u64,
}

impl BleuCounts {
    pub(crate) fn new(caption: &[String], references: &[Vec<String>]) -> Self {
        let nearest = references
            .iter()
            .map(Vec::len)
            .min_by_key(|&length| (length.abs_diff(caption.len()), length));
        let mut counts = Self {
            length: caption.len() as u64,
            reference: nearest.unwrap_or_default() as u64,
            ..Self::default()
        };
        for order in 1..=ORDERS {
            let allowed: Vec<_> = references.iter().map(|r| ngrams(r, order)).collect();
            for (run, times) in ngrams(caption, order) {
                let most = allowed.iter().filter_map(|runs| runs.get(run)).max();
                counts.written[order - 1] += u64::from(times);
                counts.matched[order - 1] += u64::from(times.min(most.copied().unwrap_or(0)));
            }
        }
        counts
    }

    /// Adds another caption, `times` often.
    pub(crate) fn add(&mut self, other: &Self, times: u32) {
        let times = u64::from(times);
        for order in 0..ORDERS {
            self.matched[order] += times * other.matched[order];
            self.written[order] += times * other.written[order];
        }
        self.length += times * other.length;
        self.reference += times * other.reference;
    }

    /// BLEU-4, 0 to 1: the geometric mean of the four precisions, less for captions shorter than their references. 0 when one
    /// of the precisions is.
    pub(crate) fn bleu4(&self) -> f64 {
        if self.matched.contains(&0) {
            return 0.0;
        }
        let precisions = self.matched.iter().zip(&self.written);
        let logs: f64 = precisions.map(|(&m, &w)| (m as f64 / w as f64).ln()).sum();
        let short = (1.0 - self.reference as f64 / self.length as f64).min(0.0);
        (logs / ORDERS as f64 + short).exp()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::eval::words::words;

    fn counts(caption: &str, references: &[&str]) -> BleuCounts {
        let references: Vec<_> = references.iter().map(|r| words(r)).collect();
        BleuCounts::new(&words(caption), &references)
    }

    fn bleu(captions: &[BleuCounts]) -> f64 {
        let mut all = BleuCounts::default();
        captions.iter().for_each(|counts| all.add(counts, 1));
        all.bleu4()
    }

    #[test]
    fn a_hand_worked_corpus() {
        let first = counts(
            "the cat sat on the mat",
            &["the cat is on the mat", "there is a cat on the mat"],
        );
        // Words: all but "sat". Pairs: "the cat", "on the", "the mat". Threes: "on the mat". Fours: none.
        assert_eq!(first.matched, [5, 3, 1, 0]);
        assert_eq!(first.written, [6, 5, 4, 3]);
        assert_eq!((first.length, first.reference), (6, 6));
        assert_eq!(first.bleu4(), 0.0);
        let second = counts("a dog runs on the beach", &["a dog runs on the beach"]);
        assert_eq!(second.matched, [6, 5, 4, 3]);
        // Together 11/12 · 8/10 · 5/8 · 3/6 = 0.2291666, of which the fourth root.
        let expected = 0.229_166_666_666_f64.powf(0.25);
        assert!((bleu(&[first, second]) - expected).abs() < 1e-9);
    }

    #[test]
    fn a_word_matches_as_often_as_one_reference_has_it() {
        let counts = counts("the the the the", &["the cat and the dog", "the bird"]);
        assert_eq!(counts.matched, [2, 0, 0, 0]);
    }

    #[test]
    fn short_captions_are_charged_by_the_nearest_reference() {
        let caption = "a dog runs on";
        let short = counts(caption, &["a dog runs on the beach"]);
        // All four precisions are 1; 4 words for 6: e^(1 - 6/4).
        assert!((short.bleu4() - (-0.5f64).exp()).abs() < 1e-12);
        // 5 words between references of 4 and 6: the shorter counts.
        let between = counts(
            "a dog runs on sand",
            &["a dog runs on the beach", "a dog runs on"],
        );
        assert_eq!(between.reference, 4);
        // Longer ones are charged by their precision alone.
        let long = counts("a dog runs on sand", &["a dog runs on"]);
        let expected = (4.0f64 / 5.0 * 3.0 / 4.0 * 2.0 / 3.0 * 1.0 / 2.0).powf(0.25);
        assert!((long.bleu4() - expected).abs() < 1e-12);
        assert_eq!(counts("", &["a dog"]).bleu4(), 0.0);
    }

    proptest! {
        #[test]
        fn its_only_reference_is_the_best_caption(text in "([a-d] ){4,12}") {
            prop_assert!((counts(&text, &[&text]).bleu4() - 1.0).abs() < 1e-12);
        }

        #[test]
        fn the_order_of_references_is_of_no_matter(
            caption in "([a-c] ){0,9}",
            mut references in prop::collection::vec("([a-c] ){0,9}", 1..5),
        ) {
            let in_order: Vec<&str> = references.iter().map(String::as_str).collect();
            let found = counts(&caption, &in_order);
            prop_assert!((0.0..=1.0 + 1e-12).contains(&found.bleu4()));
            references.reverse();
            let reversed: Vec<&str> = references.iter().map(String::as_str).collect();
            prop_assert_eq!(found, counts(&caption, &reversed));
        }
    }
}
