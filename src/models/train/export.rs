//! Trained heads to a bundle folder.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::path::Path;

use burn::nn::{LayerNorm, Linear};
use burn::tensor::Tensor;
use half::f16;
use half::slice::HalfFloatSliceExt;
use safetensors::Dtype;
use safetensors::tensor::TensorView;

use super::TrainError;
use super::stored::StoredTensor;
use crate::models::ModelError;
use crate::models::ModelSource;
use crate::models::aligner::Aligner;
use crate::models::backbone::host;
use crate::models::manifest::Manifest;
use crate::models::mini::{
    BACKBONES, CAPTION_WORDS, CAPTIONER, CLASSES, HEADS, MATCHER, TAGS, WORDS,
};
use crate::models::quantised::Quantised;
use crate::models::tagger::Tagger;
use crate::vocabulary::Vocabulary;

/// Bits of a matrix. Eight move what the heads compute by less than a percent, which changes no figure of the evaluation.
const BITS: u32 = 8;

/// Tensors by name: matrices in integers with a scale a row, the rest in half precision.
#[derive(Default)]
pub(crate) struct Heads {
    tensors: BTreeMap<String, (Dtype, Vec<usize>, Vec<u8>)>,
}

impl Heads {
    fn put(&mut self, name: &str, shape: &[usize], values: &[f32]) -> Result<(), ModelError> {
        let mut halves = vec![f16::ZERO; values.len()];
        halves.convert_from_f32_slice(values);
        if halves.iter().any(|value| !value.is_finite()) {
            return Err(ModelError::NotFinite);
        }
        if let &[rows, columns] = shape {
            let rounded = Quantised::round_matrix(values, [rows, columns], BITS);
            for (name, dtype, shape, bytes) in rounded.parts(name) {
                self.tensors.insert(name, (dtype, shape, bytes));
            }
            return Ok(());
        }
        let bytes = bytemuck::cast_slice(&halves).to_vec();
        self.tensors
            .insert(name.to_owned(), (Dtype::F16, shape.to_vec(), bytes));
        Ok(())
    }

    fn tensor<const D: usize>(&mut self, name: &str, tensor: Tensor<D>) -> Result<(), ModelError> {
        let shape = tensor.dims();
        self.put(name, &shape, &host(tensor)?)
    }

    fn linear(&mut self, prefix: &str, linear: &Linear) -> Result<(), ModelError> {
        self.tensor(&format!("{prefix}.weight"), linear.weight.val())?;
        match &linear.bias {
            Some(bias) => self.tensor(&format!("{prefix}.bias"), bias.val()),
            None => Ok(()),
        }
    }

    fn norm(&mut self, prefix: &str, norm: &LayerNorm) -> Result<(), ModelError> {
        self.tensor(&format!("{prefix}.weight"), norm.gamma.val())?;
        match &norm.beta {
            Some(beta) => self.tensor(&format!("{prefix}.bias"), beta.val()),
            None => Ok(()),
        }
    }

    fn aligner(&mut self, aligner: &Aligner) -> Result<(), ModelError> {
        if let Some(statistics) = &aligner.image.statistics {
            self.tensor("aligner.image_statistics.mean", statistics.mean.val())?;
            self.tensor("aligner.image_statistics.scale", statistics.scale.val())?;
        }
        self.norm("aligner.image_norm", &aligner.image.norm)?;
        self.linear("aligner.image_hidden", &aligner.image.hidden)?;
        self.linear("aligner.image_output", &aligner.image.output)?;
        if let Some(weights) = &aligner.text.word_weights {
            let device = aligner.text.output.weight.device();
            let weights = Tensor::<1>::from_floats(weights.as_slice(), &device);
            self.tensor("aligner.word_weights", weights)?;
        }
        self.linear("aligner.text_output", &aligner.text.output)
    }

    pub(crate) fn tagger(&mut self, tagger: &Tagger) -> Result<(), ModelError> {
        self.linear("tagger.token_projection", &tagger.token_projection)?;
        self.norm("tagger.token_norm", &tagger.token_norm)?;
        self.tensor("tagger.label_embed", tagger.label_embed.val())?;
        self.tensor("tagger.fc.weight", tagger.fc_weight.val())?;
        self.tensor("tagger.fc.bias", tagger.fc_bias.val())?;
        self.tensor("tagger.class_scale", tagger.class_scale.val())?;
        self.tensor("tagger.name_scale", tagger.name_scale.val())?;
        for (i, layer) in tagger.layers.iter().enumerate() {
            let prefix = format!("tagger.layer.{i}");
            let attention = &layer.crossattention;
            self.linear(
                &format!("{prefix}.crossattention.self.query"),
                &attention.query,
            )?;
            self.linear(&format!("{prefix}.crossattention.self.key"), &attention.key)?;
            self.linear(
                &format!("{prefix}.crossattention.self.value"),
                &attention.value,
            )?;
            self.linear(
                &format!("{prefix}.crossattention.output.dense"),
                &attention.output,
            )?;
            self.norm(
                &format!("{prefix}.crossattention.output.LayerNorm"),
                &layer.crossattention_norm,
            )?;
            self.linear(&format!("{prefix}.intermediate.dense"), &layer.intermediate)?;
            self.linear(&format!("{prefix}.output.dense"), &layer.output)?;
            self.norm(&format!("{prefix}.output.LayerNorm"), &layer.output_norm)?;
        }
        Ok(())
    }

