use std::collections::HashMap;
use std::path::{Path, PathBuf};

use crate::catalogue::{Batch, Catalogue, Image, Next};
use crate::record::Entry;
use crate::{Correction, Error, FileFacts, ImageId, Keyword, NewImage, Result};

/// Changes to the catalogue that see each other before they are written, as one batch.
pub(crate) struct Changes<'a> {
    catalogue: &'a Catalogue,
    next: Next,
    /// What each touched image is now, `None` if it is gone.
    images: HashMap<ImageId, Touched>,
    paths: HashMap<PathBuf, Option<ImageId>>,
    batch: Batch,
}

struct Touched {
    before: Option<Image>,
    now: Option<Image>,
    /// Vectors that this very batch added.
    fresh: bool,
}

/// What a batch changed in what searches see.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    pub(crate) added: Vec<u64>,
    pub(crate) dropped: Vec<u64>,
    pub(crate) next: Next,
}

impl<'a> Changes<'a> {
    pub(crate) fn new(catalogue: &'a Catalogue, next: Next) -> Self {
        let (images, paths) = (HashMap::new(), HashMap::new());
        Self {
            catalogue,
            next,
            images,
            paths,
            batch: Batch::default(),
        }
    }

    /// Stores an image. One that is known keeps its files beside the new ones and gets the new numbers.
    pub(crate) fn put(&mut self, image: NewImage) -> Result<()> {
        if image.files.is_empty() {
            return Err(Error::NoFile { id: image.id });
        }
        for file in &image.files {
            self.release(&file.path, &image.id)?;
        }
        let vector = self.next.vector;
        self.next.vector += 1;
        self.batch.put_numbers(vector, &image);

        let touched = self.touched(&image.id)?;
        let known = touched.now.take();
        let superseded = known
            .as_ref()
            .filter(|_| touched.fresh)
            .map(|known| known.vector);
        touched.fresh = true;
        let (files, said) = known
            .map(|known| (known.entry.files, known.entry.corrections))
            .unwrap_or_default();
        let mut entry = Entry {
            files,
            facts: image.facts,
            corrections: image.corrections.map_or(said, by_name),
            overruled: Vec::new(),
        };
        image
            .files
            .into_iter()
            .for_each(|file| merge(&mut entry.files, file));
        let paths: Vec<_> = entry.files.iter().map(|file| file.path.clone()).collect();
        // The document number is given when the batch is written: only then is it known what changed.
        touched.now = Some(Image {
            doc: u64::MAX,
            vector,
            entry,
        });
        if let Some(vector) = superseded {
            self.batch.remove_numbers(vector);
        }
        for path in paths {
            self.paths.insert(path, Some(image.id));
        }
        Ok(())
    }

    /// Adds a file to an image that is known, or renews what is known of it.
    pub(crate) fn add_file(&mut self, id: &ImageId, file: FileFacts) -> Result<()> {
        if self.touched(id)?.now.is_none() {
            return Err(Error::UnknownImage { id: *id });
        }
        self.release(&file.path, id)?;
        self.paths.insert(file.path.clone(), Some(*id));
        if let Some(image) = &mut self.touched(id)?.now {
            merge(&mut image.entry.files, file);
        }
        Ok(())
    }

    /// Puts what people say of an image in the place of what they said before.
    pub(crate) fn correct(&mut self, id: &ImageId, corrections: Vec<Correction>) -> Result<()> {
        match &mut self.touched(id)?.now {
            Some(image) => image.entry.corrections = by_name(corrections),
            None => return Err(Error::UnknownImage { id: *id }),
        }
        Ok(())
    }

    /// Puts keywords in the place of those that an image has.
    pub(crate) fn describe(&mut self, id: &ImageId, keywords: Vec<Keyword>) -> Result<()> {
        match &mut self.touched(id)?.now {
            Some(image) => image.entry.facts.keywords = keywords,
            None => return Err(Error::UnknownImage { id: *id }),
        }
        Ok(())
    }

    /// Forgets a file, and its image with the last one. False if the file is not known.
    pub(crate) fn remove_file(&mut self, path: &Path) -> Result<bool> {
        let Some(id) = self.owner(path)? else {
            return Ok(false);
        };
        self.paths.insert(path.to_path_buf(), None);
        let touched = self.touched(&id)?;
        if let Some(image) = &mut touched.now {
            image.entry.files.retain(|file| file.path != path);
            if image.entry.files.is_empty() {
                touched.now = None;
            }
        }
        Ok(true)
    }

