//! Keywords in XMP, which is RDF in XML. The only file that names roxmltree.

use roxmltree::{Document, Node, ParsingOptions};

/// The namespace of Dublin Core, whose `subject` keywords are.
const DUBLIN_CORE: &str = "http://purl.org/dc/elements/1.1/";
const RDF: &str = "http://www.w3.org/1999/02/22-rdf-syntax-ns#";

/// More elements and texts no packet needs, and each takes some memory.
const MOST_NODES: u32 = 100_000;
/// The parser takes time with the cube of the namespaces where they nest: 2,000 of them, which fit into a JPEG, take seconds. Programs
/// write some tens.
const MOST_NAMESPACES: usize = 256;
/// With the square of the attributes of an element; Lightroom writes some hundreds.
const MOST_ATTRIBUTES: usize = 1000;
/// And with that of comments and quoted sections within a text; programs write none.
const MOST_ASIDES: usize = 256;

/// The keywords in a packet, in their order; none where it is no XML.
pub(super) fn keywords(packet: &[u8]) -> Vec<String> {
    let text = std::str::from_utf8(packet).unwrap_or_default();
    // Some programs count a zero at the end in.
    let text = text.trim_matches(['\0', '\u{feff}']);
    if !is_bearable(text) {
        return Vec::new();
    }
    // Entities of one's own are refused, so that nothing grows.
    let options = ParsingOptions {
        nodes_limit: MOST_NODES,
        ..ParsingOptions::default()
    };
    let Ok(document) = Document::parse_with_options(text, options) else {
        return Vec::new();
    };
    // The subject, the list in it, and its items: looked at from the items, so that lists within lists are not read over and over.
    let is_keyword = |item: &Node<'_, '_>| {
        let subject = item.parent().and_then(|list| list.parent());
        item.has_tag_name((RDF, "li"))
            && subject.is_some_and(|subject| subject.has_tag_name((DUBLIN_CORE, "subject")))
    };
    let items = document.descendants().filter(is_keyword);
    items
        .filter_map(|item| item.text().map(str::to_owned))
        .collect()
}

/// Whether the parser is done with it in a moment.
fn is_bearable(text: &str) -> bool {
    let mut tags = text.split('<');
    text.matches("xmlns").count() <= MOST_NAMESPACES
        && text.matches("<!").count() <= MOST_ASIDES
        && tags.all(|tag| tag.matches('=').count() <= MOST_ATTRIBUTES)
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

    // Each of these would keep the parser busy for minutes.
    #[test]
    fn what_is_made_to_take_long_is_not_parsed() {
        let nested = |count: usize, tag: &dyn Fn(usize) -> String| {
            let open: String = (0..count).map(tag).collect();
            let items = "<rdf:li>beach</rdf:li>".repeat(20_000);
            packet(&format!("{open}{items}{}", "</a:subject>".repeat(count)))
        };
        let namespaces = nested(20_000, &|at| format!("<a:subject xmlns:n{at}='u{at}'>"));
        let attributes: String = (0..200_000).map(|at| format!(" n{at}=''")).collect();
        let asides = "x<![CDATA[y]]>".repeat(200_000);
        for packet in [
            namespaces,
            packet(&format!("<a{attributes}/>")),
            packet(&asides),
        ] {
            assert!(keywords(packet.as_bytes()).is_empty());
        }
        // 20,000 lists in each other, with as many items: each item is told once, and only of the innermost list.
        let lists = nested(20_000, &|_| "<a:subject>".to_owned());
        assert_eq!(keywords(lists.as_bytes()).len(), 20_000);
    }
}
