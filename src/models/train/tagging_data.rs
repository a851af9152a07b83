//! Targets and evidence of the tagging stage.

use burn::tensor::Device;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

use super::dropout::Dropout;
use super::features::Features;
use super::labels::Labels;
use super::{TrainError, alignment, matrix};
use crate::models::ModelError;
use crate::models::aligner::Aligner;
use crate::models::backbone::host;
use crate::models::classes::Classes;
use crate::models::tagger::Evidence;
use crate::vocabulary::{TagKind, Vocabulary};

/// A tag that the classifier gives more than this is not taken for absent only because no caption names it.
const DOUBTFUL: f32 = 0.1;
/// Below this a picture without captions counts as not showing a class.
const ABSENT: f32 = 0.02;

/// What the text encoder makes of the names of the tags.
pub(crate) struct TagNames {
    /// `[T, W]`: sentence vectors.
    pub(crate) vectors: Vec<f32>,
    /// `[T, F]`: what the aligner looks at.
    pub(crate) features: Vec<f32>,
}

/// Everything that the tagging stage reads.
pub(crate) struct TaggingData<'a> {
    features: &'a Features,
    classes: &'a Classes,
    vocabulary: &'a Vocabulary,
    origin: String,
    labels: &'a Labels,
    /// `[T, W]`: sentence vectors of the tag names.
    names: Vec<f32>,
    /// `[D, T]`: tag names in the shared space.
    tag_names: Vec<f32>,
    /// `[P, V, D]`: image embeddings.
    embeddings: Vec<f32>,
    training: Vec<usize>,
    held_out: Vec<usize>,
}

impl<'a> TaggingData<'a> {
    /// Prepares what the trained `aligner` says. `names` are those of the tags.
    pub(crate) fn collect(
        features: &'a Features,
        classes: &'a Classes,
        vocabulary: &'a Vocabulary,
        labels: &'a Labels,
        names: TagNames,
        aligner: &Aligner,
        device: &Device,
    ) -> Result<Self, TrainError> {
        let tag_names = name_table(aligner, &names.features, vocabulary.len(), device)?;
        let embeddings = embed(features, aligner, device)?;
        let (held_out, training) =
            (0..features.pictures()).partition(|&picture| features.is_held_out(picture));
        Ok(Self {
            features,
            classes,
            vocabulary,
            origin: labels.fingerprint(vocabulary) + &alignment::fingerprint(aligner)?,
            labels,
            names: names.vectors,
            tag_names,
            embeddings,
            training,
            held_out,
        })
    }

    /// Tells other tags, pictures and aligners apart.
    pub(crate) fn origin(&self) -> &str {
        &self.origin
    }

    pub(crate) fn features(&self) -> &Features {
        self.features
    }

    pub(crate) fn tags(&self) -> usize {
        self.vocabulary.len()
    }

    pub(crate) fn training_pictures(&self) -> &[usize] {
        &self.training
    }

    pub(crate) fn held_out_pictures(&self) -> &[usize] {
        &self.held_out
    }

    pub(crate) fn shows(&self, picture: usize, tag: usize) -> bool {
        self.labels.of(picture).binary_search(&(tag as u32)).is_ok()
    }

    /// Sorted numbers of the tags that a picture shows.
    pub(crate) fn shown(&self, picture: usize) -> &[u32] {
        self.labels.of(picture)
    }

    /// `[T, W]`, row-major.
    pub(crate) fn names(&self) -> &[f32] {
        &self.names
    }

    pub(crate) fn name_width(&self) -> usize {
        self.names.len() / self.tags()
    }

    pub(crate) fn name(&self, tag: usize) -> &[f32] {
        &self.names[tag * self.name_width()..][..self.name_width()]
    }

    /// `[D, T]`, row-major.
    pub(crate) fn tag_names(&self) -> &[f32] {
        &self.tag_names
    }

    /// The tags that the batch shows, then `absent` random others.
    pub(crate) fn choose(
        &self,
        batch: &[(usize, usize)],
        absent: usize,
        rng: &mut ChaCha8Rng,
    ) -> Vec<usize> {
        let mut shown = vec![false; self.tags()];
        for &(picture, _) in batch {
            for &tag in self.labels.of(picture) {
                shown[tag as usize] = true;
            }
        }
        let (mut chosen, mut others): (Vec<usize>, Vec<usize>) =
            (0..self.tags()).partition(|&tag| shown[tag]);
        let absent = absent.min(others.len());
        let (sampled, _) = others.partial_shuffle(rng, absent);
        chosen.extend_from_slice(sampled);
        chosen
    }

