//! What a model does for the engine: pictures and sentences to features.

use imgsearch_index::Embedding;

use crate::caption::{MatchLogits, SentenceMatch, TaggedCaption};
use crate::image_tokens::ImageTokensF16;
use crate::media::{Input, Pixels, Squares};
use crate::models::{CaptionOptions, MatchStart, ModelError, ModelPart};
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
/// The engine knows models only through this trait, so a host application may bring its own. A model may lack parts: one
/// without a shared space has the width 0 and cannot make an index, one without tags has an empty vocabulary and makes an
/// index that is searched by similarity alone.
pub trait Encoder: Send + Sync {
    /// Name and content of the model. An index made with one id is not read with another.
    fn id(&self) -> &str;
    /// Width of the shared space; 0 when there is none.
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
    /// Byte at which a sentence is cut off because it is longer than the model reads; `None` when all of it is read.
    ///
    /// # Errors
    /// As [`Encoder::text`].
    fn cut(&self, sentence: &str) -> Result<Option<usize>, ModelError> {
        let _ = sentence;
        Ok(None)
    }
    /// Probabilities of every tag in each picture, by id: [`Encoder::images`] for those who want nothing else.
    ///
    /// # Errors
    /// As [`Encoder::images`].
    fn tag_scores(&self, pictures: &[Squares]) -> Result<Vec<Vec<f32>>, ModelError> {
        let features = self.images(pictures)?.into_iter();
        Ok(features.map(|features| features.tag_scores).collect())
    }
    /// Place of each picture in the shared space: [`Encoder::images`] for those who want nothing else.
    ///
    /// # Errors
    /// As [`Encoder::images`].
    fn embeddings(&self, pictures: &[Squares]) -> Result<Vec<Embedding>, ModelError> {
        let features = self.images(pictures)?.into_iter();
        Ok(features.map(|features| features.embedding).collect())
    }
    /// Whether the model has image-text matching: [`Encoder::images_with_tokens`] and [`Encoder::match_logits`].
    fn matches(&self) -> bool {
        false
    }
    /// [`Encoder::images`], with the tokens that [`Encoder::match_logits`] takes: a picture is encoded once for both.
    ///
    /// # Errors
    /// When the model has no image-text matching, and as [`Encoder::images`].
    fn images_with_tokens(
        &self,
        pictures: &[Squares],
    ) -> Result<Vec<(ImageFeatures, ImageTokensF16)>, ModelError> {
        let _ = pictures;
        Err(ModelError::lacks(self.id(), ModelPart::Matcher))
    }
    /// How well every sentence goes with every picture of which these are the tokens: a row a picture, a column a sentence.
    /// Costs a pass of the text encoder a pair. Sentences start with `[ENC]`, as in training.
    ///
    /// # Errors
    /// When the model has no image-text matching, the tokens are not its own, or the network fails.
    fn match_logits(
        &self,
        images: &[&ImageTokensF16],
        sentences: &[&str],
    ) -> Result<Vec<Vec<MatchLogits>>, ModelError> {
        let _ = (images, sentences);
        Err(ModelError::lacks(self.id(), ModelPart::Matcher))
    }
    /// Writes a caption of each picture, from `tags` or else from the tags that are recognised in it.
    ///
    /// # Errors
    /// When the model writes no captions, the options make no sense, or the network fails.
    fn captions(
        &self,
        pictures: &[Squares],
        tags: Option<&[String]>,
        options: &CaptionOptions,
    ) -> Result<Vec<TaggedCaption>, ModelError> {
        let _ = (pictures, tags, options);
        Err(ModelError::lacks(self.id(), ModelPart::Captioner))
    }
    /// How well each sentence goes with a picture.
    ///
    /// # Errors
    /// When the model compares no sentences with pictures, or the network fails.
    fn match_sentences(
        &self,
        picture: &Squares,
        sentences: &[&str],
        start: MatchStart,
    ) -> Result<Vec<SentenceMatch>, ModelError> {
        let _ = start;
        let image = self.embeddings(std::slice::from_ref(picture))?;
        let image = image.first().ok_or(ModelError::NotFinite)?;
        sentences
            .iter()
            .map(|sentence| Ok(SentenceMatch::new(image.dot(&self.text(sentence)?), None)))
            .collect()
    }
}

/// The squares that pictures bring for one input.
pub(crate) fn for_input(pictures: &[Squares], input: usize) -> Result<Vec<&Pixels>, ModelError> {
    pictures
        .iter()
        .map(|picture| picture.get(input).ok_or(ModelError::MissingInput { input }))
        .collect()
}
