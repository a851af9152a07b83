//! Which legs of a search answer: tags, similarity (ITC), matching (ITM).

use std::fmt;
use std::str::FromStr;

/// The legs of a search. Default: all
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Legs {
    /// Tags of the words that are recognised in pictures.
    pub tags: bool,
    /// Similarity of the embeddings of words and pictures (ITC).
    pub itc: bool,
    /// Matching of the sentence with what was kept of each of the best pictures (ITM).
    pub itm: bool,
}

impl Default for Legs {
    fn default() -> Self {
        Self {
            tags: true,
            itc: true,
            itm: true,
        }
    }
}

impl Legs {
    /// Without matching, which costs a hundred milliseconds.
    #[must_use]
    pub fn fast() -> Self {
        Self {
            itm: false,
            ..Self::default()
        }
    }
}

/// A list of legs that is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LegsError {
    /// A name that no leg has.
    #[error("{name:?} is no leg of a search; the legs are tags, itc and itm, as in tags,itc")]
    Unknown {
        /// The name.
        name: String,
    },
    /// Matching alone: it can only rank again what another leg has found.
    #[error("itm ranks again what tags or itc have found; name one of them too, as in itc,itm")]
    NothingToMatch,
}

impl FromStr for Legs {
    type Err = LegsError;

    /// Reads `tags,itc,itm` or a part of it.
    fn from_str(text: &str) -> Result<Self, LegsError> {
        let mut legs = Self {
            tags: false,
            itc: false,
            itm: false,
        };
        for name in text.split(',').map(str::trim) {
            match name {
                "tags" => legs.tags = true,
                "itc" => legs.itc = true,
                "itm" => legs.itm = true,
                name => {
                    return Err(LegsError::Unknown {
                        name: name.to_owned(),
                    });
                }
            }
        }
        match legs.tags || legs.itc {
            true => Ok(legs),
            false => Err(LegsError::NothingToMatch),
        }
    }
}

impl fmt::Display for Legs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = [("tags", self.tags), ("itc", self.itc), ("itm", self.itm)];
        let names = names.iter().filter(|(_, is_there)| *is_there);
        let names: Vec<&str> = names.map(|(name, _)| *name).collect();
        f.write_str(&names.join(","))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn legs_are_read_and_written_alike_and_wrong_ones_named() {
        for text in ["tags", "itc", "tags,itc", "itc,itm", "tags,itc,itm"] {
            assert_eq!(text.parse::<Legs>().unwrap().to_string(), text);
        }
        assert_eq!(
            " itm , tags".parse::<Legs>().unwrap().to_string(),
            "tags,itm"
        );
        assert_eq!("itm".parse::<Legs>(), Err(LegsError::NothingToMatch));
        for text in ["", "tags,", "ITC", "embedding"] {
            let error = text.parse::<Legs>().unwrap_err();
            assert!(error.to_string().contains("tags, itc and itm"), "{text}");
        }
    }
}
