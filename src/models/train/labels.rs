//! What is known of each picture before any network looks at it, and what can be learned from that.

use std::collections::BTreeSet;
use std::path::PathBuf;

use super::TrainError;
use super::settings::TrainStage;
use crate::corpus::{CaptionedPicture, Split, read_corpus};
use crate::query::{Labeller, Lexicon, Parser};
use crate::vocabulary::Vocabulary;

/// The pictures of the training split of all files of which anything is said.
///
/// # Errors
/// When a file cannot be read, or there is no such picture.
pub(crate) fn read(data: &[PathBuf]) -> Result<Vec<CaptionedPicture>, TrainError> {
    if data.is_empty() {
        return Err(TrainError::Setting {
            setting: "data",
            reason: "must name at least one file of captioned pictures".to_owned(),
        });
    }
    let mut pictures = Vec::new();
    for file in data {
        pictures.extend(read_corpus(file)?);
    }
    pictures.retain(|picture| {
        picture.split == Split::Train && !(picture.captions.is_empty() && picture.tags.is_empty())
    });
    if pictures.is_empty() {
        return Err(TrainError::NothingToLearn {
            reason: "no picture of the train split has captions or tags",
        });
    }
    Ok(pictures)
}

/// The tags that each picture is known to show.
#[derive(Clone, Debug)]
pub(crate) struct Labels {
    /// Sorted tag ids of each picture.
    shown: Vec<Vec<u32>>,
    /// Labels that are no tag.
    unknown: Vec<String>,
    captions: usize,
}

impl Labels {
    /// Reads the tags off captions and labels.
    pub(crate) fn collect(pictures: &[CaptionedPicture], vocabulary: &Vocabulary) -> Self {
        let labeller = Labeller::new(vocabulary, Parser::new(Lexicon::english()));
        let shown = pictures.iter().map(|picture| {
            let ids = labeller.targets(&picture.captions, &picture.tags);
            let mut ids: Vec<u32> = ids.into_iter().map(|id| id.0).collect();
            ids.sort_unstable();
            ids
        });
        let labels: BTreeSet<&String> = pictures.iter().flat_map(|p| &p.tags).collect();
        let unknown = labels
            .into_iter()
            .filter(|label| labeller.label(label).is_none());
        Self {
            shown: shown.collect(),
            unknown: unknown.cloned().collect(),
            captions: pictures.iter().map(|picture| picture.captions.len()).sum(),
        }
    }

    /// Sorted ids of the tags that a picture shows.
    pub(crate) fn of(&self, picture: usize) -> &[u32] {
        &self.shown[picture]
    }

    /// Captions of all pictures.
    pub(crate) fn captions(&self) -> usize {
        self.captions
    }

    /// Pictures that show a tag.
    pub(crate) fn tagged(&self) -> usize {
        self.shown.iter().filter(|shown| !shown.is_empty()).count()
    }

    /// Labels that are no tag, each once, in order.
    pub(crate) fn unknown(&self) -> &[String] {
        &self.unknown
    }

    /// Tells other tags, or tags of other pictures, apart.
    pub(crate) fn fingerprint(&self, vocabulary: &Vocabulary) -> String {
        let mut hasher = blake3::Hasher::new();
        for tag in vocabulary.iter() {
            hasher.update(tag.name.as_bytes()).update(b"\n");
        }
        for shown in &self.shown {
            hasher.update(b"\n").update(bytemuck::cast_slice(shown));
        }
        hasher.finalize().to_hex().to_string()
    }

    /// Why a stage has nothing to learn from, if that is so.
    pub(crate) fn lack(&self, stage: TrainStage) -> Option<&'static str> {
        match stage {
            TrainStage::Alignment
            | TrainStage::Encoders
            | TrainStage::Matching
            | TrainStage::Captioning
                if self.captions == 0 =>
            {
                Some("no picture has a caption")
            }
            TrainStage::Tagging if self.tagged() == 0 => {
                Some("no caption or label names a tag of the model")
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    use crate::query::{Mined, assemble};

    fn labels(lines: &str) -> (Vec<CaptionedPicture>, Labels) {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("data.jsonl");
        fs::write(&file, lines).unwrap();
        let pictures = read(&[file]).unwrap();
        let (vocabulary, _) = assemble(&Lexicon::english(), &Mined::default()).unwrap();
        let labels = Labels::collect(&pictures, &vocabulary);
        (pictures, labels)
    }

    #[test]
    fn captions_tags_and_class_names_each_teach_what_they_can() {
        let lacks = |lines| {
            let (_, labels) = labels(lines);
            [TrainStage::Alignment, TrainStage::Tagging].map(|stage| labels.lack(stage).is_some())
        };
        assert_eq!(
            lacks(r#"{"image":"a","captions":["a dog"]}"#),
            [false, false]
        );
        assert_eq!(
            lacks(r#"{"image":"a","captions":["xyzzy"]}"#),
            [false, true]
        );
        assert_eq!(lacks(r#"{"image":"a","tags":["dog"]}"#), [true, false]);
        assert_eq!(
            lacks(r#"{"image":"a","tags":["golden retriever"]}"#),
            [true, false]
        );
        assert_eq!(lacks(r#"{"image":"a","tags":["xyzzy"]}"#), [true, true]);
    }

    #[test]
    fn pictures_of_other_splits_and_those_without_a_word_are_left_out() {
        let (pictures, labels) = labels(
            "{\"image\":\"a\",\"tags\":[\"cat\",\"xyzzy\"]}\n{\"image\":\"b\"}\n\
             {\"image\":\"c\",\"captions\":[\"a cat\"],\"split\":\"val\"}\n",
        );
        assert_eq!(pictures.len(), 1);
        assert_eq!((labels.captions(), labels.tagged()), (0, 1));
        assert_eq!(labels.unknown(), ["xyzzy"]);
    }

    #[test]
    fn without_anything_to_learn_from_the_reason_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("data.jsonl");
        fs::write(&file, "{\"image\":\"a\"}").unwrap();
        assert!(matches!(
            read(&[file]),
            Err(TrainError::NothingToLearn { .. })
        ));
        assert!(matches!(
            read(&[]),
            Err(TrainError::Setting {
                setting: "data",
                ..
            })
        ));
    }
}
