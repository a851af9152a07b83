//! Captions from image tokens and tags (paper section 3.3, Generation): the image-tag interaction encoder reads the tags
//! together with the image, the image-tag-text decoder writes the caption beside what it made of them.

use burn::tensor::{Device, Tensor};

use super::ModelError;
use super::caption::{Caption, CaptionOptions};
use super::generation::Generated;
use super::nn::{Bert, BertConfig, Embeddings};
use super::text_decoder::TextDecoder;
use super::tokenizer::BlipTokenizer;
use super::weights::Weights;

/// What every caption starts with. It is no part of the result.
const PROMPT: &str = "a picture of ";
/// Tokens that the tags are filled up or cut to.
const TAG_TOKENS: usize = 40;

/// Tokeniser, tag encoder and text decoder of Tag2Text.
#[derive(Debug)]
pub(crate) struct Captioner {
    tokenizer: BlipTokenizer,
    tag_table: Embeddings,
    tag_encoder: Bert,
    decoder: TextDecoder,
    prompt: Vec<u32>,
    device: Device,
}

impl Captioner {
    /// Takes `tag_encoder.*` and `text_decoder.*` from `weights`, and `tagging_head.encoder.*` where the layers that the tag
    /// encoder shares with the recognition decoder are stored under that name. `encoder_width` is that of the image tokens.
    ///
    /// # Errors
    /// When a tensor is missing or of another shape, or `vocabulary`, one WordPiece token a line, is not the model's.
    pub(crate) fn load(
        config: &BertConfig,
        encoder_width: usize,
        vocabulary: &str,
        weights: &Weights<'_>,
        device: &Device,
    ) -> Result<Self, ModelError> {
        let tokenizer = BlipTokenizer::new(vocabulary)?;
        if tokenizer.len() != config.vocab_size {
            return Err(ModelError::Vocabulary {
                reason: format!(
                    "with [DEC] and [ENC] it has {} tokens, the model {}",
                    tokenizer.len(),
                    config.vocab_size
                ),
            });
        }
        let mut prompt = tokenizer.encode(PROMPT)?;
        prompt.pop();
        if let Some(first) = prompt.first_mut() {
            *first = tokenizer.dec;
        }
        Ok(Self {
            prompt,
            tag_table: Embeddings::load(config, "tag_encoder", weights, device)?,
            tag_encoder: Bert::load_tied(
                config,
                Some(encoder_width),
                ["tag_encoder", "tagging_head"],
                weights,
                device,
            )?,
            decoder: TextDecoder::load(config, weights, device)?,
            tokenizer,
            device: device.clone(),
        })
    }

    /// What the tag encoder makes of image tokens `[B, N, encoder_width]` and the tags of each image: `[B, 40, hidden]`.
    pub(crate) fn encode<S: AsRef<str>>(
        &self,
        image_tokens: &Tensor<3>,
        tags: &[S],
    ) -> Result<Tensor<3>, ModelError> {
        let mut rows = Vec::with_capacity(tags.len());
        let mut lengths = Vec::with_capacity(tags.len());
        for tags in tags {
            let mut padded = self.tokenizer.encode_padded(tags.as_ref(), TAG_TOKENS)?;
            padded.ids[0] = self.tokenizer.enc;
            rows.push(padded.ids);
            lengths.push(padded.length);
        }
        let embeddings = self.tag_table.forward(&rows, &self.device)?;
        let image = self.tag_encoder.keys_values(image_tokens);
        Ok(self.tag_encoder.forward(embeddings, &lengths, Some(&image)))
    }

    /// A caption of each image, from its tokens `[B, N, encoder_width]` and its tags, joined by `" | "`; without tags the
    /// string is empty. What an image gets does not depend on the images beside it.
    ///
    /// # Errors
    /// When an option is out of range, or the network's output is no number.
    pub(crate) fn generate<S: AsRef<str>>(
        &self,
        image_tokens: &Tensor<3>,
        tags: &[S],
        options: &CaptionOptions,
    ) -> Result<Vec<Caption>, ModelError> {
        if tags.is_empty() {
            return Ok(Vec::new());
        }
        let states = self.encode(image_tokens, tags)?;
        let caption = |text: Generated| {
            // As in the reference, the prompt is taken off by its length: the first word may have grown onto it.
            let sentence = self.tokenizer.decode(&text.ids);
            Caption {
                text: sentence.chars().skip(PROMPT.len()).collect(),
                score: text.score,
            }
        };
        let texts = self.decode(&states, options)?;
        Ok(texts.into_iter().map(caption).collect())
    }

