//! The model inside the binary, and bundles of its architecture.

mod captioning;
mod matching;

use std::sync::OnceLock;

use burn::tensor::Tensor;
use burn::tensor::activation::sigmoid;
use imgsearch_index::Embedding;

use super::aligner::{ImageProjection, TextProjection};
use super::backbone::{ImageBackbone, ImageTokens, host};
use super::classes::Classes;
use super::device::{Compute, Place};
use super::manifest::Manifest;
use super::matcher::MatchTokens;
use super::sentence::SentenceEncoder;
use super::tagger::{Evidence, Tagger};
use super::weights::Weights;
use super::{CaptionOptions, MatchStart, ModelError, ModelPart, ModelSource};
use crate::caption::{MatchLogits, SentenceMatch, TaggedCaption};
use crate::encoder::{Encoder, ImageFeatures, for_input};
use crate::image_tokens::ImageTokensF16;
use crate::media::{Input, ResizeFilter, Squares};
use crate::vocabulary::Vocabulary;
use captioning::CaptionSide;
use matching::MatchSide;

/// File names within a bundle.
pub(crate) const BACKBONES: &str = "backbones.safetensors";
pub(crate) const HEADS: &str = "heads.safetensors";
pub(crate) const MATCHER: &str = "matcher.safetensors";
pub(crate) const CAPTIONER: &str = "captioner.safetensors";
pub(crate) const CAPTION_WORDS: &str = "caption_vocab.txt";
pub(crate) const WORDS: &str = "vocab.txt";
pub(crate) const TAGS: &str = "tags.jsonl";
pub(crate) const CLASSES: &str = "classes.tsv";

/// Everything that looks at pictures.
#[derive(Debug)]
struct ImageSide {
    backbone: ImageBackbone,
    classes: Classes,
    class_names: Tensor<2>,
    tag_names: Tensor<2>,
    projection: ImageProjection,
    tagger: Tagger,
    match_tokens: Option<MatchTokens>,
}

/// Everything that reads sentences.
#[derive(Debug)]
struct TextSide {
    sentences: SentenceEncoder,
    projection: TextProjection,
}

/// The built-in model `tag2text-mini`, or a bundle of the same architecture.
///
/// Weights are loaded when they are first needed: a search reads sentences and never pays for the image encoder.
#[derive(Debug)]
pub struct Tag2TextMini {
    source: ModelSource,
    compute: Compute,
    manifest: Manifest,
    id: String,
    vocabulary: Vocabulary,
    input: [Input; 1],
    image: OnceLock<ImageSide>,
    text: OnceLock<TextSide>,
    matching: OnceLock<MatchSide>,
    captioning: OnceLock<CaptionSide>,
}

impl Tag2TextMini {
    /// Opens a bundle. Only its manifest and its tags are read now.
    ///
    /// # Errors
    /// When a file is missing, damaged or of a newer format.
    pub fn open(source: ModelSource, compute: impl Into<Compute>) -> Result<Self, ModelError> {
        let manifest = Manifest::parse(Manifest::FILE, &source.read(Manifest::FILE)?)?;
        let vocabulary = Vocabulary::from_json_lines(&source.text(TAGS)?).map_err(|source| {
            ModelError::Manifest {
                file: TAGS.to_owned(),
                reason: source.to_string(),
            }
        })?;
        if vocabulary.len() != manifest.tagger.num_class {
            return Err(ModelError::Manifest {
                file: TAGS.to_owned(),
                reason: format!(
                    "it lists {} tags, the manifest says {}",
                    vocabulary.len(),
                    manifest.tagger.num_class
                ),
            });
        }
        Ok(Self {
            id: manifest.id(),
            input: [Input {
                side: manifest.image_encoder.image_size as u32,
                filter: ResizeFilter::Bicubic,
            }],
            source,
            compute: compute.into(),
            manifest,
            vocabulary,
            image: OnceLock::new(),
            text: OnceLock::new(),
            matching: OnceLock::new(),
            captioning: OnceLock::new(),
        })
    }

