//! Checking a query and resolving its words and tags, before anything is searched.

use std::ops::Range;

use imgsearch_index::{FactTest, Keywords, TagId};

use super::day::Days;
use super::error::QueryError;
use super::keyword;
use super::request::Query;
use super::resolution::{How, Resolution};
use super::resolve::Resolver;
use crate::media::Format;

/// The longest query that is read, in bytes; a text encoder reads only its beginning anyway.
const LONGEST: usize = 1 << 20;
/// Near names that an error shows.
const NEAR: usize = 5;

impl Query {
    /// Whether anything but text is asked for.
    fn has_filters(&self) -> bool {
        let records = [
            &self.keywords,
            &self.cameras,
            &self.path_parts,
            &self.formats,
        ];
        !self.must.is_empty()
            || !self.must_not.is_empty()
            || !self.above.is_empty()
            || self.since.is_some()
            || self.before.is_some()
            || !self.years.is_empty()
            || records.iter().any(|list| !list.is_empty())
    }

    /// What is asked of the facts of a picture.
    fn facts(&self) -> Result<Vec<(FactTest, bool)>, QueryError> {
        if let (Some(since), Some(before)) = (self.since, self.before)
            && since >= before
        {
            return Err(QueryError::NoTime);
        }
        let days = |(from, to): Days| FactTest::TakenIn(from.begins_ns(), to.begins_ns());
        let mut facts: Vec<(FactTest, bool)> = Vec::new();
        if let Some(since) = self.since {
            facts.push((FactTest::TakenIn(since.begins_ns(), i64::MAX), true));
        }
        if let Some(before) = self.before {
            facts.push((FactTest::TakenIn(i64::MIN, before.begins_ns()), true));
        }
        facts.extend(
            self.years
                .iter()
                .map(|&(year, is_wanted)| (days(year), is_wanted)),
        );
        let texts = |list: &[(String, bool)], test: fn(String) -> FactTest| {
            let tests = list
                .iter()
                .map(|(text, is_wanted)| (test(text.clone()), *is_wanted));
            tests.collect::<Vec<_>>()
        };
        facts.extend(texts(&self.keywords, FactTest::Keyword));
        facts.extend(texts(&self.cameras, FactTest::Camera));
        facts.extend(texts(&self.path_parts, FactTest::Path));
        for (format, is_wanted) in &self.formats {
            let name = format_name(format).ok_or_else(|| QueryError::UnknownFormat {
                format: format.clone(),
            })?;
            facts.push((FactTest::Format(name.to_owned()), *is_wanted));
        }
        Ok(facts)
    }

    /// Checks the query and resolves its words and tags.
    pub fn prepare(&self, resolver: &Resolver) -> Result<Prepared, QueryError> {
        self.prepare_among(resolver, &Keywords::default())
    }

