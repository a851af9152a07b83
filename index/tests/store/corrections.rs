//! Keywords and corrections: they count instead of the model wherever tags count, and what the model said stays beside them.

use std::path::Path;

use imgsearch_index::{
    Correction, Doc, Error, FileFacts, Filter, ImageFacts, Keyword, NewImage, Reader, Schema,
    TagId, Writer, examine,
};

use crate::crash::copy;
use crate::{TAGS, folder, id, image, indexed, open, read, schema};

pub(crate) fn said(name: &str, applies: bool, tags: &[u32]) -> Correction {
    Correction {
        name: name.into(),
        applies,
        tags: tags.iter().copied().map(TagId).collect(),
    }
}

fn keyword(text: &str, tags: &[u32]) -> Keyword {
    Keyword {
        text: text.into(),
        tags: tags.iter().copied().map(TagId).collect(),
    }
}

/// A picture with keywords of which one is a tag and one is none.
pub(crate) fn with_keywords(seed: u64) -> NewImage {
    let plain = image(seed);
    NewImage {
        facts: ImageFacts {
            keywords: vec![keyword("Oma Grete", &[]), keyword("harbour", &[3])],
            ..plain.facts
        },
        ..plain
    }
}

/// What is said of a picture, by its number.
fn corrections(seed: u64) -> Vec<Correction> {
    match seed % 4 {
        0 => vec![said("beach", true, &[0]), said("snow", false, &[1])],
        1 => vec![said("harbour", false, &[3])],
        2 => vec![said("both", true, &[1, 2])],
        _ => vec![],
    }
}

/// Pictures with keywords of which every other has them, corrected after they were published.
pub(crate) fn corrected(pictures: u64) -> tempfile::TempDir {
    let dir = folder();
    let mut writer = open(dir.path());
    let images = (0..pictures).map(|seed| match seed % 2 {
        0 => image(seed),
        _ => with_keywords(seed),
    });
    writer.put(images.collect()).expect("stored");
    writer.commit().expect("published");
    let corrections = (0..pictures).map(|seed| (id(seed), corrections(seed)));
    writer.correct(corrections.collect()).expect("known");
    writer.commit().expect("published");
    dir
}

/// The probabilities of a picture as they count, and as they are published.
fn counting(seed: u64) -> Vec<f32> {
    let mut scores = image(seed).tag_scores;
    for score in &mut scores {
        *score = (half::f16::from_f32(*score).to_f32() * 255.0).round() / 255.0;
    }
    if seed % 2 == 1 {
        scores[3] = 1.0;
    }
    for said in corrections(seed) {
        for tag in said.tags {
            scores[tag.0 as usize] = f32::from(u8::from(said.applies));
        }
    }
    scores
}

/// Asserts that tags count as they should, by every way in which they do.
fn assert_counts(reader: &Reader, pictures: u64) {
    let doc = |seed: u64| reader.find(&id(seed)).expect("it is there");
    let docs = |wanted: &dyn Fn(u64) -> bool| {
        let mut docs: Vec<Doc> = (0..pictures)
            .filter(|&seed| wanted(seed))
            .map(doc)
            .collect();
        docs.sort_unstable();
        docs
    };
    let found = |filter: &Filter| {
        let mut docs = reader
            .newest(pictures as usize, filter)
            .expect("it filters");
        docs.sort_unstable();
        docs
    };
    for seed in 0..pictures {
        let scores = reader.tag_scores(doc(seed)).expect("it has scores");
        for (tag, expected) in (0..).map(TagId).zip(counting(seed)) {
            assert_eq!(scores.get(tag), expected, "{tag:?} of {seed}");
        }
        let model = reader.model_scores(doc(seed)).expect("it has scores");
        for (kept, score) in model.iter().zip(image(seed).tag_scores) {
            assert!((kept - score).abs() <= 1.0 / 255.0, "the model on {seed}");
        }
    }
    for threshold in [None, Some(0.0), Some(0.3), Some(0.97)] {
        let above = |seed: u64, tag: usize| counting(seed)[tag] > threshold.unwrap_or(0.5);
        let all = Filter {
            threshold,
            ..Filter::default()
        };
        let counts = reader.tag_counts_of(&all).expect("it counts");
        let among = reader.tag_counts_among((0..pictures).map(doc), threshold);
        assert_eq!(counts, among.expect("it counts"));
        for tag in 0..TAGS {
            let id = TagId(tag as u32);
            let expected = docs(&|seed| above(seed, tag));
            let count = counts.iter().find(|(found, _)| *found == id);
            let count = count.map_or(0, |(_, count)| *count as usize);
            assert_eq!(count, expected.len(), "{id:?} above {threshold:?}");
            let mut matched: Vec<Doc> = reader
                .match_tags(&[(id, 1.0)], pictures as usize, &all)
                .expect("it matches")
                .into_iter()
                .map(|(doc, _)| doc)
                .collect();
            matched.sort_unstable();
            assert_eq!(matched, expected, "{id:?} above {threshold:?}");
            let must = Filter {
                must: vec![vec![id]],
                ..all.clone()
            };
            assert_eq!(found(&must), expected);
            let must_not = Filter {
                must_not: vec![id],
                ..all.clone()
            };
            assert_eq!(found(&must_not), docs(&|seed| !above(seed, tag)));
            let Some(least) = threshold else { continue };
            let above = Filter {
                above: vec![(vec![id], least)],
                ..Filter::default()
            };
            assert_eq!(found(&above), expected);
            let not_above = Filter {
                not_above: vec![(vec![id], least)],
                ..Filter::default()
            };
            assert_eq!(found(&not_above).len() + expected.len(), pictures as usize);
        }
    }
}

