//! Views of the training pictures, one after the other.

use std::ops::Range;
use std::path::Path;

use super::TrainError;
use super::settings::TrainSettings;
use super::views::view;
use crate::corpus::CaptionedPicture;
use crate::media::{Limits, Picture, Pixels, decode, read};

/// Opens each picture once for all of its views.
pub(crate) struct ViewReader<'a> {
    pictures: &'a [CaptionedPicture],
    views: usize,
    seed: u64,
    /// Pixels a side.
    side: u32,
    decoded: Option<(usize, Picture)>,
}

impl<'a> ViewReader<'a> {
    pub(crate) fn new(
        pictures: &'a [CaptionedPicture],
        settings: &TrainSettings,
        side: u32,
    ) -> Self {
        Self {
            pictures,
            views: settings.views,
            seed: settings.seed,
            side,
            decoded: None,
        }
    }

    /// Views in all.
    pub(crate) fn len(&self) -> usize {
        self.pictures.len() * self.views
    }

    /// Some of the views, counted picture by picture.
    pub(crate) fn read(&mut self, range: Range<usize>) -> Result<Vec<Pixels>, TrainError> {
        let mut pixels = Vec::with_capacity(range.len());
        for record in range {
            let (index, which) = (record / self.views, record % self.views);
            if self.decoded.as_ref().is_none_or(|(held, _)| *held != index) {
                self.decoded = Some((index, open(&self.pictures[index].path)?));
            }
            let (_, picture) = self.decoded.as_ref().expect("decoded above");
            let seed = self.seed ^ (index as u64) << 8;
            pixels.push(view(picture, self.side, which, seed));
        }
        Ok(pixels)
    }
}

fn open(path: &Path) -> Result<Picture, TrainError> {
    let limits = Limits::default();
    read(path, &limits)
        .and_then(|bytes| decode(&bytes, &limits))
        .map_err(|source| TrainError::Picture {
            path: path.to_owned(),
            source,
        })
}
