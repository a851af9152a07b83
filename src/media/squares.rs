//! A picture as a model takes it: decoded once, squeezed into a square for each of the model's networks.

use std::sync::Arc;

use super::{Format, Limits, MediaError, Picture, Pixels, ResizeFilter, decode, resize};

/// What a network takes of a picture; one image encoder, one input.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Input {
    /// Pixels along one edge of the square; at least 1.
    pub side: u32,
    /// How the picture is resampled to it.
    pub filter: ResizeFilter,
}

/// The squares of one picture, in the order of the inputs that they were made for.
///
/// Cheap to clone: the pixels are shared.
#[derive(Debug, Clone)]
pub struct Squares {
    pixels: Vec<Arc<Pixels>>,
    size: (u32, u32),
    format: Option<Format>,
}

impl Squares {
    /// The squares of a picture that is decoded already.
    ///
    /// # Panics
    /// When the side of an input is 0.
    pub fn of(picture: &Picture, inputs: &[Input]) -> Self {
        let square = |input: &Input| Arc::new(resize(picture, input.side, input.filter));
        Self {
            pixels: inputs.iter().map(square).collect(),
            size: (picture.width(), picture.height()),
            format: picture.format(),
        }
    }

    /// The square for the input at place `input`; `None` when there are not that many.
    pub fn get(&self, input: usize) -> Option<&Pixels> {
        self.pixels.get(input).map(Arc::as_ref)
    }

    /// Only the squares at these places, in this order; places that are not there are left out.
    #[must_use]
    pub fn select(&self, places: &[usize]) -> Self {
        let pixels = places.iter().filter_map(|&place| self.pixels.get(place));
        Self {
            pixels: pixels.cloned().collect(),
            ..*self
        }
    }

    /// Width and height of the picture in pixels, upright.
    pub fn size(&self) -> (u32, u32) {
        self.size
    }

    /// What the file was; `None` for a picture that came from no file.
    pub fn format(&self) -> Option<Format> {
        self.format
    }
}

/// Decodes the picture in `bytes` and makes a square of it for each of `inputs`.
///
/// # Errors
/// As [`decode`].
///
/// # Panics
/// When the side of an input is 0.
pub fn squares(bytes: &[u8], limits: &Limits, inputs: &[Input]) -> Result<Squares, MediaError> {
    Ok(Squares::of(&decode(bytes, limits)?, inputs))
}

#[cfg(test)]
mod tests {
    use super::*;

    const INPUTS: [Input; 2] = [
        Input {
            side: 4,
            filter: ResizeFilter::Bilinear,
        },
        Input {
            side: 6,
            filter: ResizeFilter::Bicubic,
        },
    ];

    #[test]
    fn each_input_gets_its_square() {
        let rgb = (0..9 * 5 * 3).map(|i| (i * 37 % 256) as u8).collect();
        let picture = Picture::from_rgb(9, 5, rgb).unwrap();
        let squares = Squares::of(&picture, &INPUTS);
        assert_eq!(squares.size(), (9, 5));
        let expected = resize(&picture, 4, ResizeFilter::Bilinear);
        assert_eq!(squares.get(0), Some(&expected));
        let second = squares.select(&[1, 7]);
        assert_eq!(second.get(0).map(Pixels::side), Some(6));
        assert!(second.get(1).is_none());
    }

    #[test]
    fn what_is_no_picture_is_refused() {
        let refused = squares(b"Dear diary", &Limits::default(), &INPUTS);
        assert!(matches!(refused, Err(MediaError::Unrecognised)));
    }
}
