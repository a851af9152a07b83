//! Tag2Text's recognition decoder: the queries are a learned table, taken as they are, and every tag has a linear layer of its
//! own (group-wise linear).

use burn::module::{Module, Param};
use burn::tensor::{Device, Tensor};

use super::TaggingHead;
use crate::models::ModelError;
use crate::models::tagger::TaggerConfig;
use crate::models::weights::Weights;

/// What the decoder knows of each tag.
#[derive(Debug, Module)]
pub(crate) struct TagTables {
    /// `[T, hidden]`.
    label_embed: Param<Tensor<2>>,
    /// `[1, T, hidden]`.
    fc_weight: Param<Tensor<3>>,
    /// `[1, T]`.
    fc_bias: Param<Tensor<2>>,
}

impl TagTables {
    /// Takes `label_embed.weight` and `fc.*` from `weights`.
    pub(crate) fn load(
        config: &TaggerConfig,
        weights: &Weights<'_>,
        device: &Device,
    ) -> Result<Self, ModelError> {
        let (tags, hidden) = (config.num_class, config.hidden_size);
        Ok(Self {
            label_embed: weights.param("label_embed.weight", [tags, hidden], device)?,
            fc_weight: weights.param("fc.W", [1, tags, hidden], device)?,
            fc_bias: weights.param("fc.b", [1, tags], device)?,
        })
    }

    /// Image tokens `[B, N, encoder_width]`, the mean of the grid first, to logits `[B, T]`, decoded by `head`.
    pub(crate) fn logits(&self, head: &TaggingHead, tokens: &Tensor<3>) -> Tensor<2> {
        let queries = self.label_embed.val().unsqueeze::<3>();
        let (weight, bias) = (self.fc_weight.val(), self.fc_bias.val());
        head.logits(queries, tokens, |embedded, range| {
            let [_, _, hidden] = embedded.dims();
            let weight = weight.clone().slice([0..1, range.clone(), 0..hidden]);
            let products = (embedded * weight).sum_dim(2).squeeze_dim::<2>(2);
            products + bias.clone().slice([0..1, range])
        })
    }
}

/// Decoder and tag tables.
#[derive(Debug)]
pub(crate) struct Tag2TextTagger {
    head: TaggingHead,
    tables: TagTables,
}

impl Tag2TextTagger {
    /// Takes `tagging_head.*` (or what it is tied to in `tag_encoder.*`), `label_embed.weight` and `fc.*` from `weights`.
    pub(crate) fn load(
        config: &TaggerConfig,
        weights: &Weights<'_>,
        device: &Device,
    ) -> Result<Self, ModelError> {
        Ok(Self {
            head: TaggingHead::load(config, weights, device)?,
            tables: TagTables::load(config, weights, device)?,
        })
    }

    /// Image tokens `[B, N, encoder_width]`, the mean of the grid first, to logits `[B, T]`.
    pub(crate) fn forward(&self, tokens: Tensor<3>) -> Tensor<2> {
        self.tables.logits(&self.head, &tokens)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::models::golden::{Golden, device, devices, weights};
    use crate::models::nn::Rows;
    use crate::models::recognition::head::PART;
    use crate::models::reduced;

    const GOLDEN: &[u8] =
        include_bytes!("../../../tests/fixtures/golden/tag2text_mini_golden.safetensors");

    fn tagger(device: &Device) -> Tag2TextTagger {
        let weights = weights(reduced::tag2text());
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
            let queries = tagger.tables.label_embed.val().unsqueeze::<3>();
            let queries = queries.expand([2, 50, 64]);
            let rows = || Rows::new(queries.clone());
            let check = |rows: Rows, key: &str| {
                let seen = rows.into_tensor(2, &device);
                golden.assert_close(seen.clone(), key, 1e-5);
                Rows::new(seen)
            };
            let [first_tokens, second_tokens] = [Some(&tokens[0]), Some(&tokens[1])];
            let attended = first.look(rows(), first_tokens, 2);
            check(attended, "tagging.layer.0.crossattention");
            let x = check(first.forward(rows(), first_tokens, 2), "tagging.layer.0");
            check(second.forward(x, second_tokens, 2), "tagging.layer.1");
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
        let weights = weights(source);
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
        let tables = tagger.tables;
        tagger.tables = TagTables {
            label_embed: tables.label_embed.map(|x| x.repeat_dim(0, copies)),
            fc_weight: tables.fc_weight.map(|x| x.repeat_dim(1, copies)),
            fc_bias: tables.fc_bias.map(|x| x.repeat_dim(1, copies)),
        };
        let logits = tagger.forward(golden.tensor("image_tokens", &device));
        for copy in 0..copies {
            let part = logits.clone().slice([0..2, 50 * copy..50 * (copy + 1)]);
            golden.assert_close(part, "tag_logits", 1e-5);
        }
    }
}
