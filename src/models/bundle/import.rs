//! From a checkpoint that others published to a bundle.

use std::borrow::Cow;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::blip::BlipModel;
use super::config::{self, RecognitionConfig};
use super::manifest::{self, BundleManifest, ModelKind, Preprocessing, WeightType};
use super::recognition::RecognitionModel;
use super::{TAGS, VOCABULARY, WEIGHTS};
use crate::models::checkpoint::{Checkpoint, CheckpointKind, Official, write_weights};
use crate::models::recognition::Thresholds;
use crate::models::tensors::{TensorInfo, TensorSource};
use crate::models::weights::{Layout, Weights};
use crate::models::{DeviceChoice, ModelError};
use crate::query::tags_from_names;
use crate::vocabulary::Vocabulary;

type Result<T, E = ModelError> = std::result::Result<T, E>;

/// The vocabulary of bert-base-uncased, which every published model uses.
const WORDS: &str = include_str!("../../../models/bert-base-uncased.txt");
/// Where the published lists of tags are.
const LISTS: &str = "https://github.com/xinyu1205/recognize-anything/tree/main/ram/data";

/// What a bundle is made of.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Import {
    /// What the checkpoint is of.
    pub kind: ModelKind,
    /// The checkpoint, `.pth` or `.safetensors`; several files where it is cut into parts.
    pub files: Vec<PathBuf>,
    /// Shapes of its networks, as JSON. Default: those that the kind was published with.
    pub config: Option<PathBuf>,
    /// Names of its tags, one a line in the order of their numbers. Models that recognise tags need it.
    pub tags: Option<PathBuf>,
    /// Thresholds of its tags, one a line in the order of their numbers. Default: those of the configuration.
    pub thresholds: Option<PathBuf>,
    /// WordPiece vocabulary, one token a line. Default: that of bert-base-uncased.
    pub vocab: Option<PathBuf>,
    /// What to call the model. Default: the name of the first file without its ending.
    pub name: Option<String>,
    /// How to store the weights. Default: in half precision.
    pub dtype: WeightType,
}

impl Import {
    /// A model of a kind from its checkpoint.
    pub fn new(kind: ModelKind, file: impl Into<PathBuf>) -> Self {
        Self {
            kind,
            files: vec![file.into()],
            config: None,
            tags: None,
            thresholds: None,
            vocab: None,
            name: None,
            dtype: WeightType::default(),
        }
    }

    /// What the model is to be called.
    pub(crate) fn name(&self) -> Result<String> {
        let stem = self.files.first().and_then(|file| file.file_stem());
        match (&self.name, stem) {
            (Some(name), _) => Ok(name.clone()),
            (None, Some(stem)) => Ok(stem.to_string_lossy().into_owned()),
            (None, None) => Err(incomplete("no checkpoint was named".to_owned())),
        }
    }

    /// Writes weights, vocabulary and tags into `folder`. The networks are built of what the checkpoint says of its tensors
    /// before anything is written, so one that does not fit is refused with everything that is missing, left over or of
    /// another shape.
    pub(crate) fn write(&self, folder: &Path) -> Result<BundleManifest> {
        let kind = match self.kind {
            ModelKind::Tag2text => CheckpointKind::Tag2Text,
            ModelKind::Ram => CheckpointKind::Ram,
            ModelKind::RamPlus => CheckpointKind::RamPlus,
            ModelKind::BlipItm => CheckpointKind::BlipItm,
            ModelKind::Mini | ModelKind::Composed => {
                let kind = self.kind;
                return Err(incomplete(format!(
                    "models of the kind {kind} are not imported"
                )));
            }
        };
        if self.kind.has_tag_list() && self.tags.is_none() {
            return Err(missing_tags(self.kind));
        }
        let checkpoint = Official::new(Shards::open(&self.files)?, kind)?;
        let parts = Parts::read(self, &checkpoint)?;
        write_weights(&checkpoint, self.dtype, &folder.join(WEIGHTS))?;
        put(&folder.join(VOCABULARY), &parts.words)?;
        if let Some(tags) = &parts.tags {
            put(&folder.join(TAGS), &tags.to_json_lines())?;
        }
        Ok(BundleManifest {
            format: manifest::FORMAT,
            name: self.name()?,
            kind: self.kind,
            config: parts.config,
            preprocessing: Some(parts.preprocessing),
            dtype: Some(self.dtype),
            files: Default::default(),
        })
    }
}

/// What goes into a bundle beside its weights.
struct Parts {
    config: Value,
    preprocessing: Preprocessing,
    words: Cow<'static, str>,
    tags: Option<Vocabulary>,
}

