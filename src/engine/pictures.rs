//! What a model says of one picture: tags, a caption, how well sentences go with it.

use std::path::Path;

use imgsearch_index::{ImageId, Record};

use super::upkeep::as_indexed;
use super::{Engine, Image, Snapshot};
use crate::caption::{SentenceMatch, TaggedCaption};
use crate::error::{Error, Result};
use crate::hit::RecognizedTag;
use crate::ingest::{file_facts, image_facts};
use crate::media::{Limits, MediaError, Squares, read, squares};
use crate::models::{CaptionOptions, MatchStart, ModelError, ModelPart};

impl Engine {
    /// The probability of every tag in a picture, by id, as the model sees it; what people and files say is told by
    /// [`Engine::annotations`].
    ///
    /// # Errors
    /// When the model recognises no tags or the picture cannot be read.
    pub fn tags(&self, image: Image<'_>) -> Result<Vec<RecognizedTag>> {
        let encoder = &self.shared.encoder;
        if encoder.vocabulary().is_empty() {
            return Err(ModelError::lacks(encoder.id(), ModelPart::Tagger).into());
        }
        let scores: Vec<f32> = match image {
            Image::Path(path) => only(encoder.tag_scores(&[self.load(path)?.1])?)?,
            Image::Id(id) => {
                let Snapshot { reader, .. } = self.reader()?;
                let doc = reader
                    .find(&id)
                    .ok_or(imgsearch_index::Error::UnknownImage { id })?;
                reader.model_scores(doc)?
            }
        };
        Ok(self
            .vocabulary()
            .iter()
            .zip(scores)
            .map(|(tag, score)| RecognizedTag {
                id: tag.id.0,
                tag: tag.name.clone(),
                score,
                recognized: score > tag.threshold,
            })
            .collect())
    }

    /// Writes a caption of a picture from `tags`, or else from the tags that are recognised in it.
    ///
    /// # Errors
    /// When the model writes no captions, the options make no sense, or the picture cannot be read.
    pub fn caption(
        &self,
        image: Image<'_>,
        tags: Option<&[String]>,
        options: &CaptionOptions,
    ) -> Result<TaggedCaption> {
        let picture = self.look(image)?;
        let captions = self.shared.encoder.captions(&[picture], tags, options)?;
        Ok(only(captions)?)
    }

    /// How well each sentence goes with a picture.
    ///
    /// # Errors
    /// When the model compares no sentences with pictures, or the picture cannot be read.
    pub fn match_sentences(
        &self,
        image: Image<'_>,
        sentences: &[&str],
        start: MatchStart,
    ) -> Result<Vec<SentenceMatch>> {
        self.require_aligner()?;
        let picture = self.look(image)?;
        let encoder = &self.shared.encoder;
        Ok(encoder.match_sentences(&picture, sentences, start)?)
    }

    /// The picture as the model takes it.
    pub(super) fn look(&self, image: Image<'_>) -> Result<Squares> {
        match image {
            Image::Path(path) => Ok(self.load(path)?.1),
            Image::Id(id) => {
                let Snapshot { reader, .. } = self.reader()?;
                let unknown = imgsearch_index::Error::UnknownImage { id };
                let Some(doc) = reader.find(&id) else {
                    return Err(unknown.into());
                };
                let paths = reader.record(doc)?.paths;
                Ok(self.load(paths.first().ok_or(unknown)?)?.1)
            }
        }
    }

    pub(super) fn load(&self, path: &Path) -> Result<(ImageId, Squares)> {
        let bytes = self.bytes(path)?;
        Ok((ImageId::of(&bytes), self.squares(path, &bytes)?))
    }

    /// The picture in a file with these bytes, which is not indexed, with what would be known of it if it were.
    pub(super) fn record(&self, path: &Path, bytes: &[u8]) -> Result<(Record, Squares)> {
        let picture = self.squares(path, bytes)?;
        let mut facts = image_facts(path, bytes, &picture);
        self.name_keywords(&mut facts);
        let metadata = path.metadata().map_err(|source| {
            let at = path.to_owned();
            unreadable(path, MediaError::Io { path: at, source })
        })?;
        let file = file_facts(&as_indexed(path), &metadata);
        Ok((Record::of_file(ImageId::of(bytes), file, facts), picture))
    }

    pub(super) fn bytes(&self, path: &Path) -> Result<Vec<u8>> {
        read(path, &self.limits()).map_err(|source| unreadable(path, source))
    }

    fn squares(&self, path: &Path, bytes: &[u8]) -> Result<Squares> {
        let inputs = self.shared.encoder.inputs();
        squares(bytes, &self.limits(), inputs).map_err(|source| unreadable(path, source))
    }

    fn limits(&self) -> Limits {
        self.shared.config.settings().ingest.limits()
    }
}

fn unreadable(path: &Path, source: MediaError) -> Error {
    Error::Image {
        path: path.to_owned(),
        source,
    }
}

/// What came of a batch of one.
pub(super) fn only<T>(batch: Vec<T>) -> Result<T, ModelError> {
    batch.into_iter().next().ok_or(ModelError::NotFinite)
}
