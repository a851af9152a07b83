//! Turning a picture upright.

/// How the stored rows and columns lie on the scene, numbered as EXIF does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Orientation {
    /// Mirror left to right, after `swap`.
    mirror: bool,
    /// Turn upside down without mirroring rows, after `swap`.
    flip: bool,
    /// Exchange rows and columns first.
    swap: bool,
}

impl Orientation {
    /// From the EXIF number; whatever is not 2 to 8 means upright, as viewers take it.
    pub(super) fn from_exif(number: u8) -> Self {
        let (swap, mirror, flip) = match number {
            2 => (false, true, false),
            3 => (false, true, true),
            4 => (false, false, true),
            5 => (true, false, false),
            6 => (true, true, false),
            7 => (true, true, true),
            8 => (true, false, true),
            _ => (false, false, false),
        };
        Self { mirror, flip, swap }
    }

    /// From an AVIF's `irot` (quarter turns anticlockwise), then its `imir` (axis 0: top and bottom change places).
    pub(super) fn from_avif(turns: u8, mirror_axis: Option<u8>) -> Self {
        let turned = [1, 8, 3, 6][usize::from(turns & 3)];
        let mut orientation = Self::from_exif(turned);
        match mirror_axis {
            Some(0) => orientation.flip ^= true,
            Some(_) => orientation.mirror ^= true,
            None => {}
        }
        orientation
    }

    /// Whether width and height change places, which takes a second buffer.
    pub(super) fn swaps(self) -> bool {
        self.swap
    }

    /// Turns `rgb`, of `size` stored pixels, upright; returns the upright size as well.
    pub(super) fn apply(
        self,
        mut rgb: Vec<u8>,
        (width, height): (u32, u32),
    ) -> (Vec<u8>, (u32, u32)) {
        if self.swap {
            return (
                self.transpose(&rgb, width as usize, height as usize),
                (height, width),
            );
        }
        let row = width as usize * 3;
        if self.mirror {
            for row in rgb.chunks_exact_mut(row) {
                row.as_chunks_mut::<3>().0.reverse();
            }
        }
        if self.flip {
            let half = height as usize / 2 * row;
            let (top, bottom) = rgb.split_at_mut(half);
            for (above, below) in top.chunks_exact_mut(row).zip(bottom.rchunks_exact_mut(row)) {
                above.swap_with_slice(below);
            }
        }
        (rgb, (width, height))
    }

    fn transpose(self, rgb: &[u8], width: usize, height: usize) -> Vec<u8> {
        // In squares, because walking whole columns of a photograph misses the cache at every pixel.
        const SQUARE: usize = 16;
        let (source, _) = rgb.as_chunks::<3>();
        let mut target = vec![[0; 3]; width * height];
        for left in (0..width).step_by(SQUARE) {
            for top in (0..height).step_by(SQUARE) {
                let bottom = (top + SQUARE).min(height);
                for x in left..(left + SQUARE).min(width) {
                    let row = if self.flip { width - 1 - x } else { x };
                    let columns = if self.mirror {
                        height - bottom..height - top
                    } else {
                        top..bottom
                    };
                    let pixels = &mut target[row * height..][..height][columns];
                    let column = source[top * width + x..].iter().step_by(width);
                    if self.mirror {
                        pixels
                            .iter_mut()
                            .rev()
                            .zip(column)
                            .for_each(|(to, from)| *to = *from);
                    } else {
                        pixels
                            .iter_mut()
                            .zip(column)
                            .for_each(|(to, from)| *to = *from);
                    }
                }
            }
        }
        target.into_flattened()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A picture of 3 x 2 pixels, each a letter.
    fn turn(orientation: Orientation) -> String {
        let rgb: Vec<u8> = b"abcdef".iter().flat_map(|&letter| [letter; 3]).collect();
        let (rgb, (width, _)) = orientation.apply(rgb, (3, 2));
        let letters: Vec<u8> = rgb
            .as_chunks::<3>()
            .0
            .iter()
            .map(|pixel| pixel[0])
            .collect();
        let rows: Vec<&str> = letters
            .chunks(width as usize)
            .map(|row| str::from_utf8(row).unwrap())
            .collect();
        rows.join("/")
    }

    #[test]
    fn the_eight_exif_orientations() {
        let upright: Vec<String> = (0..=9).map(|n| turn(Orientation::from_exif(n))).collect();
        let expected = [
            "abc/def", "abc/def", "cba/fed", "fed/cba", "def/abc", "ad/be/cf", "da/eb/fc",
            "fc/eb/da", "cf/be/ad", "abc/def",
        ];
        assert_eq!(upright, expected);
    }

    #[test]
    fn avif_turns_anticlockwise_and_then_mirrors() {
        assert_eq!(turn(Orientation::from_avif(1, None)), "cf/be/ad");
        assert_eq!(turn(Orientation::from_avif(3, None)), "da/eb/fc");
        assert_eq!(turn(Orientation::from_avif(0, Some(0))), "def/abc");
        assert_eq!(turn(Orientation::from_avif(0, Some(1))), "cba/fed");
        assert_eq!(turn(Orientation::from_avif(1, Some(1))), "fc/eb/da");
    }

    #[test]
    fn squares_meet_at_their_edges() {
        let (width, height) = (70_usize, 33_usize);
        let rgb: Vec<u8> = (0..width * height)
            .flat_map(|i| [(i % 251) as u8, (i / 251) as u8, 9])
            .collect();
        let orientation = Orientation::from_exif(5);
        let (turned, size) = orientation.apply(rgb.clone(), (width as u32, height as u32));
        assert_eq!(size, (33, 70));
        assert_eq!(orientation.apply(turned, size).0, rgb);
    }
}
