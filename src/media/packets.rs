//! Where in a file what cataloguing programs write stands: XMP packets and IPTC records.

use std::borrow::Cow;

use exif::{Context, Exif, In, Tag, Value};

/// What programs write beside the pixels, as bytes that nobody has read yet.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Packets<'a> {
    /// An XMP packet: XML.
    pub(super) xmp: Option<Cow<'a, [u8]>>,
    /// Records of IPTC-IIM.
    pub(super) iptc: Option<Cow<'a, [u8]>>,
}

/// What is longer than anybody's keywords need is not looked at: all of it would be taken apart in memory.
pub(super) const MOST: usize = 4 << 20;

/// In TIFF these are fields of the first directory, which is that of EXIF too.
const TIFF_XMP: Tag = Tag(Context::Tiff, 700);
const TIFF_IPTC: Tag = Tag(Context::Tiff, 33_723);

/// What stands in `bytes`, whose EXIF data may have been read already.
pub(super) fn packets<'a>(bytes: &'a [u8], exif: Option<&'a Exif>) -> Packets<'a> {
    let Packets { xmp, iptc } = all(bytes, exif);
    let is_bearable = |packet: &Cow<'_, [u8]>| packet.len() <= MOST;
    Packets {
        xmp: xmp.filter(is_bearable),
        iptc: iptc.filter(is_bearable),
    }
}

fn all<'a>(bytes: &'a [u8], exif: Option<&'a Exif>) -> Packets<'a> {
    if bytes.starts_with(b"\xff\xd8") {
        return jpeg(bytes);
    }
    if bytes.starts_with(b"\x89PNG\r\n\x1a\n") {
        return Packets {
            xmp: png_xmp(bytes).map(Cow::Borrowed),
            iptc: None,
        };
    }
    let field = |tag| match &exif?.get_field(tag, In::PRIMARY)?.value {
        Value::Byte(bytes) | Value::Undefined(bytes, _) => Some(Cow::Borrowed(bytes.as_slice())),
        // Some programs call the records long numbers.
        Value::Long(numbers) => {
            let order = |number: &u32| match bytes.starts_with(b"II") {
                true => number.to_le_bytes(),
                false => number.to_be_bytes(),
            };
            Some(Cow::Owned(numbers.iter().flat_map(order).collect()))
        }
        _ => None,
    };
    Packets {
        xmp: riff_chunk(bytes, b"XMP ")
            .map(Cow::Borrowed)
            .or_else(|| field(TIFF_XMP)),
        iptc: field(TIFF_IPTC),
    }
}

/// A chunk of a WebP.
pub(super) fn riff_chunk<'a>(bytes: &'a [u8], wanted: &[u8; 4]) -> Option<&'a [u8]> {
    let mut chunks = bytes
        .strip_prefix(b"RIFF")?
        .get(4..)?
        .strip_prefix(b"WEBP")?;
    loop {
        let (name, rest) = chunks.split_first_chunk::<4>()?;
        let (len, rest) = rest.split_first_chunk()?;
        let len = u32::from_le_bytes(*len) as usize;
        if name == wanted {
            return rest.get(..len);
        }
        chunks = rest.get(len.checked_next_multiple_of(2)?..)?;
    }
}

fn jpeg(bytes: &[u8]) -> Packets<'_> {
    const XMP: &[u8] = b"http://ns.adobe.com/xap/1.0/\0";
    const PHOTOSHOP: &[u8] = b"Photoshop 3.0\0";
    let mut packets = Packets::default();
    // What does not fit into one segment goes on in the next of its kind.
    let mut photoshop = Vec::new();
    let mut rest = bytes.get(2..).unwrap_or_default();
    while let Some((marker, segment, after)) = segment(rest) {
        match marker {
            0xe1 => {
                let xmp = segment.strip_prefix(XMP).map(Cow::Borrowed);
                packets.xmp = packets.xmp.or(xmp);
            }
            0xed => {
                let part = segment.strip_prefix(PHOTOSHOP).unwrap_or_default();
                photoshop.extend_from_slice(part);
            }
            _ => {}
        }
        if photoshop.len() > MOST {
            break;
        }
        rest = after;
    }
    packets.iptc = photoshop_iptc(&photoshop).map(|iptc| Cow::Owned(iptc.to_vec()));
    packets
}

