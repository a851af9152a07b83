//! A small vocabulary that the tests of this folder share.

use imgsearch_index::TagId;

use crate::vocabulary::{Tag, TagKind, Vocabulary};

pub(crate) fn vocabulary() -> Vocabulary {
    let rows: &[(&str, TagKind, &[&str], &[&str])] = &[
        ("animal", TagKind::Object, &[], &[]),
        ("dog", TagKind::Object, &[], &["animal"]),
        ("turtle", TagKind::Object, &[], &["animal"]),
        ("hot dog", TagKind::Object, &[], &[]),
        ("couch", TagKind::Object, &["sofa"], &[]),
        ("beach", TagKind::Scene, &[], &[]),
        ("red", TagKind::Attribute, &[], &[]),
        ("orange", TagKind::Attribute, &[], &[]),
        ("orange", TagKind::Object, &[], &[]),
        ("run", TagKind::Action, &[], &[]),
        ("skateboarding", TagKind::Action, &[], &[]),
        ("skateboard", TagKind::Object, &[], &[]),
        ("black and white", TagKind::Attribute, &[], &[]),
        ("clock", TagKind::Object, &[], &[]),
    ];
    let own = |words: &[&str]| words.iter().map(|&word| word.to_owned()).collect();
    let tag = |&(name, kind, synonyms, parents): &(&str, TagKind, &[&str], &[&str])| Tag {
        id: TagId(0),
        name: name.to_owned(),
        kind,
        threshold: 0.5,
        synonyms: own(synonyms),
        parents: own(parents),
    };
    Vocabulary::new(rows.iter().map(tag).collect()).unwrap()
}
