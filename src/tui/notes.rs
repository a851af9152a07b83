//! What is known of pictures beside what a search tells: their tags and a caption.

use std::collections::HashMap;

use imgsearch::ImageId;
use imgsearch::query::TagSource;

/// Pictures that notes are kept of.
const MOST: usize = 500;

/// A tag of a picture.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Chip {
    /// The tag.
    pub(super) tag: String,
    /// Its probability, where it is recognised.
    pub(super) confidence: Option<f32>,
    /// Who says whether it applies.
    pub(super) source: TagSource,
}

/// What is known of one picture.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Note {
    /// Its tags, once they were looked up.
    pub(super) tags: Option<Vec<Chip>>,
    /// Its caption, once one was written.
    pub(super) caption: Option<String>,
    /// Whether nothing more is to come.
    pub(super) is_whole: bool,
}

/// Notes by picture.
#[derive(Clone, Debug, Default)]
pub(super) struct Notes {
    notes: HashMap<ImageId, Note>,
}

impl Notes {
    /// What is known of a picture.
    pub(super) fn get(&self, id: &ImageId) -> Option<&Note> {
        self.notes.get(id)
    }

    /// What is known of a picture, to add to it.
    pub(super) fn of(&mut self, id: ImageId) -> &mut Note {
        // All at once: they are looked up again in no time.
        if self.notes.len() >= MOST && !self.notes.contains_key(&id) {
            self.notes.clear();
        }
        self.notes.entry(id).or_default()
    }

    /// Forgets all, as when pictures were indexed again.
    pub(super) fn clear(&mut self) {
        self.notes.clear();
    }
}
