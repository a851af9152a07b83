//! What one picture may cost.

use super::{Format, MediaError};

/// What decoding one picture may cost.
///
/// ```
/// use imgsearch::media::Limits;
///
/// let small = Limits { max_alloc: 64 << 20, ..Limits::default() };
/// assert!(small.max_alloc < Limits::default().max_alloc);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes alive at any moment for one picture: the file, the decoder's buffers and the pixels. Default: 512 MiB.
    pub max_alloc: u64,
    /// Pixels in one picture, whatever they would take. Default: 250 million, above every camera and phone of today.
    pub max_pixels: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_alloc: 512 << 20,
            max_pixels: 250_000_000,
        }
    }
}

impl Limits {
    /// Refuses a picture by what its header claims, before anything is allocated for it. `per_pixel` is what the
    /// decoder and the conversion hold at their peak, `file` the bytes that are in memory already.
    pub(super) fn check(
        &self,
        format: Format,
        (width, height): (u64, u64),
        per_pixel: f64,
        file: usize,
    ) -> Result<(), MediaError> {
        if width == 0 || height == 0 {
            return Err(MediaError::damaged(
                format,
                format_args!("its size is {width} x {height}"),
            ));
        }
        // A hostile header can claim sizes whose product does not fit.
        let pixels = width.saturating_mul(height);
        if pixels > self.max_pixels {
            return Err(MediaError::TooManyPixels {
                format,
                width,
                height,
                limit: self.max_pixels,
            });
        }
        let needed = (pixels as f64 * per_pixel) as u64 + file as u64;
        if needed > self.max_alloc {
            return Err(MediaError::TooLarge {
                format,
                width,
                height,
                needed,
                limit: self.max_alloc,
            });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refuses_by_pixels_then_by_bytes() {
        let limits = Limits {
            max_alloc: 1000,
            max_pixels: 200,
        };
        let check = |size, per_pixel, file| limits.check(Format::Png, size, per_pixel, file);
        assert!(check((10, 20), 3.0, 400).is_ok());
        assert!(matches!(
            check((10, 21), 3.0, 0),
            Err(MediaError::TooManyPixels { limit: 200, .. })
        ));
        assert!(matches!(
            check((10, 20), 3.0, 401),
            Err(MediaError::TooLarge {
                needed: 1001,
                limit: 1000,
                ..
            })
        ));
        assert!(matches!(
            check((0, 20), 3.0, 0),
            Err(MediaError::Damaged { .. })
        ));
    }

    #[test]
    fn a_product_beyond_64_bits_is_only_too_many_pixels() {
        let refused = Limits::default().check(Format::Bmp, (u64::MAX, u64::MAX), 4.0, 0);
        assert!(matches!(refused, Err(MediaError::TooManyPixels { .. })));
    }
}
