//! A decoded picture.

use super::Format;

/// A decoded picture: upright, RGB, 8 bits a channel.
#[derive(Clone, PartialEq, Eq)]
pub struct Picture {
    width: u32,
    height: u32,
    rgb: Vec<u8>,
    stored: (u32, u32),
    format: Option<Format>,
}

impl Picture {
    /// A picture from pixels that are in memory already: rows from the top, three bytes a pixel. `None` when `rgb` is
    /// not `width * height * 3` bytes, or there is no pixel.
    pub fn from_rgb(width: u32, height: u32, rgb: Vec<u8>) -> Option<Self> {
        let bytes = u128::from(width) * u128::from(height) * 3;
        let valid = bytes > 0 && bytes == rgb.len() as u128;
        valid.then_some(Self {
            width,
            height,
            rgb,
            stored: (width, height),
            format: None,
        })
    }

    /// As it was in the file: `stored` before, `width` and `height` after it was turned upright.
    pub(super) fn decoded(
        format: Format,
        stored: (u32, u32),
        upright: (u32, u32),
        rgb: Vec<u8>,
    ) -> Self {
        let (width, height) = upright;
        debug_assert_eq!(rgb.len(), width as usize * height as usize * 3);
        Self {
            width,
            height,
            rgb,
            stored,
            format: Some(format),
        }
    }

    /// Width in pixels, upright.
    pub fn width(&self) -> u32 {
        self.width
    }

    /// Height in pixels, upright.
    pub fn height(&self) -> u32 {
        self.height
    }

    /// The pixels: rows from the top, three bytes a pixel, no padding.
    pub fn rgb(&self) -> &[u8] {
        &self.rgb
    }

    /// Width and height as stored in the file, before it was turned upright.
    pub fn stored_size(&self) -> (u32, u32) {
        self.stored
    }

    /// What the file was; `None` for a picture made with [`Picture::from_rgb`].
    pub fn format(&self) -> Option<Format> {
        self.format
    }
}

impl std::fmt::Debug for Picture {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The pixels of a photograph would bury everything else.
        f.debug_struct("Picture")
            .field("width", &self.width)
            .field("height", &self.height)
            .field("stored", &self.stored)
            .field("format", &self.format)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pixels_must_fill_the_size() {
        assert!(Picture::from_rgb(2, 1, vec![0; 6]).is_some());
        assert!(Picture::from_rgb(2, 1, vec![0; 5]).is_none());
        assert!(Picture::from_rgb(0, 7, vec![]).is_none());
        assert!(Picture::from_rgb(u32::MAX, u32::MAX, vec![0; 3]).is_none());
    }
}
