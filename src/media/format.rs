//! Which format a file's content is in.

use std::fmt;

/// A picture format, told by the first bytes of the content.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Format {
    /// JPEG, and the first picture of an MPO.
    Jpeg,
    /// PNG, and the default picture of an APNG.
    Png,
    /// WebP, lossy or lossless; the first frame of an animation.
    WebP,
    /// GIF; the first frame of an animation.
    Gif,
    /// Windows bitmap.
    Bmp,
    /// TIFF; the first page.
    Tiff,
    /// AVIF; the primary picture.
    Avif,
    /// Windows icon; the largest picture.
    Ico,
    /// PBM, PGM, PPM or PAM.
    Pnm,
    /// Truevision TGA.
    Tga,
    /// QOI.
    Qoi,
    /// HEIC or HEIF with HEVC inside: recognised, not decoded.
    Heic,
    /// JPEG XL: recognised, not decoded.
    JpegXl,
    /// JPEG 2000: recognised, not decoded.
    Jpeg2000,
    /// Photoshop document: recognised, not decoded.
    Psd,
    /// DirectDraw surface: recognised, not decoded.
    Dds,
}

impl Format {
    /// Those that are decoded.
    pub(crate) const ALL: [Self; 11] = [
        Self::Jpeg,
        Self::Png,
        Self::WebP,
        Self::Gif,
        Self::Bmp,
        Self::Tiff,
        Self::Avif,
        Self::Ico,
        Self::Pnm,
        Self::Tga,
        Self::Qoi,
    ];

    /// The format of `bytes`, or `None` when they begin like no picture known here.
    pub fn sniff(bytes: &[u8]) -> Option<Self> {
        let starts = |magic: &[u8]| bytes.starts_with(magic);
        let at =
            |from: usize, magic: &[u8]| bytes.get(from..).is_some_and(|b| b.starts_with(magic));
        Some(match () {
            () if starts(b"\xff\xd8\xff") => Self::Jpeg,
            () if starts(b"\x89PNG\r\n\x1a\n") => Self::Png,
            () if starts(b"RIFF") && at(8, b"WEBP") => Self::WebP,
            () if starts(b"GIF87a") || starts(b"GIF89a") => Self::Gif,
            () if starts(b"II*\0") || starts(b"MM\0*") => Self::Tiff,
            () if starts(b"II+\0") || starts(b"MM\0+") => Self::Tiff,
            () if at(4, b"ftyp") => return iso_media(bytes),
            () if starts(b"qoif") => Self::Qoi,
            () if starts(b"\0\0\x01\0") => Self::Ico,
            () if starts(b"\xff\x0a") || starts(b"\0\0\0\x0cJXL ") => Self::JpegXl,
            () if starts(b"\xff\x4f\xff\x51") || starts(b"\0\0\0\x0cjP  ") => Self::Jpeg2000,
            () if starts(b"8BPS") => Self::Psd,
            () if starts(b"DDS ") => Self::Dds,
            // The short signatures come last: "BM" and "P6" begin ordinary text as well.
            () if starts(b"BM") && at(15, b"\0\0\0") => Self::Bmp,
            () if matches!(bytes, [b'P', b'1'..=b'7', b' ' | b'\t' | b'\n' | b'\r', ..]) => {
                Self::Pnm
            }
            () if is_tga(bytes) => Self::Tga,
            () => return None,
        })
    }

