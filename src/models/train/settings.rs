//! What is trained, on what and how. The defaults are what the shipped model was made with.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::TrainError;
use super::head_settings::{
    AlignmentSettings, CaptioningSettings, EncoderSettings, MatchingSettings, TaggingSettings,
};
use crate::models::DeviceChoice;

/// Settings of a training run, as a training file has them; see `examples/train.toml`.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct TrainSettings {
    /// The pictures to learn from: files that [`read_corpus`](crate::corpus::read_corpus) reads.
    pub data: Vec<PathBuf>,
    /// Where features, checkpoints, curves and the bundle go. Default: `runs/` and the name
    pub out: Option<PathBuf>,
    /// The model whose backbones, tags and shape are taken, by name or folder; whoever calls looks it up. Default: the built-in
    /// one
    pub base: Option<PathBuf>,
    /// Tags to train, as JSON lines. Default: those of the base
    pub tags: Option<PathBuf>,
    /// Name of the new bundle.
    pub name: String,
    /// Where the networks run.
    pub device: DeviceChoice,
    /// What is trained; the rest is taken from the base.
    pub stages: Vec<TrainStage>,
    /// What the heads start from.
    pub start: Start,
    /// What the learning rates are multiplied with where heads start from those of the base.
    pub fine_tuning_rate: f64,
    /// Seed of every random choice.
    pub seed: u64,
    /// Views of each training picture: the whole, its mirror image, and random crops. With captions that tell left from right no
    /// mirrored one is shown.
    pub views: usize,
    /// Training pictures held out to choose the epoch and the tag thresholds; never more than a fifth.
    pub held_out: usize,
    /// Decay of the moving average of the weights, which is then what is measured and exported; 0 for the last weights.
    pub ema_decay: f32,
    /// Epochs without a better held-out figure after which a stage ends; 0 for never.
    pub patience: usize,
    /// Minutes between checkpoints, beside those at the end of each epoch.
    pub checkpoint_minutes: f64,
    /// The contrastive heads.
    pub alignment: AlignmentSettings,
    /// Both encoders.
    pub encoders: EncoderSettings,
    /// The recognition decoder.
    pub tagging: TaggingSettings,
    /// The alignment encoder.
    pub matching: MatchingSettings,
    /// The caption decoder.
    pub captioning: CaptioningSettings,
}

/// One of the parts that can be trained.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum TrainStage {
    /// The contrastive heads.
    Alignment,
    /// Both encoders, with the contrastive heads above them.
    Encoders,
    /// The recognition decoder.
    Tagging,
    /// The alignment encoder, which matches pictures with sentences.
    Matching,
    /// The caption decoder.
    Captioning,
}

impl TrainStage {
    /// Its name in a training file.
    pub fn name(self) -> &'static str {
        match self {
            Self::Alignment => "alignment",
            Self::Encoders => "encoders",
            Self::Tagging => "tagging",
            Self::Matching => "matching",
            Self::Captioning => "captioning",
        }
    }
}

/// What heads start from.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Start {
    /// Random weights.
    #[default]
    Scratch,
    /// The heads of the base: fine-tuning.
    Base,
}

impl Default for TrainSettings {
    fn default() -> Self {
        Self {
            data: Vec::new(),
            out: None,
            base: None,
            tags: None,
            name: "tag2text-mini".to_owned(),
            device: DeviceChoice::Auto,
            stages: vec![
                TrainStage::Alignment,
                TrainStage::Encoders,
                TrainStage::Tagging,
                TrainStage::Matching,
                TrainStage::Captioning,
            ],
            start: Start::Scratch,
            fine_tuning_rate: 0.2,
            seed: 1,
            views: 3,
            held_out: 500,
            ema_decay: 0.99,
            patience: 0,
            checkpoint_minutes: 2.0,
            alignment: AlignmentSettings::default(),
            encoders: EncoderSettings::default(),
            tagging: TaggingSettings::default(),
            matching: MatchingSettings::default(),
            captioning: CaptioningSettings::default(),
        }
    }
}

impl TrainSettings {
    /// Where everything goes.
    pub fn folder(&self) -> PathBuf {
        match &self.out {
            Some(out) => out.clone(),
            None => Path::new("runs").join(&self.name),
        }
    }

