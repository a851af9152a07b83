//! What the camera, and programs after it, wrote into the file beside the pixels.

use std::io::Cursor;

use exif::{Exif, In, Reader, Tag, Value};
use jiff::civil;

use super::keywords::keywords;
use super::packets::riff_chunk;
use super::text::one_line;

/// What the camera, and programs after it, wrote into the file.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Facts {
    /// When the picture was taken, by the camera's clock: `2024-05-01T12:30:00`, no time zone.
    pub captured: Option<String>,
    /// Maker and model, the maker not repeated: `Canon EOS 5D`, `Apple iPhone 12`.
    pub camera: Option<String>,
    /// The EXIF orientation, 1 to 8; 1 when there is none.
    pub orientation: u8,
    /// The keywords in XMP (`dc:subject`) and IPTC (2:25), each once whatever its case: of JPEG and TIFF, and those in XMP of PNG and
    /// WebP.
    pub keywords: Vec<String>,
}

/// Reads the facts in `bytes`. Missing or broken metadata leaves its fields empty: it never costs the picture.
pub fn facts(bytes: &[u8]) -> Facts {
    let exif = read(bytes);
    let exif = exif.as_ref();
    Facts {
        captured: exif.and_then(captured),
        camera: exif.and_then(camera),
        orientation: exif.and_then(number).unwrap_or(1),
        keywords: keywords(bytes, exif),
    }
}

/// The orientation in the EXIF data, or else in the XMP packet that `xmp` fetches; 1 when neither says.
pub(super) fn orientation(bytes: &[u8], xmp: impl FnOnce() -> Option<Vec<u8>>) -> u8 {
    let exif = read(bytes).as_ref().and_then(number);
    exif.or_else(|| xmp_orientation(&xmp()?)).unwrap_or(1)
}

/// XMP is XML that writes the number as an attribute or as an element; either way it follows the name.
fn xmp_orientation(xmp: &[u8]) -> Option<u8> {
    const NAME: &[u8] = b"tiff:Orientation";
    let at = xmp.windows(NAME.len()).position(|window| window == NAME)?;
    let value = match xmp.get(at + NAME.len()..)? {
        [b'>', digit, b'<', ..] | [b'=', b'"' | b'\'', digit, b'"' | b'\'', ..] => {
            digit.wrapping_sub(b'0')
        }
        _ => return None,
    };
    (1..=8).contains(&value).then_some(value)
}

fn read(bytes: &[u8]) -> Option<Exif> {
    let parse = || {
        let mut reader = Reader::new();
        reader.continue_on_error(true);
        let exif = match webp_exif(bytes) {
            Some(exif) => reader.read_raw(exif.to_vec()),
            None => reader.read_from_container(&mut Cursor::new(bytes)),
        };
        exif.or_else(|error| error.distill_partial_result(|_| {}))
            .ok()
    };
    // Metadata is as hostile as pixels, and worth less: a panic in its parser is no metadata.
    std::panic::catch_unwind(parse).ok().flatten()
}

/// The EXIF chunk of a WebP without the prefix that belongs into JPEG, which Google's own tools leave there.
fn webp_exif(bytes: &[u8]) -> Option<&[u8]> {
    let exif = riff_chunk(bytes, b"EXIF")?;
    Some(exif.strip_prefix(b"Exif\0\0").unwrap_or(exif))
}

fn number(exif: &Exif) -> Option<u8> {
    let number = exif
        .get_field(Tag::Orientation, In::PRIMARY)?
        .value
        .get_uint(0)?;
    u8::try_from(number)
        .ok()
        .filter(|number| (1..=8).contains(number))
}

fn captured(exif: &Exif) -> Option<String> {
    let tags = [Tag::DateTimeOriginal, Tag::DateTimeDigitized, Tag::DateTime];
    tags.into_iter().find_map(|tag| {
        let Value::Ascii(lines) = &exif.get_field(tag, In::PRIMARY)?.value else {
            return None;
        };
        let date = exif::DateTime::from_ascii(lines.first()?).ok()?;
        let part = |number: u8| i8::try_from(number).ok();
        // Cameras whose clock was never set write year 0, or the epoch of their firmware.
        let year = i16::try_from(date.year).ok().filter(|year| *year >= 1826)?;
        civil::DateTime::new(
            year,
            part(date.month)?,
            part(date.day)?,
            part(date.hour)?,
            part(date.minute)?,
            part(date.second)?,
            0,
        )
        .ok()
        .map(|date| date.to_string())
    })
}

fn camera(exif: &Exif) -> Option<String> {
    let make = text(exif, Tag::Make);
    let model = text(exif, Tag::Model);
    match (make, model) {
        (Some(make), Some(model)) => Some(join(&make, model)),
        (make, model) => model.or(make),
    }
}

/// "NIKON CORPORATION" and "NIKON D70" name the maker twice; the first word is what they share.
fn join(make: &str, model: String) -> String {
    let first = make.split(' ').next().unwrap_or(make);
    let repeated = model
        .get(..first.len())
        .is_some_and(|start| start.eq_ignore_ascii_case(first));
    if repeated {
        model
    } else {
        format!("{make} {model}")
    }
}

