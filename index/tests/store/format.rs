//! A folder that an earlier version of the format left: what is written today must still be read later.
//!
//! `IMGSEARCH_FIXTURE=FOLDER cargo test -p imgsearch-index -- --ignored a_folder_to_be_kept` makes one with the version of today.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use imgsearch_index::{Correction, Keyword, Reader, TagId, Writer, examine};

use crate::crash::copy;
use crate::{assert_has, assert_has_but_tokens, file, folder, id, image, open, read, schema};

/// Where a fixture is to be made.
const FIXTURE: &str = "IMGSEARCH_FIXTURE";

fn kept() -> BTreeSet<u64> {
    (0..20).filter(|seed| ![3, 12].contains(seed)).collect()
}

#[test]
fn a_folder_of_format_1_is_read_and_continued() {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
    // The first version kept no image tokens.
    continued(&fixtures.join("format-1"), assert_has_but_tokens);
    continued(&fixtures.join("format-1-tokens"), assert_has);
}

#[test]
fn a_folder_of_format_2_is_read_and_continued() {
    let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/format-2");
    continued(&fixture, assert_has);
    let dir = folder();
    copy(&fixture, dir.path());
    let reader = read(dir.path());
    let doc = |seed| reader.find(&id(seed)).expect("it is there");
    let record = |seed| reader.record(doc(seed)).expect("a record");
    assert_eq!(record(7).facts.keywords, keywords());
    assert_eq!(record(8).corrections, corrections());
    let scores = |seed| reader.tag_scores(doc(seed)).expect("scores");
    assert_eq!(scores(7).get(TagId(3)), 1.0);
    assert_eq!(
        (scores(8).get(TagId(0)), scores(8).get(TagId(3))),
        (1.0, 0.0)
    );
    let model = reader.model_scores(doc(8)).expect("scores");
    for (kept, score) in model.iter().zip(image(8).tag_scores) {
        assert!((kept - score).abs() <= 1.0 / 255.0);
    }
    drop(open(dir.path()));
    let writer = open(dir.path());
    assert_eq!(writer.corrections(&id(8)).expect("known"), corrections());
}

fn keywords() -> Vec<Keyword> {
    let keyword = |text: &str, tags| Keyword {
        text: text.into(),
        tags,
    };
    vec![
        keyword("Oma Grete", vec![]),
        keyword("harbour", vec![TagId(3)]),
    ]
}

fn corrections() -> Vec<Correction> {
    let said = |name: &str, applies, tag| Correction {
        name: name.into(),
        applies,
        tags: vec![TagId(tag)],
    };
    vec![said("beach", true, 0), said("harbour", false, 3)]
}

fn continued(fixture: &Path, assert_has: fn(&Reader, BTreeSet<u64>)) {
    let dir = folder();
    copy(fixture, dir.path());
    let reader = read(dir.path());
    assert_has(&reader, kept());
    let copied = reader.find_path("copy.jpg".as_ref());
    assert_eq!(copied, reader.find(&id(7)));
    let found = examine(dir.path()).expect("it is examined");
    assert!(found.is_sound(), "{found:?}");

    let mut writer = open(dir.path());
    writer.put(vec![image(99)]).expect("it is stored");
    writer.commit().expect("it is published");
    let reader = read(dir.path());
    assert_has(&reader, kept().into_iter().chain([99]).collect());
    let doc = reader.find(&id(99)).expect("it is there");
    let packed = reader.tokens(doc).expect("they are read");
    assert_eq!(packed, Some(image(99).tokens.as_slice()));
}

/// Not a test by itself.
#[test]
#[ignore = "makes a fixture"]
fn a_folder_to_be_kept() {
    let Some(dir) = std::env::var_os(FIXTURE) else {
        return;
    };
    let dir = PathBuf::from(dir);
    let mut writer = Writer::open(&dir, &schema()).expect("it opens");
    let mut images: Vec<_> = (0..20).map(image).collect();
    images[7].facts.keywords = keywords();
    writer.put(images).expect("stored");
    let corrected = writer.correct(vec![(id(8), corrections())]);
    corrected.expect("it is known");
    writer.commit().expect("published");
    writer.remove(&[id(3), id(12)]).expect("removed");
    let copied = writer.add_file(&id(7), file("copy.jpg", 5));
    copied.expect("it is known");
    writer.commit().expect("published");
    drop(writer);
    std::fs::remove_file(dir.join("LOCK")).expect("it is there");
}
