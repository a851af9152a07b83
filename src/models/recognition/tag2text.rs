//! Tag2Text's recognition decoder: the queries are a learned table, taken as they are, and every tag has a linear layer of its
//! own (group-wise linear).

use burn::module::{Module, Param};
use burn::tensor::{Device, Tensor};

use super::TaggingHead;
use crate::models::ModelError;
use crate::models::tagger::TaggerConfig;
use crate::models::weights::Weights;

/// Decoder and tag tables.
#[derive(Debug, Module)]
pub(crate) struct Tag2TextTagger {
    head: TaggingHead,
    label_embed: Param<Tensor<2>>,
    fc_weight: Param<Tensor<3>>,
    fc_bias: Param<Tensor<2>>,
}

impl Tag2TextTagger {
    /// Takes `tagging_head.*` (or what it is tied to in `tag_encoder.*`), `label_embed.weight` and `fc.*` from `weights`.
    pub(crate) fn load(
        config: &TaggerConfig,
        weights: &Weights<'_>,
        device: &Device,
    ) -> Result<Self, ModelError> {
        let (tags, hidden) = (config.num_class, config.hidden_size);
        Ok(Self {
            head: TaggingHead::load(config, weights, device)?,
            label_embed: weights.param("label_embed.weight", [tags, hidden], device)?,
            fc_weight: weights.param("fc.W", [1, tags, hidden], device)?,
            fc_bias: weights.param("fc.b", [1, tags], device)?,
        })
    }

    /// Image tokens `[B, N, encoder_width]`, the mean of the grid first, to logits `[B, T]`.
    pub(crate) fn forward(&self, tokens: Tensor<3>) -> Tensor<2> {
        let queries = self.label_embed.val().unsqueeze::<3>();
        self.head.logits(queries, &tokens, |embedded, range| {
            let [_, _, hidden] = embedded.dims();
            let weight = self.fc_weight.val();
            let weight = weight.slice([0..1, range.clone(), 0..hidden]);
            let products = (embedded * weight).sum_dim(2).squeeze_dim::<2>(2);
            products + self.fc_bias.val().slice([0..1, range])
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::models::DeviceChoice;
    use crate::models::golden::Golden;
    use crate::models::tensors::SafetensorsBytes;
    use crate::models::weights::Layout;

    const WEIGHTS: &[u8] =
        include_bytes!("../../../tests/fixtures/golden/tag2text_mini.safetensors");
    const GOLDEN: &[u8] =
        include_bytes!("../../../tests/fixtures/golden/tag2text_mini_golden.safetensors");

    fn config() -> TaggerConfig {
        TaggerConfig {
            num_class: 50,
            hidden_size: 64,
            intermediate_size: 128,
            num_attention_heads: 2,
            num_hidden_layers: 2,
            encoder_width: 128,
        }
    }

    fn tagger(device: &Device) -> Tag2TextTagger {
        let source = SafetensorsBytes::parse("mini", WEIGHTS).unwrap();
        let weights = Weights::new(source, Layout::Torch);
        Tag2TextTagger::load(&config(), &weights, device).unwrap()
    }

    #[test]
    fn every_stage_equals_the_reference() {
        let device = crate::models::golden::device();
        let golden = Golden::parse(GOLDEN);
        let tagger = tagger(&device);
        let image_tokens = golden.tensor::<3>("image_tokens", &device);
        let tokens = tagger.head.keys_values(&image_tokens);
        let [first, second] = &tagger.head.layers[..] else {
            panic!("two layers")
        };
        let queries = tagger.label_embed.val().unsqueeze::<3>();
        let attended = first.crossattention.attend(queries.clone(), &tokens[0]);
        let attended = first
            .crossattention_norm
            .forward(queries.clone() + attended);
        golden.assert_close(attended, "tagging.layer.0.crossattention", 1e-5);
        let x = first.decode(queries.clone(), &tokens[0]);
        golden.assert_close(x.clone(), "tagging.layer.0", 1e-5);
        golden.assert_close(second.decode(x, &tokens[1]), "tagging.layer.1", 1e-5);
        let embedded = tagger.head.decode(queries, &tokens);
        golden.assert_close(embedded, "tagging.embed", 1e-5);
        golden.assert_close(tagger.forward(image_tokens), "tag_logits", 1e-5);
    }

    #[test]
    fn the_tied_names_are_as_good() {
        let device = crate::models::golden::device();
        let golden = Golden::parse(GOLDEN);
        // A file as the official one, in which only the decoder's own names are.
        let file = safetensors::SafeTensors::deserialize(WEIGHTS).unwrap();
        let renamed = file.iter().filter_map(|(name, view)| {
            let tied = name.strip_prefix("tag_encoder.").filter(|rest| {
                let layer = ["encoder.layer.0.", "encoder.layer.1."];
                layer.iter().any(|layer| {
                    rest.strip_prefix(layer)
                        .is_some_and(|part| !part.starts_with("attention."))
                })
            });
            match tied {
                Some(rest) => Some((format!("tagging_head.{rest}"), view)),
                None => (name == "label_embed.weight" || name.starts_with("fc."))
                    .then(|| (name.to_owned(), view)),
            }
        });
        let bytes = safetensors::serialize(renamed, None).unwrap();
        let source = SafetensorsBytes::parse("tied", &bytes).unwrap();
        let weights = Weights::new(source, Layout::Torch);
        let tagger = Tag2TextTagger::load(&config(), &weights, &device).unwrap();
        weights.finish().unwrap();
        let tokens = golden.tensor::<3>("image_tokens", &device);
        golden.assert_close(tagger.forward(tokens), "tag_logits", 1e-5);
    }

    #[test]
    fn parts_of_the_labels_give_what_all_at_once_gives() {
        let device = crate::models::golden::device();
        let golden = Golden::parse(GOLDEN);
        let tagger = tagger(&device);
        let tokens = golden.tensor::<3>("image_tokens", &device);
        // The mini table many times over, so that it spans parts of unequal length.
        let copies = 2 * super::super::PART / 50 + 1;
        let repeat = |t: Tensor<3>| Param::from_tensor(t.repeat_dim(1, copies));
        let labels = tagger.label_embed.val().repeat_dim(0, copies);
        let long = Tag2TextTagger {
            head: tagger.head.clone(),
            label_embed: Param::from_tensor(labels),
            fc_weight: repeat(tagger.fc_weight.val()),
            fc_bias: Param::from_tensor(tagger.fc_bias.val().repeat_dim(1, copies)),
        };
        let logits = long.forward(tokens);
        for copy in 0..copies {
            let part = logits.clone().slice([0..2, 50 * copy..50 * (copy + 1)]);
            golden.assert_close(part, "tag_logits", 1e-5);
        }
    }
}
