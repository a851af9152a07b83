//! What the image encoder makes of the pictures, and what it knows of its classes.

use std::ops::{ControlFlow, Range};
use std::path::Path;

use burn::tensor::Tensor;

use super::Backbones;
use crate::corpus::CaptionedPicture;
use crate::models::backbone::{ImageBackbone, ImageTokens, host};
use crate::models::train::below::Below;
use crate::models::train::cache::FeatureCache;
use crate::models::train::progress::Progress;
use crate::models::train::settings::TrainSettings;
use crate::models::train::view_reader::ViewReader;
use crate::models::train::{TrainError, matrix};

/// Pictures encoded at once.
const BATCH: usize = 16;

/// Fills the caches of pooled features with class probabilities, and of image tokens. Goes on from what is known `below`, where
/// that is given.
pub(super) fn images(
    pictures: &[CaptionedPicture],
    backbones: &Backbones<'_>,
    below: Option<&Below>,
    settings: &TrainSettings,
    folder: &Path,
    progress: &mut dyn FnMut(&Progress) -> ControlFlow<()>,
) -> Result<(Vec<f32>, FeatureCache), TrainError> {
    let (image, device) = (backbones.image, backbones.image.device());
    let channels = image.channels();
    let grid = image.positions() * channels;
    let record = 2 * channels + backbones.classes.names().len();
    let mut tokens = FeatureCache::open(&folder.join("tokens.f16"), grid)?;
    let mut pooled = FeatureCache::open(&folder.join("pooled.f16"), record)?;
    let mut reader = ViewReader::new(pictures, settings, backbones.side);
    let total = reader.len();
    // The two caches grow together; a kill may leave the tokens ahead by one batch.
    pooled.keep_batches(BATCH, total)?;
    tokens.truncate(pooled.len())?;
    pooled.fill(total, BATCH, "pictures", progress, |range: Range<usize>| {
        let seen = match below {
            Some(below) => {
                let maps = below.read(range)?;
                let maps: Vec<&[f32]> = maps.chunks_exact(below.width()).collect();
                image.in_parts(&maps, |maps| {
                    let map = below.tensor(&maps.concat(), device);
                    rows(image.above(map, below.blocks())?)
                })
            }
            None => image.in_parts(&reader.read(range)?, |views| rows(image.forward(views)?)),
        }?;
        let mut rows = Vec::new();
        for (grid, row) in seen {
            tokens.append(&grid)?;
            rows.extend(row);
        }
        Ok(rows)
    })?;
    Ok((pooled.read_all()?, tokens))
}

/// Grid tokens of some views, and their pooled features with the class probabilities.
fn rows(seen: ImageTokens) -> Result<(Vec<f32>, Vec<f32>), TrainError> {
    let [batch, length, width] = seen.tokens.dims();
    let grid = host(seen.tokens.slice([0..batch, 1..length, 0..width]))?;
    let rows = host(Tensor::cat(vec![seen.pooled, seen.classes], 1))?;
    Ok((grid, rows))
}

/// Expected class-name vector of every view.
pub(super) fn meaning(
    backbones: &Backbones<'_>,
    probabilities: &[f32],
    names: &[f32],
    width: usize,
) -> Result<Vec<f32>, TrainError> {
    let device = backbones.image.device();
    let classes = names.len() / width;
    let names = matrix(names.to_vec(), width, device);
    let mut out = Vec::with_capacity(probabilities.len() / classes * width);
    for rows in probabilities.chunks(1024 * classes) {
        let rows = matrix(rows.to_vec(), classes, device);
        out.extend(host(backbones.classes.meaning(rows, &names))?);
    }
    Ok(out)
}

/// A classifier's weights for a class, scaled to the mean norm of real features, stand for a picture of that class: they
/// keep what the classifier knows about classes that no caption mentions.
pub(super) fn class_features(
    backbone: &ImageBackbone,
    pooled: &[f32],
    channels: usize,
    classes: usize,
) -> Result<Vec<f32>, TrainError> {
    let norm = |values: &[f32]| values.iter().map(|v| v * v).sum::<f32>().sqrt();
    let rows = (pooled.len() / (2 * channels)).max(1) as f32;
    let (mut mean_norm, mut peak_norm) = (0.0, 0.0);
    for row in pooled.chunks_exact(2 * channels) {
        mean_norm += norm(&row[..channels]) / rows;
        peak_norm += norm(&row[channels..]) / rows;
    }
    let weights = host(backbone.classifier().weight.val().transpose())?;
    let mut out = Vec::with_capacity(classes * 2 * channels);
    for row in weights.chunks_exact(channels) {
        let own = norm(row).max(f32::MIN_POSITIVE);
        for target in [mean_norm, peak_norm] {
            out.extend(row.iter().map(|value| value * target / own));
        }
    }
    Ok(out)
}