    /// The name people use, as in "JPEG".
    pub fn name(self) -> &'static str {
        match self {
            Self::Jpeg => "JPEG",
            Self::Png => "PNG",
            Self::WebP => "WebP",
            Self::Gif => "GIF",
            Self::Bmp => "BMP",
            Self::Tiff => "TIFF",
            Self::Avif => "AVIF",
            Self::Ico => "ICO",
            Self::Pnm => "PNM",
            Self::Tga => "TGA",
            Self::Qoi => "QOI",
            Self::Heic => "HEIC",
            Self::JpegXl => "JPEG XL",
            Self::Jpeg2000 => "JPEG 2000",
            Self::Psd => "Photoshop",
            Self::Dds => "DDS",
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// AVIF and HEIC share a container; only the brands in its first box tell them apart, and the major brand may be the
/// neutral `mif1`. Videos use the same container, and are no pictures.
fn iso_media(bytes: &[u8]) -> Option<Format> {
    let len = u32::from_be_bytes(*bytes.first_chunk()?) as usize;
    let brands = bytes.get(8..len.min(bytes.len()))?;
    let has = |names: &[&[u8; 4]]| {
        // The four bytes after the major brand are a version number.
        let compatible = brands.chunks_exact(4).enumerate().filter(|(i, _)| *i != 1);
        compatible
            .into_iter()
            .any(|(_, brand)| names.iter().any(|name| brand == name.as_slice()))
    };
    if has(&[b"avif", b"avis"]) {
        return Some(Format::Avif);
    }
    let heic = [
        b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs", b"mif1", b"msf1",
    ];
    has(&heic).then_some(Format::Heic)
}

/// TGA has no signature, only a header whose every field has few sensible values.
fn is_tga(bytes: &[u8]) -> bool {
    let Some(
        &[
            _,
            map,
            kind,
            _,
            _,
            _,
            _,
            map_depth,
            _,
            _,
            _,
            _,
            w0,
            w1,
            h0,
            h1,
            depth,
            descriptor,
        ],
    ) = bytes.first_chunk::<18>()
    else {
        return false;
    };
    let sized = (w0 | w1) != 0 && (h0 | h1) != 0;
    let mapped =
        map == 1 && matches!(kind, 1 | 9) && matches!(map_depth, 15 | 16 | 24 | 32) && depth == 8;
    let direct = map == 0 && matches!(kind, 2 | 10) && matches!(depth, 15 | 16 | 24 | 32);
    let grey = map == 0 && matches!(kind, 3 | 11) && matches!(depth, 8 | 16);
    sized && descriptor & 0xc0 == 0 && (mapped || direct || grey)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_brand_tells_avif_from_heic_and_both_from_video() {
        let ftyp = |major: &[u8], compatible: &[u8]| {
            let len = (16 + compatible.len() as u32).to_be_bytes();
            Format::sniff(
                &[
                    &len,
                    b"ftyp".as_slice(),
                    major,
                    b"\0\0\0\0",
                    compatible,
                    b"rest",
                ]
                .concat(),
            )
        };
        assert_eq!(ftyp(b"avif", b"mif1miaf"), Some(Format::Avif));
        assert_eq!(ftyp(b"mif1", b"avifmiaf"), Some(Format::Avif));
        assert_eq!(ftyp(b"heic", b"mif1"), Some(Format::Heic));
        assert_eq!(ftyp(b"mif1", b"heic"), Some(Format::Heic));
        assert_eq!(ftyp(b"isom", b"mp42"), None);
        assert_eq!(Format::sniff(b"\xff\xff\xff\xffftyp"), None);
    }

    #[test]
    fn text_is_no_picture() {
        for text in [
            "BMW is a car, and not a picture",
            "P6 is a road",
            "",
            "P",
            "GIF",
            "Photographs of 2024",
        ] {
            let sniffed = Format::sniff(text.as_bytes());
            assert!(
                sniffed.is_none() || text.starts_with("P6 "),
                "{text:?} taken for {sniffed:?}"
            );
        }
    }

    #[test]
    fn a_tga_header_is_recognised_and_a_cursor_is_not_taken_for_one() {
        let header = [0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 0, 4, 0, 24, 0];
        assert_eq!(Format::sniff(&header), Some(Format::Tga));
        let cursor = [0, 0, 2, 0, 1, 0, 32, 32, 0, 0, 0, 0, 0x30, 1, 0, 0, 22, 0];
        assert_eq!(Format::sniff(&cursor), None);
    }
}
