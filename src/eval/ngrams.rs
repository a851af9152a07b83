//! Runs of words.

use std::collections::HashMap;

/// Lengths that are counted: 1 to 4 words.
pub(crate) const ORDERS: usize = 4;

/// How often each run of `order` adjacent words is there.
pub(crate) fn ngrams(words: &[String], order: usize) -> HashMap<&[String], u32> {
    let mut counts = HashMap::new();
    for run in words.windows(order) {
        *counts.entry(run).or_default() += 1;
    }
    counts
}
