//! Words that stand in files, or that a person says, as they are searched for.

use imgsearch_index::{Doc, FactTest, Filter, Reader, TagId};

use crate::corrections::{corrected, said, with_keywords};
use crate::{folder, id, image, open, read};

#[test]
fn keywords_are_found_by_their_text_unless_a_person_denies_them() {
    let dir = corrected(8);
    let mut writer = open(dir.path());
    let denied = vec![said("oma grete", false, &[]), said("Hund", true, &[])];
    writer.correct(vec![(id(3), denied)]).expect("known");
    writer.commit().expect("published");
    let reader = read(dir.path());
    let found = |word: &str, is_wanted| {
        let filter = Filter {
            facts: vec![(FactTest::Keyword(word.into()), is_wanted)],
            ..Filter::default()
        };
        let docs = reader.newest(100, &filter).expect("it filters");
        let seed = |doc| {
            let ids = (0..8).find(|&seed| reader.find(&id(seed)) == Some(doc));
            ids.expect("it is one of them")
        };
        let mut seeds: Vec<u64> = docs.into_iter().map(seed).collect();
        seeds.sort_unstable();
        seeds
    };
    assert_eq!(found("OMA grete", true), [1, 5, 7]);
    assert_eq!(found("oma grete", false), [0, 2, 3, 4, 6]);
    assert!(found("oma", true).is_empty());
    assert_eq!(found("hund", true), [3]);
    assert_eq!(found("Beach", true), [0, 4]);
    assert_eq!(found("harbour", true), [3, 7]);
}

#[test]
fn words_that_are_no_tags_are_gathered_with_their_images() {
    let dir = folder();
    let mut writer = open(dir.path());
    writer.put((0..6).map(image).collect()).expect("stored");
    writer.commit().expect("published");
    assert!(read(dir.path()).keywords().expect("read").is_empty());
    writer
        .put((10..13).map(with_keywords).collect())
        .expect("stored");
    writer.commit().expect("published");
    let grete = |reader: &Reader| {
        let keywords = reader.keywords().expect("read");
        assert!(keywords.find("harbour").is_none(), "it is a tag");
        let images = keywords.images("OMA grete").map(|docs| docs.to_vec());
        images.unwrap_or_default()
    };
    let reader = read(dir.path());
    let docs = |seeds: &[u64]| {
        let reader = read(dir.path());
        let mut docs: Vec<Doc> = seeds
            .iter()
            .filter_map(|&seed| reader.find(&id(seed)))
            .collect();
        docs.sort_unstable();
        docs
    };
    assert_eq!(grete(&reader), docs(&[10, 11, 12]));
    assert_eq!(
        reader.keywords().expect("read").find("oma grete"),
        Some("Oma Grete")
    );

    writer
        .correct(vec![
            (id(10), vec![said("oma grete", false, &[])]),
            (
                id(0),
                vec![said("Oma Grete", true, &[]), said("beach", true, &[0])],
            ),
        ])
        .expect("said");
    writer.remove(&[id(12)]).expect("removed");
    writer.commit().expect("published");
    assert_eq!(grete(&read(dir.path())), docs(&[0, 11]));
    assert_eq!(grete(&reader).len(), 3, "a reader shows what it showed");

    let reader = read(dir.path());
    let among = |docs: Vec<Doc>| Filter {
        among: Some(docs.into()),
        ..Filter::default()
    };
    let newest = |filter: &Filter| {
        let mut newest = reader.newest(100, filter).expect("found");
        newest.sort_unstable();
        newest
    };
    assert_eq!(newest(&among(docs(&[0, 11]))), docs(&[0, 11]));
    assert!(newest(&among(Vec::new())).is_empty());
    let must = Filter {
        must: vec![vec![TagId(0)]],
        ..among(docs(&[0, 11]))
    };
    let only: Vec<Doc> = docs(&[0, 11])
        .into_iter()
        .filter(|&doc| reader.tag_scores(doc).expect("there").get(TagId(0)) == 1.0)
        .collect();
    assert_eq!(newest(&must), only);
    assert_eq!(
        reader
            .match_tags(&[(TagId(0), 1.0)], 9, &must)
            .expect("found")
            .len(),
        1
    );
}