/// The next segment before the pixels: its marker, what is in it, and what follows.
fn segment(bytes: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let fill = bytes.iter().take_while(|byte| **byte == 0xff).count();
    let (&marker, rest) = bytes.get(fill..)?.split_first()?;
    // Where pixels or the end begin nothing of ours follows.
    if fill == 0 || matches!(marker, 0 | 0xd9 | 0xda) {
        return None;
    }
    if matches!(marker, 1 | 0xd0..=0xd7) {
        return Some((marker, &[], rest));
    }
    let (len, _) = rest.split_first_chunk()?;
    let len = usize::from(u16::from_be_bytes(*len));
    Some((marker, rest.get(2..len)?, &rest[len..]))
}

/// The records of IPTC among the resources of Photoshop.
fn photoshop_iptc(mut resources: &[u8]) -> Option<&[u8]> {
    const IPTC: u16 = 0x0404;
    loop {
        let (_, rest) = resources.split_first_chunk::<4>()?;
        let (id, rest) = rest.split_first_chunk()?;
        // A name with its length in front, together an even number of bytes.
        let name = (1 + usize::from(*rest.first()?)).next_multiple_of(2);
        let (len, rest) = rest.get(name..)?.split_first_chunk()?;
        let len = u32::from_be_bytes(*len) as usize;
        if u16::from_be_bytes(*id) == IPTC {
            return rest.get(..len);
        }
        resources = rest.get(len.checked_next_multiple_of(2)?..)?;
    }
}

/// The text chunk of a PNG that is an XMP packet; many programs write it behind the pixels.
fn png_xmp(bytes: &[u8]) -> Option<&[u8]> {
    const SIGNATURE: usize = 8;
    // Its keyword, and that it is not compressed.
    const XMP: &[u8] = b"XML:com.adobe.xmp\0\0\0";
    let mut chunks = bytes.get(SIGNATURE..)?;
    loop {
        let (len, rest) = chunks.split_first_chunk()?;
        let len = u32::from_be_bytes(*len) as usize;
        let (name, rest) = rest.split_first_chunk::<4>()?;
        let (data, rest) = rest.split_at_checked(len)?;
        if name == b"iTXt"
            && let Some(text) = data.strip_prefix(XMP)
        {
            // Language and translated keyword, both ended by a zero.
            let mut parts = text.splitn(3, |byte| *byte == 0);
            return parts.nth(2);
        }
        // A checksum.
        chunks = rest.get(4..)?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn segments_end_where_the_pixels_begin() {
        let mut file = b"\xff\xd8\xff\xe0\0\x04ab\xff\xff\xe1\0\x23".to_vec();
        file.extend(b"http://ns.adobe.com/xap/1.0/\0<x/>");
        assert_eq!(packets(&file, None).xmp.as_deref(), Some(&b"<x/>"[..]));
        let behind = [&b"\xff\xd8\xff\xda\0\x02"[..], &file[2..]].concat();
        assert_eq!(packets(&behind, None), Packets::default());
        for cut in 0..file.len() {
            assert_eq!(
                packets(&file[..cut], None),
                Packets::default(),
                "cut to {cut}"
            );
        }
    }

    #[test]
    fn what_is_endless_is_left_alone() {
        let png = |len: usize| {
            let text = [b"XML:com.adobe.xmp\0\0\0\0\0", &vec![b' '; len][..]].concat();
            let len = (text.len() as u32).to_be_bytes();
            [b"\x89PNG\r\n\x1a\n", &len[..], b"iTXt", &text, &[0; 4]].concat()
        };
        assert!(packets(&png(MOST), None).xmp.is_some());
        assert_eq!(packets(&png(MOST + 1), None), Packets::default());
    }

    #[test]
    fn resources_of_photoshop_may_be_many_and_parted() {
        let resource = |id: u16, name: &[u8], data: &[u8]| {
            let mut bytes = [b"8BIM", &id.to_be_bytes()[..], &[name.len() as u8], name].concat();
            if name.len().is_multiple_of(2) {
                bytes.push(0);
            }
            bytes.extend((data.len() as u32).to_be_bytes());
            bytes.extend(data);
            if !data.len().is_multiple_of(2) {
                bytes.push(0);
            }
            bytes
        };
        let all = [
            resource(0x03ed, b"", b"odd"),
            resource(0x0422, b"name", b""),
            resource(0x0404, b"abc", b"records"),
        ]
        .concat();
        for at in 0..all.len() {
            let mut file = b"\xff\xd8".to_vec();
            for part in [&all[..at], &all[at..]] {
                let part = [b"Photoshop 3.0\0", part].concat();
                file.extend(b"\xff\xed");
                file.extend((part.len() as u16 + 2).to_be_bytes());
                file.extend(part);
            }
            let iptc = packets(&file, None).iptc;
            assert_eq!(iptc.as_deref(), Some(&b"records"[..]), "parted at {at}");
        }
    }
}
