//! Pictures that are numbers, and a model that reads them.

use std::fs;
use std::path::PathBuf;
use std::sync::Mutex;

use imgsearch_index::Embedding;

use crate::caption::{MatchLogits, TaggedCaption};
use crate::corpus::{CaptionedPicture, read_corpus};
use crate::encoder::{Encoder, ImageFeatures};
use crate::image_tokens::ImageTokensF16;
use crate::media::{Input, ResizeFilter, Squares};
use crate::models::{Caption, CaptionOptions, ModelError, ModelPart};
use crate::vocabulary::Vocabulary;

/// Pictures of which every pixel is the number of the picture, with two captions each.
pub(crate) fn numbered(count: u8) -> (tempfile::TempDir, Vec<CaptionedPicture>) {
    let folder = tempfile::tempdir().unwrap();
    let mut lines = String::new();
    for number in 0..count {
        let mut file = b"P6 2 2 255\n".to_vec();
        file.extend([number; 12]);
        fs::write(folder.path().join(format!("{number}.ppm")), file).unwrap();
        lines.push_str(&format!(
            "{{\"image\":\"{number}.ppm\",\"captions\":[\"A dog on the road, number {number}\",\"A Dog (on the road) number {number}.\"]}}\n"
        ));
    }
    let corpus: PathBuf = folder.path().join("data.jsonl");
    fs::write(&corpus, lines).unwrap();
    let pictures = read_corpus(&corpus).unwrap();
    (folder, pictures)
}

/// Places everything at one point, and matches a sentence with the picture whose number it names.
pub(crate) struct Numbers {
    vocabulary: Vocabulary,
    matches: bool,
    /// Sentences that were read.
    pub(crate) read: Mutex<Vec<String>>,
    /// Pairs of sentence and number that were matched.
    pub(crate) matched: Mutex<Vec<(String, u8)>>,
}

impl Numbers {
    pub(crate) fn new() -> Self {
        Self {
            vocabulary: Vocabulary::default(),
            matches: true,
            read: Mutex::default(),
            matched: Mutex::default(),
        }
    }

    /// Pictures show the tag of their number as well, and the smaller the number, the more similar to any sentence they are.
    pub(crate) fn with_tags(vocabulary: Vocabulary) -> Self {
        Self {
            vocabulary,
            ..Self::new()
        }
    }

    pub(crate) fn without_matching() -> Self {
        Self {
            matches: false,
            ..Self::new()
        }
    }
}

fn number(picture: &Squares) -> u8 {
    picture.get(0).unwrap().data()[0]
}

impl Encoder for Numbers {
    fn id(&self) -> &str {
        "numbers"
    }

    fn dim(&self) -> usize {
        2
    }

    fn vocabulary(&self) -> &Vocabulary {
        &self.vocabulary
    }

    fn inputs(&self) -> &[Input] {
        &[Input {
            side: 2,
            filter: ResizeFilter::Bilinear,
        }]
    }

    fn images(&self, pictures: &[Squares]) -> Result<Vec<ImageFeatures>, ModelError> {
        let features = pictures.iter().map(|picture| {
            let number = number(picture);
            let away = match self.vocabulary.is_empty() {
                true => 0.0,
                false => 0.1 * f32::from(number),
            };
            let shows = |tag| {
                if tag == usize::from(number) {
                    0.9
                } else {
                    0.05
                }
            };
            let tags = (0..self.vocabulary.len()).map(shows).collect();
            ImageFeatures::new(Embedding::new(vec![1.0, -away]).unwrap(), tags)
        });
        Ok(features.collect())
    }

    fn text(&self, sentence: &str) -> Result<Embedding, ModelError> {
        self.read.lock().unwrap().push(sentence.to_owned());
        Ok(Embedding::new(vec![1.0, 1.0]).unwrap())
    }

    fn matches(&self) -> bool {
        self.matches
    }

    fn images_with_tokens(
        &self,
        pictures: &[Squares],
    ) -> Result<Vec<(ImageFeatures, ImageTokensF16)>, ModelError> {
        if !self.matches {
            return Err(ModelError::lacks(self.id(), ModelPart::Matcher));
        }
        let token = |picture| ImageTokensF16::new(1, &[f32::from(number(picture))]).unwrap();
        let features = self.images(pictures)?.into_iter();
        Ok(features.zip(pictures.iter().map(token)).collect())
    }

    fn match_logits(
        &self,
        images: &[&ImageTokensF16],
        sentences: &[&str],
    ) -> Result<Vec<Vec<MatchLogits>>, ModelError> {
        let logits = |image: &&ImageTokensF16, sentence: &str| {
            let number = image.to_f32()[0] as u8;
            let mut matched = self.matched.lock().unwrap();
            matched.push((sentence.to_owned(), number));
            let named = sentence.trim_end_matches('.').rsplit(' ').next();
            MatchLogits {
                mismatched: 0.0,
                matched: if named == Some(&number.to_string()) {
                    3.0
                } else {
                    -3.0
                },
            }
        };
        let row = |image| sentences.iter().map(|s| logits(image, s)).collect();
        Ok(images.iter().map(row).collect())
    }

    fn captions(
        &self,
        pictures: &[Squares],
        _: Option<&[String]>,
        options: &CaptionOptions,
    ) -> Result<Vec<TaggedCaption>, ModelError> {
        let caption = |picture| Caption {
            text: format!("a dog on the road number {}", number(picture)),
            score: -(options.beams as f64),
        };
        let captions = pictures.iter().map(caption);
        Ok(captions
            .map(|caption| TaggedCaption::new(caption, vec![]))
            .collect())
    }
}
