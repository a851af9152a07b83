use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::filter::check_tag;
use crate::{Embedding, Error, ImageId, Result};

/// A tag, by its place in the vocabulary of the model (0 to [`Schema::tags`] - 1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct TagId(pub u32);

/// A tag with the probability that it applies to an image.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TagScore {
    /// The tag.
    pub tag: TagId,
    /// Its probability, 0 to 1.
    pub score: f32,
}

/// What is known about a file without opening it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FileFacts {
    /// Where it is. Any name that the operating system allows comes back as it was given.
    pub path: PathBuf,
    /// Its length in bytes.
    pub len: u64,
    /// When it was last modified, in nanoseconds since 1970-01-01 UTC (negative before).
    pub modified_ns: i64,
}

/// What is known about an image from decoding it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ImageFacts {
    /// Width in pixels as shown, after orientation.
    pub width: u32,
    /// Height in pixels as shown, after orientation.
    pub height: u32,
    /// The format of the file, for instance `jpeg`.
    pub format: String,
    /// When the picture was taken, local civil time as in `2024-05-01T12:30:00`.
    pub captured: Option<String>,
    /// The camera that took it.
    pub camera: Option<String>,
    /// The keywords in its file, as cameras and cataloguing programs write them.
    pub keywords: Vec<Keyword>,
}

/// A word that stands in the file of an image. The tags that it names count as certain.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Keyword {
    /// The word, as it stands there.
    pub text: String,
    /// The tags of the vocabulary that it names, if it names any.
    pub tags: Vec<TagId>,
}

/// What a person says of a tag in an image: stored beside what the model says, and counts instead of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Correction {
    /// The name of the tag, by which it is known to every model.
    pub name: String,
    /// Whether the tag applies to the image, or does not.
    pub applies: bool,
    /// The tags of that name in the vocabulary of this index; none where it has none.
    pub tags: Vec<TagId>,
}

/// An image to be stored.
#[derive(Debug, Clone)]
pub struct NewImage {
    /// BLAKE3 of its bytes.
    pub id: ImageId,
    /// The files that have these bytes, at least one.
    pub files: Vec<FileFacts>,
    /// What decoding told.
    pub facts: ImageFacts,
    /// Where it lies in the space of the model, `[Schema::dim]`.
    pub embedding: Embedding,
    /// The probability of each tag, `[Schema::tags]`, each 0 to 1.
    pub tag_scores: Vec<f32>,
    /// What sentences are matched with later, as its model packs it; empty where nothing is kept.
    pub tokens: Vec<u8>,
    /// What people say of its tags; `None` leaves what is known of that as it is.
    pub corrections: Option<Vec<Correction>>,
}

/// What an index is made for. Vectors of two models do not compare, so an index belongs to one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Schema {
    /// The model, with whatever tells its versions apart.
    pub model: String,
    /// The length of its embeddings.
    pub dim: usize,
    /// How many tags its vocabulary has.
    pub tags: usize,
    /// A tag is recognised in an image when its probability is above its threshold, `[tags]`. An index that is
    /// opened with other thresholds is cut again from the stored probabilities.
    pub thresholds: Vec<f32>,
}

impl Schema {
    pub(crate) fn check(&self) -> Result<()> {
        let refuse = |reason: String| {
            Err(Error::Schema {
                model: self.model.clone(),
                reason,
            })
        };
        if self.dim == 0 || self.dim > 1 << 16 {
            return refuse(format!(
                "embeddings of {} numbers (1 to 65,536 are supported)",
                self.dim
            ));
        }
        if self.tags > 1 << 20 {
            return refuse(format!(
                "{} tags (up to 1,048,576 are supported)",
                self.tags
            ));
        }
        if self.thresholds.len() != self.tags {
            return refuse(format!(
                "{} thresholds for {} tags",
                self.thresholds.len(),
                self.tags
            ));
        }
        match self.thresholds.iter().position(|t| !t.is_finite()) {
            Some(tag) => refuse(format!("the threshold of tag {tag} is not a number")),
            None => Ok(()),
        }
    }

    /// Refuses tags that it has not.
    pub(crate) fn check_tags(&self, tags: &[TagId]) -> Result<()> {
        let mut tags = tags.iter();
        tags.try_for_each(|&tag| check_tag(tag, self))
    }