    /// Parameters under the names that they have already.
    pub(crate) fn stored(&mut self, tensors: &[StoredTensor]) -> Result<(), ModelError> {
        tensors
            .iter()
            .try_for_each(|tensor| self.put(&tensor.name, &tensor.shape, &tensor.values))
    }

    pub(crate) fn into_bytes(self) -> Result<Vec<u8>, ModelError> {
        let broken = |source: safetensors::SafeTensorError| ModelError::Weights {
            file: HEADS.to_owned(),
            reason: source.to_string(),
        };
        let views: HashMap<String, TensorView<'_>> = self
            .tensors
            .iter()
            .map(|(name, (dtype, shape, bytes))| {
                let view = TensorView::new(*dtype, shape.clone(), bytes).map_err(broken)?;
                Ok((name.clone(), view))
            })
            .collect::<Result<_, ModelError>>()?;
        safetensors::serialize(views, None).map_err(broken)
    }
}

/// Contrastive heads and recognition decoder.
pub(crate) struct MainHeads<'a> {
    pub(crate) aligner: &'a Aligner,
    pub(crate) tagger: &'a Tagger,
    /// `[K, W]`
    pub(crate) class_names: &'a [f32],
    /// `[D, T]`
    pub(crate) tag_names: &'a [f32],
}

/// What writes captions.
pub(crate) enum Captions {
    /// Nothing does.
    None,
    /// The base's captioner, as it is.
    OfBase,
    /// A captioner and the words that it writes.
    Trained {
        tensors: Vec<StoredTensor>,
        words: String,
    },
}

/// What a bundle is made of. What is not there comes from the base.
pub(crate) struct Parts<'a> {
    pub(crate) base: &'a ModelSource,
    pub(crate) backbones: &'a [u8],
    pub(crate) manifest: Manifest,
    pub(crate) vocabulary: &'a Vocabulary,
    pub(crate) classes: &'a str,
    pub(crate) heads: Option<MainHeads<'a>>,
    /// The alignment encoder.
    pub(crate) matcher: Option<&'a [StoredTensor]>,
    pub(crate) captions: &'a Captions,
}

/// Writes a complete bundle into `folder`.
pub(crate) fn write(parts: Parts<'_>, folder: &Path) -> Result<Manifest, TrainError> {
    let mut manifest = parts.manifest;
    let base = parts.base;
    let heads = match &parts.heads {
        Some(main) => {
            let mut heads = Heads::default();
            heads.aligner(main.aligner)?;
            heads.tagger(main.tagger)?;
            let width = manifest.text_encoder.hidden_size;
            heads.put("class_names", &[manifest.classes, width], main.class_names)?;
            let shape = [manifest.aligner.embed_dim, parts.vocabulary.len()];
            heads.put("tag_names", &shape, main.tag_names)?;
            heads.into_bytes()?.into()
        }
        None => base.read(HEADS)?,
    };
    fs::create_dir_all(folder).map_err(|source| TrainError::io(folder, source))?;
    let mut files = BTreeMap::new();
    let mut put = |name: &str, bytes: &[u8]| {
        replace(folder, name, bytes)?;
        let checksum = blake3::hash(bytes).to_hex().to_string();
        files.insert(name.to_owned(), checksum);
        Ok::<(), TrainError>(())
    };
    put(BACKBONES, parts.backbones)?;
    put(WORDS, &base.read(WORDS)?)?;
    put(CLASSES, parts.classes.as_bytes())?;
    put(TAGS, parts.vocabulary.to_json_lines().as_bytes())?;
    put(HEADS, &heads)?;
    match parts.matcher {
        Some(tensors) => {
            let mut matcher = Heads::default();
            matcher.stored(tensors)?;
            put(MATCHER, &matcher.into_bytes()?)?;
        }
        None if manifest.matcher.is_some() => put(MATCHER, &base.read(MATCHER)?)?,
        None => {}
    }
    match parts.captions {
        Captions::Trained { tensors, words } => {
            let mut captioner = Heads::default();
            captioner.stored(tensors)?;
            put(CAPTIONER, &captioner.into_bytes()?)?;
            put(CAPTION_WORDS, words.as_bytes())?;
        }
        Captions::OfBase => {
            put(CAPTIONER, &base.read(CAPTIONER)?)?;
            put(CAPTION_WORDS, &base.read(CAPTION_WORDS)?)?;
        }
        Captions::None => {}
    }
    manifest.files = files;
    let mut text =
        serde_json::to_string_pretty(&manifest).map_err(|source| ModelError::Manifest {
            file: Manifest::FILE.to_owned(),
            reason: source.to_string(),
        })?;
    text.push('\n');
    replace(folder, Manifest::FILE, text.as_bytes())?;
    Ok(manifest)
}

/// Writes a file beside its place first: whoever reads the folder finds the former one or all of this.
fn replace(folder: &Path, name: &str, bytes: &[u8]) -> Result<(), TrainError> {
    let (path, partial) = (folder.join(name), folder.join(format!("{name}.partial")));
    fs::write(&partial, bytes).map_err(|source| TrainError::io(&partial, source))?;
    fs::rename(&partial, &path).map_err(|source| TrainError::io(&path, source))
}
