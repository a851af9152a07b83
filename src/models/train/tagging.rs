//! Training of the recognition decoder on cached image tokens.

use std::ops::ControlFlow;
use std::path::Path;

use burn::module::{Module, Param};
use burn::nn::{Initializer, LayerNormConfig, Linear, LinearConfig};
use burn::tensor::activation::sigmoid;
use burn::tensor::{Device, Int, Tensor, TensorData};
use rand::Rng;

use super::base_tables::BaseTables;
use super::checkpoint::read_module;
use super::dropout::Dropout;
use super::learned::Learned;
use super::objectives::asymmetric;
use super::progress::Progress;
use super::settings::TrainSettings;
use super::stage::{Draw, Stage};
use super::tagging_data::TaggingData;
use super::{TrainError, matrix};
use crate::eval::average_precision;
use crate::models::backbone::host;
use crate::models::nn::{CrossAttention, DecoderLayer};
use crate::models::tagger::{Evidence, Tables, Tagger, TaggerConfig};

/// Held-out pictures that must show a tag for its precision to count.
const FEWEST: usize = 5;
/// Pictures that a thread learns from at once.
const PART: usize = 8;
/// Scale of the classifier's log-odds before training; half of what a calibrated classifier would deserve.
const CLASS_SCALE: f32 = 0.5;
/// Scale of the name similarity before training: cosines differ by some tenths.
const NAME_SCALE: f32 = 4.0;

/// The decoder with what only training needs. Label queries and the group-wise weights are what a linear map makes of the
/// tag's name, plus a table of corrections: a tag that is rarely seen starts from what its name means.
#[derive(Debug, Module)]
struct Trainee {
    tagger: Tagger,
    query_map: Linear,
    weight_map: Linear,
}

impl Trainee {
    fn new(config: &TaggerConfig, name_width: usize, device: &Device) -> Self {
        let width = config.hidden_size;
        let linear = |input, output| LinearConfig::new(input, output).init(device);
        let norm = || LayerNormConfig::new(width).with_epsilon(1e-12).init(device);
        let layer = |_| DecoderLayer {
            crossattention: CrossAttention {
                query: linear(width, width),
                key: linear(width, width),
                value: linear(width, width),
                output: linear(width, width),
                heads: config.num_attention_heads,
            },
            crossattention_norm: norm(),
            intermediate: linear(width, config.intermediate_size),
            output: linear(config.intermediate_size, width),
            output_norm: norm(),
        };
        let table =
            |value: f32| Param::from_tensor(Tensor::full([config.num_class], value, device));
        let map = LinearConfig::new(name_width, width).with_initializer(Initializer::Normal {
            mean: 0.0,
            std: 1.0,
        });
        Self {
            tagger: Tagger {
                token_projection: linear(config.encoder_width, width),
                token_norm: norm(),
                label_embed: Param::from_tensor(Tensor::zeros([config.num_class, width], device)),
                layers: (0..config.num_hidden_layers).map(layer).collect(),
                fc_weight: Param::from_tensor(Tensor::zeros([config.num_class, width], device)),
                fc_bias: table(-3.0),
                class_scale: table(CLASS_SCALE),
                name_scale: table(NAME_SCALE),
            },
            query_map: map.init(device),
            weight_map: linear(name_width, width),
        }
    }

    /// Goes on from a trained decoder. `names` are those of the tags to train, `[T, W]`.
    fn from_base(base: &BaseTables, names: &Tensor<2>) -> Result<Self, TrainError> {
        let device = &names.device();
        let queries = base.vectors(&base.tagger.label_embed, names)?;
        let weights = base.vectors(&base.tagger.fc_weight, names)?;
        Ok(Self {
            tagger: Tagger {
                label_embed: queries.corrections,
                fc_weight: weights.corrections,
                fc_bias: base.numbers(&base.tagger.fc_bias, device)?,
                class_scale: base.numbers(&base.tagger.class_scale, device)?,
                name_scale: base.numbers(&base.tagger.name_scale, device)?,
                ..base.tagger.clone()
            },
            query_map: queries.map,
            weight_map: weights.map,
        })
    }

    /// The decoder alone, its tables made explicit.
    fn folded(&self, names: &Tensor<2>) -> Tagger {
        let mut tagger = self.tagger.clone();
        let add = |table: &Param<Tensor<2>>, map: &Linear| {
            Param::from_tensor((table.val() + map.forward(names.clone())).detach())
        };
        tagger.label_embed = add(&self.tagger.label_embed, &self.query_map);
        tagger.fc_weight = add(&self.tagger.fc_weight, &self.weight_map);
        tagger
    }

    /// Logits `[B, K]` of the chosen tags, whose names are `names` `[K, W]`.
    fn forward(&self, evidence: Evidence, chosen: &Tensor<1, Int>, names: Tensor<2>) -> Tensor<2> {
        let rows = |table: &Param<Tensor<2>>| table.val().select(0, chosen.clone());
        let values = |table: &Param<Tensor<1>>| table.val().select(0, chosen.clone());
        let tagger = &self.tagger;
        let tables = Tables {
            queries: rows(&tagger.label_embed) + self.query_map.forward(names.clone()),
            weight: rows(&tagger.fc_weight) + self.weight_map.forward(names),
            bias: values(&tagger.fc_bias),
            class_scale: values(&tagger.class_scale),
            name_scale: values(&tagger.name_scale),
        };
        tagger.logits(evidence, tables)
    }
}

