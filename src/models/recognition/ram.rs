//! RAM's recognition decoder: the queries are projections of label vectors that CLIP's text encoder made, and all tags share
//! one linear layer.

use burn::tensor::{Device, Tensor};
use serde::{Deserialize, Serialize};

use super::{LabelProjection, RamDecoder};
use crate::models::ModelError;
use crate::models::tagger::TaggerConfig;
use crate::models::weights::Weights;

/// Shape of the decoder. `encoder_width` is also the width of the label vectors: image tokens are brought into their space.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub(crate) struct RamConfig {
    #[serde(flatten)]
    pub(crate) tagger: TaggerConfig,
    /// Channels of the image tokens.
    pub(crate) vision_width: usize,
}

/// Decoder and queries.
#[derive(Debug)]
pub(crate) struct Ram {
    decoder: RamDecoder,
    queries: Tensor<2>,
}

impl Ram {
    /// Takes `image_proj.*`, `tagging_head.*` (or what it is tied to), `label_embed`, `wordvec_proj.*` and `fc.*`.
    pub(crate) fn load(
        config: &RamConfig,
        weights: &Weights<'_>,
        device: &Device,
    ) -> Result<Self, ModelError> {
        let (tagger, width) = (&config.tagger, config.tagger.encoder_width);
        let labels = weights.tensor("label_embed", [tagger.num_class, width], device)?;
        // The labels are the same for every picture, so only their projections are kept.
        let queries = LabelProjection::load(tagger, weights, device)?.forward(labels.unsqueeze());
        Ok(Self {
            decoder: RamDecoder::load(config, weights, device)?,
            queries: queries.squeeze_dim::<2>(0),
        })
    }

    /// Image tokens `[B, N, vision_width]`, the mean of the grid first, to logits `[B, T]`.
    pub(crate) fn forward(&self, tokens: Tensor<3>) -> Tensor<2> {
        let tokens = self.decoder.project(tokens);
        let queries = self.queries.clone().unsqueeze::<3>();
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
        let config = RamConfig {
            tagger: reduced::tagger(50, 512),
            vision_width: 128,
        };
        let weights = weights(reduced::ram_head().and(reduced::ram_labels()));
        let ram = Ram::load(&config, &weights, &device).unwrap();
        weights.finish().unwrap();
        let visual = Golden::parse(VISION).tensor::<3>("image_tokens", &device);
        let tokens = ram.decoder.project(visual.clone());
        golden.assert_close(tokens.clone(), "ram.image_embeds", 1e-5);
        let queries = ram.queries.clone().unsqueeze::<3>();
        golden.assert_close(queries.clone(), "ram.label_queries", 1e-5);
        let queries = queries.expand([2, 50, 64]);
        let head = &ram.decoder.head;
        let embedded = head.decode(queries, &head.keys_values(&tokens));
        golden.assert_close(embedded, "ram.tagging_embed", 1e-5);
        golden.assert_close(ram.forward(visual), "ram.logits", 1e-5);
    }
}