#[test]
fn they_count_wherever_tags_count() {
    let dir = corrected(40);
    let reader = read(dir.path());
    assert_counts(&reader, 40);
    let record = reader.record(reader.find(&id(1)).expect("it is there"));
    let record = record.expect("a record");
    assert_eq!(record.facts.keywords, with_keywords(1).facts.keywords);
    assert_eq!(record.corrections, corrections(1));
    // An addition counts as much as the surest recognition.
    let best = reader.match_tags(&[(TagId(0), 1.0)], 10, &Filter::default());
    let confidence = best.expect("it matches").into_iter();
    let zero = reader.find(&id(0)).expect("it is there");
    let own = confidence.filter(|(doc, _)| *doc == zero);
    assert_eq!(own.map(|(_, score)| score).collect::<Vec<_>>(), [1.07]);
    let found = examine(dir.path()).expect("it is examined");
    assert!(found.is_sound(), "{found:?}");
}

#[test]
fn they_outlive_new_scores_files_merges_and_thresholds() {
    let dir = corrected(12);
    let mut writer = open(dir.path());
    let again = |seed: u64| NewImage {
        tag_scores: vec![0.4; TAGS],
        facts: ImageFacts::default(),
        ..image(seed)
    };
    writer.put(vec![again(0), again(1)]).expect("stored again");
    let copied = FileFacts {
        path: "copy.jpg".into(),
        ..image(2).files[0].clone()
    };
    writer.add_file(&id(2), copied).expect("it is known");
    assert!(writer.remove_file("2.jpg".as_ref()).expect("removed"));
    for more in 0..12 {
        writer.put(vec![image(100 + more)]).expect("stored");
        writer.commit().expect("published");
    }
    drop(writer);
    let strict = Schema {
        thresholds: vec![0.9; TAGS],
        ..schema()
    };
    drop(Writer::open(dir.path(), &strict).expect("it opens"));
    let reader = read(dir.path());
    let of = |seed| reader.find(&id(seed)).expect("it is there");
    for seed in 0..12 {
        let record = reader.record(of(seed)).expect("a record");
        assert_eq!(record.corrections, corrections(seed), "{seed}");
    }
    let scores = |seed| {
        let scores = reader.tag_scores(of(seed)).expect("scores").iter();
        scores.map(|tag| tag.score).collect::<Vec<_>>()
    };
    let again = 102.0 / 255.0;
    assert_eq!(scores(0), [1.0, 0.0, again, again, again]);
    // The new bytes have no keywords, and the person who denies one goes on doing so.
    assert_eq!(scores(1), [again, again, again, 0.0, again]);
    assert_eq!(reader.model_scores(of(0)).expect("scores"), [again; TAGS]);
}

#[test]
fn given_anew_they_replace_and_taken_back_they_leave_what_the_model_says() {
    let dir = corrected(4);
    let mut writer = open(dir.path());
    let renewed = NewImage {
        corrections: Some(vec![
            said("b", true, &[1]),
            said("a", false, &[0]),
            said("b", false, &[1]),
        ]),
        ..image(0)
    };
    writer.put(vec![renewed]).expect("stored");
    let kept = [said("a", false, &[0]), said("b", false, &[1])];
    assert_eq!(writer.corrections(&id(0)).expect("known"), kept);
    writer.correct(vec![(id(0), vec![])]).expect("known");
    writer.commit().expect("published");
    let reader = read(dir.path());
    let doc = reader.find(&id(0)).expect("it is there");
    let scores = reader.tag_scores(doc).expect("scores").iter();
    let scores: Vec<f32> = scores.map(|tag| tag.score).collect();
    assert_eq!(scores, reader.model_scores(doc).expect("scores"));
    assert!(reader.record(doc).expect("a record").corrections.is_empty());
    let before = writer.commit().expect("published");
    writer.correct(vec![(id(0), vec![])]).expect("known");
    assert_eq!(writer.commit().expect("nothing"), before);
}

