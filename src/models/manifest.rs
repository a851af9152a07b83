//! `manifest.json`: what a bundle holds, in the words of the checkpoints it came from.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::ModelError;
use super::aligner::AlignerConfig;
use super::caption_network::CaptionerConfig;
use super::matcher::MatcherConfig;
use super::mini::{CAPTION_WORDS, CAPTIONER};
use super::nn::{BertConfig, EfficientNetConfig};
use super::tagger::TaggerConfig;

/// Newest manifest format that this version reads.
const FORMAT: u32 = 1;

/// A bundle's description.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub(crate) struct Manifest {
    pub(crate) format: u32,
    pub(crate) name: String,
    pub(crate) image_encoder: EfficientNetConfig,
    pub(crate) text_encoder: BertConfig,
    /// Tokens a sentence is cut to.
    pub(crate) max_length: usize,
    /// Classes of the image encoder's own classifier.
    pub(crate) classes: usize,
    pub(crate) aligner: AlignerConfig,
    pub(crate) tagger: TaggerConfig,
    /// Image-text matching; a bundle may do without.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) matcher: Option<MatcherConfig>,
    /// Captions; a bundle may do without.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) captioner: Option<CaptionerConfig>,
    /// BLAKE3 of every other file, as hex.
    pub(crate) files: BTreeMap<String, String>,
}

impl Manifest {
    pub(crate) const FILE: &'static str = "manifest.json";

    /// Reads a manifest; `file` is what errors call it.
    pub(crate) fn parse(file: &str, bytes: &[u8]) -> Result<Self, ModelError> {
        #[derive(Deserialize)]
        struct Version {
            format: u32,
        }
        let broken = |source: serde_json::Error| ModelError::Manifest {
            file: file.to_owned(),
            reason: source.to_string(),
        };
        // The version is read by itself first: a newer manifest may not parse as this one.
        let version: Version = serde_json::from_slice(bytes).map_err(broken)?;
        if version.format > FORMAT {
            return Err(ModelError::NewerFormat {
                file: file.to_owned(),
                found: version.format,
                supported: FORMAT,
            });
        }
        serde_json::from_slice(bytes).map_err(broken)
    }

    /// Layers of the text encoder that know nothing of images.
    pub(crate) fn lower_layers(&self) -> usize {
        let upper = self
            .matcher
            .as_ref()
            .map_or(0, |matcher| matcher.num_hidden_layers);
        self.text_encoder.num_hidden_layers.saturating_sub(upper)
    }

    /// Name and content: indexes made with another model are told apart by it. What writes captions does not count, as nothing
    /// that it makes is kept.
    pub(crate) fn id(&self) -> String {
        let mut hasher = blake3::Hasher::new();
        let kept =
            |(file, _): &(&String, &String)| ![CAPTIONER, CAPTION_WORDS].contains(&file.as_str());
        for (file, checksum) in self.files.iter().filter(kept) {
            hasher.update(file.as_bytes()).update(checksum.as_bytes());
        }
        format!("{}-{}", self.name, &hasher.finalize().to_hex()[..12])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::models::mini::{HEADS, TAGS};

    #[test]
    fn a_newer_format_is_told_from_a_broken_file() {
        assert!(matches!(
            Manifest::parse("m", br#"{"format": 99, "shape": "unknown"}"#),
            Err(ModelError::NewerFormat { found: 99, .. })
        ));
        assert!(matches!(
            Manifest::parse("m", br#"{"format": 1}"#),
            Err(ModelError::Manifest { .. })
        ));
    }

    #[test]
    fn another_captioner_leaves_indexes_valid() {
        let mut manifest =
            Manifest::parse("m", crate::models::builtin::file(Manifest::FILE)).unwrap();
        let mut id_with = |file: &str| {
            let checksum = manifest.files.get_mut(file).unwrap();
            checksum.replace_range(..1, "x");
            manifest.id()
        };
        let tags = id_with(TAGS);
        assert_eq!(id_with(CAPTIONER), tags);
        assert_eq!(id_with(CAPTION_WORDS), tags);
        assert_ne!(id_with(HEADS), tags);
    }
}
