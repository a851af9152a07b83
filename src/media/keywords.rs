//! Keywords that people and programs have written into a file.

use std::collections::HashSet;
use std::panic::{AssertUnwindSafe, catch_unwind};

use exif::Exif;

use super::packets::packets;
use super::text::one_line;
use super::{iptc, xmp};

/// More than anybody writes; what a file has beyond is no description of a picture.
const MOST: usize = 200;
/// Characters of one.
const LONGEST: usize = 100;

/// The keywords in `bytes`, each once whatever its case, as the first place writes it: XMP, then IPTC.
pub(super) fn keywords(bytes: &[u8], exif: Option<&Exif>) -> Vec<String> {
    // As with EXIF, a parser that fails costs what it reads and not the picture.
    let found = catch_unwind(AssertUnwindSafe(|| {
        let packets = packets(bytes, exif);
        let xmp = packets.xmp.map(|packet| xmp::keywords(&packet));
        let iptc = packets.iptc.map(|records| iptc::keywords(&records));
        [xmp, iptc].into_iter().flatten().flatten().collect()
    }));
    let found: Result<Vec<String>, _> = found;
    kept(found.unwrap_or_default())
}

/// Words as they are kept, wherever they come from: in one line each, once whatever their case, and not without end.
pub(crate) fn kept(words: impl IntoIterator<Item = String>) -> Vec<String> {
    let mut seen = HashSet::new();
    let words = words.into_iter();
    words
        .filter_map(|word| one_line(&word, LONGEST))
        .filter(|word| seen.insert(word.to_lowercase()))
        .take(MOST)
        .collect()
}

#[cfg(test)]
pub(super) mod tests {
    use proptest::prelude::*;

    use crate::media::facts;

    pub(in crate::media) const XMP: &str = "<x:xmpmeta xmlns:x='adobe:ns:meta/'>\
        <rdf:RDF xmlns:rdf='http://www.w3.org/1999/02/22-rdf-syntax-ns#'>\
        <rdf:Description xmlns:dc='http://purl.org/dc/elements/1.1/'><dc:subject><rdf:Bag>\
        <rdf:li>Beach</rdf:li><rdf:li> Oma\n Grete </rdf:li></rdf:Bag></dc:subject></rdf:Description>\
        </rdf:RDF></x:xmpmeta>";
    const IPTC: &[u8] =
        b"8BIM\x04\x04\0\0\0\0\0\x14\x1c\x02\x19\0\x05beach\x1c\x02\x19\0\x05K\xf6ln ";

    fn segment(marker: u8, parts: &[&[u8]]) -> Vec<u8> {
        let data = parts.concat();
        let len = (data.len() as u16 + 2).to_be_bytes();
        [&[0xff, marker], &len[..], &data].concat()
    }

    fn jpeg() -> Vec<u8> {
        [
            b"\xff\xd8".to_vec(),
            segment(0xe1, &[b"http://ns.adobe.com/xap/1.0/\0", XMP.as_bytes()]),
            segment(0xed, &[b"Photoshop 3.0\0", IPTC]),
            b"\xff\xda".to_vec(),
        ]
        .concat()
    }

    fn png() -> Vec<u8> {
        let chunk = |name: &[u8], data: &[u8]| {
            [&(data.len() as u32).to_be_bytes(), name, data, &[0; 4]].concat()
        };
        let text = [b"XML:com.adobe.xmp\0\0\0en\0\0", XMP.as_bytes()].concat();
        let parts = [chunk(b"IDAT", b"pixels"), chunk(b"iTXt", &text)].concat();
        [b"\x89PNG\r\n\x1a\n", &parts[..]].concat()
    }

    fn webp() -> Vec<u8> {
        let chunk =
            |name: &[u8], data: &[u8]| [name, &(data.len() as u32).to_le_bytes(), data].concat();
        let chunks = [
            b"WEBP",
            &chunk(b"VP8 ", b"xy")[..],
            &chunk(b"XMP ", XMP.as_bytes()),
        ];
        chunk(b"RIFF", &chunks.concat())
    }

    fn tiff() -> Vec<u8> {
        let mut bytes = b"II*\0\x08\0\0\0\x02\0".to_vec();
        let iptc = b"\x1c\x02\x19\0\x07harbour".to_vec();
        let fields = [
            (700_u16, 1_u16, XMP.len(), 38),
            (33_723, 4, iptc.len() / 4, 38 + XMP.len()),
        ];
        for (tag, kind, count, at) in fields {
            bytes.extend(tag.to_le_bytes());
            bytes.extend(kind.to_le_bytes());
            bytes.extend((count as u32).to_le_bytes());
            bytes.extend((at as u32).to_le_bytes());
        }
        bytes.extend([0; 4]);
        bytes.extend(XMP.as_bytes());
        bytes.extend(iptc);
        bytes
    }

    #[test]
    fn every_container_has_them_and_each_is_told_once() {
        assert_eq!(facts(&jpeg()).keywords, ["Beach", "Oma Grete", "Köln"]);
        for file in [png(), webp()] {
            assert_eq!(facts(&file).keywords, ["Beach", "Oma Grete"]);
        }
        assert_eq!(facts(&tiff()).keywords, ["Beach", "Oma Grete", "harbour"]);
    }

    #[test]
    fn endless_ones_are_cut() {
        let many: String = (0..1000).map(|n| format!("<rdf:li>{n}</rdf:li>")).collect();
        let xmp = XMP.replace("<rdf:li>Beach</rdf:li>", &many);
        let xmp = xmp.replace("Oma", &"x".repeat(300));
        let file = segment(0xe1, &[b"http://ns.adobe.com/xap/1.0/\0", xmp.as_bytes()]);
        let file = [b"\xff\xd8", &file[..]].concat();
        assert_eq!(facts(&file).keywords.len(), super::MOST);
        let long = XMP.replace("Oma", &"ß".repeat(300));
        let file = segment(0xe1, &[b"http://ns.adobe.com/xap/1.0/\0", long.as_bytes()]);
        let file = [b"\xff\xd8", &file[..]].concat();
        assert_eq!(facts(&file).keywords[1].chars().count(), super::LONGEST);
    }

    proptest! {
        #[test]
        fn no_damage_makes_it_fall_over(
            which in 0..4_usize,
            damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..12),
            cut in any::<prop::sample::Index>(),
            is_cut in any::<bool>(),
        ) {
            let mut file = [jpeg, png, webp, tiff][which]();
            for (at, byte) in damage {
                let at = at.index(file.len());
                file[at] = byte;
            }
            if is_cut {
                file.truncate(cut.index(file.len()));
            }
            let found = facts(&file).keywords;
            prop_assert!(found.len() <= super::MOST);
            prop_assert!(found.iter().all(|word| !word.is_empty() && word.chars().count() <= super::LONGEST));
        }
    }
}
