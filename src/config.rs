//! Settings of the engine.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::media::Limits;
use crate::models::{Compute, DeviceChoice, ModelSource, Precision};
use crate::query::{CalibrationParams, FusionParams};

/// Every setting, commented, at its default.
pub const DEFAULT_TOML: &str = include_str!("../config.toml");

/// How an engine is set up.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    index: PathBuf,
    model: ModelSource,
    settings: Settings,
}

/// Settings that a file may change; see `config.toml`.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Settings {
    /// Where the networks run.
    pub device: DeviceChoice,
    /// In which precision they compute on a GPU.
    pub precision: Precision,
    /// Indexing.
    pub ingest: IngestSettings,
    /// Searching.
    pub search: SearchSettings,
    /// Small pictures beside the index.
    pub thumbnails: ThumbnailSettings,
}

/// Settings of indexing.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct IngestSettings {
    /// Threads that decode pictures; 0 takes one a core.
    pub threads: usize,
    /// Pictures encoded at once.
    pub batch: usize,
    /// Most memory that decoding one picture may take, in MiB.
    pub max_decode_mib: u64,
    /// Most pixels that a picture may have, in millions.
    pub max_megapixels: u64,
    /// Whether hidden files and folders are taken too.
    pub hidden: bool,
    /// Seconds after which finished pictures are published, so that searches find them.
    pub publish_seconds: u64,
    /// Most room that what sentences are matched with (ITM) may take for each picture, in KiB; where a model needs more, it is not
    /// kept.
    pub max_token_kib: usize,
}

/// Settings of searching.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct SearchSettings {
    /// Candidates that each leg brings to the fusion.
    pub candidates: usize,
    /// The best candidates with which a sentence is matched (ITM); 0 for none.
    pub rerank: usize,
    /// How the legs are fused.
    pub fusion: FusionParams,
    /// When an answer is empty, and how probable its pictures are.
    pub calibration: CalibrationParams,
}

/// Settings of the small pictures beside the index.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct ThumbnailSettings {
    /// Most room that they may take together, in MiB; 0 keeps none.
    pub max_mib: u64,
}

impl Default for ThumbnailSettings {
    fn default() -> Self {
        Self { max_mib: 512 }
    }
}

impl Default for IngestSettings {
    fn default() -> Self {
        Self {
            threads: 0,
            batch: 16,
            max_decode_mib: 384,
            max_megapixels: 120,
            hidden: false,
            publish_seconds: 5,
            max_token_kib: 64,
        }
    }
}

impl Default for SearchSettings {
    fn default() -> Self {
        Self {
            candidates: 200,
            rerank: 64,
            fusion: FusionParams::default(),
            calibration: CalibrationParams::default(),
        }
    }
}

impl IngestSettings {
    pub(crate) fn limits(&self) -> Limits {
        Limits {
            max_alloc: self.max_decode_mib << 20,
            max_pixels: self.max_megapixels * 1_000_000,
        }
    }
}

impl Settings {
    /// Where the networks run, and in which precision.
    pub fn compute(&self) -> Compute {
        Compute {
            device: self.device,
            precision: self.precision,
        }
    }

    /// Reads settings from TOML; what is not named keeps its default.
    ///
    /// # Errors
    /// [`Error::Settings`] when the text does not parse or names an unknown setting, [`Error::Setting`] for a value that
    /// makes no sense.
    pub fn from_toml(text: &str) -> Result<Self> {
        let settings: Self =
            toml::from_str(text).map_err(|error| Error::Settings(error.to_string()))?;
        let at_least_one = |setting, value: u64| {
            if value == 0 {
                return Err(Error::Setting {
                    setting,
                    reason: "must be at least 1".to_owned(),
                });
            }
            Ok(())
        };
        at_least_one("ingest.batch", settings.ingest.batch as u64)?;
        at_least_one("ingest.max_decode_mib", settings.ingest.max_decode_mib)?;
        at_least_one("ingest.max_megapixels", settings.ingest.max_megapixels)?;
        at_least_one("search.candidates", settings.search.candidates as u64)?;
        if !(0.0..=1.0).contains(&settings.search.calibration.floor) {
            return Err(Error::Setting {
                setting: "search.calibration.floor",
                reason: "must be a probability, from 0 to 1".to_owned(),
            });
        }
        Ok(settings)
    }
}

impl Config {
    /// An engine that keeps its index in the folder `index`, with the built-in model.
    pub fn new(index: impl Into<PathBuf>) -> Self {
        Self {
            index: index.into(),
            model: ModelSource::default(),
            settings: Settings::default(),
        }
    }

    /// The model to use. Default: the built-in one
    #[must_use]
    pub fn with_model(mut self, model: ModelSource) -> Self {
        self.model = model;
        self
    }

    /// The settings. Default: those of `config.toml`
    #[must_use]
    pub fn with_settings(mut self, settings: Settings) -> Self {
        self.settings = settings;
        self
    }

    /// The folder of the index.
    pub fn index(&self) -> &Path {
        &self.index
    }

    /// The model.
    pub fn model(&self) -> &ModelSource {
        &self.model
    }

    /// The settings.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shipped_file_says_the_defaults_and_nothing_else() {
        let stated = Settings::from_toml(DEFAULT_TOML).unwrap();
        assert_eq!(stated, Settings::default());
        // Every default is written out, so the file cannot hide a setting.
        let all = toml::to_string(&Settings::default()).unwrap();
        for line in all.lines().filter(|line| line.contains('=')) {
            let name = line.split('=').next().unwrap_or_default().trim();
            assert!(
                DEFAULT_TOML.contains(&format!("{name} =")),
                "{name} is missing"
            );
        }
    }

    #[test]
    fn a_misspelt_setting_is_named() {
        let error = Settings::from_toml("[ingest]\nthread = 3\n").unwrap_err();
        assert!(error.to_string().contains("thread"), "{error}");
        assert!(Settings::from_toml("[ingest]\nbatch = 0\n").is_err());
        for floor in ["-0.1", "1.5", "nan"] {
            let text = format!("[search.calibration]\nfloor = {floor}\n");
            let error = Settings::from_toml(&text).unwrap_err();
            assert!(error.to_string().contains("from 0 to 1"), "{error}");
        }
    }
}