    /// A text beside each of the tag encoder's states `[B, 40, hidden]`.
    fn decode(
        &self,
        states: &Tensor<3>,
        options: &CaptionOptions,
    ) -> Result<Vec<Generated>, ModelError> {
        let positions = self.decoder.positions();
        let limits = options.limits(self.prompt.len(), positions, self.tokenizer.sep)?;
        self.decoder.write(states, &self.prompt, &limits, options)
    }
}

#[cfg(test)]
mod full_size;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::models::golden::{
        Array, Golden, assert_close, device, devices, host, tolerance, weights,
    };
    use crate::models::reduced;

    const GOLDEN: &[u8] =
        include_bytes!("../../tests/fixtures/golden/tag2text_mini_golden.safetensors");
    const TEXT: &str = include_str!("../../tests/fixtures/golden/tag2text_mini_text.json");

    fn captioner(device: &Device) -> Captioner {
        Captioner::load(
            &reduced::config("med"),
            128,
            include_str!("../../tests/fixtures/golden/mini_vocab.txt"),
            &weights(reduced::tag2text()),
            device,
        )
        .unwrap()
    }

    fn strings(case: &str, key: &str) -> Vec<String> {
        let text: serde_json::Value = serde_json::from_str(TEXT).unwrap();
        serde_json::from_value(text[case][key].clone()).unwrap()
    }

    #[test]
    fn tags_become_what_the_reference_reads() {
        let (device, golden) = (device(), Golden::parse(GOLDEN));
        let captioner = captioner(&device);
        let image = golden.tensor::<3>("image_tokens", &device);
        for case in ["auto", "user"] {
            let tags = strings(case, "tags");
            let ids = golden.i64(&format!("tagenc.{case}.input_ids"));
            for (tags, ids) in tags.iter().zip(ids.values.chunks(TAG_TOKENS)) {
                let padded = captioner.tokenizer.encode_padded(tags, TAG_TOKENS).unwrap();
                let found = padded.ids.iter().map(|&id| i64::from(id));
                assert!(found.skip(1).eq(ids[1..].iter().copied()), "{tags}");
                assert_eq!(ids[0], i64::from(captioner.tokenizer.enc));
            }
            let states = captioner.encode(&image, &tags).unwrap();
            golden.assert_close(states, &format!("tagenc.{case}.last_hidden_state"), 2e-5);
        }
        let prompt: Vec<i64> = captioner.prompt.iter().map(|&id| id.into()).collect();
        assert_eq!(prompt, golden.i64("gen.prompt_ids").values[..4]);
    }

    #[test]
    fn logits_and_loss_equal_the_reference() {
        let (device, golden) = (device(), Golden::parse(GOLDEN));
        let decoder = captioner(&device).decoder;
        let states = golden.tensor::<3>("tagenc.user.last_hidden_state", &device);
        let Array { shape, values } = golden.i64("dec.input_ids");
        let ids: Vec<u32> = values.iter().map(|&id| id as u32).collect();
        let mask = golden.i64("dec.attention_mask").values;
        let lengths: Vec<usize> = mask
            .chunks(shape[1])
            .map(|row| row.iter().sum::<i64>() as usize)
            .collect();
        let hidden = decoder.forward(&ids, &lengths, &mut decoder.cache(&states));
        let logits = decoder.logits(hidden);
        let vocabulary = decoder.vocabulary();
        golden.assert_close(logits.clone(), "dec.logits", 1e-4);
        // Cross-entropy against 0.9 of the next token and 0.1 spread over all, where there is one to predict.
        let logits = host(logits);
        let labels = golden.i64("dec.labels").values;
        let losses: Vec<f32> = (0..ids.len())
            .filter(|at| (at + 1) % shape[1] != 0 && labels[at + 1] >= 0)
            .map(|at| {
                let row = &logits[at * vocabulary..][..vocabulary];
                let sum: f32 = row.iter().map(|l| l.exp()).sum();
                let mean = row.iter().sum::<f32>() / vocabulary as f32;
                sum.ln() - 0.9 * row[labels[at + 1] as usize] - 0.1 * mean
            })
            .collect();
        assert_eq!(losses.len(), 10);
        let loss = losses.iter().sum::<f32>() / losses.len() as f32;
        let key = "dec.loss_lm_smoothed0.1";
        let expected = golden.f32(key).values;
        assert_close(&[loss], &expected, tolerance(1e-5, &expected), key);
    }

    /// Beams, greatest and least length, penalty; as in the names of the golden tensors.
    const SETTINGS: [(usize, usize, usize, f32, &str); 6] = [
        (1, 20, 10, 1.0, "1.0"),
        (1, 20, 10, 1.3, "1.3"),
        (2, 50, 10, 1.0, "1.0"),
        (3, 14, 10, 1.2, "1.2"),
        (3, 20, 10, 1.0, "1.0"),
        (3, 30, 5, 1.0, "1.0"),
    ];

    #[test]
    fn generated_tokens_equal_the_reference() {
        let golden = Golden::parse(GOLDEN);
        for device in devices() {
            let captioner = captioner(&device);
            for case in ["auto", "user"] {
                let states = golden.tensor(&format!("tagenc.{case}.last_hidden_state"), &device);
                for (beams, max_length, min_length, repetition_penalty, penalty) in SETTINGS {
                    let options = CaptionOptions {
                        beams,
                        max_length,
                        min_length,
                        repetition_penalty,
                        sampling: None,
                    };
                    let name = format!(
                        "gen.{case}.beams{beams}.max{max_length}.min{min_length}.rp{penalty}"
                    );
                    let texts = captioner.decode(&states, &options).unwrap();
                    let found: Vec<Vec<i64>> = texts
                        .iter()
                        .map(|text| padded(&captioner, text, &options))
                        .collect();
                    let expected = golden.i64(&format!("{name}.ids"));
                    for (found, expected) in
                        found.iter().zip(expected.values.chunks(expected.shape[1]))
                    {
                        assert_eq!(found[..expected.len()], *expected, "{name}");
                    }
                    if beams > 1 {
                        let key = format!("{name}.score");
                        let scores: Vec<f32> = texts.iter().map(|t| t.score as f32).collect();
                        assert_close(&scores, &golden.f32(&key).values, 1e-4, &key);
                    }
                }
            }
        }
    }

    /// The tokens with `[SEP]`, where it fits, and `[PAD]` up to the greatest length.
    fn padded(captioner: &Captioner, text: &Generated, options: &CaptionOptions) -> Vec<i64> {
        let mut ids: Vec<i64> = text.ids.iter().map(|&id| id.into()).collect();
        if ids.len() < options.max_length {
            ids.push(captioner.tokenizer.sep.into());
        }
        ids.resize(options.max_length, captioner.tokenizer.pad.into());
        ids
    }

    #[test]
    fn captions_equal_the_reference_together_and_alone() {
        let (device, golden) = (device(), Golden::parse(GOLDEN));
        let captioner = captioner(&device);
        let image = golden.tensor::<3>("image_tokens", &device);
        let options = CaptionOptions::default();
        for case in ["auto", "user"] {
            let tags = strings(case, "tags");
            let expected = strings(case, "captions");
            let together = captioner.generate(&image, &tags, &options).unwrap();
            let texts: Vec<&str> = together.iter().map(|c| c.text.as_str()).collect();
            assert_eq!(texts, expected);
            for (i, caption) in together.iter().enumerate() {
                let image = image.clone().slice([i..i + 1, 0..37, 0..128]);
                let alone = captioner.generate(&image, &tags[i..=i], &options).unwrap();
                assert_eq!(alone[0].text, caption.text);
                assert!((alone[0].score - caption.score).abs() < 1e-5);
            }
        }
    }

    #[test]
    fn samples_depend_on_the_seed_and_not_on_the_neighbours() {
        let (device, golden) = (device(), Golden::parse(GOLDEN));
        let captioner = captioner(&device);
        let image = golden.tensor::<3>("image_tokens", &device);
        let tags = strings("auto", "tags");
        let sample = |image: &Tensor<3>, tags: &[String], seed| -> Vec<String> {
            let options = CaptionOptions::sampled(seed);
            let captions = captioner.generate(image, tags, &options).unwrap();
            captions.into_iter().map(|caption| caption.text).collect()
        };
        let together = sample(&image, &tags, 1);
        assert_eq!(together, sample(&image, &tags, 1));
        assert_ne!(together, sample(&image, &tags, 2));
        let second = image.clone().slice([1..2, 0..37, 0..128]);
        assert_eq!(sample(&second, &tags[1..], 1), together[1..]);
    }

    #[test]
    fn no_image_no_tags_and_a_foreign_vocabulary() {
        let (device, golden) = (device(), Golden::parse(GOLDEN));
        let captioner = captioner(&device);
        let options = CaptionOptions::default();
        let image = golden.tensor::<3>("image_tokens", &device);
        let none: [&str; 0] = [];
        assert_eq!(captioner.generate(&image, &none, &options).unwrap(), []);
        let captions = captioner.generate(&image, &["", ""], &options).unwrap();
        assert!(captions.iter().all(|c| !c.text.is_empty() && c.score < 0.0));
        let long = CaptionOptions {
            max_length: 65,
            ..options
        };
        let error = captioner.generate(&image, &["", ""], &long).unwrap_err();
        assert!(error.to_string().contains("5 to 64, not 65"), "{error}");
    }
}