/// A field's text in one line.
fn text(exif: &Exif, tag: Tag) -> Option<String> {
    const LONGEST: usize = 64;
    let Value::Ascii(lines) = &exif.get_field(tag, In::PRIMARY)?.value else {
        return None;
    };
    one_line(&String::from_utf8_lossy(lines.first()?), LONGEST)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A TIFF of one directory, which is what EXIF is inside every container.
    fn tiff(fields: &[(Tag, &[u8])]) -> Vec<u8> {
        let mut bytes = b"MM\0*\0\0\0\x08".to_vec();
        bytes.extend((fields.len() as u16).to_be_bytes());
        let mut data = Vec::new();
        let data_at = 8 + 2 + fields.len() * 12 + 4;
        for (tag, value) in fields {
            bytes.extend(tag.number().to_be_bytes());
            if *tag == Tag::Orientation {
                bytes.extend([0, 3, 0, 0, 0, 1, 0, value[0], 0, 0]);
                continue;
            }
            bytes.extend(2_u16.to_be_bytes());
            bytes.extend((value.len() as u32).to_be_bytes());
            bytes.extend(((data_at + data.len()) as u32).to_be_bytes());
            data.extend_from_slice(value);
        }
        bytes.extend([0; 4]);
        bytes.extend(data);
        bytes
    }

    #[test]
    fn date_camera_and_orientation() {
        let bytes = tiff(&[
            (Tag::Make, b"NIKON CORPORATION\0"),
            (Tag::Model, b"NIKON D70  \0"),
            (Tag::Orientation, &[6]),
            (Tag::DateTime, b"2024:05:01 12:30:00\0"),
        ]);
        let facts = facts(&bytes);
        assert_eq!(facts.captured.as_deref(), Some("2024-05-01T12:30:00"));
        assert_eq!(facts.camera.as_deref(), Some("NIKON D70"));
        assert_eq!(facts.orientation, 6);
    }

    #[test]
    fn webp_with_and_without_the_prefix_of_jpeg() {
        for prefix in [b"".as_slice(), b"Exif\0\0"] {
            let exif = [prefix, &tiff(&[(Tag::Orientation, &[8])])].concat();
            let chunk = |name: &[u8], data: &[u8]| {
                [name, &(data.len() as u32).to_le_bytes(), data].concat()
            };
            let chunks = [
                b"WEBP".to_vec(),
                chunk(b"VP8 ", b"x"),
                vec![0],
                chunk(b"EXIF", &exif),
            ]
            .concat();
            assert_eq!(facts(&chunk(b"RIFF", &chunks)).orientation, 8);
        }
    }

    #[test]
    fn xmp_says_it_in_two_ways() {
        assert_eq!(
            xmp_orientation(b"<rdf:Description tiff:Orientation=\"3\" x='y'>"),
            Some(3)
        );
        assert_eq!(
            xmp_orientation(b"<tiff:Orientation>6</tiff:Orientation>"),
            Some(6)
        );
        assert_eq!(
            xmp_orientation(b"<tiff:Orientation>9</tiff:Orientation>"),
            None
        );
        assert_eq!(xmp_orientation(b"tiff:Orientation"), None);
        let upright = tiff(&[(Tag::Orientation, &[1])]);
        assert_eq!(orientation(&upright, || panic!("EXIF has said it")), 1);
        assert_eq!(
            orientation(b"", || Some(b"tiff:Orientation='5'".to_vec())),
            5
        );
    }

    #[test]
    fn the_maker_stands_before_a_model_that_omits_it() {
        assert_eq!(join("Apple", "iPhone 12".to_owned()), "Apple iPhone 12");
        assert_eq!(join("Canon", "Canon EOS 5D".to_owned()), "Canon EOS 5D");
        assert_eq!(join("Pentax", "PENTAX K-1".to_owned()), "PENTAX K-1");
        assert_eq!(join("Ä", "x".to_owned()), "Ä x");
    }

    #[test]
    fn dates_that_never_were_are_none() {
        for date in [
            "0000:00:00 00:00:00",
            "    :  :     :  :  ",
            "2023:02:29 10:00:00",
            "2024:05:01",
            "garbage",
        ] {
            let facts = facts(&tiff(&[
                (Tag::DateTime, date.as_bytes()),
                (Tag::Orientation, &[9]),
            ]));
            assert_eq!(
                facts,
                Facts {
                    captured: None,
                    camera: None,
                    orientation: 1,
                    keywords: Vec::new(),
                },
                "{date}"
            );
        }
    }

    #[test]
    fn broken_metadata_is_no_metadata() {
        let mut bytes = tiff(&[(Tag::Make, b"Canon\0")]);
        bytes.truncate(20);
        assert_eq!(facts(&bytes).camera, None);
        assert_eq!(facts(b"").orientation, 1);
    }
}