    fn image_side(&self) -> Result<&ImageSide, ModelError> {
        if let Some(side) = self.image.get() {
            return Ok(side);
        }
        let Place { device, precision } = self.compute.open()?;
        let manifest = &self.manifest;
        let backbones = self.source.read(BACKBONES)?;
        let weights = Weights::parse(BACKBONES, &backbones)?.in_precision(precision);
        let backbone = ImageBackbone::load(manifest, &weights, &device)?;
        let heads = self.source.read(HEADS)?;
        let weights = Weights::parse(HEADS, &heads)?.in_precision(precision);
        let side = ImageSide {
            classes: Classes::parse(&self.source.text(CLASSES)?, &self.vocabulary)?,
            class_names: weights.tensor(
                "class_names",
                [manifest.classes, manifest.text_encoder.hidden_size],
                &device,
            )?,
            tag_names: weights.tensor(
                "tag_names",
                [manifest.aligner.embed_dim, manifest.tagger.num_class],
                &device,
            )?,
            projection: ImageProjection::load(&manifest.aligner, &weights, &device)?,
            tagger: Tagger::load(&manifest.tagger, &weights, &device)?,
            match_tokens: match &manifest.matcher {
                Some(config) => {
                    let bytes = self.source.read(MATCHER)?;
                    let weights = Weights::parse(MATCHER, &bytes)?.in_precision(precision);
                    let image = &manifest.image_encoder;
                    Some(MatchTokens::load(config, image, &weights, &device)?)
                }
                None => None,
            },
            backbone,
        };
        Ok(self.image.get_or_init(|| side))
    }

    fn text_side(&self) -> Result<&TextSide, ModelError> {
        if let Some(side) = self.text.get() {
            return Ok(side);
        }
        let Place { device, precision } = self.compute.for_text()?;
        let backbones = self.source.read(BACKBONES)?;
        let heads = self.source.read(HEADS)?;
        let side = TextSide {
            sentences: SentenceEncoder::load(
                &self.manifest,
                &self.source.text(WORDS)?,
                &Weights::parse(BACKBONES, &backbones)?.in_precision(precision),
                &device,
            )?,
            projection: TextProjection::load(
                &self.manifest.aligner,
                self.manifest.text_encoder.vocab_size,
                &Weights::parse(HEADS, &heads)?.in_precision(precision),
                &device,
            )?,
        };
        Ok(self.text.get_or_init(|| side))
    }

    /// Results for each picture of a batch.
    fn in_parts<T: Send>(
        &self,
        pictures: &[Squares],
        encode: impl Fn(&[Squares]) -> Result<Vec<T>, ModelError> + Send + Sync,
    ) -> Result<Vec<T>, ModelError> {
        if pictures.is_empty() {
            return Ok(Vec::new());
        }
        let parts = self.image_side()?.backbone.in_parts(pictures, encode)?;
        Ok(parts.into_iter().flatten().collect())
    }

    /// What the image encoder sees in a batch, and its embeddings `[B, embed_dim]`.
    fn look(&self, pictures: &[Squares]) -> Result<(ImageTokens, Tensor<2>), ModelError> {
        let side = self.image_side()?;
        let seen = side.backbone.forward(&for_input(pictures, 0)?)?;
        let meaning = side
            .classes
            .meaning(seen.classes.clone(), &side.class_names);
        let pooled = Tensor::cat(vec![seen.pooled.clone(), meaning], 1);
        Ok((seen, side.projection.forward(pooled)))
    }

    /// Encodes one batch.
    fn encode(&self, pictures: &[Squares]) -> Result<Vec<ImageFeatures>, ModelError> {
        let (seen, embedding) = self.look(pictures)?;
        self.features(seen, embedding)
    }

    /// Tags and embeddings of a batch.
    fn features(
        &self,
        seen: ImageTokens,
        embedding: Tensor<2>,
    ) -> Result<Vec<ImageFeatures>, ModelError> {
        let side = self.image_side()?;
        let evidence = Evidence {
            class_evidence: side.classes.evidence(seen.classes)?,
            name_similarity: embedding.clone().matmul(side.tag_names.clone()),
            tokens: seen.tokens,
        };
        let scores = host(sigmoid(side.tagger.forward(evidence)))?;
        host(embedding)?
            .chunks_exact(self.dim())
            .zip(scores.chunks_exact(self.vocabulary.len()))
            .map(|(embedding, scores)| {
                if scores.iter().any(|score| !score.is_finite()) {
                    return Err(ModelError::NotFinite);
                }
                let embedding =
                    Embedding::new(embedding.to_vec()).map_err(|_| ModelError::NotFinite)?;
                Ok(ImageFeatures::new(embedding, scores.to_vec()))
            })
            .collect()
    }
}