    /// Renews the length and time of a file whose bytes are the same. False if the file is not known.
    pub(crate) fn touch(&mut self, file: FileFacts) -> Result<bool> {
        let Some(id) = self.owner(&file.path)? else {
            return Ok(false);
        };
        self.add_file(&id, file)?;
        Ok(true)
    }

    /// Forgets an image with all its files. False if it is not known.
    pub(crate) fn remove(&mut self, id: &ImageId) -> Result<bool> {
        let Some(image) = self.touched(id)?.now.take() else {
            return Ok(false);
        };
        for file in image.entry.files {
            self.paths.insert(file.path, None);
        }
        Ok(true)
    }

    /// Writes everything. Documents are numbered here: an image whose shown facts changed becomes a new one.
    pub(crate) fn write(mut self) -> Result<Outcome> {
        let mut outcome = Outcome::default();
        let mut images: Vec<_> = self.images.into_iter().collect();
        // By the vectors, which have the order of the call, so that a batch is numbered the same every time.
        images.sort_by_key(|(id, touched)| (touched.now.as_ref().map(|now| now.vector), *id));
        for (id, Touched { before, now, fresh }) in images {
            if before == now {
                continue;
            }
            if let Some(before) = before.as_ref().filter(|_| fresh || now.is_none()) {
                self.batch.remove_numbers(before.vector);
            }
            let both = before.as_ref().zip(now.as_ref());
            let keeps_doc = both.is_some_and(|(before, now)| looks_the_same(before, now));
            let dropped = before
                .as_ref()
                .filter(|_| !keeps_doc)
                .map(|before| before.doc);
            if let Some(doc) = dropped {
                self.batch.remove_doc(doc);
                outcome.dropped.push(doc);
            }
            match now {
                None => self.batch.remove_image(&id),
                Some(mut now) => {
                    if !keeps_doc {
                        now.doc = self.next.doc;
                        self.next.doc += 1;
                        outcome.added.push(now.doc);
                    }
                    self.batch.put_image(&id, &now);
                }
            }
        }
        for (path, id) in &self.paths {
            match id {
                Some(id) => self.batch.put_path(path, id),
                None => self.batch.remove_path(path),
            }
        }
        self.batch.set_next(self.next);
        self.catalogue.apply(self.batch)?;
        outcome.next = self.next;
        Ok(outcome)
    }

    /// Takes a path away from whatever other image has it.
    fn release(&mut self, path: &Path, except: &ImageId) -> Result<()> {
        match self.owner(path)? {
            Some(id) if id != *except => self.remove_file(path).map(drop),
            _ => Ok(()),
        }
    }

    fn owner(&self, path: &Path) -> Result<Option<ImageId>> {
        match self.paths.get(path) {
            Some(id) => Ok(*id),
            None => self.catalogue.at_path(path),
        }
    }

    fn touched(&mut self, id: &ImageId) -> Result<&mut Touched> {
        use std::collections::hash_map::Entry::{Occupied, Vacant};
        match self.images.entry(*id) {
            Occupied(entry) => Ok(entry.into_mut()),
            Vacant(entry) => {
                let before = self.catalogue.image(id)?;
                Ok(entry.insert(Touched {
                    now: before.clone(),
                    before,
                    fresh: false,
                }))
            }
        }
    }
}

/// True when a search shows the same of both. The times of single files are not shown, only the earliest.
fn looks_the_same(a: &Image, b: &Image) -> bool {
    let paths = |image: &Image| -> Vec<PathBuf> {
        image.entry.files.iter().map(|f| f.path.clone()).collect()
    };
    let len = |image: &Image| image.entry.files.first().map(|file| file.len);
    a.vector == b.vector
        && a.entry.facts == b.entry.facts
        && a.entry.corrections == b.entry.corrections
        && a.entry.modified_ns() == b.entry.modified_ns()
        && len(a) == len(b)
        && paths(a) == paths(b)
}

/// Sorted by name; of two of one name the later counts.
fn by_name(mut corrections: Vec<Correction>) -> Vec<Correction> {
    corrections.reverse();
    corrections.sort_by(|a, b| a.name.cmp(&b.name));
    corrections.dedup_by(|later, kept| later.name == kept.name);
    corrections
}

fn merge(files: &mut Vec<FileFacts>, file: FileFacts) {
    match files.binary_search_by(|known| known.path.cmp(&file.path)) {
        Ok(at) => files[at] = file,
        Err(at) => files.insert(at, file),
    }
}
