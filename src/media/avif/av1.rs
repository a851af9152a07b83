//! One AV1 key frame; the only file that names `re_rav1d`.

use re_rav1d::{Decoder, Picture, PixelLayout, PlanarImageComponent, Settings, pixel};

use super::container::Color;
use crate::media::{Format, Limits, MediaError};

/// A decoded frame in planes.
pub(super) struct Frame {
    picture: Picture,
}

/// How the planes of colour relate to the plane of brightness.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Layout {
    pub(super) monochrome: bool,
    /// One sample of colour for two columns.
    pub(super) half_width: bool,
    /// One sample of colour for two rows.
    pub(super) half_height: bool,
}

/// Decodes the first frame that `data` shows.
pub(super) fn decode(data: &[u8], limits: &Limits) -> Result<Frame, MediaError> {
    let damaged = |error: re_rav1d::Error| MediaError::damaged(Format::Avif, error);
    let mut settings = Settings::new();
    // Pictures are decoded side by side already; threads in here would only add waiting.
    settings.set_n_threads(1);
    settings.set_max_frame_delay(1);
    settings.set_all_layers(false);
    settings.set_frame_size_limit(u32::try_from(limits.max_pixels).unwrap_or(u32::MAX));
    let mut decoder = Decoder::with_settings(&settings).map_err(damaged)?;

    if data.is_empty() {
        return Err(MediaError::damaged(
            Format::Avif,
            "its picture has no bytes",
        ));
    }
    let mut sent = decoder.send_data(data.to_vec(), None, None, None);
    loop {
        match decoder.get_picture() {
            Ok(picture) => return Ok(Frame { picture }),
            Err(error) if !error.is_again() => return Err(damaged(error)),
            // The decoder wants more, and either there is more or the data ended without a frame.
            Err(_) => match sent {
                Err(error) if error.is_again() => sent = decoder.send_pending_data(),
                Err(error) => return Err(damaged(error)),
                Ok(()) => {
                    return Err(MediaError::Truncated {
                        format: Format::Avif,
                        len: data.len() as u64,
                    });
                }
            },
        }
    }
}

impl Frame {
    pub(super) fn size(&self) -> (u32, u32) {
        (self.picture.width(), self.picture.height())
    }

    pub(super) fn depth(&self) -> u32 {
        self.picture.bit_depth() as u32
    }

    pub(super) fn layout(&self) -> Layout {
        let (monochrome, half_width, half_height) = match self.picture.pixel_layout() {
            PixelLayout::I400 => (true, false, false),
            PixelLayout::I420 => (false, true, true),
            PixelLayout::I422 => (false, true, false),
            PixelLayout::I444 => (false, false, false),
        };
        Layout {
            monochrome,
            half_width,
            half_height,
        }
    }

    /// Matrix and range as the stream states them.
    pub(super) fn color(&self) -> Color {
        use pixel::MatrixCoefficients as M;
        let matrix = match self.picture.matrix_coefficients() {
            M::Identity => 0,
            M::BT709 => 1,
            M::BT470M => 4,
            M::ST240M => 7,
            M::YCgCo => 8,
            M::BT2020NonConstantLuminance | M::BT2020ConstantLuminance => 9,
            _ => 2,
        };
        Color {
            matrix,
            full_range: self.picture.color_range() == pixel::YUVRange::Full,
        }
    }

    /// The bytes and the bytes a row of a plane: 0 is brightness. Samples deeper than 8 bits take two bytes.
    pub(super) fn plane(&self, index: usize) -> (impl AsRef<[u8]>, usize) {
        let component = PlanarImageComponent::from(index);
        (
            self.picture.plane(component),
            self.picture.stride(component) as usize,
        )
    }
}
