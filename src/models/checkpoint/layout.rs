//! The names that published checkpoints give to tensors, and the official ones.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use super::{CheckpointError, hugging_face};
use crate::models::ModelError;
use crate::models::tensors::{TensorInfo, TensorSource};

type Result<T, E = CheckpointError> = std::result::Result<T, E>;

/// What a checkpoint was trained to do, which tells how its tensors are named.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum CheckpointKind {
    /// Tag2Text: tags and captions.
    Tag2Text,
    /// RAM: tags. Its captioner is left out, which has no published decoding.
    Ram,
    /// RAM++: tags by their descriptions.
    RamPlus,
    /// BLIP, fine-tuned for retrieval: similarity and matching of pictures and sentences.
    BlipItm,
}

/// Buffers that a network computes from its configuration.
const BUFFERS: [&str; 3] = ["relative_position_index", "attn_mask", "position_ids"];

/// What only training needs of BLIP: the temperature, queues of negatives, and slowly moving copies of all networks.
const BLIP_TRAINING: [&str; 5] = [
    "temp",
    "image_queue",
    "text_queue",
    "idx_queue",
    "ptr_queue",
];
const BLIP_MOMENTUM: [&str; 4] = [
    "visual_encoder_m.",
    "text_encoder_m.",
    "vision_proj_m.",
    "text_proj_m.",
];

impl CheckpointKind {
    /// The official name of a tensor; `None` for what no network here takes.
    ///
    /// Members of a tied pair have one name: for Tag2Text that in the encoder or the word embeddings, for RAM that in the
    /// tagging head.
    fn official(self, name: &str) -> Option<Cow<'_, str>> {
        let last = name.rsplit_once('.').map_or(name, |(_, last)| last);
        if BUFFERS.contains(&last) {
            return None;
        }
        // Early releases of the reference called the tagging head so.
        let name = match name.strip_prefix("vision_multi.") {
            Some(rest) => Cow::Owned(format!("tagging_head.{rest}")),
            None => Cow::Owned(name.to_owned()),
        };
        match self {
            Self::Tag2Text => Some(tag2text(name)),
            Self::Ram => ram(name),
            Self::RamPlus => Some(name),
            Self::BlipItm => blip(&name).map(Cow::Owned),
        }
    }
}