/// Trains the decoder, that of `base` further where it is given, going on from a checkpoint in `folder`, and returns the one of
/// the best epoch.
pub(crate) fn train(
    data: &TaggingData<'_>,
    config: &TaggerConfig,
    base: Option<&BaseTables>,
    settings: &TrainSettings,
    folder: &Path,
    device: &Device,
    progress: &mut dyn FnMut(&Progress) -> ControlFlow<()>,
) -> Result<Tagger, TrainError> {
    let own = &settings.tagging;
    let training_device = device.clone().autodiff();
    training_device.seed(settings.seed);
    let width = data.name_width();
    let names = |device| matrix(data.names().to_vec(), width, device);
    let trainee = match base {
        Some(base) => Trainee::from_base(base, &names(&training_device))?,
        None => Trainee::new(config, width, &training_device),
    };
    let names = names(device);
    let stage = Stage {
        name: "tagging",
        metric: "held-out macro mAP",
        items: data.training_pictures(),
        epochs: own.epochs,
        batch: own.batch,
        learning_rate: own.learning_rate,
        weight_decay: own.weight_decay,
        settings,
        warm: base.is_some(),
        pretrained: None,
        origin: format!(
            "{}{}",
            data.origin(),
            base.map_or("", |base| &base.fingerprint)
        ),
        folder,
        device: &training_device,
    };
    let learn = |trainee: &Trainee, Draw { items, rng, .. }: Draw<'_>| {
        let batch: Vec<(usize, usize)> = items
            .iter()
            .map(|&picture| (picture, rng.random_range(0..settings.views)))
            .collect();
        let chosen = data.choose(&batch, own.absent, rng);
        let (targets, known) = data.targets(&batch, &chosen);
        let ids: Vec<i64> = chosen.iter().map(|&tag| tag as i64).collect();
        let ids = TensorData::new(ids, [chosen.len()]);
        let rows: Vec<f32> = chosen
            .iter()
            .flat_map(|&tag| data.name(tag))
            .copied()
            .collect();
        let count = PART * chosen.len();
        let answers = targets.chunks(count).zip(known.chunks(count));
        let parts = batch.chunks(PART).zip(answers);
        let parts: Vec<_> = parts.map(|part| (part, rng.random())).collect();
        let tensor = |values: &[f32]| matrix(values.to_vec(), chosen.len(), &training_device);
        Learned::of_parts(trainee, parts, &training_device, |trainee, (part, seed)| {
            let (views, (targets, known)) = part;
            let dropout = Dropout::new(own.dropout, seed);
            let logits = trainee.forward(
                data.evidence(views, &chosen, Some(dropout), &training_device)?,
                &Tensor::from_data(ids.clone(), &training_device),
                matrix(rows.clone(), width, &training_device),
            );
            let loss = asymmetric(logits, tensor(targets), tensor(known));
            Ok(Learned::of(loss / batch.len() as f32, trainee)?)
        })
    };
    let score = |trainee: &Trainee| {
        let tagger = trainee.valid().folded(&names);
        Ok((macro_average_precision(&tagger, data, device)?, tagger))
    };
    stage.train_by(trainee, progress, learn, score)?;
    let blank = Trainee::new(config, width, device).tagger;
    read_module(&stage.best(), blank)
}

/// Probabilities of every tag for the held-out pictures, `[H, T]`.
pub(crate) fn held_out_scores(
    tagger: &Tagger,
    data: &TaggingData<'_>,
    device: &Device,
) -> Result<Vec<f32>, TrainError> {
    let all: Vec<usize> = (0..data.tags()).collect();
    let mut scores = Vec::new();
    for chunk in data.held_out_pictures().chunks(16) {
        let batch: Vec<(usize, usize)> = chunk.iter().map(|&picture| (picture, 0)).collect();
        let logits = tagger.forward(data.evidence(&batch, &all, None, device)?);
        scores.extend(host(sigmoid(logits))?);
    }
    Ok(scores)
}

/// Mean average precision over the tags that at least five held-out pictures show.
fn macro_average_precision(
    tagger: &Tagger,
    data: &TaggingData<'_>,
    device: &Device,
) -> Result<f32, TrainError> {
    let scores = held_out_scores(tagger, data, device)?;
    let tags = data.tags();
    let (mut sum, mut count) = (0.0, 0);
    for tag in 0..tags {
        let relevant: Vec<bool> = data
            .held_out_pictures()
            .iter()
            .map(|&picture| data.shows(picture, tag))
            .collect();
        if relevant.iter().filter(|&&shown| shown).count() < FEWEST {
            continue;
        }
        let column: Vec<f32> = scores.iter().skip(tag).step_by(tags).copied().collect();
        sum += average_precision(&column, &relevant);
        count += 1;
    }
    Ok((sum / f64::from(count.max(1))) as f32)
}
