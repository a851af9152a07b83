//! What has to be known of a JPEG beside its pixels; the only file that names `zune_jpeg`.

use zune_jpeg::JpegDecoder;
use zune_jpeg::zune_core::bytestream::ZCursor;
use zune_jpeg::zune_core::colorspace::ColorSpace;
use zune_jpeg::zune_core::options::DecoderOptions;

/// Walks the segments up to the start of the frame, whose marker tells progressive from sequential.
pub(super) fn is_progressive(bytes: &[u8]) -> bool {
    let mut at = 2;
    while let Some(&[0xff, marker, high, low]) = bytes.get(at..).and_then(|rest| rest.first_chunk())
    {
        match marker {
            0xc2 | 0xc6 | 0xca | 0xce => return true,
            0xc0 | 0xc1 | 0xc3 | 0xda => return false,
            // Padding before a marker.
            0xff => at += 1,
            _ => at += 2 + usize::from(u16::from_be_bytes([high, low])),
        }
    }
    // Where the walk loses its way, the dearer kind is assumed.
    true
}

/// Rows from the top that hold a picture, when they are fewer than half. The decoder leaves what it cannot read at a
/// middle grey without a word, which is right for a photograph that lost its last rows and wrong for one that is nothing
/// but grey.
pub(super) fn few_rows(samples: &[u8], height: usize) -> Option<usize> {
    let row = samples.len() / height;
    let rows = samples.rchunks_exact(row);
    let grey = rows
        .take_while(|row| row.iter().all(|sample| *sample == 128))
        .count();
    (grey * 2 > height).then_some(height - grey)
}

/// RGB, decoded again by a decoder that does complain. A picture can be grey, and then it does not.
pub(super) fn strictly(bytes: &[u8]) -> Result<Vec<u8>, String> {
    let options = DecoderOptions::default()
        .set_strict_mode(true)
        .set_max_width(1 << 16)
        .set_max_height(1 << 16)
        .jpeg_set_out_colorspace(ColorSpace::RGB);
    let decoded = JpegDecoder::new_with_options(ZCursor::new(bytes), options).decode();
    decoded.map_err(|error| {
        format!("{error:?}")
            .replace("[strict-mode]: ", "")
            .replace('"', "")
    })
}

/// A copy in which the scans hold no marker that JPEG has no use for: a few overwritten bytes make one, and the decoder
/// stops there, although it would find its way again at the next restart. `None` when there is none.
pub(super) fn mended(bytes: &[u8]) -> Option<Vec<u8>> {
    let reserved = |pair: &[u8]| pair[0] == 0xff && matches!(pair[1], 0x02..=0xbf);
    let scan = bytes.windows(2).position(|pair| pair == [0xff, 0xda])?;
    let first = scan + bytes[scan..].windows(2).position(reserved)?;
    let mut copy = bytes.to_vec();
    for at in first..copy.len() - 1 {
        if reserved(&copy[at..at + 2]) {
            copy[at + 1] = 0;
        }
    }
    Some(copy)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_reserved_markers_of_the_scan_are_mended() {
        let bytes = [
            0xff, 0x9f, 0xff, 0xda, 1, 0xff, 0x9f, 0xff, 0xd0, 0xff, 0x00, 0xff, 0x02,
        ];
        let mended_bytes = [
            0xff, 0x9f, 0xff, 0xda, 1, 0xff, 0x00, 0xff, 0xd0, 0xff, 0x00, 0xff, 0x00,
        ];
        assert_eq!(mended(&bytes).unwrap(), mended_bytes);
        assert_eq!(mended(&mended_bytes), None);
    }

    #[test]
    fn the_frame_marker_tells_progressive() {
        let jpeg = |marker: u8| {
            [
                &[0xff, 0xd8, 0xff, 0xe0, 0, 4, 1, 2, 0xff, 0xff, marker],
                [0, 9].as_slice(),
            ]
            .concat()
        };
        assert!(is_progressive(&jpeg(0xc2)));
        assert!(!is_progressive(&jpeg(0xc0)));
        assert!(is_progressive(b"\xff\xd8\xff"));
    }

    #[test]
    fn a_picture_may_lose_half_of_its_rows_and_no_more() {
        let mut samples = vec![7; 30];
        samples.extend([128; 30]);
        assert_eq!(few_rows(&samples, 10), None);
        samples[24..30].fill(128);
        assert_eq!(few_rows(&samples, 10), Some(4));
        assert_eq!(few_rows(&[128; 12], 4), Some(0));
    }
}
