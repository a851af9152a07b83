//! What is asked: words, tags that must or must not be there, how many answers.

use std::ops::Range;
use std::path::PathBuf;

use imgsearch_index::{FactTest, TagId};

use super::day::{Day, Days};
use super::legs::Legs;
use super::resolution::{How, Resolution};
use super::resolve::Resolver;
use crate::media::Format;

/// The longest query that is read, in bytes; a text encoder reads only its beginning anyway.
const LONGEST: usize = 1 << 20;
/// Near names that an error shows.
const NEAR: usize = 5;

/// Why a query cannot be answered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum QueryError {
    /// Neither words nor tags.
    #[error("the query is empty; type a few words, or name a tag that must be there")]
    Empty,
    /// Only words such as "the" and "of".
    #[error(
        "{text:?} names nothing that a picture could show; add a word for a thing, a place, a look or an action"
    )]
    OnlyStopWords {
        /// What was typed.
        text: String,
    },
    /// A required or excluded tag that the model does not know.
    #[error("no tag is called {tag:?}; {}", suggestion(near))]
    UnknownTag {
        /// What was asked for.
        tag: String,
        /// Tags with similar names.
        near: Vec<String>,
    },
    /// The same tag required and excluded.
    #[error(
        "the tag {tag:?} is both required and excluded, so no picture can match; remove one of the two"
    )]
    Contradiction {
        /// The tag.
        tag: String,
    },
    /// More text than anybody types.
    #[error("the query is {bytes} bytes long, the most is {most}; shorten it")]
    TooLong {
        /// Its length.
        bytes: usize,
        /// The limit.
        most: usize,
    },
    /// An operator that cannot be meant.
    #[error("{reason} (at byte {at} of the query; `imgsearch help query` explains the operators)")]
    Syntax {
        /// Where it stands, in bytes from the beginning.
        at: usize,
        /// What is wrong with it and how it is mended.
        reason: String,
    },
    /// After one day and before it.
    #[error("no picture was taken after that day and before it; move one of the two days")]
    NoTime,
    /// A format that no picture of an index has.
    #[error("no picture has the format {format:?}; the formats are {}", formats())]
    UnknownFormat {
        /// What was asked for.
        format: String,
    },
    /// A threshold that no probability can be compared with.
    #[error("the threshold must be from 0 up to 1, and it is {threshold}")]
    Threshold {
        /// What was asked for.
        threshold: String,
    },
    /// Nothing is asked for.
    #[error("the number of results must be at least 1")]
    NoLimit,
}

fn formats() -> String {
    Format::ALL
        .map(|format| format.name().to_lowercase())
        .join(", ")
}

fn suggestion(near: &[String]) -> String {
    if near.is_empty() {
        "the tag list of the model names all there are".to_owned()
    } else {
        format!("did you mean {}?", near.join(", "))
    }
}

/// The order of the best answers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Sort {
    /// Best first.
    #[default]
    Relevance,
    /// Last captured first; pictures that do not tell when come last.
    Date,
    /// By path.
    Path,
}

/// A query: free text, tags, and how many answers.
#[derive(Debug, Clone, PartialEq)]
pub struct Query {
    pub(super) text: String,
    limit: usize,
    /// Of each of these sets of names one must be recognised.
    pub(super) must: Vec<Vec<String>>,
    pub(super) must_not: Vec<String>,
    /// Names, the probability that one of their tags must have, and whether it must or must not.
    pub(super) above: Vec<(String, f32, bool)>,
    /// Words of the text that count more or less.
    pub(super) weights: Vec<(Range<usize>, f32)>,
    /// Words of the text that are taken as they are.
    pub(super) literal: Vec<Range<usize>>,
    pub(super) like: Vec<PathBuf>,
    pub(super) since: Option<Day>,
    pub(super) before: Option<Day>,
    pub(super) years: Vec<(Days, bool)>,
    pub(super) cameras: Vec<(String, bool)>,
    pub(super) path_parts: Vec<(String, bool)>,
    pub(super) formats: Vec<(String, bool)>,
    strict: bool,
    legs: Legs,
    sort: Sort,
    threshold: Option<f32>,
    stacks: bool,
}

