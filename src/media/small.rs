//! Small pictures to look at.

use std::io;

use image::ExtendedColorType;
use image::codecs::jpeg::JpegEncoder;

use super::resize::stretch;
use super::{Picture, Squares};

/// Where artefacts begin to be seen at this size.
const QUALITY: u8 = 80;

impl Squares {
    /// The picture in its own shape again, its longer edge at most `most` pixels and no longer than it was; of the first square, so
    /// no larger than that. `None` where there is no square.
    pub fn shrunk(&self, most: u32) -> Option<Picture> {
        let square = self.get(0)?;
        let (width, height) = self.size();
        let longer = width.max(height).max(1);
        let edge = longer.min(most).min(square.side()).max(1);
        let scaled = |side: u32| {
            let exact = u64::from(side) * u64::from(edge) + u64::from(longer) / 2;
            ((exact / u64::from(longer)) as u32).max(1)
        };
        let (width, height) = (scaled(width), scaled(height));
        Picture::from_rgb(width, height, stretch(square, width, height))
    }
}

/// A picture as JPEG.
pub(crate) fn jpeg(picture: &Picture) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    JpegEncoder::new_with_quality(&mut bytes, QUALITY)
        .encode(
            picture.rgb(),
            picture.width(),
            picture.height(),
            ExtendedColorType::Rgb8,
        )
        .map_err(io::Error::other)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::{Input, Limits, ResizeFilter, decode};

    #[test]
    fn a_picture_keeps_its_shape_and_its_colours() {
        let red = |width, height| {
            let rgb = [200, 10, 20].repeat((width * height) as usize);
            let picture = Picture::from_rgb(width, height, rgb).unwrap();
            let input = Input {
                side: 100,
                filter: ResizeFilter::Bicubic,
            };
            Squares::of(&picture, &[input])
        };
        for (size, most, expected) in [
            ((400, 300), 80, (80, 60)),
            ((300, 400), 200, (75, 100)),
            ((1000, 1), 50, (50, 1)),
            ((8, 6), 50, (8, 6)),
        ] {
            let small = red(size.0, size.1).shrunk(most).unwrap();
            assert_eq!((small.width(), small.height()), expected, "{size:?}");
            assert!(small.rgb().chunks(3).all(|pixel| pixel == [200, 10, 20]));
        }
        let small = red(40, 30).shrunk(99).unwrap();
        let read = decode(&jpeg(&small).unwrap(), &Limits::default()).unwrap();
        assert_eq!((read.width(), read.height()), (40, 30));
        let close = |(a, b): (&u8, &u8)| a.abs_diff(*b) < 8;
        assert!(read.rgb().iter().zip(small.rgb()).all(close));
        let squares = Squares::of(&small, &[]);
        assert!(squares.shrunk(9).is_none());
    }
}
