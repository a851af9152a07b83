//! What is asked: words, tags that must or must not be there, when and where, how many answers.

use std::ops::Range;
use std::path::PathBuf;

use super::day::{Day, Days};
use super::legs::Legs;

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
    pub(super) limit: usize,
    skip: usize,
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
    pub(super) keywords: Vec<(String, bool)>,
    pub(super) cameras: Vec<(String, bool)>,
    pub(super) path_parts: Vec<(String, bool)>,
    pub(super) formats: Vec<(String, bool)>,
    pub(super) strict: bool,
    pub(super) legs: Legs,
    sort: Sort,
    pub(super) threshold: Option<f32>,
    pub(super) min_score: Option<f32>,
    stacks: bool,
}

impl Query {
    /// A query for a sentence or a few keywords.
    pub fn new(text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            limit: 20,
            skip: 0,
            must: Vec::new(),
            must_not: Vec::new(),
            above: Vec::new(),
            weights: Vec::new(),
            literal: Vec::new(),
            like: Vec::new(),
            since: None,
            before: None,
            years: Vec::new(),
            keywords: Vec::new(),
            cameras: Vec::new(),
            path_parts: Vec::new(),
            formats: Vec::new(),
            strict: false,
            legs: Legs::default(),
            sort: Sort::default(),
            threshold: None,
            min_score: None,
            stacks: false,
        }
    }

    /// The most answers. Default: 20
    #[must_use]
    pub fn with_limit(mut self, limit: usize) -> Self {
        self.limit = limit;
        self
    }

    /// Leaves out so many of the best answers, so that the next page follows the one before without a gap or a repetition, as long as
    /// the index does not change. Default: 0
    #[must_use]
    pub fn skipping(mut self, answers: usize) -> Self {
        self.skip = answers;
        self
    }

    /// Leaves out answers of which [`Explanation::probability`](super::Explanation::probability) is less. With 0 there is always an
    /// answer. Default: none, and the answer is empty when the collection shows nothing of what is asked for
    #[must_use]
    pub fn with_min_score(mut self, probability: impl Into<Option<f32>>) -> Self {
        self.min_score = probability.into();
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

    /// Requires a keyword: one in the file of the picture, or a tag that a person gave it, whatever its case. Default: none
    #[must_use]
    pub fn keyword(mut self, word: impl Into<String>) -> Self {
        self.keywords.push((word.into(), true));
        self
    }

    /// Excludes pictures with a keyword, whatever its case. Default: none
    #[must_use]
    pub fn not_keyword(mut self, word: impl Into<String>) -> Self {
        self.keywords.push((word.into(), false));
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

    /// The least probability of an answer.
    pub fn min_score(&self) -> Option<f32> {
        self.min_score
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

    /// The answers that are left out before these.
    pub fn skipped(&self) -> usize {
        self.skip
    }

    /// How many of the best answers have to be known.
    pub(crate) fn depth(&self) -> usize {
        self.skip.saturating_add(self.limit)
    }
}
