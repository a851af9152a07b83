//! What `imgsearch model import` is given.

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
use clap::ValueEnum;
use imgsearch::store::{Import, ModelInfo, ModelStore};
use imgsearch::{ModelKind, WeightType};

use crate::cli::output::harmless;

#[derive(Debug, clap::Args)]
pub(super) struct ImportArgs {
    /// The checkpoint, several files where it is cut into parts; or the folder of a bundle, as `train run` writes it
    #[arg(required = true, value_name = "PATH")]
    files: Vec<PathBuf>,
    /// What it is a checkpoint of
    #[arg(long, value_enum)]
    kind: Option<Kind>,
    /// Names of its tags, one a line; models that recognise tags need it
    #[arg(long, value_name = "FILE", requires = "kind")]
    tags: Option<PathBuf>,
    /// Thresholds of its tags, one a line [default: those of the kind]
    #[arg(long, value_name = "FILE", requires = "kind")]
    thresholds: Option<PathBuf>,
    /// WordPiece vocabulary, one token a line [default: that of bert-base-uncased]
    #[arg(long, value_name = "FILE", requires = "kind")]
    vocab: Option<PathBuf>,
    /// What to call the model [default: the name of the file, or the one that the bundle has]
    #[arg(long)]
    name: Option<String>,
    /// How to store the weights
    #[arg(
        long,
        value_enum,
        value_name = "TYPE",
        default_value_t,
        requires = "kind"
    )]
    dtype: Dtype,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Kind {
    /// Tag2Text: tags and captions
    Tag2text,
    /// RAM: tags
    Ram,
    /// RAM++: tags
    RamPlus,
    /// BLIP fine-tuned for retrieval: similarity and matching
    BlipItm,
}

#[derive(Clone, Copy, Debug, Default, ValueEnum)]
pub(super) enum Dtype {
    /// Half precision: half the size
    #[default]
    F16,
    /// Single precision, as published
    F32,
}

impl From<Kind> for ModelKind {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::Tag2text => Self::Tag2text,
            Kind::Ram => Self::Ram,
            Kind::RamPlus => Self::RamPlus,
            Kind::BlipItm => Self::BlipItm,
        }
    }
}

impl From<Dtype> for WeightType {
    fn from(dtype: Dtype) -> Self {
        match dtype {
            Dtype::F16 => Self::F16,
            Dtype::F32 => Self::F32,
        }
    }
}

impl ImportArgs {
    /// Installs the model. `config` is the file with the shapes of the networks.
    pub(super) fn install(&self, store: &ModelStore, config: Option<&Path>) -> Result<ModelInfo> {
        let Some(kind) = self.kind else {
            return match self.files.as_slice() {
                [folder] if folder.is_dir() => Ok(store.install(folder, self.name.as_deref())?),
                [file, ..] => bail!(
                    "{} is not the folder of a bundle; say what it is a checkpoint of with --kind",
                    harmless(file)
                ),
                [] => bail!("name a checkpoint, or the folder of a bundle"),
            };
        };
        let mut import = Import::new(kind.into(), PathBuf::new());
        import.files.clone_from(&self.files);
        import.config = config.map(Path::to_owned);
        import.tags.clone_from(&self.tags);
        import.thresholds.clone_from(&self.thresholds);
        import.vocab.clone_from(&self.vocab);
        import.name.clone_from(&self.name);
        import.dtype = self.dtype.into();
        Ok(store.import(&import)?)
    }
}