    /// The same where pictures have keywords, which its words may be.
    pub(crate) fn prepare_among(
        &self,
        resolver: &Resolver,
        keywords: &Keywords,
    ) -> Result<Prepared, QueryError> {
        if self.text.len() > LONGEST {
            return Err(QueryError::TooLong {
                bytes: self.text.len(),
                most: LONGEST,
            });
        }
        if self.limit == 0 {
            return Err(QueryError::NoLimit);
        }
        if let Some(threshold) = self.threshold.filter(|t| !(0.0..1.0).contains(t)) {
            return Err(QueryError::Threshold {
                threshold: threshold.to_string(),
            });
        }
        if let Some(least) = self.min_score.filter(|p| !(0.0..=1.0).contains(p)) {
            return Err(QueryError::MinScore {
                least: least.to_string(),
            });
        }
        let has_text = self.text.chars().any(char::is_alphanumeric);
        if !has_text && !self.has_filters() && self.like.is_empty() {
            return Err(QueryError::Empty);
        }
        let named = keyword::find(&self.text, keywords);
        if has_text && named.is_empty() && !self.text.chars().any(is_read) {
            return Err(QueryError::Script {
                text: self.text.clone(),
            });
        }
        let mut facts = self.facts()?;
        // A name that no tag has may still be a keyword.
        let is_keyword = |names: &mut Vec<String>| {
            let [name] = names.as_slice() else {
                return false;
            };
            keywords.find(name.trim()).is_some() && resolver.tags(name).is_empty()
        };
        let mut only_tags = |mut sets: Vec<Vec<String>>, is_wanted| {
            let named = sets.extract_if(.., is_keyword).flatten();
            facts.extend(named.map(|name| (FactTest::Keyword(name.trim().to_owned()), is_wanted)));
            tags(resolver, &sets)
        };
        let must = only_tags(self.must.clone(), true)?;
        let must_not = self.must_not.iter().map(|name| vec![name.clone()]);
        let must_not = only_tags(must_not.collect(), false)?.concat();
        let mut above = Vec::new();
        for (name, least, is_wanted) in &self.above {
            if !(0.0..1.0).contains(least) {
                return Err(QueryError::Threshold {
                    threshold: least.to_string(),
                });
            }
            above.push((tags_of(resolver, name)?, *least, *is_wanted));
        }
        let is_excluded = |tags: &&Vec<TagId>| tags.iter().all(|tag| must_not.contains(tag));
        if let Some(tag) = must.iter().find(is_excluded).and_then(|tags| tags.first()) {
            let tag = resolver
                .vocabulary()
                .get(*tag)
                .map(|tag| tag.name.clone())
                .unwrap_or_default();
            return Err(QueryError::Contradiction { tag });
        }
        let mut resolution = resolver.resolve(&self.text, self.strict);
        resolution.add_keywords(&self.text, named);
        for concept in &mut resolution.concepts {
            let overlaps = |span: &Range<usize>| {
                span.start < concept.span.end && concept.span.start < span.end
            };
            if self.literal.iter().any(overlaps) {
                let is_literal = |how| matches!(how, How::Exact | How::Form | How::Synonym);
                concept.tags.retain(|candidate| is_literal(candidate.how));
            }
            let weights = self.weights.iter().filter(|(span, _)| overlaps(span));
            concept.weight = weights.map(|(_, weight)| weight).product();
        }
        let literal_only = resolution.concepts.extract_if(.., |concept| {
            concept.tags.is_empty() && concept.keyword.is_none()
        });
        let unknown: Vec<String> = literal_only.map(|concept| concept.text).collect();
        resolution.unresolved.extend(unknown);
        let says_nothing = resolution.concepts.is_empty()
            && resolution.unresolved.is_empty()
            && resolution.absent.is_empty();
        if says_nothing && has_text && !self.has_filters() && self.like.is_empty() {
            return Err(QueryError::OnlyStopWords {
                text: self.text.clone(),
            });
        }
        if !self.legs.tags {
            // Now only the similarity answers them.
            let words = resolution.concepts.drain(..).map(|concept| concept.text);
            resolution.unresolved.extend(words);
        }
        Ok(Prepared {
            has_text,
            resolution,
            must,
            must_not,
            above,
            facts,
        })
    }
}

/// Whether the models may know a word with this character: digits and Latin letters, accents and all.
fn is_read(character: char) -> bool {
    const LATIN: char = '\u{24f}';
    character.is_alphanumeric() && character <= LATIN
}

/// A format as the index names it, by its name or its ending.
fn format_name(text: &str) -> Option<&'static str> {
    let name = match text.trim_start_matches('.') {
        "jpg" | "jpe" | "jfif" => "jpeg",
        "tif" => "tiff",
        text => text,
    };
    let formats = Format::ALL.iter().map(|format| format.name());
    formats
        .into_iter()
        .find(|format| format.eq_ignore_ascii_case(name))
}

/// A query with its words and tags resolved.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Prepared {
    /// Whether there are words to encode.
    pub has_text: bool,
    /// What the words stand for.
    pub resolution: Resolution,
    /// For each required name the tags that share it, of which one must be recognised.
    pub must: Vec<Vec<TagId>>,
    /// Tags that must not be recognised.
    pub must_not: Vec<TagId>,
    /// Tags that share a name, a probability, and whether one of them must be above it or none may.
    pub above: Vec<(Vec<TagId>, f32, bool)>,
    /// What is asked of a picture's facts, and whether it must be so or must not.
    pub(crate) facts: Vec<(FactTest, bool)>,
}

/// The tags of each set of names; a set that means the same as another one counts once.
fn tags(resolver: &Resolver, sets: &[Vec<String>]) -> Result<Vec<Vec<TagId>>, QueryError> {
    let mut found = Vec::with_capacity(sets.len());
    for names in sets {
        let mut tags = Vec::new();
        for name in names {
            tags.extend(tags_of(resolver, name)?);
        }
        tags.sort_unstable();
        tags.dedup();
        if !found.contains(&tags) {
            found.push(tags);
        }
    }
    Ok(found)
}

