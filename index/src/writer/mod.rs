mod opening;

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use crate::audit::State;
use crate::catalogue::Catalogue;
use crate::changes::Changes;
use crate::lock::Lock;
use crate::publish;
use crate::segment::GraphProgress;
use crate::{
    Correction, Error, FileFacts, Generation, ImageId, Keyword, NewImage, Record, Result, Schema,
};

/// How an index is laid out. The defaults are measured; they change how fast searches are, never what they find.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Options {
    /// From how many images on a segment gets a graph when [`Writer::settle`] is called. Default: 10,000; below, comparing
    /// all is as fast, finds everything and costs nothing to build.
    pub graph_from: usize,
    /// Whether all of what is published is read and compared with its checksums when the index is opened, and not only files that
    /// look changed. Default: no.
    pub thorough: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            graph_from: 10_000,
            thorough: false,
        }
    }
}

/// The one that changes an index: at most one per folder, in all processes.
///
/// Every change is durable when its call returns and is one step: after a crash it has happened or it has not.
/// Searches see changes from the next [`Writer::commit`] on; what a crash left uncommitted is published when the
/// index is opened for writing again.
pub struct Writer {
    dir: PathBuf,
    schema: Schema,
    options: Options,
    catalogue: Catalogue,
    state: State,
    is_successor: bool,
    lock: Lock,
}

impl Writer {
    /// What the index is made for.
    #[must_use]
    pub fn schema(&self) -> &Schema {
        &self.schema
    }

    /// Every file that is known, with its image, in no particular order.
    ///
    /// # Errors
    /// [`Error::Damaged`], [`Error::Io`].
    pub fn files(&self) -> Result<Vec<(FileFacts, ImageId)>> {
        self.catalogue.files().collect()
    }

    /// Every image as it was stored, in the order in which they were.
    ///
    /// # Errors
    /// [`Error::Damaged`], [`Error::Io`].
    pub fn images(&self) -> impl Iterator<Item = Result<NewImage>> {
        self.catalogue.docs().map(|item| {
            let (doc, id) = item?;
            let image = self.catalogue.image(&id)?;
            let image = image.ok_or_else(|| self.catalogue.lost(doc))?;
            let numbers = self.catalogue.numbers(image.vector, &self.schema)?;
            Ok(NewImage {
                id,
                files: image.entry.files,
                facts: image.entry.facts,
                embedding: numbers.embedding,
                tag_scores: numbers.scores.iter().map(|score| score.to_f32()).collect(),
                tokens: self.catalogue.tokens(image.vector)?.unwrap_or_default(),
                corrections: Some(image.entry.corrections),
            })
        })
    }

    /// How many images there are.
    #[must_use]
    pub fn len(&self) -> usize {
        let published = self.state.parts.iter().map(|part| part.live() as usize);
        published.sum::<usize>() + self.state.pending.len() as usize
    }

    /// True when there is no image.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// True if the image is known, so that its bytes need not be encoded again wherever they turn up.
    ///
    /// # Errors
    /// [`Error::Damaged`], [`Error::Io`].
    pub fn contains(&self, id: &ImageId) -> Result<bool> {
        self.catalogue.contains(id)
    }

    /// Stores images, all or none. A file that was known under another image is taken over from it; an image that
    /// is known already keeps its other files and gets the new embedding, scores and facts; what people say of its tags it keeps
    /// unless that is given too.
    ///
    /// # Errors
    /// [`Error::Size`], [`Error::Score`], [`Error::NoFile`], [`Error::UnknownTag`], before anything is stored; [`Error::Io`].
    pub fn put(&mut self, images: Vec<NewImage>) -> Result<()> {
        images
            .iter()
            .try_for_each(|image| self.schema.check_image(image))?;
        self.change(|changes| images.into_iter().try_for_each(|image| changes.put(image)))
    }

    /// Adds a file to an image that is known: a copy was found, or a file was moved.
    ///
    /// # Errors
    /// [`Error::UnknownImage`], [`Error::Io`].
    pub fn add_file(&mut self, id: &ImageId, file: FileFacts) -> Result<()> {
        self.change(|changes| changes.add_file(id, file))
    }

    /// What is known of an image, published or not.
    ///
    /// # Errors
    /// [`Error::UnknownImage`], [`Error::Damaged`], [`Error::Io`].
    pub fn record(&self, id: &ImageId) -> Result<Record> {
        let image = self.catalogue.image(id)?;
        let image = image.ok_or(Error::UnknownImage { id: *id })?;
        Ok(image.entry.into_record(*id))
    }

    /// What people say of the tags of an image.
    ///
    /// # Errors
    /// As [`Writer::record`].
    pub fn corrections(&self, id: &ImageId) -> Result<Vec<Correction>> {
        Ok(self.record(id)?.corrections)
    }

