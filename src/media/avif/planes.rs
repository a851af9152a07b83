//! Planes of brightness and colour to RGB.

use super::av1::Frame;
use super::container::Color;
use crate::media::{Format, MediaError};

/// RGB of 8 bits from `frame`; `color` from the container wins over what the stream says of itself.
pub(super) fn to_rgb(frame: &Frame, color: Option<Color>) -> Result<Vec<u8>, MediaError> {
    // 2 means "unspecified", in either place.
    let color = color
        .filter(|color| color.matrix != 2)
        .unwrap_or_else(|| frame.color());
    let (width, height) = (frame.size().0 as usize, frame.size().1 as usize);
    let (layout, depth) = (frame.layout(), frame.depth());
    let convert = Convert::new(color, depth)?;
    let mut rgb = Vec::with_capacity(width * height * 3);

    let (luma, luma_row) = frame.plane(0);
    if layout.monochrome {
        for y in 0..height {
            let luma = Row::new(luma.as_ref(), luma_row, y, depth);
            rgb.extend((0..width).flat_map(|x| [convert.grey(luma.at(x)); 3]));
        }
        return Ok(rgb);
    }
    let ((blue, blue_row), (red, red_row)) = (frame.plane(1), frame.plane(2));
    for y in 0..height {
        let half_y = y >> usize::from(layout.half_height);
        let luma = Row::new(luma.as_ref(), luma_row, y, depth);
        let blue = Row::new(blue.as_ref(), blue_row, half_y, depth);
        let red = Row::new(red.as_ref(), red_row, half_y, depth);
        rgb.extend((0..width).flat_map(|x| {
            let half_x = x >> usize::from(layout.half_width);
            convert.pixel(luma.at(x), blue.at(half_x), red.at(half_x))
        }));
    }
    Ok(rgb)
}

/// One row of samples, of one byte or two.
struct Row<'a> {
    bytes: &'a [u8],
    deep: bool,
}

impl<'a> Row<'a> {
    fn new(plane: &'a [u8], stride: usize, y: usize, depth: u32) -> Self {
        Self {
            bytes: &plane[y * stride..][..stride],
            deep: depth > 8,
        }
    }

    fn at(&self, x: usize) -> f32 {
        if self.deep {
            f32::from(u16::from_ne_bytes([
                self.bytes[2 * x],
                self.bytes[2 * x + 1],
            ]))
        } else {
            f32::from(self.bytes[x])
        }
    }
}

/// The arithmetic of ITU-T H.273 from samples to RGB.
struct Convert {
    /// Black, and what takes samples to 0..255.
    black: f32,
    luma_scale: f32,
    /// The sample that means no colour, and what takes the rest to -127.5..127.5.
    neutral: f32,
    chroma_scale: f32,
    kind: Kind,
}

enum Kind {
    /// Green, blue and red are stored as they are.
    Identity,
    CoGreen,
    /// Shares of red and blue in brightness.
    Weights {
        red: f32,
        blue: f32,
    },
}

impl Convert {
    fn new(color: Color, depth: u32) -> Result<Self, MediaError> {
        let kind = match color.matrix {
            0 => Kind::Identity,
            1 => Kind::Weights {
                red: 0.2126,
                blue: 0.0722,
            },
            // Unspecified is taken as browsers take it.
            2 | 5 | 6 => Kind::Weights {
                red: 0.299,
                blue: 0.114,
            },
            4 => Kind::Weights {
                red: 0.30,
                blue: 0.11,
            },
            7 => Kind::Weights {
                red: 0.212,
                blue: 0.087,
            },
            8 => Kind::CoGreen,
            9 | 10 => Kind::Weights {
                red: 0.2627,
                blue: 0.0593,
            },
            other => {
                let reason =
                    format!("its colours are coded in a way not converted here (matrix {other})");
                return Err(MediaError::unsupported(Format::Avif, reason));
            }
        };
        let step = f32::from(1_u16 << (depth - 8));
        let top = step * 256.0 - 1.0;
        let (black, luma, chroma) = if color.full_range {
            (0.0, top, top)
        } else {
            (16.0 * step, 219.0 * step, 224.0 * step)
        };
        Ok(Self {
            black,
            luma_scale: 255.0 / luma,
            neutral: 128.0 * step,
            chroma_scale: 255.0 / chroma,
            kind,
        })
    }

    fn grey(&self, luma: f32) -> u8 {
        round((luma - self.black) * self.luma_scale)
    }

    fn pixel(&self, luma: f32, blue: f32, red: f32) -> [u8; 3] {
        let y = (luma - self.black) * self.luma_scale;
        let cb = (blue - self.neutral) * self.chroma_scale;
        let cr = (red - self.neutral) * self.chroma_scale;
        let rgb = match self.kind {
            Kind::Identity => {
                let plain = |sample: f32| (sample - self.black) * self.luma_scale;
                [plain(red), y, plain(blue)]
            }
            Kind::CoGreen => [y - cb + cr, y + cb, y - cb - cr],
            Kind::Weights { red, blue } => {
                let r = y + 2.0 * (1.0 - red) * cr;
                let b = y + 2.0 * (1.0 - blue) * cb;
                [r, (y - red * r - blue * b) / (1.0 - red - blue), b]
            }
        };
        rgb.map(round)
    }
}

fn round(value: f32) -> u8 {
    // The cast clips at both ends.
    (value + 0.5) as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    fn convert(matrix: u16, full_range: bool, depth: u32) -> Convert {
        Convert::new(Color { matrix, full_range }, depth).unwrap()
    }

    #[test]
    fn black_and_white_in_both_ranges_and_every_depth() {
        for depth in [8, 10, 12] {
            let at = |value: u16| f32::from(value << (depth - 8));
            let narrow = convert(1, false, depth);
            assert_eq!(narrow.pixel(at(16), at(128), at(128)), [0; 3]);
            assert_eq!(narrow.pixel(at(235), at(128), at(128)), [255; 3]);
            let full = convert(6, true, depth);
            assert_eq!(full.grey(f32::from((256_u16 << (depth - 8)) - 1)), 255);
            assert_eq!(full.pixel(0.0, at(128), at(128)), [0; 3]);
        }
    }

    #[test]
    fn primary_colours_of_bt601() {
        let full = convert(6, true, 8);
        assert_eq!(full.pixel(76.0, 85.0, 255.0), [254, 0, 0]);
        assert_eq!(full.pixel(29.0, 255.0, 107.0), [0, 0, 254]);
    }

    #[test]
    fn stored_rgb_is_only_reordered() {
        assert_eq!(convert(0, true, 8).pixel(2.0, 3.0, 1.0), [1, 2, 3]);
        assert!(
            Convert::new(
                Color {
                    matrix: 14,
                    full_range: true
                },
                8
            )
            .is_err()
        );
    }
}
