//! The tags of one model and the similarity of another.

use std::sync::Arc;

use imgsearch_index::Embedding;

use crate::caption::{MatchLogits, SentenceMatch, TaggedCaption};
use crate::encoder::{Encoder, ImageFeatures};
use crate::image_tokens::ImageTokensF16;
use crate::media::{Input, Squares};
use crate::models::{CaptionOptions, MatchStart, ModelError};
use crate::vocabulary::Vocabulary;

/// A model, and which of the squares are its own.
struct Part {
    model: Arc<dyn Encoder>,
    places: Vec<usize>,
}

impl Part {
    /// Adds the model's inputs to those of the others; squares that two models want alike are made once.
    fn new(model: Arc<dyn Encoder>, inputs: &mut Vec<Input>) -> Self {
        let mut places = Vec::new();
        for input in model.inputs() {
            let known = inputs.iter().position(|known| known == input);
            places.push(known.unwrap_or(inputs.len()));
            if known.is_none() {
                inputs.push(*input);
            }
        }
        Self { model, places }
    }

    fn squares(&self, pictures: &[Squares]) -> Vec<Squares> {
        pictures
            .iter()
            .map(|picture| picture.select(&self.places))
            .collect()
    }
}

/// Two models as one: tags and captions come from the tagger, similarity and matching from the aligner.
pub(crate) struct Composed {
    id: String,
    inputs: Vec<Input>,
    tagger: Part,
    aligner: Part,
}

impl Composed {
    pub(crate) fn new(id: String, tagger: Arc<dyn Encoder>, aligner: Arc<dyn Encoder>) -> Self {
        let mut inputs = Vec::new();
        Self {
            id,
            tagger: Part::new(tagger, &mut inputs),
            aligner: Part::new(aligner, &mut inputs),
            inputs,
        }
    }
}

impl Encoder for Composed {
    fn id(&self) -> &str {
        &self.id
    }

    fn dim(&self) -> usize {
        self.aligner.model.dim()
    }

    fn vocabulary(&self) -> &Vocabulary {
        self.tagger.model.vocabulary()
    }

    fn inputs(&self) -> &[Input] {
        &self.inputs
    }

    fn images(&self, pictures: &[Squares]) -> Result<Vec<ImageFeatures>, ModelError> {
        let scores = self.tag_scores(pictures)?;
        let features = self.embeddings(pictures)?.into_iter().zip(scores);
        Ok(features
            .map(|(embedding, scores)| ImageFeatures::new(embedding, scores))
            .collect())
    }

    fn text(&self, sentence: &str) -> Result<Embedding, ModelError> {
        self.aligner.model.text(sentence)
    }

    fn cut(&self, sentence: &str) -> Result<Option<usize>, ModelError> {
        self.aligner.model.cut(sentence)
    }

    fn tag_scores(&self, pictures: &[Squares]) -> Result<Vec<Vec<f32>>, ModelError> {
        self.tagger.model.tag_scores(&self.tagger.squares(pictures))
    }

    fn embeddings(&self, pictures: &[Squares]) -> Result<Vec<Embedding>, ModelError> {
        self.aligner
            .model
            .embeddings(&self.aligner.squares(pictures))
    }

    fn matches(&self) -> bool {
        self.aligner.model.matches()
    }

    fn images_with_tokens(
        &self,
        pictures: &[Squares],
    ) -> Result<Vec<(ImageFeatures, ImageTokensF16)>, ModelError> {
        // First, so that an aligner without matching costs no tags.
        let aligned = self
            .aligner
            .model
            .images_with_tokens(&self.aligner.squares(pictures))?;
        let scores = self.tag_scores(pictures)?;
        Ok(aligned
            .into_iter()
            .zip(scores)
            .map(|((features, tokens), scores)| {
                (ImageFeatures::new(features.embedding, scores), tokens)
            })
            .collect())
    }

    fn match_logits(
        &self,
        images: &[&ImageTokensF16],
        sentences: &[&str],
    ) -> Result<Vec<Vec<MatchLogits>>, ModelError> {
        self.aligner.model.match_logits(images, sentences)
    }

    fn captions(
        &self,
        pictures: &[Squares],
        tags: Option<&[String]>,
        options: &CaptionOptions,
    ) -> Result<Vec<TaggedCaption>, ModelError> {
        let pictures = self.tagger.squares(pictures);
        self.tagger.model.captions(&pictures, tags, options)
    }

    fn match_sentences(
        &self,
        picture: &Squares,
        sentences: &[&str],
        start: MatchStart,
    ) -> Result<Vec<SentenceMatch>, ModelError> {
        let picture = picture.select(&self.aligner.places);
        self.aligner
            .model
            .match_sentences(&picture, sentences, start)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::{Picture, ResizeFilter};

    /// Reports the sides of the squares that it is given.
    struct Sides(&'static [Input], Vocabulary);

    impl Encoder for Sides {
        fn id(&self) -> &str {
            "sides"
        }

        fn dim(&self) -> usize {
            2
        }

        fn vocabulary(&self) -> &Vocabulary {
            &self.1
        }

        fn inputs(&self) -> &[Input] {
            self.0
        }

        fn images(&self, pictures: &[Squares]) -> Result<Vec<ImageFeatures>, ModelError> {
            let features = |picture: &Squares| {
                let sides: Vec<f32> = (0..)
                    .map_while(|place| picture.get(place))
                    .map(|pixels| pixels.side() as f32)
                    .collect();
                let embedding = Embedding::new(sides.clone()).map_err(|_| ModelError::NotFinite)?;
                Ok(ImageFeatures::new(embedding, sides))
            };
            pictures.iter().map(features).collect()
        }

        fn text(&self, _: &str) -> Result<Embedding, ModelError> {
            Embedding::new(vec![1.0, 0.0]).map_err(|_| ModelError::NotFinite)
        }
    }

    const fn input(side: u32, filter: ResizeFilter) -> Input {
        Input { side, filter }
    }

    #[test]
    fn each_model_sees_its_own_squares_and_shared_ones_are_made_once() {
        const TAGGER: [Input; 2] = [
            input(3, ResizeFilter::Bilinear),
            input(5, ResizeFilter::Bicubic),
        ];
        const ALIGNER: [Input; 2] = [
            input(3, ResizeFilter::Bicubic),
            input(5, ResizeFilter::Bicubic),
        ];
        let model = |inputs| Arc::new(Sides(inputs, Vocabulary::default()));
        let both = Composed::new("both".to_owned(), model(&TAGGER), model(&ALIGNER));
        assert_eq!(both.inputs(), [TAGGER[0], TAGGER[1], ALIGNER[0]]);
        let picture = Picture::from_rgb(2, 2, vec![7; 12]).unwrap();
        let squares = Squares::of(&picture, both.inputs());
        let features = both.images(std::slice::from_ref(&squares)).unwrap();
        assert_eq!(features[0].tag_scores, [3.0, 5.0]);
        let expected = Embedding::new(vec![3.0, 5.0]).unwrap();
        assert_eq!(features[0].embedding, expected);
        let found = both.match_sentences(&squares, &["x"], MatchStart::Enc);
        assert!((found.unwrap()[0].itc - 3.0 / 34f32.sqrt()).abs() < 1e-6);
        let refused = both.images_with_tokens(std::slice::from_ref(&squares));
        assert!(refused.unwrap_err().to_string().contains("--kind blip-itm"));
        let refused = both.captions(&[squares], None, &CaptionOptions::default());
        assert!(refused.unwrap_err().to_string().contains("--kind tag2text"));
    }
}