fn tag2text(name: Cow<'_, str>) -> Cow<'_, str> {
    if let Some(rest) = name.strip_prefix("tagging_head.")
        && is_tied(rest)
    {
        return Cow::Owned(format!("tag_encoder.{rest}"));
    }
    match &*name {
        "text_decoder.cls.predictions.decoder.weight" => {
            Cow::Borrowed("text_decoder.bert.embeddings.word_embeddings.weight")
        }
        "text_decoder.cls.predictions.decoder.bias" => {
            Cow::Borrowed("text_decoder.cls.predictions.bias")
        }
        _ => name,
    }
}

fn ram(name: Cow<'_, str>) -> Option<Cow<'_, str>> {
    if let Some(rest) = name.strip_prefix("tag_encoder.") {
        return is_tied(rest).then(|| Cow::Owned(format!("tagging_head.{rest}")));
    }
    (!name.starts_with("text_decoder.")).then_some(name)
}

fn blip(name: &str) -> Option<String> {
    let training = BLIP_TRAINING.contains(&name)
        || BLIP_MOMENTUM.iter().any(|prefix| name.starts_with(prefix));
    (!training).then(|| hugging_face::official(name))
}

/// Whether the tag encoder and the tagging head share `encoder.layer.N.…`: their two lowest layers, but for what the
/// head does not have.
fn is_tied(name: &str) -> bool {
    let layer = name
        .strip_prefix("encoder.layer.0.")
        .or_else(|| name.strip_prefix("encoder.layer.1."));
    layer.is_some_and(|rest| {
        ["crossattention.", "intermediate.", "output."]
            .iter()
            .any(|part| rest.starts_with(part))
    })
}

/// A checkpoint under official names, without what no network takes.
#[derive(Debug)]
pub(crate) struct Official<S> {
    source: S,
    /// Official name to name in the file.
    names: BTreeMap<String, String>,
}

impl<S: TensorSource> Official<S> {
    /// Renames the tensors of `source`.
    ///
    /// # Errors
    /// When two tensors that should be tied differ, or cannot be read.
    pub(crate) fn new(source: S, kind: CheckpointKind) -> Result<Self, ModelError> {
        let mut names = BTreeMap::new();
        for name in source.names() {
            let Some(official) = kind.official(name) else {
                continue;
            };
            match names.entry(official.into_owned()) {
                Entry::Vacant(entry) => {
                    entry.insert(name.to_owned());
                }
                Entry::Occupied(entry) => {
                    let other: &String = entry.get();
                    if !are_equal(&source, name, other)? {
                        return Err(CheckpointError::Untied {
                            file: source.file().to_owned(),
                            tensors: [other.clone(), name.to_owned()],
                        }
                        .into());
                    }
                }
            }
        }
        Ok(Self { source, names })
    }
}

/// Whether two tensors are the same. One is in memory at a time.
fn are_equal(source: &impl TensorSource, a: &str, b: &str) -> Result<bool, ModelError> {
    if source.info(a) != source.info(b) {
        return Ok(false);
    }
    let digest = |name| Ok::<_, ModelError>(blake3::hash(&source.bytes(name)?));
    Ok(digest(a)? == digest(b)?)
}

impl<S: TensorSource> TensorSource for Official<S> {
    fn file(&self) -> &str {
        self.source.file()
    }

    fn names(&self) -> Vec<&str> {
        self.names.keys().map(String::as_str).collect()
    }

    fn info(&self, name: &str) -> Option<TensorInfo> {
        self.source.info(self.names.get(name)?)
    }

    fn bytes(&self, name: &str) -> Result<Cow<'_, [u8]>, ModelError> {
        match self.names.get(name) {
            Some(stored) => self.source.bytes(stored),
            None => Err(CheckpointError::MissingTensor {
                file: self.file().to_owned(),
                tensor: name.to_owned(),
            }
            .into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::models::checkpoint::tests::{fixture, open};

    fn golden(name: &str) -> super::super::Checkpoint {
        open(name, fixture(&format!("golden/{name}")))
    }

    /// Tensors made up on the spot, one number each.
    #[derive(Debug)]
    struct Numbers(Vec<(&'static str, f32)>);

    impl TensorSource for Numbers {
        fn file(&self) -> &str {
            "numbers"
        }

        fn names(&self) -> Vec<&str> {
            self.0.iter().map(|(name, _)| *name).collect()
        }

        fn info(&self, _: &str) -> Option<TensorInfo> {
            Some(TensorInfo {
                dtype: safetensors::Dtype::F32,
                shape: vec![1],
            })
        }

        fn bytes(&self, name: &str) -> Result<Cow<'_, [u8]>, ModelError> {
            let found = self.0.iter().find(|(known, _)| *known == name);
            Ok(Cow::Owned(found.unwrap().1.to_le_bytes().to_vec()))
        }
    }

    fn names(kind: CheckpointKind, tensors: &[&'static str]) -> Vec<String> {
        let numbers = Numbers(tensors.iter().map(|name| (*name, 1.0)).collect());
        let official = Official::new(numbers, kind).unwrap();
        official.names().into_iter().map(str::to_owned).collect()
    }

    #[test]
    fn a_retrieval_checkpoint_becomes_the_itm_model() {
        let expected = golden("blip_itm_mini.safetensors");
        let found =
            Official::new(golden("blip_retrieval_mini.pth"), CheckpointKind::BlipItm).unwrap();
        let stored: Vec<&str> = expected.names();
        let kept: Vec<&str> = stored
            .into_iter()
            .filter(|name| !name.ends_with("position_ids"))
            .collect();
        assert_eq!(found.names(), kept);
        for name in kept {
            assert_eq!(
                found.bytes(name).unwrap(),
                expected.bytes(name).unwrap(),
                "{name}"
            );
        }
    }

    #[test]
    fn ties_and_buffers_leave_one_of_each() {
        let checkpoint = golden("tag2text_mini.pth");
        let all = checkpoint.names().len();
        let official = Official::new(checkpoint, CheckpointKind::Tag2Text).unwrap();
        let names = official.names();
        assert_eq!(
            all - names.len(),
            32 + 2 + 2 + 8 + 3,
            "tied, embeddings, buffers"
        );
        assert!(!names.iter().any(|name| name.starts_with("tagging_head.")));
        assert!(official.info("label_embed.weight").is_some());
        assert!(
            official
                .info("tagging_head.encoder.layer.0.output.dense.weight")
                .is_none()
        );
    }

    #[test]
    fn either_member_of_a_tied_pair_will_do() {
        let head = "tagging_head.encoder.layer.1.output.dense.bias";
        let old = "vision_multi.encoder.layer.1.output.dense.bias";
        let encoder = "tag_encoder.encoder.layer.1.output.dense.bias";
        for tensors in [
            &[head][..],
            &[old],
            &[encoder],
            &[head, encoder],
            &[encoder, old],
        ] {
            assert_eq!(names(CheckpointKind::Tag2Text, tensors), [encoder]);
            assert_eq!(names(CheckpointKind::Ram, tensors), [head]);
        }
        assert_eq!(names(CheckpointKind::RamPlus, &[old]), [head]);
        let words = "text_decoder.bert.embeddings.word_embeddings.weight";
        let output = "text_decoder.cls.predictions.decoder.weight";
        for tensors in [&[words][..], &[output], &[output, words]] {
            assert_eq!(names(CheckpointKind::Tag2Text, tensors), [words]);
        }
    }

    #[test]
    fn ram_has_no_captioner() {
        assert_eq!(
            names(
                CheckpointKind::Ram,
                &[
                    "fc.weight",
                    "tag_encoder.embeddings.LayerNorm.bias",
                    "tag_encoder.encoder.layer.0.attention.self.key.bias",
                    "tag_encoder.encoder.layer.2.output.dense.bias",
                    "text_decoder.cls.predictions.bias",
                ]
            ),
            ["fc.weight"]
        );
    }

    #[test]
    fn a_tied_pair_that_differs_is_refused() {
        let numbers = Numbers(vec![
            ("tagging_head.encoder.layer.0.output.dense.bias", 1.0),
            ("tag_encoder.encoder.layer.0.output.dense.bias", 2.0),
        ]);
        let error = Official::new(numbers, CheckpointKind::Tag2Text).unwrap_err();
        assert!(
            matches!(
                &error,
                ModelError::Checkpoint(CheckpointError::Untied { .. })
            ),
            "{error}"
        );
    }
}
