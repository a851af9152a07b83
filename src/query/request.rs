//! What is asked: words, tags that must or must not be there, how many answers.

use imgsearch_index::TagId;

use super::resolution::Resolution;
use super::resolve::Resolver;

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
    /// Nothing is asked for.
    #[error("the number of results must be at least 1")]
    NoLimit,
}

fn suggestion(near: &[String]) -> String {
    if near.is_empty() {
        "the tag list of the model names all there are".to_owned()
    } else {
        format!("did you mean {}?", near.join(", "))
    }
}

/// A query: free text, tags, and how many answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Query {
    text: String,
    limit: usize,
    must: Vec<String>,
    must_not: Vec<String>,
    strict: bool,
}

impl Query {
    /// A query for a sentence or a few keywords.
    pub fn new(text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            limit: 20,
            must: Vec::new(),
            must_not: Vec::new(),
            strict: false,
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
        self.must.push(tag.into());
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

    /// The text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The most answers.
    pub fn limit(&self) -> usize {
        self.limit
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
        let has_text = self.text.chars().any(char::is_alphanumeric);
        if !has_text && self.must.is_empty() && self.must_not.is_empty() {
            return Err(QueryError::Empty);
        }
        let must = tags(resolver, &self.must)?;
        let must_not = tags(resolver, &self.must_not)?.concat();
        let is_excluded = |tags: &&Vec<TagId>| tags.iter().all(|tag| must_not.contains(tag));
        if let Some(tag) = must.iter().find(is_excluded).and_then(|tags| tags.first()) {
            let tag = resolver
                .vocabulary()
                .get(*tag)
                .map(|tag| tag.name.clone())
                .unwrap_or_default();
            return Err(QueryError::Contradiction { tag });
        }
        let resolution = resolver.resolve(&self.text, self.strict);
        let says_nothing = resolution.concepts.is_empty()
            && resolution.unresolved.is_empty()
            && resolution.absent.is_empty();
        if says_nothing && must.is_empty() && must_not.is_empty() {
            return Err(QueryError::OnlyStopWords {
                text: self.text.clone(),
            });
        }
        Ok(Prepared {
            has_text,
            resolution,
            must,
            must_not,
        })
    }
}

/// A query with its words and tags resolved.
#[derive(Debug, Clone, PartialEq, Eq)]
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
}

/// The tags of each name; a name that means the same as another one counts once.
fn tags(resolver: &Resolver, names: &[String]) -> Result<Vec<Vec<TagId>>, QueryError> {
    let mut sets = Vec::with_capacity(names.len());
    for name in names {
        let mut tags = resolver.tags(name);
        if tags.is_empty() {
            return Err(QueryError::UnknownTag {
                tag: name.clone(),
                near: resolver.near(name, NEAR),
            });
        }
        tags.sort_unstable();
        if !sets.contains(&tags) {
            sets.push(tags);
        }
    }
    Ok(sets)
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