    /// Targets `[B, K]`, and the weight `[B, K]` with which each is known: 0 where the data says nothing, and more than 1
    /// for a sampled absent tag, which stands for those that were not sampled.
    pub(crate) fn targets(
        &self,
        batch: &[(usize, usize)],
        chosen: &[usize],
    ) -> (Vec<f32>, Vec<f32>) {
        let anywhere = |tag: usize| batch.iter().any(|&(picture, _)| self.shows(picture, tag));
        let sampled: Vec<bool> = chosen.iter().map(|&tag| !anywhere(tag)).collect();
        let drawn = sampled.iter().filter(|&&s| s).count();
        let stands_for = (self.tags() - (chosen.len() - drawn)) as f32 / drawn.max(1) as f32;
        let mut targets = Vec::with_capacity(batch.len() * chosen.len());
        let mut known = Vec::with_capacity(batch.len() * chosen.len());
        for &(picture, view) in batch {
            let scene = self
                .labels
                .of(picture)
                .iter()
                .any(|&tag| self.kind(tag as usize) == Some(TagKind::Scene));
            for (&tag, &sampled) in chosen.iter().zip(&sampled) {
                let shown = self.shows(picture, tag);
                let trusted = shown || self.is_absent(picture, view, tag, scene);
                let weight = if sampled { stands_for } else { 1.0 };
                targets.push(f32::from(u8::from(shown)));
                known.push(if trusted { weight } else { 0.0 });
            }
        }
        (targets, known)
    }

    /// Whether a tag that is not named may be taken for absent. Captions name what matters, so silence is evidence unless
    /// the classifier sees the thing; a bare class or scene label says nothing of anything but classes and scenes.
    fn is_absent(&self, picture: usize, view: usize, tag: usize, scene: bool) -> bool {
        let classes = self.classes.of(imgsearch_index::TagId(tag as u32));
        let probabilities = self.features.probabilities(picture, view);
        let seen: f32 = classes.iter().map(|&c| probabilities[c as usize]).sum();
        if self.features.picture(picture).captions.is_empty() {
            let other_scene = scene && self.kind(tag) == Some(TagKind::Scene);
            return other_scene || (!classes.is_empty() && seen < ABSENT);
        }
        seen < DOUBTFUL
    }

    fn kind(&self, tag: usize) -> Option<TagKind> {
        self.vocabulary
            .get(imgsearch_index::TagId(tag as u32))
            .map(|tag| tag.kind)
    }

    /// What the encoders and the aligner say of the batch about the chosen tags; of the image tokens only what `dropout` leaves.
    pub(crate) fn evidence(
        &self,
        batch: &[(usize, usize)],
        chosen: &[usize],
        dropout: Option<Dropout>,
        device: &Device,
    ) -> Result<Evidence, TrainError> {
        let dim = self.tag_names.len() / self.tags();
        let mut tokens = Vec::new();
        let mut odds = Vec::with_capacity(batch.len() * chosen.len());
        let mut embeddings = Vec::with_capacity(batch.len() * dim);
        for &(picture, view) in batch {
            self.features.push_tokens(picture, view, &mut tokens)?;
            let all: Vec<f32> = self
                .classes
                .log_odds(self.features.probabilities(picture, view))
                .collect();
            odds.extend(chosen.iter().map(|&tag| all[tag]));
            let row = picture * self.features.views() + view;
            embeddings.extend_from_slice(&self.embeddings[row * dim..][..dim]);
        }
        let mut table = Vec::with_capacity(dim * chosen.len());
        for row in self.tag_names.chunks_exact(self.tags()) {
            table.extend(chosen.iter().map(|&tag| row[tag]));
        }
        if let Some(mut dropout) = dropout {
            dropout.apply(&mut tokens);
        }
        let count = self.features.token_count();
        let channels = tokens.len() / batch.len() / count;
        Ok(Evidence {
            tokens: matrix(tokens, channels, device).reshape([batch.len(), count, channels]),
            class_evidence: matrix(odds, chosen.len(), device),
            name_similarity: matrix(embeddings, dim, device).matmul(matrix(
                table,
                chosen.len(),
                device,
            )),
        })
    }
}

/// Tag names in the shared space, `[D, T]`.
fn name_table(
    aligner: &Aligner,
    names: &[f32],
    tags: usize,
    device: &Device,
) -> Result<Vec<f32>, ModelError> {
    let names = matrix(names.to_vec(), names.len() / tags, device);
    host(aligner.text.forward(names).transpose())
}

/// Image embeddings of every view.
fn embed(features: &Features, aligner: &Aligner, device: &Device) -> Result<Vec<f32>, TrainError> {
    let views = features.views();
    let rows: Vec<(usize, usize)> = (0..features.pictures())
        .flat_map(|picture| (0..views).map(move |view| (picture, view)))
        .collect();
    let mut out = Vec::new();
    for chunk in rows.chunks(512) {
        let mut inputs = Vec::new();
        for &(picture, view) in chunk {
            features.push_image(picture, view, &mut inputs);
        }
        let width = inputs.len() / chunk.len();
        out.extend(host(aligner.image.forward(matrix(inputs, width, device)))?);
    }
    Ok(out)
}