    /// Refuses an image that is not of these sizes.
    pub(crate) fn check_image(&self, image: &NewImage) -> Result<()> {
        let size = |what, expected, found| match expected == found {
            true => Ok(()),
            false => Err(Error::Size {
                what,
                expected,
                found,
            }),
        };
        size("the embedding", self.dim, image.embedding.dim())?;
        size("the list of tag scores", self.tags, image.tag_scores.len())?;
        if image.files.is_empty() {
            return Err(Error::NoFile { id: image.id });
        }
        let keywords = image.facts.keywords.iter();
        let keywords = keywords.map(|keyword| &keyword.tags);
        let said = image.corrections.iter().flatten().map(|said| &said.tags);
        let mut tags = keywords.chain(said);
        tags.try_for_each(|tags| self.check_tags(tags))?;
        let wrong = image
            .tag_scores
            .iter()
            .position(|score| !(0.0..=1.0).contains(score));
        wrong.map_or(Ok(()), |at| {
            Err(Error::Score {
                tag: TagId(at as u32),
                score: image.tag_scores[at],
            })
        })
    }

    /// Refuses another model, or the same name with other sizes. Thresholds may differ.
    pub(crate) fn check_same_model(&self, found: &Self, dir: &std::path::Path) -> Result<()> {
        let name = |s: &Self| format!("{} ({} numbers, {} tags)", s.model, s.dim, s.tags);
        if (&self.model, self.dim, self.tags) == (&found.model, found.dim, found.tags) {
            return Ok(());
        }
        Err(Error::ModelMismatch {
            dir: dir.into(),
            expected: name(self),
            found: name(found),
        })
    }
}

/// How the nearest images are looked for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Effort {
    /// All are compared where that is fast, and where it is not, a graph is walked that finds nearly all of them: recall@10 is
    /// 1.000 up to 100,000 images and at least 0.99 up to a million, for queries that are pictures and for texts.
    #[default]
    Planned,
    /// All are compared.
    Exact,
    /// Segments with a graph are walked with this many candidates in view (`ef`), however few that is: the speed of many queries
    /// may matter more than the last hundredth of recall.
    Candidates(usize),
}

/// The number of a publication: each [`Writer::commit`](crate::Writer::commit) that changes something makes a
/// higher one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Generation(pub u64);

impl fmt::Display for Generation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// An image as one generation shows it. A document whose facts change becomes another one; numbers are never
/// used again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Doc(pub(crate) u64);

impl fmt::Display for Doc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A question about the facts of an image.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum FactTest {
    /// Whether it was captured, or where that is not known last modified, from the first of these times on and before the second, in
    /// nanoseconds since 1970; a capture time counts as if it were UTC.
    TakenIn(i64, i64),
    /// Whether the name of the camera has this text in it, whatever its case.
    Camera(String),
    /// Whether one of its paths has this text in it, whatever its case.
    Path(String),
    /// Whether it has this format, whatever its case.
    Format(String),
    /// Whether this is one of its keywords or of the names that a person gave it, and not one that a person took away, whatever its
    /// case.
    Keyword(String),
}

/// Which images may be found, by the tags that are recognised in them and by their facts. Exact, also on top of a graph.
///
/// Corrections and keywords count here, and wherever tags are matched and counted, as probabilities of 1 and 0.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Filter {
    /// Of each of these sets of tags one must be recognised; of an empty set none can be.
    pub must: Vec<Vec<TagId>>,
    /// Tags of which none may be recognised.
    pub must_not: Vec<TagId>,
    /// Of each of these sets one tag must have a probability above the one given.
    pub above: Vec<(Vec<TagId>, f32)>,
    /// Of each of these sets of tags none may have a probability above the one given.
    pub not_above: Vec<(Vec<TagId>, f32)>,
    /// What must be so of the facts of an image, or with `false` must not.
    pub facts: Vec<(FactTest, bool)>,
    /// The images of which it must be one, in the order of the documents; `None` for all.
    pub among: Option<Arc<[Doc]>>,
    /// The probability above which every tag counts as recognised, here and where tags are matched and counted, in the place of
    /// the thresholds of the index.
    pub threshold: Option<f32>,
}

/// What a search shows of an image.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Record {
    /// The image.
    pub id: ImageId,
    /// Where its bytes are, sorted, at least one.
    pub paths: Vec<PathBuf>,
    /// What decoding told.
    pub facts: ImageFacts,
    /// What people say of its tags, by name.
    pub corrections: Vec<Correction>,
    /// The earliest modification among its files: a copy that is made later is not a newer picture.
    pub modified_ns: i64,
    /// Its length in bytes.
    pub len: u64,
}
