//! Tag2Text's recognition decoder: the queries are a learned table, taken as they are, and every tag has a linear layer of its
//! own (group-wise linear).

use burn::tensor::{Device, Tensor};

use super::TaggingHead;
use crate::models::ModelError;
use crate::models::tagger::TaggerConfig;
use crate::models::weights::Weights;

/// Decoder and tag tables.
#[derive(Debug)]
pub(crate) struct Tag2TextTagger {
    head: TaggingHead,
    label_embed: Tensor<2>,
    fc_weight: Tensor<3>,
    fc_bias: Tensor<2>,
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
            label_embed: weights.tensor("label_embed.weight", [tags, hidden], device)?,
            fc_weight: weights.tensor("fc.W", [1, tags, hidden], device)?,
            fc_bias: weights.tensor("fc.b", [1, tags], device)?,
        })
    }

    /// Image tokens `[B, N, encoder_width]`, the mean of the grid first, to logits `[B, T]`.
    pub(crate) fn forward(&self, tokens: Tensor<3>) -> Tensor<2> {
        let queries = self.label_embed.clone().unsqueeze::<3>();
        self.head.logits(queries, &tokens, |embedded, range| {
            let [_, _, hidden] = embedded.dims();
            let weight = self.fc_weight.clone();
            let weight = weight.slice([0..1, range.clone(), 0..hidden]);
            let products = (embedded * weight).sum_dim(2).squeeze_dim::<2>(2);
            products + self.fc_bias.clone().slice([0..1, range])
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::models::golden::{Golden, device, devices};
    use crate::models::nn::Rows;
    use crate::models::recognition::head::PART;
    use crate::models::reduced;
    use crate::models::weights::Layout;

    const GOLDEN: &[u8] =
        include_bytes!("../../../tests/fixtures/golden/tag2text_mini_golden.safetensors");

    fn tagger(device: &Device) -> Tag2TextTagger {
        let weights = Weights::new(reduced::tag2text(), Layout::Torch);
        Tag2TextTagger::load(&reduced::tagger(50, 128), &weights, device).unwrap()
    }

    #[test]
    fn every_stage_equals_the_reference() {
        let golden = Golden::parse(GOLDEN);
        for device in devices() {
            let tagger = tagger(&device);
            let image_tokens = golden.tensor::<3>("image_tokens", &device);
            let tokens = tagger.head.keys_values(&image_tokens);
            let [first, second] = &tagger.head.layers[..] else {
                panic!("two layers")
            };
            let queries = tagger.label_embed.clone().unsqueeze::<3>();
            let rows = || Rows::new(queries.clone().expand([2, 50, 64]));
            let check = |rows: Rows, key: &str| {
                let seen = rows.into_tensor(2, &device);
                golden.assert_close(seen.clone(), key, 1e-5);
                Rows::new(seen)
            };
            let attended = first.cross_attention(rows(), &tokens[0]);
            check(attended, "tagging.layer.0.crossattention");
            let x = check(first.forward(rows(), &tokens[0]), "tagging.layer.0");
            check(second.forward(x, &tokens[1]), "tagging.layer.1");
            let embedded = tagger.head.decode(queries, &tokens);
            golden.assert_close(embedded, "tagging.embed", 1e-5);
            golden.assert_close(tagger.forward(image_tokens), "tag_logits", 1e-5);
        }
    }

    #[test]
    fn a_file_with_the_other_of_the_tied_names_is_as_good() {
        let device = device();
        let golden = Golden::parse(GOLDEN);
        let source = reduced::tag2text_stored_with_the_head().renamed(|name| {
            let own = ["tagging_head.", "label_embed.", "fc."];
            let is_own = own.iter().any(|prefix| name.starts_with(prefix));
            is_own.then(|| name.to_owned())
        });
        let weights = Weights::new(source, Layout::Torch);
        let tagger = Tag2TextTagger::load(&reduced::tagger(50, 128), &weights, &device).unwrap();
        weights.finish().unwrap();
        let tokens = golden.tensor::<3>("image_tokens", &device);
        golden.assert_close(tagger.forward(tokens), "tag_logits", 1e-5);
    }

    #[test]
    fn parts_of_the_labels_give_what_all_at_once_gives() {
        let device = device();
        let golden = Golden::parse(GOLDEN);
        // The mini tables many times over, so that they span several parts of unequal length.
        let copies = 2 * PART / 50 + 1;
        let mut tagger = tagger(&device);
        tagger.label_embed = tagger.label_embed.repeat_dim(0, copies);
        tagger.fc_weight = tagger.fc_weight.repeat_dim(1, copies);
        tagger.fc_bias = tagger.fc_bias.repeat_dim(1, copies);
        let logits = tagger.forward(golden.tensor("image_tokens", &device));
        for copy in 0..copies {
            let part = logits.clone().slice([0..2, 50 * copy..50 * (copy + 1)]);
            golden.assert_close(part, "tag_logits", 1e-5);
        }
    }
}
