//! What can go wrong with a model.

use std::fmt;
use std::path::PathBuf;

use super::CheckpointError;

/// A part that a model may lack; displayed as a sentence about such a model, with what to do.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum ModelPart {
    /// Recognises tags.
    Tagger,
    /// Places pictures and sentences in one space.
    Aligner,
    /// Writes captions.
    Captioner,
    /// Tells whether a sentence and a picture belong together (image-text matching, ITM).
    Matcher,
}

impl fmt::Display for ModelPart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Tagger => {
                "recognises no tags; join it with one that does: \
                 imgsearch model compose NAME --tagger tag2text-mini --aligner MODEL"
            }
            Self::Aligner => {
                "does not compare pictures with sentences, which searching needs; join it with one that does: \
                 imgsearch model compose NAME --tagger MODEL --aligner tag2text-mini"
            }
            Self::Captioner => {
                "writes no captions; Tag2Text does: \
                 imgsearch model pull tag2text-swin-14m, or imgsearch model import FILE --kind tag2text"
            }
            Self::Matcher => {
                "has no head for image-text matching (ITM); BLIP has one: \
                 imgsearch model pull blip-itm-base-coco, or imgsearch model import FILE --kind blip-itm"
            }
        })
    }
}

impl ModelError {
    pub(crate) fn lacks(model: &str, part: ModelPart) -> Self {
        Self::Lacks {
            model: model.to_owned(),
            part,
        }
    }
}

/// A bundle that cannot be loaded, or an input that it cannot encode.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ModelError {
    /// A file of the bundle cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// A file of the bundle cannot be written.
    #[error("cannot write {}: {source}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// A file of the bundle is not as it was when the bundle was made.
    #[error("{} {what}; the bundle is damaged, remove it and import it again", path.display())]
    Changed {
        /// The file.
        path: PathBuf,
        /// What it has, and what it should have.
        what: String,
    },
    /// What was given does not make a model.
    #[error("{reason}")]
    Incomplete {
        /// What is missing or does not fit, and where it is to be had.
        reason: String,
    },
    /// The manifest does not parse.
    #[error("{file}: {reason}")]
    Manifest {
        /// The file.
        file: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The bundle was written by a newer version.
    #[error("{file} has format {found}, this version reads up to {supported}; update imgsearch")]
    NewerFormat {
        /// The file.
        file: String,
        /// Format of the file.
        found: u32,
        /// Newest format that is read.
        supported: u32,
    },
    /// A weight file is damaged or of another kind.
    #[error("{file}: {reason}")]
    Weights {
        /// The file.
        file: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A tensor that the network needs is not in the file.
    #[error("{file} has no tensor `{tensor}`")]
    MissingTensor {
        /// The file.
        file: String,
        /// The tensor.
        tensor: String,
    },
    /// A tensor has another shape than the manifest says.
    #[error("{file}: tensor `{tensor}` has shape {found:?}, the manifest asks for {expected:?}")]
    TensorShape {
        /// The file.
        file: String,
        /// The tensor.
        tensor: String,
        /// Shape by the manifest.
        expected: Vec<usize>,
        /// Shape in the file.
        found: Vec<usize>,
    },
    /// A network cannot have the shape that its configuration describes.
    #[error("the {network} network cannot be as configured: {reason}")]
    Config {
        /// The network.
        network: &'static str,
        /// What does not fit.
        reason: String,
    },
    /// The file holds tensors that no network asks for.
    #[error("{file} holds tensors that this kind of model does not have: {}", tensors.join(", "))]
    SurplusTensors {
        /// The file.
        file: String,
        /// Their names.
        tensors: Vec<String>,
    },
    /// A weight file made by others cannot be used.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// The WordPiece vocabulary is unusable.
    #[error("the vocabulary is unusable: {reason}")]
    Vocabulary {
        /// Why.
        reason: String,
    },
    /// The thresholds do not fit the tags.
    #[error("the thresholds are unusable: {reason}")]
    Thresholds {
        /// Why.
        reason: String,
    },
    /// A sentence cannot be tokenised.
    #[error("the text cannot be tokenised: {reason}")]
    Tokenize {
        /// Why.
        reason: String,
    },
    /// An option of captioning is out of range.
    #[error("{reason}")]
    CaptionOptions {
        /// Which one, and what it may be.
        reason: String,
    },
    /// Pixels of another size than the network's input.
    #[error("the model takes pictures of {expected}×{expected} pixels, not {found}×{found}")]
    InputSize {
        /// Side the network takes, in pixels.
        expected: u32,
        /// Side that was given, in pixels.
        found: u32,
    },
    /// Stored image tokens of another model.
    #[error(
        "the model matches sentences with {}×{} image tokens, not with {}×{}, which another model made",
        expected[0], expected[1], found[0], found[1]
    )]
    ImageTokens {
        /// Tokens and channels of the model.
        expected: [usize; 2],
        /// Those that were given.
        found: [usize; 2],
    },
    /// A picture without a square for one of the model's inputs.
    #[error("a picture came without the square for input {input} of the model")]
    MissingInput {
        /// Place of the input.
        input: usize,
    },
    /// The model has no part that does what was asked for.
    #[error("the model {model} {part}")]
    Lacks {
        /// Its id.
        model: String,
        /// What it has not.
        part: ModelPart,
    },
    /// The network produced something that is no number.
    #[error(
        "the network's output is not finite: its weights are damaged, or its values too large for f16"
    )]
    NotFinite,
    /// The compute device gave up.
    #[error("the compute device failed: {reason}")]
    Device {
        /// What it said.
        reason: String,
    },
    /// The device that was asked for is not there.
    #[error("{reason}")]
    NoDevice {
        /// Which one, and what to do.
        reason: String,
    },
}
