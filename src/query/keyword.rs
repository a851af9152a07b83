//! Words of a query that are keywords of pictures and name no tag: people, places, pets.

use std::ops::Range;

use imgsearch_index::{Keywords, TagId};

use super::closed::Class;
use super::resolution::{Concept, How, Resolution};
use super::token::{self, Token};

/// The longest keyword looked for, in words.
const LONGEST: usize = 5;
/// Where the numbers begin by which a picture is asked for the keyword of a concept; no vocabulary is so long.
const FIRST: u32 = 1 << 31;

/// The number by which a picture is asked for the keyword of a concept, as for a tag.
pub(super) fn tag_of(concept: usize) -> TagId {
    TagId(FIRST + concept as u32)
}

/// Where keywords stand in a text, the longest first where they overlap, each as pictures have it.
pub(super) fn find(text: &str, keywords: &Keywords) -> Vec<(Range<usize>, String)> {
    let mut found = Vec::new();
    if keywords.is_empty() {
        return found;
    }
    let tokens = token::tokens(text);
    let mut at = 0;
    while at < tokens.len() {
        let longest = (1..=LONGEST.min(tokens.len() - at))
            .rev()
            .find_map(|count| {
                let words = &tokens[at..at + count];
                let span = words[0].span.start..words[count - 1].span.end;
                // "The" may be somebody's keyword, and nobody means it.
                let means = words.iter().any(|token| !is_function_word(token));
                let typed = text[span.clone()].split_whitespace().collect::<Vec<_>>();
                let keyword = keywords.find(&typed.join(" ")).filter(|_| means)?;
                Some((count, span, keyword.to_owned()))
            });
        at += longest.as_ref().map_or(1, |(count, _, _)| *count);
        found.extend(longest.map(|(_, span, keyword)| (span, keyword)));
    }
    found
}

/// Whether a word is one of those that hold a sentence together. Numbers may be keywords.
fn is_function_word(token: &Token) -> bool {
    let class = token.class.filter(|class| *class != Class::Number);
    class.is_some()
}

impl Resolution {
    /// Adds what was found: to the concept of the very words, or as a concept of its own. The tags of words stay, as a keyword that
    /// somebody gave one picture is no reason to overlook others.
    pub(super) fn add_keywords(&mut self, text: &str, found: Vec<(Range<usize>, String)>) {
        let is_only = self.concepts.is_empty();
        let absent: Vec<String> = self.absent.iter().flat_map(|text| words(text)).collect();
        for (span, keyword) in found {
            let words: Vec<String> = words(&text[span.clone()]).collect();
            if words.iter().all(|word| absent.contains(word)) {
                continue;
            }
            self.unresolved
                .retain(|phrase| !self::words(phrase).all(|word| words.contains(&word)));
            match self.concepts.iter_mut().find(|known| known.span == span) {
                Some(concept) => {
                    // A word that somebody has written is not misspelt.
                    concept.tags.retain(|tag| tag.how != How::Spelling);
                    concept.keyword = Some(keyword);
                }
                None => self.concepts.push(Concept {
                    text: text[span.clone()].to_owned(),
                    span,
                    tags: Vec::new(),
                    keyword: Some(keyword),
                    weight: 1.0,
                }),
            }
        }
        self.concepts.sort_by_key(|concept| concept.span.start);
        if is_only {
            self.keywords = is_row(text, self.concepts.iter().map(|concept| &concept.span));
        }
    }

    /// The keyword that a picture is asked for by a number, where it is none of a tag.
    pub(crate) fn keyword(&self, tag: TagId) -> Option<&str> {
        let concept = self.concepts.get(tag.0.checked_sub(FIRST)? as usize)?;
        concept.keyword.as_deref()
    }

    /// The keywords by which pictures are found.
    pub(crate) fn named_keywords(&self) -> impl Iterator<Item = &str> {
        let concepts = self.concepts.iter();
        concepts.filter_map(|concept| concept.keyword.as_deref())
    }
}

/// Whether a text is a row of names and no sentence: function words count only where they are no part of a name.
pub(super) fn is_row<'a>(text: &str, names: impl Iterator<Item = &'a Range<usize>>) -> bool {
    let names: Vec<&Range<usize>> = names.collect();
    let makes_sentence = |token: &Token| {
        let overlaps =
            |name: &&Range<usize>| name.start < token.span.end && token.span.start < name.end;
        token.class.is_some_and(Class::makes_sentence) && !names.iter().any(overlaps)
    };
    !names.is_empty() && !token::tokens(text).iter().any(makes_sentence)
}

fn words(text: &str) -> impl Iterator<Item = String> {
    token::tokens(text).into_iter().map(|token| token.word)
}

#[cfg(test)]
mod tests {
    use imgsearch_index::FactTest;

    use super::*;
    use crate::query::fixtures::vocabulary;
    use crate::query::{Fusion, FusionParams, Query, QueryError, Rarity, Resolver};

    fn keywords() -> Keywords {
        [
            "Oma Grete",
            "New York",
            "the",
            "K\u{f6}ln",
            "2019",
            "Turtle Bay",
            "Baech",
            "\u{421}\u{43e}\u{447}\u{438}",
            "beach",
        ]
        .into_iter()
        .map(str::to_owned)
        .collect()
    }

