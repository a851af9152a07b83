//! What `imgsearch model import` is given.

use std::path::{Path, PathBuf};

use clap::ValueEnum;
use imgsearch::store::Import;
use imgsearch::{ModelKind, WeightType};

#[derive(Debug, clap::Args)]
pub(super) struct ImportArgs {
    /// The checkpoint; several files where it is cut into parts
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// What it is a checkpoint of
    #[arg(long, value_enum)]
    kind: Kind,
    /// Names of its tags, one a line; models that recognise tags need it
    #[arg(long, value_name = "FILE")]
    tags: Option<PathBuf>,
    /// Thresholds of its tags, one a line [default: those of the kind]
    #[arg(long, value_name = "FILE")]
    thresholds: Option<PathBuf>,
    /// WordPiece vocabulary, one token a line [default: that of bert-base-uncased]
    #[arg(long, value_name = "FILE")]
    vocab: Option<PathBuf>,
    /// What to call the model [default: the name of the file]
    #[arg(long)]
    name: Option<String>,
    /// How to store the weights
    #[arg(long, value_enum, value_name = "TYPE", default_value_t)]
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

impl From<Dtype> for WeightType {
    fn from(dtype: Dtype) -> Self {
        match dtype {
            Dtype::F16 => Self::F16,
            Dtype::F32 => Self::F32,
        }
    }
}

impl ImportArgs {
    /// `config` is the file with the shapes of the networks.
    pub(super) fn import(&self, config: Option<&Path>) -> Import {
        let kind = match self.kind {
            Kind::Tag2text => ModelKind::Tag2text,
            Kind::Ram => ModelKind::Ram,
            Kind::RamPlus => ModelKind::RamPlus,
            Kind::BlipItm => ModelKind::BlipItm,
        };
        let mut import = Import::new(kind, PathBuf::new());
        import.files.clone_from(&self.files);
        import.config = config.map(Path::to_owned);
        import.tags.clone_from(&self.tags);
        import.thresholds.clone_from(&self.thresholds);
        import.vocab.clone_from(&self.vocab);
        import.name.clone_from(&self.name);
        import.dtype = self.dtype.into();
        import
    }
}
