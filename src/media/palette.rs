//! TIFF with a colour map, which the decoder refuses although it reads everything around it.
//!
//! A copy of the file that says "grey" instead of "indexed" decodes to the indices, and the colour map does the rest.

/// An indexed TIFF, to be decoded as grey, and what the indices stand for.
pub(super) struct Indexed {
    /// The file with its photometric interpretation changed to grey.
    pub(super) file: Vec<u8>,
    colors: Vec<[u8; 3]>,
}

const BITS_PER_SAMPLE: u16 = 258;
const PHOTOMETRIC: u16 = 262;
const COLOR_MAP: u16 = 320;

impl Indexed {
    /// `None` when `bytes` is no TIFF whose first page is indexed with 1 or 8 bits a pixel.
    pub(super) fn find(bytes: &[u8]) -> Option<Self> {
        let tiff = Tiff {
            bytes,
            little: bytes.starts_with(b"II*\0"),
        };
        if !tiff.little && !bytes.starts_with(b"MM\0*") {
            return None;
        }
        let directory = tiff.long(4)?;
        let entries = usize::from(tiff.short(directory)?);
        let entry = |tag| {
            let mut places = (0..entries).map(|i| directory + 2 + 12 * i);
            places.find(|place| tiff.short(*place) == Some(tag))
        };
        let photometric = entry(PHOTOMETRIC)? + 8;
        let bits = tiff.short(entry(BITS_PER_SAMPLE)? + 8)?;
        if tiff.short(photometric)? != 3 || !matches!(bits, 1 | 8) {
            return None;
        }
        let map = entry(COLOR_MAP)?;
        let count = 1 << bits;
        if tiff.long(map + 4)? != 3 * count {
            return None;
        }
        let values = tiff.long(map + 8)?;
        let value = |i: usize| tiff.short(values + 2 * i);
        let samples: Option<Vec<u16>> = (0..3 * count).map(value).collect();
        let samples = samples?;
        // The map has 16 bits; writers that forgot it leave the high halves empty.
        let shift = if samples.iter().any(|sample| *sample > 255) {
            8
        } else {
            0
        };
        let color =
            |i: usize| [0, 1, 2].map(|channel| (samples[channel * count + i] >> shift) as u8);
        let mut file = bytes.to_vec();
        file[photometric..photometric + 2].copy_from_slice(if tiff.little {
            &[1, 0]
        } else {
            &[0, 1]
        });
        Some(Self {
            file,
            colors: (0..count).map(color).collect(),
        })
    }

    /// RGB from grey samples; those of one bit come widened to black and white.
    pub(super) fn to_rgb(&self, grey: &[u8]) -> Vec<u8> {
        let last = self.colors.len() - 1;
        grey.iter()
            .flat_map(|index| self.colors[usize::from(*index).min(last)])
            .collect()
    }
}

struct Tiff<'a> {
    bytes: &'a [u8],
    little: bool,
}

impl Tiff<'_> {
    fn short(&self, at: usize) -> Option<u16> {
        let bytes = *self.bytes.get(at..)?.first_chunk()?;
        Some(if self.little {
            u16::from_le_bytes(bytes)
        } else {
            u16::from_be_bytes(bytes)
        })
    }

    fn long(&self, at: usize) -> Option<usize> {
        let bytes = *self.bytes.get(at..)?.first_chunk()?;
        Some(if self.little {
            u32::from_le_bytes(bytes)
        } else {
            u32::from_be_bytes(bytes)
        } as usize)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A page of one directory: two colours, and no pixels.
    fn tiff(photometric: u8, entries: u8) -> Vec<u8> {
        let mut bytes = b"MM\0*\0\0\0\x08".to_vec();
        bytes.extend([0, entries]);
        bytes.extend([1, 2, 0, 3, 0, 0, 0, 1, 0, 1, 0, 0]);
        bytes.extend([1, 6, 0, 3, 0, 0, 0, 1, 0, photometric, 0, 0]);
        bytes.extend([1, 64, 0, 3, 0, 0, 0, 6, 0, 0, 0, 50]);
        bytes.extend([0; 4]);
        bytes.extend([10, 0, 20, 0, 30, 0, 40, 0, 50, 0, 60, 0]);
        bytes
    }

    #[test]
    fn indices_become_the_colours_they_stand_for() {
        let indexed = Indexed::find(&tiff(3, 3)).unwrap();
        assert_eq!(indexed.to_rgb(&[0, 255]), [10, 30, 50, 20, 40, 60]);
        assert_eq!(indexed.file, tiff(1, 3));
    }

    #[test]
    fn other_pages_and_broken_ones_are_left_alone() {
        assert!(Indexed::find(&tiff(1, 3)).is_none());
        assert!(Indexed::find(&tiff(3, 2)).is_none());
        for len in 0..tiff(3, 3).len() {
            assert!(Indexed::find(&tiff(3, 3)[..len]).is_none(), "{len}");
        }
    }
}