/// The tags of a name.
fn tags_of(resolver: &Resolver, name: &str) -> Result<Vec<TagId>, QueryError> {
    let tags = resolver.tags(name);
    if tags.is_empty() {
        return Err(QueryError::UnknownTag {
            tag: name.to_owned(),
            near: resolver.near(name, NEAR),
        });
    }
    Ok(tags)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::query::fixtures::vocabulary;

    fn prepare(query: &Query) -> Result<Prepared, QueryError> {
        query.prepare(&Resolver::new(&vocabulary()))
    }

    #[test]
    fn stop_words_alone_and_nothing_are_no_query() {
        let error = prepare(&Query::new("the of and")).unwrap_err();
        assert!(matches!(error, QueryError::OnlyStopWords { .. }));
        assert!(prepare(&Query::new("the of").must("dog")).is_ok());
        assert!(prepare(&Query::new("of xylograph")).is_ok());
        assert!(prepare(&Query::new("no dogs")).is_ok());
        assert_eq!(prepare(&Query::new(" \t!?")), Err(QueryError::Empty));
        assert!(!prepare(&Query::new("").must("dog")).unwrap().has_text);
        assert_eq!(
            prepare(&Query::new("dog").with_limit(0)),
            Err(QueryError::NoLimit)
        );
    }

    #[test]
    fn words_that_no_model_reads_are_refused_and_said_to_be() {
        for text in ["собака на пляже", "犬", "σκύλος"] {
            let error = prepare(&Query::new(text)).unwrap_err();
            assert!(matches!(error, QueryError::Script { .. }), "{error}");
        }
        assert!(prepare(&Query::new("собака dog")).is_ok());
        assert!(prepare(&Query::new("cañón 7")).is_ok());
    }

    #[test]
    fn unknown_tags_come_with_near_ones() {
        let error = prepare(&Query::new("a").must("beech")).unwrap_err();
        assert_eq!(
            error,
            QueryError::UnknownTag {
                tag: "beech".to_owned(),
                near: vec!["beach".to_owned()]
            }
        );
        assert_eq!(
            error.to_string(),
            "no tag is called \"beech\"; did you mean beach?"
        );
    }

    #[test]
    fn tags_may_be_synonyms_and_plurals_and_must_not_contradict() {
        let prepared = prepare(
            &Query::new("x")
                .must("Dogs")
                .must("sofa")
                .must_not("hot dog"),
        )
        .unwrap();
        assert_eq!((prepared.must.len(), prepared.must_not.len()), (2, 1));
        let error = prepare(&Query::new("x").must("dog").must_not("dogs")).unwrap_err();
        assert_eq!(
            error,
            QueryError::Contradiction {
                tag: "dog".to_owned()
            }
        );
    }

    #[test]
    fn a_name_means_all_the_tags_that_share_it() {
        let both = [TagId(7), TagId(8)];
        let prepared = prepare(&Query::new("").must("orange").must("Oranges").must("dog")).unwrap();
        assert_eq!(prepared.must, [&both[..], &[TagId(1)]]);
        let prepared = prepare(&Query::new("").must_not("orange").must_not("dog")).unwrap();
        assert_eq!(prepared.must_not, [TagId(7), TagId(8), TagId(1)]);
        let error = prepare(&Query::new("").must("orange").must_not("oranges")).unwrap_err();
        let tag = "orange".to_owned();
        assert_eq!(error, QueryError::Contradiction { tag });
    }

    #[test]
    fn long_queries_are_read_and_endless_ones_refused() {
        let long = "a red dog runs on the beach ".repeat(400);
        assert_eq!(
            prepare(&Query::new(long))
                .unwrap()
                .resolution
                .concepts
                .len(),
            4
        );
        let endless = prepare(&Query::new("x".repeat(LONGEST + 1)));
        assert!(matches!(endless, Err(QueryError::TooLong { .. })));
    }

    proptest! {
        #[test]
        fn no_text_makes_it_fall_over(text in "\\PC{0,60}", words in prop::collection::vec("(s|ing|ed|'s|-|dog|hot|İ|ß|é|,|of|in front of|running|[a-z]{1,4})", 0..12)) {
            let resolver = Resolver::new(&vocabulary());
            for text in [text, words.join(" "), words.concat()] {
                let found = resolver.resolve(&text, false);
                for concept in found.concepts {
                    prop_assert_eq!(&text[concept.span.clone()], concept.text.as_str());
                    prop_assert!(!concept.tags.is_empty());
                }
                let _ = resolver.tags(&text);
            }
        }
    }
}
