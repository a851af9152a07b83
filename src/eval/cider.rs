//! CIDEr-D (Vedantam et al. 2015): how much a caption shares with its references, rare runs of words above common ones.

use std::collections::{HashMap, HashSet};

use super::ngrams::{ORDERS, ngrams};

/// Width of the bell that charges captions of another length than their references.
const SIGMA: f64 = 6.0;
/// What COCO's code multiplies with.
const SCALE: f64 = 10.0;

/// In the references of how many pictures each run of words is.
pub(crate) struct DocumentFrequencies<'a> {
    counts: HashMap<&'a [String], u32>,
    pictures: usize,
}

impl<'a> DocumentFrequencies<'a> {
    /// From the references of each picture.
    pub(crate) fn new(pictures: &'a [Vec<Vec<String>>]) -> Self {
        let mut counts = HashMap::new();
        for references in pictures {
            let runs = references
                .iter()
                .flat_map(|words| (1..=ORDERS).flat_map(|order| words.windows(order)));
            for run in runs.collect::<HashSet<_>>() {
                *counts.entry(run).or_default() += 1;
            }
        }
        Self {
            counts,
            pictures: pictures.len(),
        }
    }

    /// A run that is in no reference counts as one that is in one picture's.
    fn rarity(&self, run: &[String]) -> f64 {
        let count = self.counts.get(run).copied().unwrap_or(0).max(1);
        (self.pictures as f64).ln() - f64::from(count).ln()
    }

    /// CIDEr-D of a caption, 0 to 10: the mean over references and over runs of 1 to 4 words. A caption whose only reference is
    /// itself has 10 if it is four words long and nothing in it is in every picture's references.
    pub(crate) fn cider_d(&self, caption: &[String], references: &[Vec<String>]) -> f64 {
        let caption = Vector::new(caption, self);
        let references = references.iter().map(|words| Vector::new(words, self));
        let (mut sum, mut count) = (0.0, 0);
        for reference in references {
            sum += caption.similarity(&reference);
            count += 1;
        }
        SCALE * sum / count.max(1) as f64
    }
}

/// Runs of words with their weights: how often they are there, times their rarity.
struct Vector<'a> {
    weights: [HashMap<&'a [String], f64>; ORDERS],
    norms: [f64; ORDERS],
    /// Pairs of words: what the reference code takes for the length.
    length: f64,
}

impl<'a> Vector<'a> {
    fn new(words: &'a [String], frequencies: &DocumentFrequencies<'_>) -> Self {
        let weights: [HashMap<_, f64>; ORDERS] = std::array::from_fn(|at| {
            let runs = ngrams(words, at + 1).into_iter();
            runs.map(|(run, times)| (run, f64::from(times) * frequencies.rarity(run)))
                .collect()
        });
        let norm = |weights: &HashMap<_, f64>| weights.values().map(|w| w * w).sum::<f64>().sqrt();
        Self {
            norms: [0, 1, 2, 3].map(|at| norm(&weights[at])),
            weights,
            length: words.len().saturating_sub(1) as f64,
        }
    }

    /// Mean over the orders of the cosine, in which no run counts for more than the reference has of it; less for another length.
    fn similarity(&self, reference: &Self) -> f64 {
        let cosines = (0..ORDERS).map(|at| {
            let norms = self.norms[at] * reference.norms[at];
            let shared = self.weights[at].iter().filter_map(|(run, weight)| {
                let other = reference.weights[at].get(run)?;
                Some(weight.min(*other) * other)
            });
            if norms > 0.0 {
                shared.sum::<f64>() / norms
            } else {
                0.0
            }
        });
        let apart = self.length - reference.length;
        let bell = (-apart * apart / (2.0 * SIGMA * SIGMA)).exp();
        bell * cosines.sum::<f64>() / ORDERS as f64
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::eval::words::words;

    fn corpus(pictures: &[&[&str]]) -> Vec<Vec<Vec<String>>> {
        let references = |texts: &&[&str]| texts.iter().map(|text| words(text)).collect();
        pictures.iter().map(references).collect()
    }

    #[track_caller]
    fn close(found: f64, expected: f64) {
        assert!((found - expected).abs() < 1e-9, "{found} {expected}");
    }

    #[test]
    fn hand_worked_cases() {
        // Two pictures. "a" is in both and weighs nothing; every other run of a reference weighs ln 2 =: w.
        let corpus = corpus(&[&["a dog runs"], &["a cat sleeps"]]);
        let frequencies = DocumentFrequencies::new(&corpus);
        let score = |caption| frequencies.cider_d(&words(caption), &corpus[0]);
        // Itself: cosine 1 for one, two and three words; there are no four. 10 · 3/4.
        close(score("a dog runs"), 7.5);
        // {dog, sleeps} and {dog, runs}: w² / (√2 w)² = 1/2. {a dog, dog sleeps} and {a dog, dog runs}: 1/2. Nothing else.
        close(score("a dog sleeps"), 10.0 * (0.5 + 0.5) / 4.0);
        // {dog} and {dog, runs}: w² / (w · √2 w) = 1/√2, the same for {a dog}; one pair instead of two: e^(-1/72).
        let bell = (-1.0f64 / 72.0).exp();
        close(score("a dog"), bell * 10.0 * (2.0 * 0.5f64.sqrt()) / 4.0);
        // {dog: 2, runs} clipped to {dog, runs}: 2 w² / (√5 w · √2 w). {dog dog, dog runs} and {a dog, dog runs}: 1/2.
        close(
            score("dog dog runs"),
            10.0 * (2.0 / 10.0f64.sqrt() + 0.5) / 4.0,
        );
        close(score("a bird"), 0.0);
        close(score(""), 0.0);
    }

    #[test]
    fn references_are_averaged() {
        let corpus = corpus(&[&["a dog runs", "a black bird"], &["a cat sleeps"]]);
        let frequencies = DocumentFrequencies::new(&corpus);
        // 7.5 with the first, nothing with the second.
        close(frequencies.cider_d(&words("a dog runs"), &corpus[0]), 3.75);
    }

    proptest! {
        #[test]
        fn its_only_reference_is_the_best_caption(text in "([a-d] ){4,12}") {
            let corpus = corpus(&[&[&text], &["x y z"]]);
            let frequencies = DocumentFrequencies::new(&corpus);
            let best = frequencies.cider_d(&words(&text), &corpus[0]);
            prop_assert!((best - 10.0).abs() < 1e-9, "{best}");
            let other = frequencies.cider_d(&words(&format!("{text} x")), &corpus[0]);
            prop_assert!(other < best);
        }

        #[test]
        fn the_order_of_references_is_of_no_matter(
            caption in "([a-c] ){0,9}",
            references in prop::collection::vec("([a-c] ){0,9}", 1..5),
        ) {
            let texts: Vec<&str> = references.iter().map(String::as_str).collect();
            let reversed: Vec<&str> = texts.iter().rev().copied().collect();
            let score = |texts: &[&str]| {
                let corpus = corpus(&[texts, &["b c", "x"]]);
                DocumentFrequencies::new(&corpus).cider_d(&words(&caption), &corpus[0])
            };
            let found = score(&texts);
            prop_assert!((0.0..=10.0 + 1e-9).contains(&found));
            prop_assert!((found - score(&reversed)).abs() < 1e-9);
        }
    }
}
