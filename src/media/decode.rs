//! From the bytes of a file to an upright picture.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::{Format, Limits, MediaError, Picture, avif, raster};

/// Decodes the picture in `bytes`: the first frame or page of several, upright, alpha dropped, as RGB of 8 bits.
pub fn decode(bytes: &[u8], limits: &Limits) -> Result<Picture, MediaError> {
    if bytes.is_empty() {
        return Err(MediaError::Empty);
    }
    let format = Format::sniff(bytes).ok_or(MediaError::Unrecognised)?;
    // The decoders are other people's and the files are anybody's: whatever one does to the other stays here.
    let outcome = catch_unwind(AssertUnwindSafe(|| match format {
        Format::Avif => avif::decode(bytes, limits),
        Format::Heic => Err(heic()),
        Format::JpegXl | Format::Jpeg2000 | Format::Psd | Format::Dds => Err(
            MediaError::unsupported(format, "this format is not decoded here"),
        ),
        _ => raster::decode(format, bytes, limits),
    }));
    outcome.unwrap_or_else(|panic| {
        Err(MediaError::DecoderFailed {
            format,
            reason: message(&*panic),
        })
    })
}

/// Pixels that the header of the picture in `bytes` names, before anything is decoded; `None` where it names none that
/// can be read.
pub fn pixels(bytes: &[u8]) -> Option<u64> {
    let format = Format::sniff(bytes)?;
    let size = catch_unwind(AssertUnwindSafe(|| match format {
        Format::Avif => avif::size(bytes),
        Format::Heic | Format::JpegXl | Format::Jpeg2000 | Format::Psd | Format::Dds => None,
        _ => raster::size(format, bytes),
    }));
    let (width, height) = size.ok().flatten()?;
    Some(u64::from(width).saturating_mul(height.into()))
}

fn heic() -> MediaError {
    MediaError::Unsupported {
        format: Format::Heic,
        reason: "its HEVC compression, which is under patents, is not built in".to_owned(),
        advice: "convert it to JPEG (phones: camera settings, \"most compatible\") to have it indexed",
    }
}

fn message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    text.unwrap_or("it stopped without a message").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(bytes: &[u8]) -> MediaError {
        decode(bytes, &Limits::default()).unwrap_err()
    }

    #[test]
    fn no_picture_is_no_picture() {
        assert!(matches!(refusal(b""), MediaError::Empty));
        assert!(matches!(refusal(b"Dear diary"), MediaError::Unrecognised));
    }

    #[test]
    fn a_header_that_is_not_there_names_no_pixels() {
        for bytes in [
            &b""[..],
            b"Dear diary",
            b"\x89PNG\r\n\x1a\n",
            b"\xff\xd8\xff",
        ] {
            assert_eq!(pixels(bytes), None, "{bytes:?}");
        }
    }

    #[test]
    fn heic_is_named_with_what_to_do() {
        let text = refusal(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic\0\0\0\x08free").to_string();
        assert!(
            text.starts_with("HEIC: ") && text.contains("convert it to JPEG"),
            "{text}"
        );
    }

    #[test]
    fn a_header_that_promises_more_than_memory_is_refused_by_it() {
        // 60,000 x 60,000 in a file of 54 bytes.
        let mut bmp = b"BM\x36\0\0\0\0\0\0\0\x36\0\0\0\x28\0\0\0".to_vec();
        bmp.extend([0x60, 0xea, 0, 0, 0x60, 0xea, 0, 0, 1, 0, 24, 0]);
        bmp.resize(54, 0);
        assert!(matches!(
            refusal(&bmp),
            MediaError::TooManyPixels {
                width: 60_000,
                height: 60_000,
                ..
            }
        ));
        assert_eq!(pixels(&bmp), Some(3_600_000_000));
        let patient = Limits {
            max_pixels: u64::MAX,
            ..Limits::default()
        };
        assert!(matches!(
            decode(&bmp, &patient),
            Err(MediaError::TooLarge { .. })
        ));
    }

    #[test]
    fn a_panic_is_told_in_its_own_words() {
        assert_eq!(message(&"index out of bounds"), "index out of bounds");
        assert_eq!(message(&String::from("no 7")), "no 7");
        assert_eq!(message(&7_u8), "it stopped without a message");
    }
}
