//! How pictures get on a terminal. The only file that names `ratatui-image`.

use std::fmt;
use std::time::Duration;

use image::{DynamicImage, RgbImage, imageops};
use imgsearch::media::Picture;
use ratatui::buffer::Buffer;
use ratatui::layout::{Rect, Size};
use ratatui::widgets::Widget;
use ratatui_image::picker::cap_parser::QueryStdioOptions;
use ratatui_image::picker::{Picker, ProtocolType};
use ratatui_image::protocol::Protocol;
use ratatui_image::{Image, Resize};

/// The longest that a terminal may take to say what it can. All that we know of answer the last question at once, so this is only
/// waited for where something between us and the terminal swallows it.
const PATIENCE: Duration = Duration::from_millis(1000);

/// What pictures are made of; `--graphics` takes these names, and its help these sentences.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Graphics {
    /// The best that the terminal says it can
    #[default]
    Auto,
    /// Kitty's protocol
    Kitty,
    /// iTerm2's protocol
    Iterm2,
    /// Sixels
    Sixel,
    /// Coloured half blocks, which every terminal shows
    Halfblocks,
    /// Nothing: text alone
    None,
}

/// Turns pixels into what the terminal shows.
#[derive(Clone, Debug)]
pub(crate) struct Brush {
    picker: Picker,
}

/// A picture as the terminal takes it, at one size.
#[derive(Clone)]
pub(super) struct Drawing {
    protocol: Protocol,
    bytes: usize,
}

impl Brush {
    /// The brush for a terminal, which is asked what it can where that matters; `None` where no pictures are wanted. In raw mode,
    /// before anybody else reads keys: the answers come in between them.
    pub(crate) fn find(graphics: Graphics, colour: bool) -> Option<Self> {
        let wanted = match graphics {
            Graphics::None => return None,
            Graphics::Halfblocks => return Some(Self::halfblocks()),
            Graphics::Auto => None,
            Graphics::Kitty => Some(ProtocolType::Kitty),
            Graphics::Iterm2 => Some(ProtocolType::Iterm2),
            Graphics::Sixel => Some(ProtocolType::Sixel),
        };
        let options = QueryStdioOptions {
            timeout_ms: PATIENCE.as_millis() as i32,
            // Standard output may be a pipe, and what is asked must not get into it.
            #[cfg(unix)]
            stdio: QueryStdioOptions::stdio_dev_tty().ok(),
            ..QueryStdioOptions::default()
        };
        let picker = Picker::from_query_stdio_with_options(options);
        let mut picker = picker.unwrap_or_else(|_| Picker::halfblocks());
        if let Some(wanted) = wanted {
            picker.set_protocol_type(wanted);
        }
        // Half blocks are nothing but colours.
        let shows = colour || picker.protocol_type() != ProtocolType::Halfblocks;
        shows.then_some(Self { picker })
    }

    /// The brush that works everywhere.
    pub(super) fn halfblocks() -> Self {
        Self {
            picker: Picker::halfblocks(),
        }
    }

    /// Whether it draws pixels, as terminals do that know more than text.
    pub(super) fn is_sharp(&self) -> bool {
        self.picker.protocol_type() != ProtocolType::Halfblocks
    }

    /// The longer side of a picture that fills so many cells, in pixels.
    pub(super) fn pixels(&self, cells: Size) -> u32 {
        let (width, height) = self.resolution();
        let width = u32::from(cells.width) * width;
        width.max(u32::from(cells.height) * height)
    }