    fn prepared(text: &str) -> Resolution {
        let resolver = Resolver::new(&vocabulary());
        let query = Query::parse(text, crate::query::Day::new(2024, 5, 17).unwrap()).unwrap();
        query
            .prepare_among(&resolver, &keywords())
            .unwrap()
            .resolution
    }

    fn named(text: &str) -> Vec<(String, Option<String>, usize)> {
        let concepts = prepared(text).concepts.into_iter();
        concepts
            .map(|concept| (concept.text, concept.keyword, concept.tags.len()))
            .collect()
    }

    fn keyword(text: &str, keyword: &str, tags: usize) -> (String, Option<String>, usize) {
        (text.to_owned(), Some(keyword.to_owned()), tags)
    }

    #[test]
    fn plain_words_are_keywords_whatever_their_case() {
        assert_eq!(named("oma  GRETE"), [keyword("oma GRETE", "Oma Grete", 0)]);
        assert_eq!(
            named("in K\u{d6}LN, 2019")[..],
            [
                keyword("K\u{d6}LN", "K\u{f6}ln", 0),
                keyword("2019", "2019", 0)
            ]
        );
        assert_eq!(named("baech"), [keyword("baech", "Baech", 0)]);
        let found = prepared("a dog and grete in new york with the zorgle");
        let found: Vec<_> = found
            .concepts
            .iter()
            .map(|concept| &concept.keyword)
            .collect();
        assert_eq!(found, [&None, &Some("New York".to_owned())]);
        // A word that is a tag as well is both, and one that is said to be absent is neither.
        assert_eq!(named("beach"), [keyword("beach", "beach", 1)]);
        assert!(
            named("a dog without oma grete")
                .iter()
                .all(|(_, keyword, _)| keyword.is_none())
        );
        assert_eq!(
            named("\"oma grete\""),
            [keyword("oma grete", "Oma Grete", 0)]
        );
    }

    #[test]
    fn a_keyword_is_no_unresolved_word_and_its_parts_stay_what_they_are() {
        let found = prepared("turtle bay");
        assert_eq!(found.concepts.len(), 2, "{found:?}");
        assert!(found.unresolved.is_empty() && found.keywords, "{found:?}");
        assert!(!prepared("a picture of oma grete").keywords);
        assert_eq!(prepared("oma grete zorgle").unresolved, ["zorgle"]);
    }

    #[test]
    fn words_of_another_script_may_be_keywords() {
        let sochi = "\u{441}\u{43e}\u{447}\u{438}";
        assert_eq!(named(sochi).len(), 1);
        let resolver = Resolver::new(&vocabulary());
        let error = Query::new(sochi).prepare(&resolver).unwrap_err();
        assert!(matches!(error, QueryError::Script { .. }));
    }

    #[test]
    fn a_keyword_counts_as_a_certain_tag_and_the_explanation_says_so() {
        let (vocabulary, resolution) = (vocabulary(), prepared("oma grete on a beach"));
        let params = FusionParams::default();
        let fusion = Fusion::new(&vocabulary, &resolution, &Rarity::default(), params);
        let shown = |has: bool| {
            let resolution = &resolution;
            move |tag| match resolution.keyword(tag) {
                Some("Oma Grete") if has => 1.0,
                _ => 0.0,
            }
        };
        assert!(
            fusion.score(None, shown(true))
                > fusion.score(None, shown(false)) + 0.9 * params.tag_weight
        );
        let why = fusion.explain(None, None, shown(true));
        assert_eq!(why.tags[0].tag, "Oma Grete");
        assert_eq!(
            why.recompute().to_bits(),
            fusion.score(None, shown(true)).to_bits()
        );
        assert_eq!(why.missing().collect::<Vec<_>>(), ["beach"]);
        assert_eq!(
            fusion.explain(None, None, shown(false)).missing().count(),
            2
        );
        assert_eq!(fusion.things(), [0, 1]);
    }

    #[test]
    fn what_is_required_or_excluded_may_be_a_keyword() {
        let resolver = Resolver::new(&vocabulary());
        let prepare = |query: Query| query.prepare_among(&resolver, &keywords());
        let query = Query::new("").must("oma grete").must("dog");
        let found = prepare(query.must_not("K\u{d6}LN").must_not("beach")).unwrap();
        let word = |word: &str, is_wanted| (FactTest::Keyword(word.to_owned()), is_wanted);
        assert_eq!(
            found.facts,
            [word("oma grete", true), word("K\u{d6}LN", false)]
        );
        assert_eq!((found.must.len(), found.must_not.len()), (1, 1));
        for query in [
            Query::new("").must("zorgle"),
            Query::new("").must_one_of(["dog", "oma grete"]),
        ] {
            let error = prepare(query).unwrap_err();
            assert!(matches!(error, QueryError::UnknownTag { .. }), "{error}");
        }
    }

    #[test]
    fn strict_queries_know_keywords_and_those_without_tags_do_not() {
        let resolver = Resolver::new(&vocabulary());
        let query = Query::new("oma grete").strict(true);
        let found = query.prepare_among(&resolver, &keywords()).unwrap();
        assert_eq!(found.resolution.named_keywords().count(), 1);
        let query = query.with_legs("itc".parse().unwrap());
        let found = query.prepare_among(&resolver, &keywords()).unwrap();
        assert_eq!(found.resolution.named_keywords().count(), 0);
        assert_eq!(found.resolution.unresolved, ["oma grete"]);
    }
}
