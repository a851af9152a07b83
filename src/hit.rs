//! What a search answers with.

use std::path::PathBuf;

use imgsearch_index::{ImageId, Record};
use serde::Serialize;

use crate::query::Explanation;

/// A picture that answers a query.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Hit {
    /// The picture.
    pub id: ImageId,
    /// Every path it is found at; never empty.
    pub paths: Vec<PathBuf>,
    /// Other pictures of the same shot, each with one of its paths, best first, where hits are stacked.
    pub stack: Vec<PathBuf>,
    /// How well it answers; only comparable within one answer.
    pub score: f32,
    /// When it was taken, in local time, as `YYYY-MM-DDThh:mm:ss`.
    pub captured: Option<String>,
    /// What it was taken with.
    pub camera: Option<String>,
    /// Width and height in pixels, as shown.
    pub size: (u32, u32),
    /// What the score is made of.
    pub why: Explanation,
}

impl Hit {
    pub(crate) fn new(record: Record, why: Explanation) -> Self {
        Self {
            id: record.id,
            paths: record.paths,
            stack: Vec::new(),
            score: why.score,
            captured: record.facts.captured,
            camera: record.facts.camera,
            size: (record.facts.width, record.facts.height),
            why,
        }
    }
}

/// A tag with the number of pictures of an answer that show it.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Facet {
    /// Its number in the model's vocabulary.
    pub id: u32,
    /// Its name.
    pub tag: String,
    /// Pictures.
    pub images: u64,
}

/// A tag with its probability in a picture.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct RecognizedTag {
    /// Its number in the model's vocabulary.
    pub id: u32,
    /// Its name.
    pub tag: String,
    /// Its probability.
    pub score: f32,
    /// Whether the probability is above the tag's threshold.
    pub recognized: bool,
}

/// What an index holds.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Stats {
    /// Pictures.
    pub images: usize,
    /// Id of the model it was made with.
    pub model: String,
    /// How often it was published.
    pub generation: u64,
    /// Bytes on disk.
    pub bytes: u64,
    /// Tags that at least one picture shows.
    pub tags: usize,
}
