//! WordPiece tokenisation as in bert-base-uncased: lower case, accents stripped.

use ahash::{AHashMap, AHashSet};
use tokenizers::models::wordpiece::WordPiece;
use tokenizers::normalizers::BertNormalizer;
use tokenizers::pre_tokenizers::bert::BertPreTokenizer;
use tokenizers::processors::bert::BertProcessing;
use tokenizers::{AddedToken, Tokenizer, TruncationParams};

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
        let mut tokenizer = word_pieces(vocabulary)?;
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
        encode(&self.tokenizer, text)
    }

    /// Byte at which a text that is too long is cut; `None` when all of it is read.
    pub(crate) fn cut(&self, text: &str) -> Result<Option<usize>, ModelError> {
        let encoding = self.tokenizer.encode(text, true).map_err(unreadable)?;
        let read = encoding.get_offsets().iter().map(|offsets| offsets.1).max();
        Ok(read.filter(|_| !encoding.get_overflowing().is_empty()))
    }
}

/// The tokeniser of BLIP and Tag2Text: the tokens `[DEC]`, which starts a caption, and `[ENC]`, which starts a text that is
/// read together with an image, come after the vocabulary. Special tokens are recognised in the text too.
#[derive(Clone, Debug)]
pub(crate) struct BlipTokenizer {
    tokenizer: Tokenizer,
    special: AHashSet<u32>,
    /// `[PAD]`, which fills up.
    pub(crate) pad: u32,
    /// `[UNK]`, which stands for words that are not in the vocabulary.
    #[cfg(feature = "train")]
    pub(crate) unknown: u32,
    /// `[SEP]`, which ends a text.
    pub(crate) sep: u32,
    /// `[DEC]`.
    pub(crate) dec: u32,
    /// `[ENC]`.
    pub(crate) enc: u32,
}

/// A text at a fixed number of tokens.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Padded {
    /// `[CLS]` tokens `[SEP]`, then `[PAD]` up to the length asked for.
    pub(crate) ids: Vec<u32>,
    /// Those that are no padding: where the attention mask is 1.
    pub(crate) length: usize,
}

impl BlipTokenizer {
    /// `vocabulary` holds one token a line, the line number being the id.
    pub(crate) fn new(vocabulary: &str) -> Result<Self, ModelError> {
        let mut tokenizer = word_pieces(vocabulary)?;
        let stored = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
            .into_iter()
            .filter(|token| tokenizer.token_to_id(token).is_some());
        let names: Vec<&str> = stored.chain(["[DEC]", "[ENC]"]).collect();
        tokenizer
            .add_special_tokens(names.iter().map(|&name| AddedToken::from(name, true)))
            .map_err(broken)?;
        let id = |token: &str| tokenizer.token_to_id(token).ok_or_else(|| lacks(token));
        Ok(Self {
            special: names
                .iter()
                .map(|name| id(name))
                .collect::<Result<_, _>>()?,
            pad: id("[PAD]")?,
            #[cfg(feature = "train")]
            unknown: id("[UNK]")?,
            sep: id("[SEP]")?,
            dec: id("[DEC]")?,
            enc: id("[ENC]")?,
            tokenizer,
        })
    }

    /// Number of ids, `[DEC]` and `[ENC]` included.
    pub(crate) fn len(&self) -> usize {
        self.tokenizer.get_vocab_size(true)
    }

    /// `[CLS]` tokens `[SEP]`.
    pub(crate) fn encode(&self, text: &str) -> Result<Vec<u32>, ModelError> {
        encode(&self.tokenizer, text)
    }

    /// As [`Self::encode`], cut or filled up to `length` tokens; a text that is cut keeps its `[SEP]`.
    pub(crate) fn encode_padded(&self, text: &str, length: usize) -> Result<Padded, ModelError> {
        let mut ids = self.encode(text)?;
        if ids.len() > length {
            ids.truncate(length);
            if let Some(last) = ids.last_mut() {
                *last = self.sep;
            }
        }
        let used = ids.len();
        ids.resize(length, self.pad);
        Ok(Padded { ids, length: used })
    }

    /// The text of `ids` without special tokens. Spaces are put as the reference does: none before full stop, comma, question
    /// and exclamation mark, nor around the apostrophe.
    pub(crate) fn decode(&self, ids: &[u32]) -> String {
        let tokens = ids
            .iter()
            .filter(|id| !self.special.contains(id))
            .filter_map(|&id| self.tokenizer.id_to_token(id));
        let mut text = String::new();
        for token in tokens {
            match token.strip_prefix("##") {
                Some(rest) if !text.is_empty() => text.push_str(rest),
                _ => {
                    if !text.is_empty() {
                        text.push(' ');
                    }
                    text.push_str(&token);
                }
            }
        }
        // The order matters: "don ' t" closes up before " 's" could.
        for (spaced, closed) in [
            (" .", "."),
            (" ?", "?"),
            (" !", "!"),
            (" ,", ","),
            (" ' ", "'"),
            (" n't", "n't"),
            (" 'm", "'m"),
            (" 's", "'s"),
            (" 've", "'ve"),
            (" 're", "'re"),
        ] {
            text = text.replace(spaced, closed);
        }
        text
    }
}

