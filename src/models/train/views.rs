//! Augmented views of a training picture.

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::media::{Picture, Pixels, ResizeFilter, resize};

/// Smallest share of the area that a crop keeps: captions describe the whole scene, so crops stay wide.
const SMALLEST_CROP: f32 = 0.5;
/// Brightness, contrast and saturation change by up to this factor and its inverse. Hues stay: captions name colours.
const COLOUR: f32 = 1.3;

/// View `view` of a picture: 0 the whole, 1 its mirror image, the others random crops in other light, every second one
/// mirrored. The same seed, picture and view always give the same pixels.
pub(crate) fn view(picture: &Picture, side: u32, view: usize, seed: u64) -> Pixels {
    let whole = (0, 0, picture.width(), picture.height());
    match view {
        0 => resize(picture, side, ResizeFilter::Bicubic),
        1 => resize(&cut(picture, whole, true), side, ResizeFilter::Bicubic),
        _ => {
            let mut rng = ChaCha8Rng::seed_from_u64(seed ^ (view as u64) << 56);
            let cut = cut(picture, random_crop(picture, &mut rng), view % 2 == 1);
            let light = Light::random(&mut rng);
            light.on(&resize(&cut, side, ResizeFilter::Bicubic))
        }
    }
}

/// Factors of brightness, contrast and saturation.
struct Light {
    brightness: f32,
    contrast: f32,
    saturation: f32,
}

impl Light {
    fn random(rng: &mut ChaCha8Rng) -> Self {
        let mut factor = || COLOUR.powf(rng.random_range(-1.0f32..1.0));
        Self {
            brightness: factor(),
            contrast: factor(),
            saturation: factor(),
        }
    }

    fn on(&self, pixels: &Pixels) -> Pixels {
        let luma = |rgb: &[u8]| {
            0.299 * f32::from(rgb[0]) + 0.587 * f32::from(rgb[1]) + 0.114 * f32::from(rgb[2])
        };
        let count = pixels.data().len() / 3;
        let mean = pixels.data().chunks_exact(3).map(luma).sum::<f32>() / count as f32;
        let data = pixels
            .data()
            .chunks_exact(3)
            .flat_map(|rgb| {
                let grey = luma(rgb);
                let mean = self.brightness * mean;
                [rgb[0], rgb[1], rgb[2]].map(|channel| {
                    let saturated = grey + self.saturation * (f32::from(channel) - grey);
                    let lit = self.brightness * saturated;
                    (mean + self.contrast * (lit - mean)).round() as u8
                })
            })
            .collect();
        Pixels::new(pixels.side(), data).expect("as many pixels as before")
    }
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
        let dot = Picture::from_rgb(1, 1, vec![100, 100, 100]).unwrap();
        for index in 0..6 {
            let seen = view(&dot, 4, index, 1).data()[0];
            assert!((76..=130).contains(&seen), "view {index}: {seen}");
        }
    }

    #[test]
    fn light_changes_what_it_says_and_leaves_the_hue() {
        let two = Pixels::new(2, [[200, 100, 60], [40, 40, 40]].repeat(2).concat()).unwrap();
        let lit = |brightness, contrast, saturation| {
            let light = Light {
                brightness,
                contrast,
                saturation,
            };
            light.on(&two).data()[..6].to_vec()
        };
        assert_eq!(lit(1.0, 1.0, 1.0), [200, 100, 60, 40, 40, 40]);
        assert_eq!(lit(0.5, 1.0, 1.0), [100, 50, 30, 20, 20, 20]);
        // Luma of the first is 125.34, the mean of both 82.67.
        assert_eq!(lit(1.0, 0.5, 1.0), [141, 91, 71, 61, 61, 61]);
        assert_eq!(lit(1.0, 1.0, 0.0), [125, 125, 125, 40, 40, 40]);
        assert_eq!(lit(2.0, 1.0, 1.0)[..3], [255, 200, 120]);
    }
}