impl Parts {
    /// Reads what was given, takes what was published for the rest, and builds the networks with it.
    fn read(import: &Import, checkpoint: &Official<Shards>) -> Result<Self> {
        let (config, named) = match &import.config {
            Some(file) => {
                let named = file.display().to_string();
                let config = serde_json::from_str(&text(file)?)
                    .map_err(|error| incomplete(format!("{named}: {error}")))?;
                (config, named)
            }
            None => {
                let named = format!("the published configuration of {}", import.kind);
                (config::published(import.kind, checkpoint)?, named)
            }
        };
        let unfit = |error: serde_json::Error| incomplete(format!("{named}: {error}"));
        let words = match &import.vocab {
            Some(file) => Cow::Owned(text(file)?),
            None => Cow::Borrowed(WORDS),
        };
        let device = DeviceChoice::Cpu.open()?;
        let weights = Weights::survey(checkpoint, Layout::Torch);
        if import.kind == ModelKind::BlipItm {
            let blip = config::read_blip(&config).map_err(unfit)?;
            BlipModel::check(&blip, &words, weights, &device)?;
            return Ok(Self {
                preprocessing: Preprocessing::of(import.kind, blip.vit.img_size),
                config,
                words,
                tags: None,
            });
        }
        let recognition = RecognitionConfig::read(import.kind, &config).map_err(unfit)?;
        let tags = tags(import, &recognition)?;
        RecognitionModel::check(&recognition, &words, weights, &device)?;
        Ok(Self {
            preprocessing: Preprocessing::of(import.kind, recognition.swin.image_res),
            config,
            words,
            tags: Some(tags),
        })
    }
}

/// The tags of a model, with the thresholds above which they are recognised.
fn tags(import: &Import, config: &RecognitionConfig) -> Result<Vocabulary> {
    let file = import
        .tags
        .as_ref()
        .ok_or_else(|| missing_tags(import.kind))?;
    let list = text(file)?;
    let names: Vec<&str> = list.lines().map(str::trim).collect();
    let count = config.recognizer.num_class();
    let fits = |file: &Path, found: usize| {
        if found == count {
            return Ok(());
        }
        let file = file.display();
        Err(incomplete(format!(
            "{file} has {found} lines, and the model has {count} tags"
        )))
    };
    fits(file, names.len())?;
    let stated = Thresholds::from_config(&config.thresholds, count)?;
    let mut thresholds = stated.effective();
    if let Some(file) = &import.thresholds {
        let listed = Thresholds::from_lines(&text(file)?)?;
        fits(file, listed.len())?;
        thresholds = listed.effective();
        // Tags that are never reported stay so.
        for &tag in &config.thresholds.delete_tag_index {
            thresholds[tag as usize] = 1.0;
        }
    }
    Vocabulary::new(tags_from_names(names, |id| thresholds[id]))
        .map_err(|error| incomplete(format!("{}: {error}", file.display())))
}

fn missing_tags(kind: ModelKind) -> ModelError {
    let list = match kind {
        ModelKind::Tag2text => "tag2text_ori_tag_list.txt",
        _ => "ram_tag_list.txt, with --thresholds ram_tag_list_threshold.txt",
    };
    incomplete(format!(
        "a {kind} checkpoint does not hold the names of its tags; give them with --tags: {list} from {LISTS}"
    ))
}

fn incomplete(reason: String) -> ModelError {
    ModelError::Incomplete { reason }
}

fn text(file: &Path) -> Result<String> {
    fs::read_to_string(file).map_err(|source| ModelError::Read {
        path: file.to_owned(),
        source,
    })
}

fn put(file: &Path, text: &str) -> Result<()> {
    fs::write(file, text).map_err(|source| ModelError::Write {
        path: file.to_owned(),
        source,
    })
}

/// A checkpoint in one or several files.
struct Shards {
    files: Vec<Checkpoint>,
}

impl Shards {
    fn open(files: &[PathBuf]) -> Result<Self> {
        let files = files.iter().map(Checkpoint::open);
        let files = files.collect::<Result<_, _>>()?;
        Ok(Self { files })
    }

    fn holding(&self, name: &str) -> Option<&Checkpoint> {
        self.files.iter().find(|file| file.info(name).is_some())
    }
}

impl TensorSource for Shards {
    fn file(&self) -> &str {
        self.files.first().map_or("", |file| file.file())
    }

    fn names(&self) -> Vec<&str> {
        self.files.iter().flat_map(|file| file.names()).collect()
    }

    fn info(&self, name: &str) -> Option<TensorInfo> {
        self.holding(name)?.info(name)
    }

    fn bytes(&self, name: &str) -> Result<Cow<'_, [u8]>, ModelError> {
        match self.holding(name) {
            Some(file) => file.bytes(name),
            None => Err(ModelError::MissingTensor {
                file: self.file().to_owned(),
                tensor: name.to_owned(),
            }),
        }
    }
}