impl Encoder for Tag2TextMini {
    fn id(&self) -> &str {
        &self.id
    }

    fn dim(&self) -> usize {
        self.manifest.aligner.embed_dim
    }

    fn vocabulary(&self) -> &Vocabulary {
        &self.vocabulary
    }

    fn inputs(&self) -> &[Input] {
        &self.input
    }

    fn images(&self, pictures: &[Squares]) -> Result<Vec<ImageFeatures>, ModelError> {
        self.in_parts(pictures, |part| self.encode(part))
    }

    fn text(&self, sentence: &str) -> Result<Embedding, ModelError> {
        let side = self.text_side()?;
        let weights = side.projection.word_weights.as_deref();
        let features = side.sentences.features(&[sentence], weights)?;
        let vector = side.projection.forward(features);
        Embedding::new(host(vector)?).map_err(|_| ModelError::NotFinite)
    }

    fn cut(&self, sentence: &str) -> Result<Option<usize>, ModelError> {
        self.text_side()?.sentences.cut(sentence)
    }

    fn matches(&self) -> bool {
        self.manifest.matcher.is_some()
    }

    fn images_with_tokens(
        &self,
        pictures: &[Squares],
    ) -> Result<Vec<(ImageFeatures, ImageTokensF16)>, ModelError> {
        let kept = self.image_side()?.match_tokens.as_ref();
        let kept = kept.ok_or_else(|| ModelError::lacks(&self.id, ModelPart::Matcher))?;
        self.in_parts(pictures, |part| {
            let (seen, embedding) = self.look(part)?;
            let tokens = Self::keep(kept.forward(seen.tokens.clone()))?;
            let features = self.features(seen, embedding)?;
            Ok(features.into_iter().zip(tokens).collect())
        })
    }

    fn match_logits(
        &self,
        images: &[&ImageTokensF16],
        sentences: &[&str],
    ) -> Result<Vec<Vec<MatchLogits>>, ModelError> {
        self.match_kept(images, sentences)
    }

    fn captions(
        &self,
        pictures: &[Squares],
        tags: Option<&[String]>,
        options: &CaptionOptions,
    ) -> Result<Vec<TaggedCaption>, ModelError> {
        // Before the image encoder is loaded for nothing.
        if self.manifest.captioner.is_none() {
            return Err(ModelError::lacks(&self.id, ModelPart::Captioner));
        }
        self.in_parts(pictures, |part| {
            let (seen, embedding) = self.look(part)?;
            self.describe(seen, embedding, tags, options)
        })
    }

    fn match_sentences(
        &self,
        picture: &Squares,
        sentences: &[&str],
        _start: MatchStart,
    ) -> Result<Vec<SentenceMatch>, ModelError> {
        let pictures = std::slice::from_ref(picture);
        let (image, logits) = if self.manifest.matcher.is_some() {
            let seen = self.images_with_tokens(pictures)?.pop();
            let (features, tokens) = seen.ok_or(ModelError::NotFinite)?;
            let logits = self.match_kept(&[&tokens], sentences)?.pop();
            (features.embedding, logits)
        } else {
            let image = self.embeddings(pictures)?.pop();
            (image.ok_or(ModelError::NotFinite)?, None)
        };
        sentences
            .iter()
            .enumerate()
            .map(|(at, sentence)| {
                let itm = logits.as_ref().map(|logits| logits[at].probability());
                Ok(SentenceMatch::new(image.dot(&self.text(sentence)?), itm))
            })
            .collect()
    }

    fn embeddings(&self, pictures: &[Squares]) -> Result<Vec<Embedding>, ModelError> {
        self.in_parts(pictures, |part| {
            let (_, embedding) = self.look(part)?;
            host(embedding)?
                .chunks_exact(self.dim())
                .map(|row| Embedding::new(row.to_vec()).map_err(|_| ModelError::NotFinite))
                .collect()
        })
    }
}
