//! What somebody types who searches by keywords: some content words of a sentence.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};

use crate::query::{Parser, Role};

/// Words of a query; a compound such as "alarm clock" counts as one.
const FEWEST: usize = 2;
const MOST: usize = 4;

/// Two to four nouns, verbs and adjectives of a caption, chosen by chance, in its order and as it writes them, in lower case. A
/// caption with fewer gives what it has, one without any all of itself. The same seed chooses the same.
pub(crate) fn keywords(parser: &Parser, caption: &str, seed: u64) -> String {
    let parsed = parser.parse(caption);
    let verbs = parsed.relations.iter().filter(|r| r.role == Role::Verb);
    let content = parsed.heads.iter().chain(&parsed.modifiers).chain(verbs);
    let mut words: Vec<_> = content.collect();
    words.sort_by_key(|word| word.span.start);
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let mut below = |end: usize| ((u128::from(random.next_u64()) * end as u128) >> 64) as usize;
    let wanted = FEWEST + below(MOST - FEWEST + 1);
    while words.len() > wanted {
        words.remove(below(words.len()));
    }
    if words.is_empty() {
        return caption.to_owned();
    }
    let words: Vec<String> = words.iter().map(|word| word.text.to_lowercase()).collect();
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::query::Lexicon;

    #[test]
    fn content_words_are_chosen_and_keep_their_order() {
        let parser = Parser::new(Lexicon::english());
        let caption = "A black dog is running on the beach with two boys";
        let content = ["black", "dog", "running", "beach", "boys"];
        let mut seen = BTreeSet::new();
        let mut counts = BTreeSet::new();
        for seed in 0..100 {
            let query = keywords(&parser, caption, seed);
            assert_eq!(query, keywords(&parser, caption, seed));
            let words: Vec<&str> = query.split(' ').collect();
            let places = words.iter().map(|w| content.iter().position(|c| c == w));
            let places: Option<Vec<usize>> = places.collect();
            assert!(places.is_some_and(|p| p.is_sorted()), "{query}");
            counts.insert(words.len());
            seen.extend(words.into_iter().map(str::to_owned));
        }
        assert_eq!(counts, BTreeSet::from([2, 3, 4]));
        assert_eq!(seen.len(), content.len(), "{seen:?}");
    }

    #[test]
    fn a_caption_with_little_content_gives_what_it_has() {
        let parser = Parser::new(Lexicon::english());
        assert_eq!(keywords(&parser, "The Cat .", 3), "cat");
        assert_eq!(keywords(&parser, "with them", 3), "with them");
    }
}
