//! What is searched with: the captions, or words of them.

use std::ops::Range;

use super::EvalError;
use super::clean::clean;
use super::keywords::keywords;
use super::retrieval::RetrievalOptions;
use crate::corpus::CaptionedPicture;
use crate::query::{Lexicon, Parser};

/// Sentences, those of a picture beside each other.
pub(crate) struct Queries {
    pub(crate) texts: Vec<String>,
    /// The pictures that have any, each with its own. Those without are distractors.
    pub(crate) own: Vec<(usize, Range<usize>)>,
}

impl Queries {
    pub(crate) fn new(
        pictures: &[CaptionedPicture],
        options: &RetrievalOptions,
    ) -> Result<Self, EvalError> {
        let parser = options.keywords.then(|| Parser::new(Lexicon::english()));
        let (mut texts, mut own) = (Vec::new(), Vec::new());
        for (index, picture) in pictures.iter().enumerate() {
            let first = texts.len();
            for caption in &picture.captions {
                let caption = match options.clean {
                    true => clean(caption),
                    false => caption.clone(),
                };
                texts.push(match &parser {
                    Some(parser) => keywords(parser, &caption, texts.len() as u64),
                    None => caption,
                });
            }
            if texts.len() > first {
                own.push((index, first..texts.len()));
            }
        }
        if texts.is_empty() {
            return Err(EvalError::Nothing(
                "the data has no captions to search with",
            ));
        }
        Ok(Self { texts, own })
    }
}
