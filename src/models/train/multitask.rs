//! Tag2Text's heads as they are trained together, on the same image tokens (paper section 3.3): the tag encoder and the text
//! decoder, which make captions, and the recognition decoder, which is the lowest layers of the tag encoder.

use burn::module::Module;
use burn::tensor::{Device, Tensor};

use crate::models::ModelError;
use crate::models::nn::{Bert, BertConfig, Embeddings};
use crate::models::recognition::{TagTables, TaggingHead};
use crate::models::tagger::TaggerConfig;
use crate::models::text_decoder::TextDecoder;
use crate::models::weights::Weights;

/// Token ids of a batch of texts.
#[derive(Clone, Debug)]
pub(crate) struct Texts {
    /// Filled up to the same length.
    pub(crate) rows: Vec<Vec<u32>>,
    /// Tokens of each row that are no padding.
    pub(crate) lengths: Vec<usize>,
}

/// Everything behind the image encoder. The layers that recognition shares are stored once, in the tag encoder, so what both
/// uses ask of them adds up in one gradient.
#[derive(Debug, Module)]
pub(crate) struct MultiTaskHeads {
    tables: TagTables,
    words: Embeddings,
    tag_encoder: Bert,
    decoder: TextDecoder,
    /// Layers that recognition shares.
    shared_layers: usize,
    /// Heads into which recognition cuts them.
    recognition_heads: usize,
}

impl MultiTaskHeads {
    /// Takes `label_embed.weight`, `fc.*`, `tag_encoder.*` and `text_decoder.*` from `weights`, and `tagging_head.*` where the
    /// shared layers are stored under that name.
    pub(crate) fn load(
        tagger: &TaggerConfig,
        text: &BertConfig,
        weights: &Weights<'_>,
        device: &Device,
    ) -> Result<Self, ModelError> {
        let names = ["tag_encoder", "tagging_head"];
        let width = Some(tagger.encoder_width);
        Ok(Self {
            tables: TagTables::load(tagger, weights, device)?,
            words: Embeddings::load(text, "tag_encoder", weights, device)?,
            tag_encoder: Bert::load_tied(text, width, names, weights, device)?,
            decoder: TextDecoder::load(text, weights, device)?,
            shared_layers: tagger.num_hidden_layers,
            recognition_heads: tagger.num_attention_heads,
        })
    }

    /// Image tokens `[B, N, encoder_width]`, the mean of the grid first, to logits `[B, T]` of every tag.
    pub(crate) fn tag_logits(&self, image_tokens: &Tensor<3>) -> Tensor<2> {
        let layers = self.tag_encoder.lowest(self.shared_layers);
        let head = TaggingHead::tied(layers, self.recognition_heads);
        self.tables.logits(&head, image_tokens)
    }

    /// Logits `[B, L, vocabulary]` of the token that follows each of the captions', written beside image tokens
    /// `[B, N, encoder_width]` and tags. `tags` start with `[ENC]`, `captions` with `[DEC]`. The decoder sees all that the
    /// encoder makes of tags and padding, as in the reference.
    ///
    /// # Errors
    /// When a text is longer than the encoder reads, or a token is not in the vocabulary.
    pub(crate) fn caption_logits(
        &self,
        image_tokens: &Tensor<3>,
        tags: &Texts,
        captions: &Texts,
    ) -> Result<Tensor<3>, ModelError> {
        let embeddings = self.words.forward(&tags.rows, &image_tokens.device())?;
        let image = self.tag_encoder.keys_values(image_tokens);
        let states = self
            .tag_encoder
            .forward(embeddings, &tags.lengths, Some(&image));
        let mut cache = self.decoder.cache(&states);
        let ids = captions.rows.concat();
        let hidden = self.decoder.forward(&ids, &captions.lengths, &mut cache);
        Ok(self.decoder.logits(hidden))
    }
}
