//! Shapes of the published networks, in the words of the files that come with their code.

use serde::Deserialize;
use serde_json::{Value, json};

use super::manifest::ModelKind;
use crate::models::ModelError;
use crate::models::blip::BlipConfig;
use crate::models::nn::{BertConfig, SwinConfig, VitConfig};
use crate::models::recognition::{RamConfig, RamPlusConfig, RecognizerConfig, ThresholdsConfig};
use crate::models::tagger::TaggerConfig;
use crate::models::tensors::TensorSource;

/// Width of the label vectors of RAM and RAM++: those of CLIP's text encoder.
const LABEL_WIDTH: usize = 512;
/// Descriptions of each tag of RAM++.
const DESCRIPTIONS: usize = 51;

/// A network of Tag2Text, RAM or RAM++.
///
/// Read from an object with `swin` (what `config_swin*.json` says), `q2l` (`q2l_config.json`), for captions `med`
/// (`med_config.json`), and, as the constructors call them, `num_class`, `threshold`, `class_threshold` and `delete_tag_index`.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct RecognitionConfig {
    pub(crate) swin: SwinConfig,
    pub(crate) recognizer: RecognizerConfig,
    pub(crate) thresholds: ThresholdsConfig,
    /// Tag encoder and text decoder; nothing for models without captions.
    pub(crate) med: Option<BertConfig>,
}

/// What of an object is read as one.
#[derive(Deserialize)]
struct Parts {
    swin: SwinConfig,
    q2l: Decoder,
    med: Option<BertConfig>,
    num_class: usize,
    descriptions: Option<usize>,
}

/// The recognition decoder, as `q2l_config.json` has it.
#[derive(Deserialize)]
struct Decoder {
    hidden_size: usize,
    intermediate_size: usize,
    num_attention_heads: usize,
    num_hidden_layers: usize,
}

impl RecognitionConfig {
    pub(crate) fn read(kind: ModelKind, config: &Value) -> Result<Self, serde_json::Error> {
        let parts = Parts::deserialize(config)?;
        let tagger = |encoder_width| TaggerConfig {
            num_class: parts.num_class,
            hidden_size: parts.q2l.hidden_size,
            intermediate_size: parts.q2l.intermediate_size,
            num_attention_heads: parts.q2l.num_attention_heads,
            num_hidden_layers: parts.q2l.num_hidden_layers,
            encoder_width,
        };
        let vision_width = parts.swin.vision_width;
        let ram = || RamConfig {
            tagger: tagger(LABEL_WIDTH),
            vision_width,
        };
        let recognizer = match kind {
            ModelKind::Ram => RecognizerConfig::Ram(ram()),
            ModelKind::RamPlus => RecognizerConfig::RamPlus(RamPlusConfig {
                ram: ram(),
                descriptions: parts.descriptions.unwrap_or(DESCRIPTIONS),
            }),
            _ => RecognizerConfig::Tag2Text(tagger(vision_width)),
        };
        Ok(Self {
            thresholds: ThresholdsConfig::deserialize(config)?,
            med: parts.med.filter(|_| kind == ModelKind::Tag2text),
            swin: parts.swin,
            recognizer,
        })
    }
}

/// Reads a BLIP configuration: an object with `med` (what `med_config.json` says) and `blip` (`image_size`, `patch`, `width`,
/// `depth`, `heads`, `embed_dim`), or the `config.json` of Hugging Face's port.
pub(crate) fn read_blip(config: &Value) -> Result<BlipConfig, serde_json::Error> {
    #[derive(Deserialize)]
    struct Official {
        med: BertConfig,
        blip: Vision,
    }
    #[derive(Deserialize)]
    struct Vision {
        image_size: usize,
        #[serde(alias = "patch_size")]
        patch: usize,
        #[serde(alias = "hidden_size")]
        width: usize,
        #[serde(alias = "num_hidden_layers")]
        depth: usize,
        #[serde(alias = "num_attention_heads")]
        heads: usize,
        #[serde(default)]
        embed_dim: usize,
    }
    #[derive(Deserialize)]
    struct HuggingFace {
        vision_config: Vision,
        text_config: BertConfig,
        image_text_hidden_size: usize,
    }
    let (vision, med, embed_dim) = if config.get("vision_config").is_some() {
        let port = HuggingFace::deserialize(config)?;
        let width = port.image_text_hidden_size;
        (port.vision_config, port.text_config, width)
    } else {
        let official = Official::deserialize(config)?;
        let width = official.blip.embed_dim;
        (official.blip, official.med, width)
    };
    Ok(BlipConfig {
        vit: VitConfig {
            img_size: vision.image_size,
            patch_size: vision.patch,
            embed_dim: vision.width,
            depth: vision.depth,
            num_heads: vision.heads,
        },
        med,
        embed_dim,
    })
}

/// The configuration that a kind was published with. BLIP comes in two sizes, which the weights tell apart.
///
/// # Errors
/// When the kind was not published.
pub(crate) fn published(kind: ModelKind, weights: &dyn TensorSource) -> Result<Value, ModelError> {
    let med = json!({
        "hidden_size": 768, "num_hidden_layers": 12, "num_attention_heads": 12, "intermediate_size": 3072,
        "max_position_embeddings": 512, "vocab_size": 30524, "layer_norm_eps": 1e-12,
    });
    let q2l = json!({
        "hidden_size": 768, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 3072,
    });
    let swin = |vision_width: usize, heads: usize| {
        json!({
            "image_res": 384, "vision_width": vision_width, "embed_dim": vision_width / 8,
            "depths": [2, 2, 18, 2], "num_heads": [heads, 2 * heads, 4 * heads, 8 * heads], "window_size": 12,
        })
    };
    Ok(match kind {
        ModelKind::Tag2text => {
            let thresholds = ThresholdsConfig::tag2text();
            json!({
                "med": med, "q2l": q2l, "swin": swin(1024, 4), "num_class": 3429,
                "threshold": thresholds.threshold, "class_threshold": thresholds.class_threshold,
                "delete_tag_index": thresholds.delete_tag_index,
            })
        }
        ModelKind::Ram | ModelKind::RamPlus => json!({
            "q2l": q2l, "swin": swin(1536, 6), "num_class": 4585, "threshold": 0.68,
        }),
        ModelKind::BlipItm => {
            let width = weights.info("vision_proj.weight").map(|info| info.shape);
            let vision = if width.is_some_and(|shape| shape.last() == Some(&1024)) {
                VitConfig::large(384)
            } else {
                VitConfig::base(384)
            };
            json!({
                "med": med,
                "blip": {
                    "image_size": vision.img_size, "patch": vision.patch_size, "width": vision.embed_dim,
                    "depth": vision.depth, "heads": vision.num_heads, "embed_dim": 256,
                },
            })
        }
        ModelKind::Mini | ModelKind::Composed => {
            return Err(ModelError::Manifest {
                file: "the model".to_owned(),
                reason: format!("models of the kind {kind} are not imported"),
            });
        }
    })
}
