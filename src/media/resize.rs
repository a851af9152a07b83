//! The square of pixels that the networks look at.
//!
//! The networks were trained on pictures resized by Pillow, and small differences in resampling move their answers; so
//! this is the same arithmetic: separable, antialiased by widening the filter with the reduction, weights in fixed point
//! of 22 bits, rounded to 8 bits between the passes, and the passes in the same order. The golden tests hold it to equality.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::Picture;

/// A square of RGB pixels, as the networks take it; normalisation is the network's own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pixels {
    side: u32,
    data: Vec<u8>,
}

impl Pixels {
    /// A square from pixels that are in memory already; `None` when `data` is not `side * side * 3` bytes.
    pub fn new(side: u32, data: Vec<u8>) -> Option<Self> {
        let valid = u128::from(side).pow(2) * 3 == data.len() as u128;
        valid.then_some(Self { side, data })
    }

    /// Pixels along one edge.
    pub fn side(&self) -> u32 {
        self.side
    }

    /// `[side, side, 3]`: rows from the top, red, green and blue of each pixel together.
    pub fn data(&self) -> &[u8] {
        &self.data
    }
}

/// How pixels between pixels are made up; a model names the one it was trained with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ResizeFilter {
    /// A triangle, one pixel to either side.
    Bilinear,
    /// Catmull and Rom's cubic (a = -0.5), two pixels to either side.
    Bicubic,
}

impl ResizeFilter {
    fn support(self) -> f64 {
        match self {
            Self::Bilinear => 1.0,
            Self::Bicubic => 2.0,
        }
    }

    fn weight(self, distance: f64) -> f64 {
        let x = distance.abs();
        match self {
            Self::Bilinear => (1.0 - x).max(0.0),
            Self::Bicubic if x < 1.0 => (1.5 * x - 2.5) * x * x + 1.0,
            Self::Bicubic if x < 2.0 => ((x - 5.0) * x + 8.0) * x * -0.5 + 2.0,
            Self::Bicubic => 0.0,
        }
    }
}

/// Squeezes the whole picture into a square of `side` pixels; its aspect is not kept.
///
/// # Panics
///
/// When `side` is 0.
pub fn resize(picture: &Picture, side: u32, filter: ResizeFilter) -> Pixels {
    assert!(side > 0, "a square without pixels");
    let size = (picture.width() as usize, picture.height() as usize);
    let to = side as usize;
    // Pillow 13 takes the columns first where rows are reduced more than twice as much as columns.
    let data = if to < size.1 && size.1 + to > 2 * size.0 {
        let flat = down(picture.rgb().into(), size, to, filter);
        across(flat, size.0, to, filter)
    } else {
        let narrow = across(picture.rgb().into(), size.0, to, filter);
        down(narrow, (to, size.1), to, filter)
    };
    Pixels {
        side,
        data: data.into_owned(),
    }
}

/// Gives a square the shape of a picture again: `width` by `height` pixels.
pub(super) fn stretch(pixels: &Pixels, width: u32, height: u32) -> Vec<u8> {
    let side = pixels.side as usize;
    let (width, height) = (width as usize, height as usize);
    let wide = across(pixels.data().into(), side, width, ResizeFilter::Bilinear);
    down(wide, (width, side), height, ResizeFilter::Bilinear).into_owned()
}

/// The source pixels that make one target pixel: `weights` from `start` on.
struct Tap {
    start: usize,
    weights: Vec<i32>,
}

/// 8 bits of the 32 go to the sample, 2 to what a cubic overshoots.
const BITS: u32 = 32 - 8 - 2;

fn taps(from: usize, to: usize, filter: ResizeFilter) -> Vec<Tap> {
    let scale = from as f64 / to as f64;
    let stretch = scale.max(1.0);
    let support = filter.support() * stretch;
    let tap = |target: usize| {
        let centre = (target as f64 + 0.5) * scale;
        let start = (centre - support + 0.5).max(0.0) as usize;
        let end = ((centre + support + 0.5) as usize).min(from);
        let weight = |x: usize| filter.weight((x as f64 - centre + 0.5) * (1.0 / stretch));
        let exact: Vec<f64> = (start..end).map(weight).collect();
        let sum: f64 = exact.iter().sum();
        let weights = exact
            .iter()
            .map(|weight| (weight / sum * f64::from(1 << BITS)).round() as i32);
        Tap {
            start,
            weights: weights.collect(),
        }
    };
    (0..to).map(tap).collect()
}

/// Makes every row `to` pixels wide.
fn across(rgb: Cow<'_, [u8]>, width: usize, to: usize, filter: ResizeFilter) -> Cow<'_, [u8]> {
    if width == to {
        return rgb;
    }
    let taps = taps(width, to, filter);
    let (pixels, _) = rgb.as_chunks::<3>();
    let mut out = Vec::with_capacity(pixels.len() / width * to);
    for row in pixels.chunks_exact(width) {
        out.extend(taps.iter().map(|tap| {
            let mut sum = [1 << (BITS - 1); 3];
            for (pixel, weight) in row[tap.start..].iter().zip(&tap.weights) {
                for channel in 0..3 {
                    sum[channel] += i32::from(pixel[channel]) * weight;
                }
            }
            sum.map(clip)
        }));
    }
    out.into_flattened().into()
}

/// Makes every column `to` pixels high.
fn down(
    rgb: Cow<'_, [u8]>,
    (width, height): (usize, usize),
    to: usize,
    filter: ResizeFilter,
) -> Cow<'_, [u8]> {
    if height == to {
        return rgb;
    }
    let row = width * 3;
    let mut out = Vec::with_capacity(row * to);
    let mut sums = vec![0; row];
    for tap in taps(height, to, filter) {
        sums.fill(1 << (BITS - 1));
        for (source, weight) in rgb[tap.start * row..].chunks_exact(row).zip(&tap.weights) {
            for (sum, sample) in sums.iter_mut().zip(source) {
                *sum += i32::from(*sample) * weight;
            }
        }
        out.extend(sums.iter().copied().map(clip));
    }
    out.into()
}

fn clip(sum: i32) -> u8 {
    (sum >> BITS).clamp(0, 255) as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picture(width: u32, height: u32, sample: impl Fn(usize) -> u8) -> Picture {
        let len = width as usize * height as usize * 3;
        Picture::from_rgb(width, height, (0..len).map(sample).collect()).unwrap()
    }

    #[test]
    fn one_colour_stays_that_colour() {
        for (width, height) in [(1, 1), (640, 3), (2, 999), (17, 17)] {
            let plain = picture(width, height, |i| [3, 128, 255][i % 3]);
            for filter in [ResizeFilter::Bilinear, ResizeFilter::Bicubic] {
                let pixels = resize(&plain, 17, filter);
                assert!(
                    pixels.data().chunks(3).all(|pixel| pixel == [3, 128, 255]),
                    "{width}x{height} {filter:?}"
                );
            }
        }
    }

    #[test]
    fn the_right_size_is_left_alone() {
        let noise = picture(9, 9, |i| (i * 37 % 256) as u8);
        assert_eq!(resize(&noise, 9, ResizeFilter::Bicubic).data(), noise.rgb());
    }

    #[test]
    fn a_square_must_be_full() {
        assert!(Pixels::new(2, vec![0; 12]).is_some());
        assert!(Pixels::new(2, vec![0; 11]).is_none());
    }
}
