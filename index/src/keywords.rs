//! The words that people and files say of pictures and that stand for no tag: names of persons, places, pets.

use std::collections::HashMap;
use std::sync::Arc;

use rayon::prelude::*;

use crate::record::{Entry, said_of};
use crate::{Doc, Reader, Result};

/// Keywords that stand for no tag, each with the images that have it.
#[derive(Debug, Default)]
pub struct Keywords {
    /// By the word in lower case.
    words: HashMap<String, Named>,
}

#[derive(Debug)]
struct Named {
    text: String,
    images: Arc<[Doc]>,
}

impl Keywords {
    /// True when no image has one.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.words.is_empty()
    }

    /// A keyword as it stands in the first image that has it, whatever its case; `None` where no image has it.
    #[must_use]
    pub fn find(&self, word: &str) -> Option<&str> {
        let named = self.words.get(&word.to_lowercase())?;
        Some(&named.text)
    }

    /// The images with a keyword, whatever its case, in the order of the documents.
    #[must_use]
    pub fn images(&self, word: &str) -> Option<&Arc<[Doc]>> {
        let named = self.words.get(&word.to_lowercase())?;
        Some(&named.images)
    }
}

/// Keywords that no image has: enough to tell what the words of a query are.
impl FromIterator<String> for Keywords {
    fn from_iter<T: IntoIterator<Item = String>>(words: T) -> Self {
        let named = words.into_iter().map(|text| {
            let images = Arc::from([]);
            (text.to_lowercase(), Named { text, images })
        });
        Self {
            words: named.collect(),
        }
    }
}

impl Reader {
    /// The keywords of the images of this generation that stand for no tag. They are gathered from all records when this is first asked
    /// of a generation; segments without keywords are not looked through.
    ///
    /// # Errors
    /// [`Error::Damaged`](crate::Error::Damaged).
    pub fn keywords(&self) -> Result<&Keywords> {
        let snapshot = self.snapshot();
        if let Some(known) = snapshot.keywords.get() {
            return Ok(known);
        }
        let mut said: Vec<(Doc, String)> = Vec::new();
        let parts = snapshot.parts.iter();
        for part in parts.filter(|part| part.segment.has_words()) {
            let rows: Vec<u32> = part.live_rows().collect();
            let docs = part.segment.docs();
            let words = rows.into_par_iter().map(|row| {
                let entry = part.segment.entry(row)?;
                let words = free_words(&entry).into_iter();
                let doc = Doc(docs[row as usize]);
                Ok(words.map(|word| (doc, word.to_owned())).collect::<Vec<_>>())
            });
            let words = words.collect::<Result<Vec<_>>>()?;
            said.extend(words.into_iter().flatten());
        }
        said.sort_by_key(|(doc, _)| *doc);
        let mut images: HashMap<String, (String, Vec<Doc>)> = HashMap::new();
        for (doc, word) in said {
            let named = images.entry(word.to_lowercase());
            let (_, docs) = named.or_insert_with(|| (word, Vec::new()));
            if docs.last() != Some(&doc) {
                docs.push(doc);
            }
        }
        let words = images.into_iter().map(|(word, (text, images))| {
            let images = images.into();
            (word, Named { text, images })
        });
        let words = words.collect();
        Ok(snapshot.keywords.get_or_init(|| Keywords { words }))
    }
}

/// What is said of an image that stands for no tag: keywords in its file that nobody took away, and names that a person gave it.
fn free_words(entry: &Entry) -> Vec<&str> {
    let keywords = entry.facts.keywords.iter();
    let keywords = keywords.filter(|keyword| keyword.tags.is_empty());
    let keywords = keywords.map(|keyword| keyword.text.as_str());
    let added = entry.corrections.iter();
    let added = added.filter(|said| said.applies && said.tags.is_empty());
    let added = added.map(|said| said.name.as_str());
    keywords
        .filter(|word| said_of(&entry.corrections, &word.to_lowercase()).is_none())
        .chain(added)
        .collect()
}