    /// Puts keywords in the place of those that an image has.
    ///
    /// # Errors
    /// [`Error::UnknownImage`], [`Error::UnknownTag`], [`Error::Io`].
    pub fn describe(&mut self, id: &ImageId, keywords: Vec<Keyword>) -> Result<()> {
        let mut tags = keywords.iter().map(|keyword| &keyword.tags);
        tags.try_for_each(|tags| self.schema.check_tags(tags))?;
        self.change(|changes| changes.describe(id, keywords))
    }

    /// Puts what people say of the tags of some images in the place of what they said before, of all or none. What the model said
    /// stays as it is beside it, and counts again where nobody says anything any more.
    ///
    /// # Errors
    /// [`Error::UnknownImage`], [`Error::UnknownTag`], [`Error::Io`].
    pub fn correct(&mut self, images: Vec<(ImageId, Vec<Correction>)>) -> Result<()> {
        let mut tags = images.iter().flat_map(|(_, said)| said);
        tags.try_for_each(|said| self.schema.check_tags(&said.tags))?;
        self.change(|changes| {
            let mut images = images.into_iter();
            images.try_for_each(|(id, said)| changes.correct(&id, said))
        })
    }

    /// Forgets a file, and its image with the last one. False if the file is not known.
    ///
    /// # Errors
    /// [`Error::Damaged`], [`Error::Io`].
    pub fn remove_file(&mut self, path: &Path) -> Result<bool> {
        self.change(|changes| changes.remove_file(path))
    }

    /// Forgets files, all or none, and images with their last file; says how many files were known.
    ///
    /// # Errors
    /// [`Error::Damaged`], [`Error::Io`].
    pub fn remove_files<P: AsRef<Path>>(&mut self, paths: &[P]) -> Result<usize> {
        self.change(|changes| {
            let mut known = 0;
            for path in paths {
                known += usize::from(changes.remove_file(path.as_ref())?);
            }
            Ok(known)
        })
    }

    /// Renews the length and time of a file whose bytes are still the same. False if the file is not known.
    ///
    /// # Errors
    /// [`Error::Damaged`], [`Error::Io`].
    pub fn touch(&mut self, file: FileFacts) -> Result<bool> {
        self.change(|changes| changes.touch(file))
    }

    /// Forgets images with all their files, and says how many were known.
    ///
    /// # Errors
    /// [`Error::Damaged`], [`Error::Io`].
    pub fn remove(&mut self, ids: &[ImageId]) -> Result<usize> {
        self.change(|changes| {
            let mut known = 0;
            for id in ids {
                known += usize::from(changes.remove(id)?);
            }
            Ok(known)
        })
    }

    /// Publishes everything that was changed so far. Does nothing, and gives the same generation, when nothing
    /// was, and for a successor until it is promoted. After an error the last generation is still the published one and the
    /// call can be repeated.
    ///
    /// # Errors
    /// [`Error::Io`], [`Error::Damaged`].
    pub fn commit(&mut self) -> Result<Generation> {
        if self.state.has_news() && !self.is_successor {
            self.publish(None)?;
        }
        Ok(Generation(self.state.manifest.generation))
    }

    /// A commit after which every segment that is large enough has a graph. It is for the end of a run: building a graph takes
    /// some milliseconds a row, and commits go without, so that what is new can be found soon.
    ///
    /// `progress` gets how many of how many rows are linked; when it breaks, what was published before stays as it is and is
    /// compared without a graph, until this is called again.
    ///
    /// # Errors
    /// As [`Writer::commit`].
    pub fn settle(
        &mut self,
        mut progress: impl FnMut(usize, usize) -> ControlFlow<()>,
    ) -> Result<Generation> {
        self.commit()?;
        let parts = &self.state.parts;
        let is_settled = !parts
            .iter()
            .any(|part| publish::lacks_graph(part, &self.options));
        if !self.is_successor && !is_settled {
            self.publish(Some(&mut progress))?;
        }
        Ok(Generation(self.state.manifest.generation))
    }

    fn publish(&mut self, graphs: Option<GraphProgress<'_>>) -> Result<()> {
        publish::publish(
            &self.dir,
            &self.catalogue,
            &self.options,
            &mut self.state,
            graphs,
        )
    }

    fn change<T>(&mut self, change: impl FnOnce(&mut Changes<'_>) -> Result<T>) -> Result<T> {
        let mut changes = Changes::new(&self.catalogue, self.state.next);
        let result = change(&mut changes)?;
        let outcome = changes.write()?;
        self.state.take(&outcome);
        Ok(result)
    }
}

impl std::fmt::Debug for Writer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut shown = f.debug_struct("Writer");
        shown
            .field("dir", &self.dir)
            .field("generation", &self.state.manifest.generation);
        shown.finish_non_exhaustive()
    }
}
