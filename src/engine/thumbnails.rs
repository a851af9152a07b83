//! Pictures to look at: thumbnails of indexed ones, and larger views.

use std::path::{Path, PathBuf};

use imgsearch_index::ImageId;

use super::{Engine, Image, Snapshot};
use crate::error::{Error, Result};
use crate::media::{Input, MediaError, Picture, ResizeFilter, Squares, read, squares};
use crate::thumbnails::SIDE;

impl Engine {
    /// A small upright view of an indexed picture, at most 256 pixels along its longer edge. Most were made when the pictures were
    /// indexed; one that is missing or damaged is made of the file, and kept.
    ///
    /// # Errors
    /// When no such picture is indexed, or none of its files can be read as a picture any more.
    pub fn thumbnail(&self, id: ImageId) -> Result<Picture> {
        if let Some(kept) = self.shared.thumbnails.get(&id) {
            return Ok(kept);
        }
        let mut failure = Error::from(imgsearch_index::Error::UnknownImage { id });
        for path in self.paths(id)? {
            match self.view(&path, SIDE) {
                Ok((found, squares)) => {
                    // The file may have changed since it was indexed, and is looked at as it is now; what is kept is not.
                    if found == id {
                        self.shared.thumbnails.keep(&id, &squares);
                    }
                    if let Some(small) = squares.shrunk(SIDE) {
                        return Ok(small);
                    }
                }
                Err(error) => failure = error,
            }
        }
        Err(failure)
    }

    /// An upright view of a picture as large as fits a square of `side` pixels, made of its file; no larger than the picture is.
    ///
    /// # Errors
    /// When no such picture is indexed, or its file cannot be read.
    pub fn preview(&self, image: Image<'_>, side: u32) -> Result<Picture> {
        let path = match image {
            Image::Path(path) => path.to_owned(),
            Image::Id(id) => {
                let first = self.paths(id)?.into_iter().next();
                first.ok_or(imgsearch_index::Error::UnknownImage { id })?
            }
        };
        let side = side.max(1);
        let (_, squares) = self.view(&path, side)?;
        squares.shrunk(side).ok_or(Error::Image {
            path,
            source: MediaError::Empty,
        })
    }

    /// Forgets thumbnails of pictures that are not indexed any more.
    pub(super) fn tidy_thumbnails(&self) {
        if let Ok(Snapshot { reader, .. }) = self.reader() {
            let is_indexed = |id: &ImageId| reader.find(id).is_some();
            self.shared.thumbnails.retain(is_indexed);
        }
    }

    fn paths(&self, id: ImageId) -> Result<Vec<PathBuf>> {
        let Snapshot { reader, .. } = self.reader()?;
        let doc = reader
            .find(&id)
            .ok_or(imgsearch_index::Error::UnknownImage { id })?;
        Ok(reader.record(doc)?.paths)
    }

    fn view(&self, path: &Path, side: u32) -> Result<(ImageId, Squares)> {
        let limits = self.shared.config.settings().ingest.limits();
        let input = Input {
            side,
            filter: ResizeFilter::Bilinear,
        };
        let failed = |source| Error::Image {
            path: path.to_owned(),
            source,
        };
        let bytes = read(path, &limits).map_err(failed)?;
        let squares = squares(&bytes, &limits, &[input]).map_err(failed)?;
        Ok((ImageId::of(&bytes), squares))
    }
}
