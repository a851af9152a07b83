//! What a model does for the engine: pictures and sentences to features.

use imgsearch_index::Embedding;

use crate::media::{Input, Pixels, Squares};
use crate::models::ModelError;
use crate::vocabulary::Vocabulary;

/// What a picture is turned into.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ImageFeatures {
    /// Place in the space that images and sentences share.
    pub embedding: Embedding,
    /// Probability of every tag of the vocabulary, by id.
    pub tag_scores: Vec<f32>,
}

impl ImageFeatures {
    /// Features from their parts.
    pub fn new(embedding: Embedding, tag_scores: Vec<f32>) -> Self {
        Self {
            embedding,
            tag_scores,
        }
    }
}

/// A model that places images and sentences in one space and recognises tags.
///
/// The engine knows models only through this trait, so a host application may bring its own.
pub trait Encoder: Send + Sync {
    /// Name and content of the model. An index made with one id is not read with another.
    fn id(&self) -> &str;
    /// Width of the shared space.
    fn dim(&self) -> usize;
    /// The tags that the model recognises.
    fn vocabulary(&self) -> &Vocabulary;
    /// The squares that it takes of a picture: one for each of its image encoders.
    fn inputs(&self) -> &[Input];
    /// Encodes a batch of pictures, each of them with one square for each input.
    ///
    /// # Errors
    /// When a square is missing or of another size, the weights are damaged or the compute device fails.
    fn images(&self, pictures: &[Squares]) -> Result<Vec<ImageFeatures>, ModelError>;
    /// Encodes a sentence. What is longer than the model reads is cut off.
    ///
    /// # Errors
    /// When the weights are damaged or the compute device fails.
    fn text(&self, sentence: &str) -> Result<Embedding, ModelError>;
}

/// The squares that pictures bring for one input.
pub(crate) fn for_input(pictures: &[Squares], input: usize) -> Result<Vec<&Pixels>, ModelError> {
    pictures
        .iter()
        .map(|picture| picture.get(input).ok_or(ModelError::MissingInput { input }))
        .collect()
}
