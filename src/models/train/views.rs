//! Augmented views of a training picture.

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::media::{Picture, Pixels, ResizeFilter, resize};

/// Smallest share of the area that a crop keeps: captions describe the whole scene, so crops stay wide.
const SMALLEST_CROP: f32 = 0.5;

/// View `view` of a picture: 0 the whole, 1 its mirror image, the others random crops, every second one mirrored. The
/// same seed, picture and view always give the same pixels.
pub(crate) fn view(picture: &Picture, side: u32, view: usize, seed: u64) -> Pixels {
    let whole = (0, 0, picture.width(), picture.height());
    let region = match view {
        0 | 1 => whole,
        _ => random_crop(
            picture,
            &mut ChaCha8Rng::seed_from_u64(seed ^ (view as u64) << 56),
        ),
    };
    let mirrored = view % 2 == 1;
    if region == whole && !mirrored {
        return resize(picture, side, ResizeFilter::Bicubic);
    }
    let cut = cut(picture, region, mirrored);
    resize(&cut, side, ResizeFilter::Bicubic)
}

/// Left, top, width and height in pixels.
type Region = (u32, u32, u32, u32);

fn random_crop(picture: &Picture, rng: &mut ChaCha8Rng) -> Region {
    let share = rng.random_range(SMALLEST_CROP..1.0);
    let stretch = rng.random_range(0.8f32..1.25).sqrt();
    let length = |full: u32, stretch: f32| {
        ((full as f32 * share.sqrt() * stretch).round() as u32).clamp(1, full)
    };
    let (width, height) = (
        length(picture.width(), stretch),
        length(picture.height(), 1.0 / stretch),
    );
    let left = rng.random_range(0..=picture.width() - width);
    let top = rng.random_range(0..=picture.height() - height);
    (left, top, width, height)
}

fn cut(picture: &Picture, (left, top, width, height): Region, mirrored: bool) -> Picture {
    let mut rgb = Vec::with_capacity(3 * width as usize * height as usize);
    for row in top..top + height {
        let start = 3 * (row as usize * picture.width() as usize + left as usize);
        let line = &picture.rgb()[start..start + 3 * width as usize];
        if mirrored {
            rgb.extend(line.rchunks_exact(3).flatten());
        } else {
            rgb.extend_from_slice(line);
        }
    }
    Picture::from_rgb(width, height, rgb).expect("the region lies within the picture")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picture() -> Picture {
        let rgb = (0..40 * 30u32)
            .flat_map(|i| [(i % 40) as u8 * 6, (i / 40) as u8 * 8, 7])
            .collect();
        Picture::from_rgb(40, 30, rgb).unwrap()
    }

    #[test]
    fn the_mirror_image_is_mirrored_and_crops_repeat() {
        let (a, b) = (view(&picture(), 16, 0, 9), view(&picture(), 16, 1, 9));
        assert_eq!(a.data()[..3], b.data()[15 * 3..16 * 3]);
        assert_eq!(
            view(&picture(), 16, 3, 9).data(),
            view(&picture(), 16, 3, 9).data()
        );
        assert_ne!(
            view(&picture(), 16, 2, 9).data(),
            view(&picture(), 16, 2, 10).data()
        );
    }

    #[test]
    fn a_single_pixel_has_every_view() {
        let dot = Picture::from_rgb(1, 1, vec![1, 2, 3]).unwrap();
        for index in 0..6 {
            assert_eq!(view(&dot, 4, index, 1).data()[..3], [1, 2, 3]);
        }
    }
}