    /// Draws a picture as large as fits, in its own shape.
    pub(super) fn draw(&self, picture: &Picture, cells: Size) -> Result<Drawing, String> {
        let font = self.picker.font_size();
        let (wide, high) = (u32::from(font.width), u32::from(font.height));
        let size = fitting(
            (picture.width(), picture.height()),
            cells,
            (wide.max(1), high.max(1)),
        );
        let pixels = picture.rgb().to_vec();
        let image = RgbImage::from_raw(picture.width(), picture.height(), pixels)
            .ok_or("the picture has no pixels")?;
        let (width, height) = (u32::from(size.width) * wide, u32::from(size.height) * high);
        // Whole cells: the rest of a cell would be filled with black.
        let image = imageops::resize(&image, width, height, imageops::FilterType::Triangle);
        let image = DynamicImage::ImageRgb8(image);
        let protocol = self
            .picker
            .new_protocol(image, size, Resize::Fit(None))
            .map_err(|error| format!("the terminal cannot be told: {error}"))?;
        let (width, height) = self.resolution();
        let pixels = usize::from(size.width) * usize::from(size.height) * (width * height) as usize;
        // Four bytes a pixel, as base64.
        Ok(Drawing {
            protocol,
            bytes: pixels * 6,
        })
    }

    /// Pixels of a cell that can be told apart.
    fn resolution(&self) -> (u32, u32) {
        match self.picker.protocol_type() {
            ProtocolType::Halfblocks => (1, 2),
            _ => {
                let font = self.picker.font_size();
                (font.width.into(), font.height.into())
            }
        }
    }
}

/// The cells that a picture of this size takes of those there are.
fn fitting(picture: (u32, u32), cells: Size, font: (u32, u32)) -> Size {
    let room = (
        f64::from(cells.width) * f64::from(font.0),
        f64::from(cells.height) * f64::from(font.1),
    );
    let (width, height) = (f64::from(picture.0.max(1)), f64::from(picture.1.max(1)));
    let scale = (room.0 / width).min(room.1 / height);
    let along = |length: f64, cell: u32, most: u16| {
        let exact = (length * scale / f64::from(cell)).round() as u16;
        exact.clamp(1, most.max(1))
    };
    Size {
        width: along(width, font.0, cells.width),
        height: along(height, font.1, cells.height),
    }
}

impl Drawing {
    /// The cells it takes.
    pub(super) fn size(&self) -> Size {
        self.protocol.size()
    }

    /// About how much memory it takes.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Draws it in the middle of an area that it fits.
    pub(super) fn render(&self, area: Rect, buffer: &mut Buffer) {
        let Size { width, height } = self.size();
        let middle = Rect {
            x: area.x + area.width.saturating_sub(width) / 2,
            y: area.y + area.height.saturating_sub(height) / 2,
            width: width.min(area.width),
            height: height.min(area.height),
        };
        Image::new(&self.protocol).render(middle, buffer);
    }
}

impl fmt::Debug for Drawing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Drawing")
            .field("size", &self.size())
            .field("bytes", &self.bytes)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_keep_their_shape_and_fit() {
        let fit = |picture, width, height| {
            let size = fitting(picture, Size { width, height }, (10, 20));
            (size.width, size.height)
        };
        assert_eq!(fit((400, 300), 20, 20), (20, 8));
        assert_eq!(fit((300, 400), 20, 8), (12, 8));
        assert_eq!(fit((10_000, 1), 20, 8), (20, 1));
        assert_eq!(fit((1, 10_000), 20, 8), (1, 8));
    }

    #[test]
    fn a_drawing_is_in_the_middle_and_within_its_area() {
        let picture = Picture::from_rgb(40, 40, [250, 0, 0].repeat(1600)).unwrap();
        let drawing = Brush::halfblocks()
            .draw(&picture, Size::new(10, 3))
            .unwrap();
        assert_eq!(drawing.size(), Size::new(6, 3));
        let mut buffer = Buffer::empty(Rect::new(0, 0, 12, 5));
        drawing.render(Rect::new(1, 1, 10, 3), &mut buffer);
        let red = |x, y| buffer[(x, y)].bg == ratatui::style::Color::Rgb(250, 0, 0);
        for y in 0..5 {
            let row: Vec<_> = (0..12).filter(|x| red(*x, y)).collect();
            let expected: &[u16] = if (1..4).contains(&y) {
                &[3, 4, 5, 6, 7, 8]
            } else {
                &[]
            };
            assert_eq!(row, expected, "{y}");
        }
    }
}
