//! Keywords in XMP, which is RDF in XML. The only file that names roxmltree.

use roxmltree::{Document, ParsingOptions};

/// The namespace of Dublin Core, whose `subject` keywords are.
const DUBLIN_CORE: &str = "http://purl.org/dc/elements/1.1/";
const RDF: &str = "http://www.w3.org/1999/02/22-rdf-syntax-ns#";

/// More elements and texts no packet needs, and each takes some memory.
const MOST_NODES: u32 = 100_000;

/// The keywords in a packet, in their order; none where it is no XML.
pub(super) fn keywords(packet: &[u8]) -> Vec<String> {
    let text = std::str::from_utf8(packet).unwrap_or_default();
    // Some programs count a zero at the end in.
    let text = text.trim_matches(['\0', '\u{feff}']);
    // Entities of one's own are refused, so that nothing grows.
    let options = ParsingOptions {
        nodes_limit: MOST_NODES,
        ..ParsingOptions::default()
    };
    let Ok(document) = Document::parse_with_options(text, options) else {
        return Vec::new();
    };
    let subjects = document
        .descendants()
        .filter(|node| node.has_tag_name((DUBLIN_CORE, "subject")));
    let items = subjects.flat_map(|subject| {
        let items = subject.descendants();
        items.filter(|node| node.has_tag_name((RDF, "li")))
    });
    items
        .filter_map(|item| item.text().map(str::to_owned))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packet(inside: &str) -> String {
        format!(
            "<?xpacket begin='\u{feff}' id='W5M0MpCehiHzreSzNTczkc9d'?>\
             <x:xmpmeta xmlns:x='adobe:ns:meta/'><rdf:RDF xmlns:rdf='{RDF}'>\
             <rdf:Description rdf:about='' xmlns:a='{DUBLIN_CORE}'>{inside}</rdf:Description>\
             </rdf:RDF></x:xmpmeta>   <?xpacket end='w'?>"
        )
    }

    #[test]
    fn subjects_are_keywords_whatever_their_prefix() {
        let list = "<a:title><rdf:Alt><rdf:li>no</rdf:li></rdf:Alt></a:title>\
                    <a:subject><rdf:Bag><rdf:li>beach</rdf:li><rdf:li/><rdf:li>Rock &amp; Roll</rdf:li></rdf:Bag></a:subject>";
        let found = keywords(packet(list).as_bytes());
        assert_eq!(found, ["beach", "Rock & Roll"]);
        assert_eq!(keywords(format!("{}\0", packet(list)).as_bytes()), found);
    }

    #[test]
    fn what_is_no_xml_or_would_grow_says_nothing() {
        let bomb = "<!DOCTYPE x [<!ENTITY a 'aaaaaaaa'><!ENTITY b '&a;&a;&a;'>]><x>&b;</x>";
        for text in ["", "dear diary", "<a><b></a>", bomb, "\u{feff}"] {
            assert!(keywords(text.as_bytes()).is_empty(), "{text}");
        }
        assert!(keywords(b"\xff\xfe<\0x\0").is_empty());
        let deep = "<a>".repeat(200_000);
        assert!(keywords(deep.as_bytes()).is_empty());
    }
}