    /// Whether the heads of the base are trained further.
    pub(crate) fn fine_tunes(&self) -> bool {
        self.start == Start::Base
    }

    /// Looks for values that make no sense.
    ///
    /// # Errors
    /// [`TrainError::Setting`], which names the setting as a training file does.
    pub fn check(&self) -> Result<(), TrainError> {
        let (alignment, encoders, tagging) = (&self.alignment, &self.encoders, &self.tagging);
        let (matching, captioning) = (&self.matching, &self.captioning);
        let wrong = |setting, reason: &str| {
            Err(TrainError::Setting {
                setting,
                reason: reason.to_owned(),
            })
        };
        for (setting, count) in [
            ("views", self.views),
            ("alignment.epochs", alignment.epochs),
            ("alignment.batch", alignment.batch),
            ("encoders.epochs", encoders.epochs),
            ("encoders.batch", encoders.batch),
            ("encoders.captions", encoders.captions),
            ("encoders.image_blocks", encoders.image_blocks),
            ("tagging.epochs", tagging.epochs),
            ("tagging.batch", tagging.batch),
            ("tagging.absent", tagging.absent),
            ("matching.epochs", matching.epochs),
            ("matching.batch", matching.batch),
            ("matching.layers", matching.layers),
            ("matching.token_width", matching.token_width),
            ("captioning.epochs", captioning.epochs),
            ("captioning.batch", captioning.batch),
            ("captioning.layers", captioning.layers),
            ("captioning.tags", captioning.tags),
        ] {
            if count == 0 {
                return wrong(setting, "must be at least 1");
            }
        }
        for (setting, share) in [
            ("ema_decay", f64::from(self.ema_decay)),
            ("alignment.input_dropout", alignment.input_dropout),
            ("alignment.hidden_dropout", alignment.hidden_dropout),
            ("alignment.text_dropout", alignment.text_dropout),
            ("alignment.keywords", alignment.keywords),
            ("encoders.keywords", encoders.keywords),
            ("matching.keywords", matching.keywords),
            ("tagging.dropout", tagging.dropout),
            ("matching.dropout", matching.dropout),
            ("captioning.dropout", captioning.dropout),
            ("captioning.word_dropout", captioning.word_dropout),
        ] {
            if !(0.0..1.0).contains(&share) {
                return wrong(setting, "must be at least 0 and less than 1");
            }
        }
        for (setting, rate) in [
            ("fine_tuning_rate", self.fine_tuning_rate),
            ("matching.pretrained_rate", matching.pretrained_rate),
            ("alignment.learning_rate", alignment.learning_rate),
            ("encoders.learning_rate", encoders.learning_rate),
            ("tagging.learning_rate", tagging.learning_rate),
            ("matching.learning_rate", matching.learning_rate),
            ("captioning.learning_rate", captioning.learning_rate),
        ] {
            if !(rate > 0.0 && rate.is_finite()) {
                return wrong(setting, "must be more than 0");
            }
        }
        for (setting, amount) in [
            ("checkpoint_minutes", self.checkpoint_minutes),
            ("alignment.weight_decay", alignment.weight_decay.into()),
            ("encoders.class_weight", encoders.class_weight),
            ("encoders.weight_decay", encoders.weight_decay.into()),
            ("tagging.weight_decay", tagging.weight_decay.into()),
            ("matching.weight_decay", matching.weight_decay.into()),
            ("captioning.weight_decay", captioning.weight_decay.into()),
        ] {
            if !(amount >= 0.0 && amount.is_finite()) {
                return wrong(setting, "must be at least 0");
            }
        }
        if captioning.hidden_size == 0 || !captioning.hidden_size.is_multiple_of(64) {
            return wrong("captioning.hidden_size", "must be a multiple of 64");
        }
        if matching.group < 2 {
            return wrong("matching.group", "must be at least 2");
        }
        if matching.depth < matching.group {
            return wrong("matching.depth", "must be at least matching.group");
        }
        if self.stages.is_empty() {
            return wrong("stages", "must name at least one stage");
        }
        if self.name.is_empty() {
            return wrong("name", "must not be empty");
        }
        Ok(())
    }
}
