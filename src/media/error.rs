//! Why a picture could not be read.

use std::io;
use std::path::PathBuf;

use super::Format;

/// Why a picture could not be read; each is about one file, never about the run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MediaError {
    /// The file has no bytes.
    #[error("the file is empty; copy it again from where it came from")]
    Empty,
    /// The content has no signature of a picture format.
    #[error("not a picture in any format known here, whatever its name says")]
    Unrecognised,
    /// The content is a picture, in a format or a variant of one that cannot be decoded.
    #[error("{format}: {reason}; {advice}")]
    Unsupported {
        /// What the content is.
        format: Format,
        /// What is missing.
        reason: String,
        /// What the owner of the file can do about it.
        advice: &'static str,
    },
    /// Decoding would take more memory, or more pixels, than the limits allow.
    #[error(
        "{format} of {width} x {height} pixels needs {needed} bytes to decode and the limit is {limit}; \
         raise the limit or save it smaller"
    )]
    TooLarge {
        /// What the content is.
        format: Format,
        /// Width that the header states.
        width: u64,
        /// Height that the header states.
        height: u64,
        /// Bytes that decoding would take at its peak.
        needed: u64,
        /// Bytes that were allowed.
        limit: u64,
    },
    /// The picture has more pixels than the limits allow.
    #[error(
        "{format} of {width} x {height} pixels, and the limit is {limit} pixels; raise the limit or save it smaller"
    )]
    TooManyPixels {
        /// What the content is.
        format: Format,
        /// Width that the header states.
        width: u64,
        /// Height that the header states.
        height: u64,
        /// Pixels that were allowed.
        limit: u64,
    },
    /// The file itself is larger than the limits allow.
    #[error(
        "the file has {len} bytes and the limit is {limit}; raise the limit or save it smaller"
    )]
    FileTooLarge {
        /// Bytes in the file.
        len: u64,
        /// Bytes that were allowed.
        limit: u64,
    },
    /// The file ends before the picture does.
    #[error("{format} cut short after {len} bytes; copy it again from where it came from")]
    Truncated {
        /// What the content is.
        format: Format,
        /// Bytes that are there.
        len: u64,
    },
    /// The content contradicts its own format.
    #[error("damaged {format}: {reason}")]
    Damaged {
        /// What the content is.
        format: Format,
        /// What the decoder objected to.
        reason: String,
    },
    /// The decoder itself failed: a defect in a decoder, met by this file.
    #[error("the {format} decoder failed on this file: {reason}; please report it with the file")]
    DecoderFailed {
        /// What the content is.
        format: Format,
        /// What the decoder said when it stopped.
        reason: String,
    },
    /// The file could not be opened or read.
    #[error("it cannot be read: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

impl MediaError {
    pub(super) fn damaged(format: Format, reason: impl ToString) -> Self {
        Self::Damaged {
            format,
            reason: one_line(&reason.to_string()),
        }
    }

    pub(super) fn unsupported(format: Format, reason: impl ToString) -> Self {
        let advice = "convert it to JPEG or PNG to have it indexed";
        Self::Unsupported {
            format,
            reason: one_line(&reason.to_string()),
            advice,
        }
    }
}

/// Decoders put line breaks, and bytes of the file, into what they say.
fn one_line(text: &str) -> String {
    const LONGEST: usize = 200;
    let shown = |c: char| if c.is_control() { ' ' } else { c };
    let words: String = text.chars().map(shown).collect();
    let line = words.split_whitespace().collect::<Vec<_>>().join(" ");
    line.trim_matches(['"', '.'])
        .chars()
        .take(LONGEST)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_decoder_says_becomes_one_short_line() {
        let error = MediaError::damaged(Format::Jpeg, "\"No\tDHT\n\x1b[31m marker.\"");
        assert_eq!(error.to_string(), "damaged JPEG: No DHT [31m marker");
        let MediaError::Damaged { reason, .. } = MediaError::damaged(Format::Png, "x".repeat(999))
        else {
            panic!()
        };
        assert_eq!(reason.len(), 200);
    }
}
