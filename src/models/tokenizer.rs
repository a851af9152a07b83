//! WordPiece tokenisation as in bert-base-uncased: lower case, accents stripped.

use ahash::AHashMap;
use tokenizers::models::wordpiece::WordPiece;
use tokenizers::normalizers::BertNormalizer;
use tokenizers::pre_tokenizers::bert::BertPreTokenizer;
use tokenizers::processors::bert::BertProcessing;
use tokenizers::{Tokenizer, TruncationParams};

use super::ModelError;

/// Sentences to token ids.
#[derive(Clone, Debug)]
pub(crate) struct WordPieceTokenizer {
    tokenizer: Tokenizer,
}

impl WordPieceTokenizer {
    /// `vocabulary` holds one token a line, the line number being the id. Sentences are cut to `max_length` tokens, the
    /// two special ones included.
    pub(crate) fn new(vocabulary: &str, max_length: usize) -> Result<Self, ModelError> {
        let ids: AHashMap<String, u32> = vocabulary
            .lines()
            .enumerate()
            .map(|(id, token)| (token.to_owned(), id as u32))
            .collect();
        let special = |token: &str| {
            ids.get(token)
                .map(|&id| (token.to_owned(), id))
                .ok_or_else(|| ModelError::Vocabulary {
                    reason: format!("it has no {token} token"),
                })
        };
        let (start, end) = (special("[CLS]")?, special("[SEP]")?);
        special("[UNK]")?;
        let broken = |source: tokenizers::Error| ModelError::Vocabulary {
            reason: source.to_string(),
        };
        let model = WordPiece::builder()
            .vocab(ids)
            .unk_token("[UNK]".to_owned())
            .build()
            .map_err(broken)?;
        let mut tokenizer = Tokenizer::new(model);
        tokenizer
            .with_normalizer(Some(BertNormalizer::default()))
            .map_err(broken)?
            .with_pre_tokenizer(Some(BertPreTokenizer))
            .with_post_processor(Some(BertProcessing::new(end, start)));
        tokenizer
            .with_truncation(Some(TruncationParams {
                max_length,
                ..TruncationParams::default()
            }))
            .map_err(broken)?;
        Ok(Self { tokenizer })
    }

    /// `[CLS]` tokens `[SEP]`.
    pub(crate) fn encode(&self, text: &str) -> Result<Vec<u32>, ModelError> {
        let encoding =
            self.tokenizer
                .encode_fast(text, true)
                .map_err(|source| ModelError::Tokenize {
                    reason: source.to_string(),
                })?;
        Ok(encoding.get_ids().to_vec())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokenizer(max_length: usize) -> WordPieceTokenizer {
        let vocabulary = "[PAD]\n[UNK]\n[CLS]\n[SEP]\ndog\n##s\ncafe\n,\n";
        WordPieceTokenizer::new(vocabulary, max_length).unwrap()
    }

    #[test]
    fn pieces_case_accents_and_unknown_words() {
        assert_eq!(
            tokenizer(16).encode("Dogs, Café zebra").unwrap(),
            [2, 4, 5, 7, 6, 1, 3]
        );
    }

    #[test]
    fn a_long_text_is_cut_and_keeps_its_end_token() {
        let ids = tokenizer(8).encode(&"dog ".repeat(10_000)).unwrap();
        assert_eq!(ids.len(), 8);
        assert_eq!(ids.last(), Some(&3));
    }

    #[test]
    fn a_vocabulary_without_special_tokens_is_refused() {
        assert!(WordPieceTokenizer::new("dog\ncat\n", 8).is_err());
    }
}
