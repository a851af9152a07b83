//! The models that others published and that can be downloaded: addresses, sizes, checksums and licences.

use serde::Deserialize;

use crate::models::{ModelError, ModelKind};

const TABLE: &str = include_str!("../../models/published.json");

/// A model that somebody published.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct PublishedModel {
    /// What it is called here.
    pub name: String,
    /// What it is.
    pub kind: ModelKind,
    /// What it is, in words.
    pub what: String,
    /// Under which terms.
    pub licence: String,
    /// Its checkpoint.
    pub weights: PublishedFile,
    /// Its configuration, where that is not the published one of its kind.
    #[serde(default)]
    pub config: Option<PublishedFile>,
    /// Its list of tags.
    #[serde(default)]
    pub tags: Option<PublishedFile>,
    /// The thresholds of its tags.
    #[serde(default)]
    pub thresholds: Option<PublishedFile>,
    /// Its WordPiece vocabulary, where that is not the one of bert-base-uncased.
    #[serde(default)]
    pub vocab: Option<PublishedFile>,
}

/// A file that somebody serves.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct PublishedFile {
    /// Where it is.
    pub address: String,
    /// Its length, where it is known to the byte.
    #[serde(default)]
    pub bytes: Option<u64>,
    /// About how long it is, where that is all that is known.
    #[serde(default)]
    pub about: Option<u64>,
    /// SHA-256 as hex. A text file of a few kilobytes may have none; it is then only held against the model's shape.
    #[serde(default)]
    pub sha256: Option<String>,
}

impl PublishedModel {
    /// The models whose checksums are known.
    pub fn all() -> Vec<Self> {
        Self::read(TABLE).unwrap_or_default()
    }

    /// Reads a table of models, as JSON: for collections of one's own.
    ///
    /// # Errors
    /// When it does not parse, or a checkpoint has no checksum.
    pub fn read(json: &str) -> Result<Vec<Self>, ModelError> {
        let broken = |reason: String| ModelError::Incomplete {
            reason: format!("the table of models cannot be used: {reason}"),
        };
        let models: Vec<Self> =
            serde_json::from_str(json).map_err(|error| broken(error.to_string()))?;
        match models.iter().find(|model| model.weights.sha256.is_none()) {
            Some(model) => Err(broken(format!(
                "the weights of {} have no sha256",
                model.name
            ))),
            None => Ok(models),
        }
    }

    /// What belongs to it, under the names that the files are stored by.
    pub(super) fn files(&self) -> Vec<(&'static str, &PublishedFile)> {
        let others = [
            ("config.json", &self.config),
            ("tags.txt", &self.tags),
            ("thresholds.txt", &self.thresholds),
            ("vocab.txt", &self.vocab),
        ];
        // The small files first: what is wrong with them shows before the gigabytes are fetched.
        let mut files: Vec<_> = others
            .into_iter()
            .filter_map(|(name, file)| Some((name, file.as_ref()?)))
            .collect();
        files.push(("weights", &self.weights));
        files
    }
}

impl PublishedFile {
    /// Bytes to fetch, as far as that is known.
    pub fn size(&self) -> Option<u64> {
        self.bytes.or(self.about)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_published_model_has_a_checksum_and_what_its_kind_needs() {
        let models = PublishedModel::all();
        assert_eq!(models.len(), 5);
        for model in &models {
            let sha256 = model.weights.sha256.as_ref().unwrap();
            assert!(sha256.len() == 64 && sha256.chars().all(|c| c.is_ascii_hexdigit()));
            assert!(model.weights.size().is_some(), "{}", model.name);
            assert_eq!(model.kind.has_tag_list(), model.tags.is_some());
            let secure = |file: &PublishedFile| file.address.starts_with("https://");
            assert!(model.files().iter().all(|(_, file)| secure(file)));
            assert_eq!(model.files().last().unwrap().0, "weights");
        }
    }

    #[test]
    fn weights_without_a_checksum_are_not_taken() {
        let table = r#"[{"name": "x", "kind": "ram", "what": "", "licence": "",
            "weights": {"address": "http://a/b"}}]"#;
        let error = PublishedModel::read(table).unwrap_err().to_string();
        assert!(error.contains("sha256"), "{error}");
        assert!(PublishedModel::read("[{}]").is_err());
    }
}