/// WordPiece between `[CLS]` and `[SEP]`.
fn word_pieces(vocabulary: &str) -> Result<Tokenizer, ModelError> {
    let ids: AHashMap<String, u32> = vocabulary
        .lines()
        .enumerate()
        .map(|(id, token)| (token.to_owned(), id as u32))
        .collect();
    let special = |token: &str| {
        ids.get(token)
            .map(|&id| (token.to_owned(), id))
            .ok_or_else(|| lacks(token))
    };
    let (start, end) = (special("[CLS]")?, special("[SEP]")?);
    special("[UNK]")?;
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
    Ok(tokenizer)
}

fn encode(tokenizer: &Tokenizer, text: &str) -> Result<Vec<u32>, ModelError> {
    let encoding = tokenizer.encode_fast(text, true).map_err(unreadable)?;
    Ok(encoding.get_ids().to_vec())
}

fn unreadable(source: tokenizers::Error) -> ModelError {
    ModelError::Tokenize {
        reason: source.to_string(),
    }
}

fn broken(source: tokenizers::Error) -> ModelError {
    ModelError::Vocabulary {
        reason: source.to_string(),
    }
}

fn lacks(token: &str) -> ModelError {
    ModelError::Vocabulary {
        reason: format!("it has no {token} token"),
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

    const BERT: &str = include_str!("../../models/bert-base-uncased.txt");
    const GOLDEN: &str = include_str!("../../tests/fixtures/golden/tokenizer_golden.json");

    fn ids(value: &serde_json::Value) -> Vec<u32> {
        serde_json::from_value(value.clone()).unwrap()
    }

    #[test]
    fn encodes_as_the_reference() {
        let tokenizer = BlipTokenizer::new(BERT).unwrap();
        assert_eq!(tokenizer.len(), 30_524);
        assert_eq!((tokenizer.dec, tokenizer.enc), (30_522, 30_523));
        let golden: serde_json::Value = serde_json::from_str(GOLDEN).unwrap();
        let cases = golden["encode"].as_array().unwrap();
        assert!(cases.len() > 30);
        for case in cases {
            let text = case["text"].as_str().unwrap();
            match case["args"]["max_length"].as_u64() {
                None => assert_eq!(
                    tokenizer.encode(text).unwrap(),
                    ids(&case["input_ids"]),
                    "{text}"
                ),
                Some(length) => {
                    let padded = tokenizer.encode_padded(text, length as usize).unwrap();
                    assert_eq!(padded.ids, ids(&case["input_ids"]), "{text}");
                    let mask = ids(&case["attention_mask"]);
                    assert!(
                        (0..mask.len()).all(|i| (mask[i] == 1) == (i < padded.length)),
                        "{text}"
                    );
                }
            }
        }
    }

    #[test]
    fn decodes_as_the_reference() {
        let tokenizer = BlipTokenizer::new(BERT).unwrap();
        let golden: serde_json::Value = serde_json::from_str(GOLDEN).unwrap();
        let cases = golden["decode"].as_array().unwrap();
        assert_eq!(cases.len(), 3);
        for case in cases {
            assert_eq!(
                tokenizer.decode(&ids(&case["ids"])),
                case["text"].as_str().unwrap()
            );
        }
    }

    #[test]
    fn decoding_starts_anywhere_and_passes_over_what_is_no_token() {
        let vocabulary = "[PAD]\n[UNK]\n[CLS]\n[SEP]\ndog\n##s\n'\ns\n";
        let tokenizer = BlipTokenizer::new(vocabulary).unwrap();
        assert_eq!((tokenizer.dec, tokenizer.enc, tokenizer.len()), (8, 9, 10));
        assert_eq!(tokenizer.decode(&[5, 4, 5, 99]), "##s dogs");
        assert_eq!(tokenizer.decode(&[8, 4, 6, 7, 1, 3, 0, 9]), "dog's");
        assert_eq!(tokenizer.decode(&[]), "");
        assert_eq!(tokenizer.encode("[ENC] dog").unwrap(), [2, 9, 4, 3]);
    }

    #[test]
    fn a_length_without_room_for_a_word_is_no_panic() {
        let tokenizer = BlipTokenizer::new("[PAD]\n[UNK]\n[CLS]\n[SEP]\ndog\n").unwrap();
        let padded = |length| tokenizer.encode_padded("dog dog dog", length).unwrap();
        assert_eq!(padded(2).ids, [2, 3]);
        assert_eq!(
            padded(0),
            Padded {
                ids: vec![],
                length: 0
            }
        );
        assert_eq!(padded(4).ids, [2, 4, 4, 3]);
        assert_eq!(
            padded(7),
            Padded {
                ids: vec![2, 4, 4, 4, 3, 0, 0],
                length: 5
            }
        );
    }
}
