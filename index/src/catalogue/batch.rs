//! Changes of the catalogue that happen together, and its keys.

use std::path::Path;

use half::f16;
use half::slice::HalfFloatSliceExt;

use super::{FORMAT, Image, Next};
use crate::{ImageId, NewImage};

/// sled writes a value once by itself, once with its page when that is full and about once more when the page is written anew; and
/// for any change now and then a whole page, the larger ones of which hold sixteen values.
const TIMES_WRITTEN: u64 = 4;
const PAGE_BYTES: u64 = 16 << 10;

/// Several changes that happen together or not at all.
#[derive(Default)]
pub(crate) struct Batch {
    pub(super) changes: sled::Batch,
    /// What sled may write for them, in bytes.
    pub(super) room: u64,
}

impl Batch {
    pub(crate) fn put_image(&mut self, id: &ImageId, image: &Image) {
        let mut value = Vec::with_capacity(128);
        value.extend(image.doc.to_le_bytes());
        value.extend(image.vector.to_le_bytes());
        image.entry.encode(&mut value);
        if image.entry.has_words() {
            self.insert(b"mformat", &FORMAT.to_le_bytes());
        }
        self.insert(&image_key(id), &value);
        self.insert(&doc_key(image.doc), id.as_bytes());
    }

    pub(crate) fn remove_image(&mut self, id: &ImageId) {
        self.remove(&image_key(id));
    }

    pub(crate) fn remove_doc(&mut self, doc: u64) {
        self.remove(&doc_key(doc));
    }

    pub(crate) fn put_path(&mut self, path: &Path, id: &ImageId) {
        self.insert(&path_key(path), id.as_bytes());
    }

    pub(crate) fn remove_path(&mut self, path: &Path) {
        self.remove(&path_key(path));
    }

    /// Embedding, tag scores and tokens of an image.
    pub(crate) fn put_numbers(&mut self, vector: u64, image: &NewImage) {
        let (embedding, scores) = (&image.embedding, &image.tag_scores);
        let mut value = bytemuck::cast_slice(embedding.as_slice()).to_vec();
        let mut halves = vec![f16::ZERO; scores.len()];
        halves.convert_from_f32_slice(scores);
        value.extend_from_slice(bytemuck::cast_slice(&halves));
        self.insert(&vector_key(vector), &value);
        if !image.tokens.is_empty() {
            self.insert(&tokens_key(vector), &image.tokens);
        }
    }

    pub(crate) fn remove_numbers(&mut self, vector: u64) {
        self.remove(&vector_key(vector));
        self.remove(&tokens_key(vector));
    }

    pub(crate) fn set_next(&mut self, next: Next) {
        let mut value = next.doc.to_le_bytes().to_vec();
        value.extend(next.vector.to_le_bytes());
        self.insert(b"mnext", &value);
    }

    pub(super) fn insert(&mut self, key: &[u8], value: &[u8]) {
        self.room += PAGE_BYTES + TIMES_WRITTEN * value.len() as u64;
        self.changes.insert(key, value);
    }

    pub(super) fn remove(&mut self, key: &[u8]) {
        self.room += PAGE_BYTES;
        self.changes.remove(key);
    }
}

pub(super) fn image_key(id: &ImageId) -> Vec<u8> {
    [b"i", id.as_bytes().as_slice()].concat()
}

pub(super) fn path_key(path: &Path) -> Vec<u8> {
    [b"p", crate::record::path_bytes(path)].concat()
}

pub(super) fn doc_key(doc: u64) -> [u8; 9] {
    numbered(b'd', doc)
}

pub(super) fn vector_key(vector: u64) -> [u8; 9] {
    numbered(b'v', vector)
}

pub(super) fn tokens_key(vector: u64) -> [u8; 9] {
    numbered(b't', vector)
}

/// Big-endian, so that the order of the keys is the order of the numbers.
fn numbered(letter: u8, number: u64) -> [u8; 9] {
    let mut key = [letter; 9];
    key[1..].copy_from_slice(&number.to_be_bytes());
    key
}
