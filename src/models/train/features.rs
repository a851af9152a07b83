//! What the heads are trained on: cached features of every training picture and caption.

mod pictures;

use std::ops::ControlFlow;
use std::path::Path;

use super::TrainError;
use super::below::Below;
use super::cache::{FeatureCache, claim};
use super::held_out::hold_out;
use super::progress::Progress;
use super::sentences::Sentences;
use super::settings::TrainSettings;
use super::texts::Texts;
use crate::corpus::CaptionedPicture;
use crate::models::ModelError;
use crate::models::backbone::{ImageBackbone, host};
use crate::models::classes::Classes;
use crate::models::sentence::{SentenceEncoder, naming};
use pictures::{class_features, images, meaning};

/// Sentences encoded at once.
const SENTENCES: usize = 64;

/// The encoders, which do not change while heads are trained on their features.
pub(crate) struct Backbones<'a> {
    pub(crate) image: &'a ImageBackbone,
    pub(crate) sentence: &'a SentenceEncoder,
    pub(crate) classes: &'a Classes,
    /// Pixels a side.
    pub(crate) side: u32,
    /// Tells caches of different weights apart.
    pub(crate) fingerprint: String,
    /// Layers below the states that are kept of sentences.
    pub(crate) lower_layers: usize,
    /// Weights of the words that the aligner looks at, where it does.
    pub(crate) word_weights: Option<Vec<f32>>,
    /// `[K, W]`: what the pretrained text encoder makes of the names of the classes. The meaning of a picture is told in these
    /// vectors, also where the text encoder has been tuned since.
    pub(crate) class_names: Vec<f32>,
}

/// Features in memory, image tokens on disk.
#[derive(Debug)]
pub(crate) struct Features {
    pictures: Vec<CaptionedPicture>,
    views: usize,
    channels: usize,
    classes: usize,
    /// `[P, V, 2 C]`
    pooled: Vec<f32>,
    /// `[P, V, K]`
    probabilities: Vec<f32>,
    /// `[P, V, W]`
    meaning: Vec<f32>,
    /// `[P, V][N, C]`
    tokens: FeatureCache,
    texts: Texts,
    sentences: Sentences,
    /// `[K, W]`
    class_names: Vec<f32>,
    /// `[K, F]`: what the aligner looks at of the class names.
    class_sentences: Vec<f32>,
    /// Ids of the tokens of the names of the classes.
    class_tokens: Vec<Vec<u32>>,
    /// `[K, 2 C]`: classifier weights that stand for a picture of each class.
    class_features: Vec<f32>,
    width: usize,
    training: Vec<usize>,
    names: Vec<usize>,
    held_out: Vec<usize>,
    held_out_pictures: Vec<bool>,
}

impl Features {
    /// Computes what `folder` does not hold yet; of the pictures, from what is known `below` the tuned blocks where that is given.
    pub(crate) fn collect(
        pictures: Vec<CaptionedPicture>,
        backbones: &Backbones<'_>,
        below: Option<&Below>,
        settings: &TrainSettings,
        folder: &Path,
        progress: &mut dyn FnMut(&Progress) -> ControlFlow<()>,
    ) -> Result<Self, TrainError> {
        claim(
            folder,
            &fingerprint(&pictures, &backbones.fingerprint, settings),
        )?;
        let (channels, classes) = (backbones.image.channels(), backbones.classes.names().len());
        let (pooled, tokens) = images(&pictures, backbones, below, settings, folder, progress)?;
        let texts = Texts::new(&pictures, backbones.classes.names());
        let own = folder.join(format!("sentences-{}", backbones.lower_layers));
        let weights = backbones.word_weights.as_deref();
        let sentences =
            Sentences::collect(texts.all(), backbones.sentence, weights, &own, progress)?;
        let prompts: Vec<String> = backbones
            .classes
            .names()
            .iter()
            .map(|name| naming(name))
            .collect();
        let class_names = backbones.class_names.clone();
        let class_sentences = encode(backbones.sentence, &prompts, weights)?;
        let ids = |prompt: &String| backbones.sentence.tokens(prompt);
        let class_tokens = prompts.iter().map(ids).collect::<Result<_, _>>()?;
        let width = backbones.sentence.width();
        let record = 2 * channels + classes;
        let mut means = Vec::with_capacity(pooled.len() / record * 2 * channels);
        let mut probabilities = Vec::with_capacity(pooled.len() / record * classes);
        for row in pooled.chunks_exact(record) {
            means.extend_from_slice(&row[..2 * channels]);
            probabilities.extend_from_slice(&row[2 * channels..]);
        }
        drop(pooled);
        let meaning = meaning(backbones, &probabilities, &class_names, width)?;
        let class_features = class_features(backbones.image, &means, channels, classes)?;
        let held_out_pictures = hold_out(&pictures, settings);
        let is_held_out = |&text: &usize| held_out_pictures[texts.picture_of(text)];
        let (held_out, training) = texts.captions().partition(is_held_out);
        let names = texts.names().filter(|text| !is_held_out(text)).collect();
        Ok(Self {
            views: settings.views,
            channels,
            classes,
            pooled: means,
            probabilities,
            meaning,
            tokens,
            texts,
            sentences,
            class_names,
            class_sentences,
            class_tokens,
            class_features,
            width,
            training,
            names,
            held_out,
            held_out_pictures,
            pictures,
        })
    }

    /// The pictures, to be looked at by other encoders.
    pub(crate) fn into_pictures(self) -> Vec<CaptionedPicture> {
        self.pictures
    }

