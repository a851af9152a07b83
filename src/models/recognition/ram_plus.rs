//! RAM++'s recognition decoder: every tag has many descriptions, and the picture decides how much each of them counts.

use burn::tensor::activation::softmax;
use burn::tensor::{Device, Tensor};
use serde::{Deserialize, Serialize};

use super::{LabelProjection, RamConfig, RamDecoder};
use crate::models::ModelError;
use crate::models::aligner::unit;
use crate::models::weights::Weights;

/// Shape of the decoder.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub(crate) struct RamPlusConfig {
    #[serde(flatten)]
    pub(crate) ram: RamConfig,
    /// Descriptions of each tag.
    pub(crate) descriptions: usize,
}

/// Decoder and description vectors.
#[derive(Debug)]
pub(crate) struct RamPlus {
    decoder: RamDecoder,
    /// Vectors of unit length `[T · D, encoder_width]`, those of a tag in a row.
    label_embed: Tensor<2>,
    reweight_scale: f32,
    descriptions: usize,
    labels: LabelProjection,
}

impl RamPlus {
    /// Takes `image_proj.*`, `tagging_head.*`, `label_embed`, `reweight_scale`, `wordvec_proj.*` and `fc.*`.
    pub(crate) fn load(
        config: &RamPlusConfig,
        weights: &Weights<'_>,
        device: &Device,
    ) -> Result<Self, ModelError> {
        let (tagger, width) = (&config.ram.tagger, config.ram.tagger.encoder_width);
        let rows = tagger.num_class * config.descriptions;
        Ok(Self {
            decoder: RamDecoder::load(&config.ram, weights, device)?,
            label_embed: weights.tensor("label_embed", [rows, width], device)?,
            reweight_scale: weights.values("reweight_scale", &[])?[0],
            descriptions: config.descriptions,
            labels: LabelProjection::load(tagger, weights, device)?,
        })
    }

    /// How much each description counts `[T, B, D]` in pictures whose mean tokens are `[B, encoder_width]`.
    fn weights(&self, mean: Tensor<2>) -> Tensor<3> {
        let [batch, _] = mean.dims();
        let [rows, _] = self.label_embed.dims();
        let tags = rows / self.descriptions;
        // The table is the left factor as it stands: transposed it would be a second table.
        let cosines = self.label_embed.clone().matmul(unit(mean).transpose());
        let cosines = cosines.reshape([tags, self.descriptions, batch]);
        softmax(cosines * self.reweight_scale.exp(), 1).swap_dims(1, 2)
    }

    /// Label vectors `[B, T, encoder_width]`, the mean of the descriptions under weights `[T, B, D]`.
    fn label_vectors(&self, weights: Tensor<3>) -> Tensor<3> {
        let [tags, _, descriptions] = weights.dims();
        let [_, width] = self.label_embed.dims();
        let table = self
            .label_embed
            .clone()
            .reshape([tags, descriptions, width]);
        // One small product a tag: the table weighted description by description would be as large as the table, a picture.
        weights.matmul(table).swap_dims(0, 1)
    }

    /// Image tokens `[B, N, vision_width]`, the mean of the grid first, to logits `[B, T]`.
    pub(crate) fn forward(&self, tokens: Tensor<3>) -> Tensor<2> {
        let tokens = self.decoder.project(tokens);
        let [batch, _, width] = tokens.dims();
        let mean = tokens.clone().slice([0..batch, 0..1, 0..width]);
        let weights = self.weights(mean.squeeze_dim::<2>(1));
        let queries = self.labels.forward(self.label_vectors(weights));
        self.decoder.logits(queries, &tokens)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::models::golden::{Golden, device, weights};
    use crate::models::reduced;

    const GOLDEN: &[u8] = include_bytes!("../../../tests/fixtures/golden/ram_golden.safetensors");
    const VISION: &[u8] =
        include_bytes!("../../../tests/fixtures/golden/tag2text_mini_golden.safetensors");

    #[test]
    fn every_stage_equals_the_reference() {
        let device = device();
        let golden = Golden::parse(GOLDEN);
        let config = RamPlusConfig {
            ram: RamConfig {
                tagger: reduced::tagger(12, 512),
                vision_width: 128,
            },
            descriptions: 5,
        };
        let weights = weights(reduced::ram_head().and(reduced::ram_plus_labels()));
        let ram = RamPlus::load(&config, &weights, &device).unwrap();
        weights.finish().unwrap();
        let visual = Golden::parse(VISION).tensor::<3>("image_tokens", &device);
        let tokens = ram.decoder.project(visual.clone());
        let mean = tokens.clone().slice([0..2, 0..1, 0..512]).squeeze_dim(1);
        let weights = ram.weights(mean);
        golden.assert_close(weights.clone().swap_dims(0, 1), "ramplus.weights", 1e-5);
        let labels = ram.label_vectors(weights);
        let first = labels.clone().slice([0..1, 0..12, 0..512]);
        golden.assert_close(first, "ramplus.label_embed_reweight", 1e-5);
        let queries = ram.labels.forward(labels);
        let head = &ram.decoder.head;
        let embedded = head.decode(queries, &head.keys_values(&tokens));
        golden.assert_close(embedded, "ramplus.tagging_embed", 1e-5);
        golden.assert_close(ram.forward(visual), "ramplus.logits", 1e-5);
    }
}
