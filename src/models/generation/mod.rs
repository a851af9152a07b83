//! Choosing the tokens of a caption: greedy, beam search and nucleus sampling, with the bookkeeping of transformers 4.25.1,
//! which the reference calls. Nothing here knows a network: it continues texts through [`NextToken`].

mod beam;
mod processors;
mod single;

pub(crate) use beam::beam_search;
pub(crate) use single::{Choice, decode_single};

use super::ModelError;

/// A language model in the midst of some texts, one a row.
pub(crate) trait NextToken {
    /// Number of token ids: the width of a row of logits.
    fn vocabulary(&self) -> usize;

    /// Starts every text with `prompt`, which is not empty. Logits `[texts, vocabulary]` of the token that follows.
    ///
    /// # Errors
    /// When the network fails.
    fn start(&mut self, prompt: &[u32]) -> Result<Vec<f32>, ModelError>;

    /// Row `i` continues row `parents[i]` of the call before by `tokens[i]`. A row may be continued more than once; one that is
    /// not continued is dropped. Rows of one text are adjacent, and every text that goes on has as many of them. Logits
    /// `[rows, vocabulary]` of the token that follows.
    ///
    /// # Errors
    /// When the network fails.
    fn next(&mut self, parents: &[usize], tokens: &[u32]) -> Result<Vec<f32>, ModelError>;
}

/// What every text keeps to. Lengths count the prompt.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Limits {
    /// Tokens after which a text is cut.
    pub(crate) max_length: usize,
    /// Tokens below which a text does not end.
    pub(crate) min_length: usize,
    /// Divides the score of a token that the text already has (multiplies it when negative); 1 changes nothing.
    pub(crate) repetition_penalty: f32,
    /// The token that ends a text.
    pub(crate) end: u32,
}

/// A finished text.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Generated {
    /// Prompt and chosen tokens, without the one that ended the text.
    pub(crate) ids: Vec<u32>,
    /// Sum of the log-probabilities of the chosen tokens, that of the end included, over the number of `ids`.
    pub(crate) score: f64,
}

#[cfg(test)]
mod script {
    use super::*;

    /// Logits written down for each sequence; the end token is 0.
    pub(super) struct Script {
        pub(super) vocabulary: usize,
        pub(super) texts: usize,
        /// Logits by what the text holds after the prompt and by the text's number.
        pub(super) logits: fn(usize, &[u32]) -> Vec<f32>,
        rows: Vec<(usize, Vec<u32>)>,
        /// Rows of every call.
        pub(super) calls: Vec<usize>,
    }

    impl Script {
        pub(super) fn new(
            vocabulary: usize,
            texts: usize,
            logits: fn(usize, &[u32]) -> Vec<f32>,
        ) -> Self {
            Self {
                vocabulary,
                texts,
                logits,
                rows: Vec::new(),
                calls: Vec::new(),
            }
        }

        fn answer(&mut self) -> Vec<f32> {
            self.calls.push(self.rows.len());
            self.rows
                .iter()
                .flat_map(|(text, ids)| (self.logits)(*text, ids))
                .collect()
        }
    }

    impl NextToken for Script {
        fn vocabulary(&self) -> usize {
            self.vocabulary
        }

        fn start(&mut self, _prompt: &[u32]) -> Result<Vec<f32>, ModelError> {
            self.rows = (0..self.texts).map(|text| (text, Vec::new())).collect();
            Ok(self.answer())
        }

        fn next(&mut self, parents: &[usize], tokens: &[u32]) -> Result<Vec<f32>, ModelError> {
            self.rows = parents
                .iter()
                .zip(tokens)
                .map(|(&parent, &token)| {
                    let (text, mut ids) = self.rows[parent].clone();
                    ids.push(token);
                    (text, ids)
                })
                .collect();
            Ok(self.answer())
        }
    }
}