    pub(crate) fn pictures(&self) -> usize {
        self.pictures.len()
    }

    pub(crate) fn picture(&self, index: usize) -> &CaptionedPicture {
        &self.pictures[index]
    }

    pub(crate) fn views(&self) -> usize {
        self.views
    }

    pub(crate) fn is_held_out(&self, picture: usize) -> bool {
        self.held_out_pictures[picture]
    }

    pub(crate) fn classes(&self) -> usize {
        self.classes
    }

    pub(crate) fn training_captions(&self) -> &[usize] {
        &self.training
    }

    /// Names of what training pictures without captions show.
    pub(crate) fn training_names(&self) -> &[usize] {
        &self.names
    }

    pub(crate) fn held_out_captions(&self) -> &[usize] {
        &self.held_out
    }

    /// The training pictures that have captions, or with `names` also those that have names.
    pub(crate) fn training_pictures(&self, names: bool) -> Vec<usize> {
        let texts = &self.texts;
        let is_read = |&picture: &usize| {
            let is_named = names && !texts.names_of(picture).is_empty();
            is_named || !texts.captions_of(picture).is_empty()
        };
        let training = (0..self.pictures()).filter(|&picture| !self.is_held_out(picture));
        training.filter(is_read).collect()
    }

    /// The held-out pictures that have captions, in order.
    pub(crate) fn held_out_captioned(&self) -> Vec<usize> {
        let of = |&caption: &usize| self.texts.picture_of(caption);
        let mut pictures: Vec<usize> = self.held_out.iter().map(of).collect();
        pictures.dedup();
        pictures
    }

    /// Captions and what else is read of the pictures.
    pub(crate) fn texts(&self) -> &Texts {
        &self.texts
    }

    /// What the text encoder makes of the texts.
    pub(crate) fn sentences(&self) -> &Sentences {
        &self.sentences
    }

    fn class_name(&self, class: usize) -> &[f32] {
        &self.class_names[class * self.width..][..self.width]
    }

    /// What the aligner looks at of a class's name.
    pub(crate) fn class_sentence(&self, class: usize) -> &[f32] {
        let width = self.sentences.feature_width();
        &self.class_sentences[class * width..][..width]
    }

    /// Ids of the tokens of a class's name, as the text encoder reads it.
    pub(crate) fn class_tokens(&self, class: usize) -> &[u32] {
        &self.class_tokens[class]
    }

    /// `[K, W]`, row-major.
    pub(crate) fn class_names(&self) -> &[f32] {
        &self.class_names
    }

    /// Class probabilities of a view.
    pub(crate) fn probabilities(&self, picture: usize, view: usize) -> &[f32] {
        &self.probabilities[self.row(picture, view) * self.classes..][..self.classes]
    }

    /// Appends the aligner's input for a view.
    pub(crate) fn push_image(&self, picture: usize, view: usize, out: &mut Vec<f32>) {
        let row = self.row(picture, view);
        let wide = 2 * self.channels;
        out.extend_from_slice(&self.pooled[row * wide..][..wide]);
        out.extend_from_slice(&self.meaning[row * self.width..][..self.width]);
    }

    /// Appends the aligner's input for a class without a picture.
    pub(crate) fn push_class(&self, class: usize, out: &mut Vec<f32>) {
        let wide = 2 * self.channels;
        out.extend_from_slice(&self.class_features[class * wide..][..wide]);
        let scale = (self.width as f32).sqrt();
        out.extend(self.class_name(class).iter().map(|value| value * scale));
    }

    /// Appends the image tokens of a view, mean first: `[1 + N, C]`.
    pub(crate) fn push_tokens(
        &self,
        picture: usize,
        view: usize,
        out: &mut Vec<f32>,
    ) -> Result<(), TrainError> {
        let row = self.row(picture, view);
        out.extend_from_slice(&self.pooled[row * 2 * self.channels..][..self.channels]);
        let start = out.len();
        out.resize(start + self.tokens.width(), 0.0);
        self.tokens.read(row..row + 1, &mut out[start..])
    }

    /// Channels of an image token.
    pub(crate) fn channels(&self) -> usize {
        self.channels
    }

    /// Image tokens a picture, the mean included.
    pub(crate) fn token_count(&self) -> usize {
        1 + self.tokens.width() / self.channels
    }

    fn row(&self, picture: usize, view: usize) -> usize {
        picture * self.views + view
    }
}

/// Anything that changes the cached values changes this.
pub(crate) fn fingerprint(
    pictures: &[CaptionedPicture],
    backbones: &str,
    settings: &TrainSettings,
) -> String {
    let mut hasher = blake3::Hasher::new();
    hasher.update(backbones.as_bytes());
    hasher.update(&(settings.views as u64).to_le_bytes());
    hasher.update(&settings.seed.to_le_bytes());
    for picture in pictures {
        hasher.update(picture.path.as_os_str().as_encoded_bytes());
        for caption in &picture.captions {
            hasher.update(b"\n").update(caption.as_bytes());
        }
        for name in &picture.tags {
            hasher.update(b"\t").update(name.as_bytes());
        }
    }
    hasher.finalize().to_hex().to_string()
}

/// Sentence vectors of a few texts, uncached; features for the aligner where words have `weights`.
pub(crate) fn encode(
    encoder: &SentenceEncoder,
    texts: &[String],
    weights: Option<&[f32]>,
) -> Result<Vec<f32>, ModelError> {
    let mut out = Vec::new();
    for batch in texts.chunks(SENTENCES) {
        out.extend(host(encoder.features(batch, weights)?)?);
    }
    Ok(out)
}
