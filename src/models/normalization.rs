//! From pixels to what a network takes.

use std::borrow::Borrow;

use burn::tensor::{Device, Tensor, TensorData};
use serde::{Deserialize, Serialize};

use super::ModelError;
use crate::media::Pixels;

/// What a network's pictures are shifted and scaled by, channel by channel, in the words of a `preprocessor_config.json`.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
pub(crate) struct Normalization {
    /// Mean of red, green and blue, each from 0 to 1.
    pub(crate) image_mean: [f32; 3],
    /// Their standard deviations.
    pub(crate) image_std: [f32; 3],
}

impl Normalization {
    /// Of ImageNet: Tag2Text, RAM and RAM++, which resize with [`Bilinear`](crate::media::ResizeFilter::Bilinear).
    pub(crate) const IMAGENET: Self = Self {
        image_mean: [0.485, 0.456, 0.406],
        image_std: [0.229, 0.224, 0.225],
    };

    /// Of CLIP: BLIP, which resizes with [`Bicubic`](crate::media::ResizeFilter::Bicubic).
    pub(crate) const CLIP: Self = Self {
        image_mean: [0.481_454_66, 0.457_827_5, 0.408_210_73],
        image_std: [0.268_629_54, 0.261_302_6, 0.275_777_1],
    };

    /// `(x / 255 - mean) / std` of pictures of `side` pixels: `[B, 3, side, side]`.
    ///
    /// # Errors
    /// When a picture has another size.
    pub(crate) fn tensor<P: Borrow<Pixels>>(
        &self,
        pictures: &[P],
        side: usize,
        device: &Device,
    ) -> Result<Tensor<4>, ModelError> {
        let scale = |channel: usize, byte: u8| {
            let value = f32::from(byte) / 255.0;
            (value - self.image_mean[channel]) / self.image_std[channel]
        };
        let table: [[f32; 256]; 3] =
            std::array::from_fn(|channel| std::array::from_fn(|byte| scale(channel, byte as u8)));
        let mut values = Vec::with_capacity(pictures.len() * 3 * side * side);
        for picture in pictures {
            let picture = picture.borrow();
            if picture.side() as usize != side {
                return Err(ModelError::InputSize {
                    expected: side as u32,
                    found: picture.side(),
                });
            }
            let (pixels, _) = picture.data().as_chunks::<3>();
            for (channel, table) in table.iter().enumerate() {
                values.extend(
                    pixels
                        .iter()
                        .map(|pixel| table[usize::from(pixel[channel])]),
                );
            }
        }
        let data = TensorData::new(values, [pictures.len(), 3, side, side]);
        Ok(Tensor::from_data(data, device))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::{Limits, Picture, ResizeFilter, decode, resize};
    use crate::models::golden::{Golden, device};

    macro_rules! fixture {
        ($name:literal) => {
            include_bytes!(concat!("../../tests/fixtures/golden/", $name))
        };
    }

    const GOLDEN: &[u8] = fixture!("preprocess_golden.safetensors");
    const PICTURES: [(&str, &[u8]); 3] = [
        ("pre_gray_200x640", fixture!("pre_gray_200x640.png")),
        ("pre_rgb_61x43", fixture!("pre_rgb_61x43.png")),
        ("pre_rgba_500x333", fixture!("pre_rgba_500x333.png")),
    ];

    fn picture(bytes: &[u8]) -> Picture {
        decode(bytes, &Limits::default()).unwrap()
    }

    #[test]
    fn resized_pixels_equal_pillow() {
        let golden = Golden::parse(GOLDEN);
        let mut compared = 0;
        for (name, bytes) in PICTURES {
            let picture = picture(bytes);
            for (filter, kind) in [
                (ResizeFilter::Bilinear, "bilinear_u8"),
                (ResizeFilter::Bicubic, "bicubic_u8"),
            ] {
                for side in [96, 224, 384] {
                    let key = format!("{name}.{kind}.{side}");
                    if !golden.has(&key) {
                        continue;
                    }
                    let expected = golden.u8(&key);
                    let pixels = resize(&picture, side, filter);
                    // One channel is stored of a picture whose three are equal.
                    let channels = expected.shape[2];
                    let found = pixels.data().chunks_exact(3).flat_map(|p| &p[..channels]);
                    assert!(found.eq(&expected.values), "{key}");
                    compared += 1;
                }
            }
        }
        assert_eq!(compared, 10);
    }

    #[test]
    fn tensors_equal_the_reference_transforms() {
        let golden = Golden::parse(GOLDEN);
        let device = device();
        let (name, bytes) = PICTURES[1];
        for (normalization, filter, model) in [
            (Normalization::IMAGENET, ResizeFilter::Bilinear, "tag2text"),
            (Normalization::CLIP, ResizeFilter::Bicubic, "blip"),
        ] {
            let pixels = resize(&picture(bytes), 96, filter);
            let batch = [pixels.clone(), pixels];
            let tensor = normalization.tensor(&batch, 96, &device).unwrap();
            for index in 0..2 {
                let found = tensor.clone().narrow(0, index, 1).squeeze_dim::<3>(0);
                golden.assert_close(found, &format!("{name}.{model}.96"), 1e-6);
            }
        }
    }

    #[test]
    fn another_size_is_an_error() {
        let pixels = Pixels::new(4, vec![0; 48]).unwrap();
        let found = Normalization::CLIP.tensor(&[pixels], 5, &Device::flex());
        assert!(matches!(
            found,
            Err(ModelError::InputSize {
                expected: 5,
                found: 4
            })
        ));
    }
}