impl Query {
    /// A query for a sentence or a few keywords.
    pub fn new(text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            limit: 20,
            must: Vec::new(),
            must_not: Vec::new(),
            above: Vec::new(),
            weights: Vec::new(),
            literal: Vec::new(),
            like: Vec::new(),
            since: None,
            before: None,
            years: Vec::new(),
            cameras: Vec::new(),
            path_parts: Vec::new(),
            formats: Vec::new(),
            strict: false,
            legs: Legs::default(),
            sort: Sort::default(),
            threshold: None,
            stacks: false,
        }
    }

    /// The most answers. Default: 20
    #[must_use]
    pub fn with_limit(mut self, limit: usize) -> Self {
        self.limit = limit;
        self
    }

    /// Requires a recognised tag; where several share the name, one of them. Default: none
    #[must_use]
    pub fn must(mut self, tag: impl Into<String>) -> Self {
        self.must.push(vec![tag.into()]);
        self
    }

    /// Requires one of some recognised tags. Default: none
    #[must_use]
    pub fn must_one_of<T: Into<String>>(mut self, tags: impl IntoIterator<Item = T>) -> Self {
        self.must.push(tags.into_iter().map(Into::into).collect());
        self
    }

    /// Requires a tag whose probability is above this one. Default: none
    #[must_use]
    pub fn above(mut self, tag: impl Into<String>, probability: f32) -> Self {
        self.above.push((tag.into(), probability, true));
        self
    }

    /// Excludes pictures with a tag whose probability is above this one. Default: none
    #[must_use]
    pub fn not_above(mut self, tag: impl Into<String>, probability: f32) -> Self {
        self.above.push((tag.into(), probability, false));
        self
    }

    /// Adds a word to the text whose tags count so many times as much. Default: none
    #[must_use]
    pub fn word(mut self, word: &str, weight: f32) -> Self {
        if !self.text.is_empty() {
            self.text.push(' ');
        }
        let start = self.text.len();
        self.text.push_str(word);
        self.weights.push((start..self.text.len(), weight));
        self
    }

    /// Asks for pictures like one, which need not be indexed, beside what the text asks for. Default: none
    #[must_use]
    pub fn like(mut self, picture: impl Into<PathBuf>) -> Self {
        self.like.push(picture.into());
        self
    }

    /// Requires that a picture was taken, or else last modified, on this day or later. Default: none
    #[must_use]
    pub fn since(mut self, day: Day) -> Self {
        self.since = Some(day);
        self
    }

    /// Requires that a picture was taken, or else last modified, before this day. Default: none
    #[must_use]
    pub fn before(mut self, day: Day) -> Self {
        self.before = Some(day);
        self
    }

    /// Requires that a picture was taken, or else last modified, in a year. Default: none
    #[must_use]
    pub fn year(mut self, year: i16) -> Self {
        if let Some(first) = Day::new(year, 1, 1) {
            self.years.push((first.year(), true));
        }
        self
    }

    /// Requires a camera whose name has this text in it, whatever its case. Default: none
    #[must_use]
    pub fn camera(mut self, text: impl Into<String>) -> Self {
        self.cameras.push((text.into(), true));
        self
    }

    /// Requires this text in a path of the picture, whatever its case. Default: none
    #[must_use]
    pub fn path(mut self, text: impl Into<String>) -> Self {
        self.path_parts.push((text.into(), true));
        self
    }

    /// Excludes pictures with this text in a path, whatever its case. Default: none
    #[must_use]
    pub fn not_path(mut self, text: impl Into<String>) -> Self {
        self.path_parts.push((text.into(), false));
        self
    }

    /// Requires a format, by its name or its ending: `jpeg`, `jpg`, `png`. Default: none
    #[must_use]
    pub fn format(mut self, format: impl Into<String>) -> Self {
        self.formats.push((format.into().to_lowercase(), true));
        self
    }

    /// Excludes pictures with a recognised tag; where several share the name, with any of them. Default: none
    #[must_use]
    pub fn must_not(mut self, tag: impl Into<String>) -> Self {
        self.must_not.push(tag.into());
        self
    }

    /// Takes words as they are: no kinds, no corrected spelling. Default: false
    #[must_use]
    pub fn strict(mut self, strict: bool) -> Self {
        self.strict = strict;
        self
    }

    /// The legs that answer. Default: all
    #[must_use]
    pub fn with_legs(mut self, legs: Legs) -> Self {
        self.legs = legs;
        self
    }

    /// The order of the best answers; which ones these are does not depend on it. Default: best first
    #[must_use]
    pub fn sorted_by(mut self, sort: Sort) -> Self {
        self.sort = sort;
        self
    }

    /// The probability above which a tag counts as recognised, 0 to 1, in the place of each tag's own threshold. Default: none
    #[must_use]
    pub fn with_threshold(mut self, threshold: impl Into<Option<f32>>) -> Self {
        self.threshold = threshold.into();
        self
    }

    /// Whether pictures of one shot, such as other formats of it and bursts, are one hit. Default: no
    #[must_use]
    pub fn stacked(mut self, stacks: bool) -> Self {
        self.stacks = stacks;
        self
    }

    /// Whether pictures of one shot are one hit.
    pub fn stacks(&self) -> bool {
        self.stacks
    }

    /// The legs that answer.
    pub fn legs(&self) -> Legs {
        self.legs
    }

    /// The order of the best answers.
    pub fn sort(&self) -> Sort {
        self.sort
    }

    /// The probability above which a tag counts as recognised, where it is not its own threshold.
    pub fn threshold(&self) -> Option<f32> {
        self.threshold
    }

    /// The text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The pictures that others are to be like.
    pub fn pictures(&self) -> &[PathBuf] {
        &self.like
    }

    /// The most answers.
    pub fn limit(&self) -> usize {
        self.limit
    }

    /// Whether anything but text is asked for.
    fn has_filters(&self) -> bool {
        let records = [&self.cameras, &self.path_parts, &self.formats];
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
        let has_text = self.text.chars().any(char::is_alphanumeric);
        if !has_text && !self.has_filters() && self.like.is_empty() {
            return Err(QueryError::Empty);
        }
        let must = tags(resolver, &self.must)?;
        let must_not: Vec<_> = self
            .must_not
            .iter()
            .map(|name| vec![name.clone()])
            .collect();
        let must_not = tags(resolver, &must_not)?.concat();
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
        let literal_only = resolution
            .concepts
            .extract_if(.., |concept| concept.tags.is_empty());
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
            facts: self.facts()?,
        })
    }
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