#[test]
fn what_cannot_be_meant_is_refused_before_anything_is_stored() {
    let dir = corrected(2);
    let mut writer = open(dir.path());
    let outside = vec![said("x", true, &[TAGS as u32])];
    let both = vec![(id(0), vec![]), (id(1), outside)];
    let error = writer.correct(both).expect_err("there is no such tag");
    assert!(matches!(error, Error::UnknownTag { .. }), "{error}");
    let both = vec![(id(0), vec![]), (id(99), vec![])];
    let error = writer.correct(both).expect_err("there is no such image");
    assert!(matches!(error, Error::UnknownImage { .. }), "{error}");
    assert!(writer.corrections(&id(99)).is_err());
    assert_eq!(writer.corrections(&id(0)).expect("known"), corrections(0));
    let mut wrong = with_keywords(5);
    wrong.facts.keywords[1].tags = vec![TagId(77)];
    assert!(matches!(
        writer.put(vec![wrong]),
        Err(Error::UnknownTag { .. })
    ));
}

#[test]
fn they_come_back_with_a_lost_catalogue() {
    let dir = corrected(30);
    std::fs::remove_dir_all(dir.path().join("catalogue")).expect("removed");
    let writer = open(dir.path());
    for seed in 0..30 {
        assert_eq!(
            writer.corrections(&id(seed)).expect("known"),
            corrections(seed)
        );
    }
    let images: Vec<NewImage> = writer.images().map(|image| image.expect("read")).collect();
    let seven = images.iter().find(|image| image.id == id(7));
    let seven = seven.expect("it is there");
    assert_eq!(seven.facts.keywords, with_keywords(7).facts.keywords);
    drop(writer);
    assert_counts(&read(dir.path()), 30);
    // What is in the catalogue again is published again, also from nothing.
    for entry in std::fs::read_dir(dir.path()).expect("listed").flatten() {
        if entry.path().extension() == Some("seg".as_ref()) {
            std::fs::remove_file(entry.path()).expect("removed");
        }
    }
    drop(open(dir.path()));
    assert_counts(&read(dir.path()), 30);
}

#[test]
fn a_catalogue_that_lost_the_last_ones_gets_them_back() {
    let (dir, kept) = (indexed(&[0, 4]), folder());
    copy(&dir.path().join("catalogue"), kept.path());
    let mut writer = open(dir.path());
    writer
        .correct(vec![(id(0), corrections(0))])
        .expect("known");
    writer.commit().expect("published");
    drop(writer);
    std::fs::remove_dir_all(dir.path().join("catalogue")).expect("removed");
    copy(kept.path(), &dir.path().join("catalogue"));
    let writer = open(dir.path());
    assert_eq!(writer.corrections(&id(0)).expect("known"), corrections(0));
    assert_eq!(writer.len(), 4);
}

/// The format that a manifest says it is of.
fn format(dir: &Path) -> String {
    let manifest = std::fs::read_to_string(dir.join("MANIFEST")).expect("it is there");
    let word = manifest.split(' ').nth(1);
    word.expect("it has a format").to_owned()
}

#[test]
fn an_index_is_of_the_first_format_until_somebody_says_something() {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
    let dir = folder();
    copy(&fixtures.join("format-1"), dir.path());
    let mut writer = open(dir.path());
    writer.put(vec![image(50)]).expect("stored");
    writer.commit().expect("published");
    assert_eq!(format(dir.path()), "1");
    writer
        .correct(vec![(id(0), corrections(0))])
        .expect("known");
    writer.commit().expect("published");
    assert_eq!(format(dir.path()), "2");
    drop(writer);
    let writer = open(dir.path());
    assert_eq!(writer.corrections(&id(0)).expect("known"), corrections(0));
    let reader = read(dir.path());
    let doc = reader.find(&id(0)).expect("it is there");
    assert_eq!(reader.tag_scores(doc).expect("scores").get(TagId(0)), 1.0);
}
