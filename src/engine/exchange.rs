//! The catalogue out of an index and into another.

use std::io::BufRead;
use std::ops::ControlFlow;

use imgsearch_index::{NewImage, TagId, Writer};

use super::Engine;
use crate::dump::{self, Head};
use crate::error::{Error, Result};
use crate::vocabulary::Vocabulary;

/// Pictures that are stored in one step.
const BATCH: usize = 64;

/// A catalogue that is being written out; while it is held, nobody else writes to the index.
#[derive(Debug)]
pub struct Export<'a> {
    writer: Writer,
    vocabulary: &'a Vocabulary,
}

/// What came of an import.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct Imported {
    /// Pictures that were stored.
    pub images: usize,
    /// Whether the caller stopped it. What was stored is kept.
    pub cancelled: bool,
}

impl Export<'_> {
    /// How many pictures there are, which is one less than there are lines.
    pub fn images(&self) -> usize {
        self.writer.len()
    }

    /// The lines, each a JSON object: what the index was made with, then a line for each picture.
    ///
    /// # Errors
    /// When the catalogue is damaged.
    pub fn lines(&self) -> impl Iterator<Item = Result<String>> {
        let schema = self.writer.schema();
        let head = Head::new(&schema.model, schema.dim, schema.tags, self.writer.len());
        let images = self.writer.images().map(|image| {
            let image = image?;
            let recognised = |(tag, score): (u32, &f32)| {
                let tag = self.vocabulary.get(TagId(tag))?;
                (*score > tag.threshold).then(|| tag.name.clone())
            };
            let tags = (0..).zip(&image.tag_scores).filter_map(recognised);
            dump::line(&image, tags.collect()).map_err(|error| Error::Export(error.to_string()))
        });
        let head = head
            .line()
            .map_err(|error| Error::Export(error.to_string()));
        std::iter::once(head).chain(images)
    }
}

impl Engine {
    /// Opens the catalogue to write it out as JSON lines, which [`Engine::import`] reads.
    ///
    /// # Errors
    /// When there is no index, another process writes to it, or it was made with another model.
    pub fn export(&self) -> Result<Export<'_>> {
        // A writer would make an index where there is none.
        self.reader()?;
        Ok(Export {
            writer: self.writer()?,
            vocabulary: self.vocabulary(),
        })
    }

    /// Stores the pictures that [`Export::lines`] wrote, beside those that are there. A picture that is known gets what the export
    /// says of it.
    ///
    /// `progress` is told how many of how many pictures are stored; when it breaks, what was stored is kept.
    ///
    /// # Errors
    /// [`Error::Import`] with the number of a line that makes no sense, is of another model, or is missing at the end; what stands
    /// before it is stored. When another process writes to the index, or storing fails.
    pub fn import(
        &self,
        lines: impl BufRead,
        mut progress: impl FnMut(usize, usize) -> ControlFlow<()>,
    ) -> Result<Imported> {
        let mut lines = (1..).zip(lines.lines()).map(|(number, line)| {
            let line = line.map_err(|error| wrong(number, error.to_string()))?;
            Ok::<_, Error>((number, line))
        });
        let (number, first) = lines.next().unwrap_or_else(|| Ok((1, String::new())))?;
        let head = Head::parse(&first).map_err(|reason| wrong(number, reason))?;
        let own = self.schema();
        if (&head.model, head.dim, head.tags) != (&own.model, own.dim, own.tags) {
            let reason = format!(
                "it was made with the model {}, and this is {}",
                head.model, own.model
            );
            return Err(wrong(number, reason));
        }
        let mut writer = self.writer()?;
        let lines = lines.map(|line| {
            let (number, line) = line?;
            let mut image = dump::parse(&line, &head).map_err(|reason| wrong(number, reason))?;
            self.name_tags(&mut image);
            Ok((number, image))
        });
        let outcome = store(&mut writer, head.images, lines, &mut progress);
        // Whatever ended it, what was stored is published.
        writer.commit()?;
        let done = outcome?;
        if !done.cancelled {
            writer.settle(|_, _| progress(done.images, head.images))?;
        }
        Ok(done)
    }
}

fn store(
    writer: &mut Writer,
    expected: usize,
    lines: impl Iterator<Item = Result<(usize, NewImage)>>,
    progress: &mut impl FnMut(usize, usize) -> ControlFlow<()>,
) -> Result<Imported> {
    let mut done = Imported::default();
    let mut batch = Vec::with_capacity(BATCH);
    let mut last = 1;
    let mut put = |batch: &mut Vec<_>, images: &mut usize| {
        *images += batch.len();
        writer.put(std::mem::take(batch))?;
        Ok::<_, Error>(progress(*images, expected))
    };
    let mut broken = None;
    for line in lines {
        match line {
            Ok((number, image)) => {
                last = number;
                batch.push(image);
            }
            Err(error) => {
                broken = Some(error);
                break;
            }
        }
        if batch.len() == BATCH && put(&mut batch, &mut done.images)?.is_break() {
            done.cancelled = true;
            return Ok(done);
        }
    }
    let _ = put(&mut batch, &mut done.images)?;
    match broken {
        Some(error) => Err(error),
        None if done.images < expected => {
            let found = done.images;
            let reason = format!("the file ends after {found} of {expected} pictures");
            Err(wrong(last, reason))
        }
        None => Ok(done),
    }
}

fn wrong(line: usize, reason: String) -> Error {
    Error::Import { line, reason }
}
