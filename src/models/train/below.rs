//! What the blocks of the image encoder that are tuned read of each view: computed once, by those that are not.

use std::ops::{ControlFlow, Range};
use std::path::Path;

use burn::tensor::{Device, Tensor, TensorData};

use super::TrainError;
use super::cache::FeatureCache;
use super::progress::Progress;
use super::view_reader::ViewReader;
use crate::media::Pixels;
use crate::models::backbone::{ImageBackbone, host};

/// Views encoded at once.
const BATCH: usize = 16;

/// Feature maps on disk.
#[derive(Debug)]
pub(crate) struct Below {
    maps: FeatureCache,
    /// Channels, height and width of a map.
    shape: [usize; 3],
    blocks: usize,
}

impl Below {
    /// Computes what `folder` does not hold yet of what the uppermost `blocks` read.
    pub(crate) fn collect(
        mut reader: ViewReader<'_>,
        image: &ImageBackbone,
        blocks: usize,
        folder: &Path,
        progress: &mut dyn FnMut(&Progress) -> ControlFlow<()>,
    ) -> Result<Self, TrainError> {
        let look = |views: &[Pixels]| image.below(views, blocks);
        let shape = match reader.read(0..1)?.as_slice() {
            [] => [0; 3],
            first => {
                let [_, channels, height, width] = look(first)?.dims();
                [channels, height, width]
            }
        };
        let path = folder.join(format!("below-{blocks}.f16"));
        let mut maps = FeatureCache::open(&path, shape.iter().product())?;
        let total = reader.len();
        maps.keep_batches(BATCH, total)?;
        maps.fill(total, BATCH, "pictures", progress, |range| {
            let views = reader.read(range)?;
            let maps = image.in_parts(&views, |views| host(look(views)?))?;
            Ok(maps.concat())
        })?;
        Ok(Self {
            maps,
            shape,
            blocks,
        })
    }

    /// Blocks above the maps.
    pub(crate) fn blocks(&self) -> usize {
        self.blocks
    }

    /// Channels, height and width of a map.
    pub(crate) fn shape(&self) -> [usize; 3] {
        self.shape
    }

    /// Maps of some views: `[B, channels, height, width]`.
    pub(crate) fn read(&self, range: Range<usize>) -> Result<Vec<f32>, TrainError> {
        let mut values = vec![0.0; range.len() * self.maps.width()];
        self.maps.read(range, &mut values)?;
        Ok(values)
    }

    /// Values of a map.
    pub(crate) fn width(&self) -> usize {
        self.maps.width()
    }

    /// The values of some maps as the image encoder takes them.
    pub(crate) fn tensor(&self, maps: &[f32], device: &Device) -> Tensor<4> {
        let [channels, height, width] = self.shape;
        let shape = [maps.len() / self.width(), channels, height, width];
        Tensor::from_data(TensorData::new(maps.to_vec(), shape), device)
    }
}
