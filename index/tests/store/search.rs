//! What searches find, and in which order.

use std::collections::HashSet;
use std::ops::ControlFlow;

use imgsearch_index::{Doc, Effort, Error, Filter, NewImage, Options, Reader, TagId, Writer};

use crate::{assert_has, embedding, folder, id, image, indexed, open, read, schema, tagged};

fn seeds(reader: &Reader, found: &[(Doc, f32)], among: std::ops::Range<u64>) -> Vec<u64> {
    let seed_of = |doc| {
        among
            .clone()
            .find(|&seed| reader.find(&id(seed)) == Some(doc))
    };
    found
        .iter()
        .map(|(doc, _)| seed_of(*doc).expect("it was stored"))
        .collect()
}

#[test]
fn nearest_is_what_comparing_all_would_give() {
    let dir = indexed(&[0, 300, 320, 325]);
    let mut writer = open(dir.path());
    writer
        .remove(&(0..325).step_by(7).map(id).collect::<Vec<_>>())
        .expect("removed");
    writer.commit().expect("published");
    let reader = read(dir.path());
    let live = || (0..325).filter(|seed| seed % 7 != 0);
    for query in (1000..1030).map(embedding) {
        let mut expected: Vec<_> = live()
            .map(|seed| (seed, embedding(seed).dot(&query)))
            .collect();
        expected.sort_by(|a, b| b.1.total_cmp(&a.1));
        for k in [0, 1, 10, 400] {
            let found = reader
                .nearest(&query, k, &Filter::default())
                .expect("searched");
            let expected = &expected[..k.min(expected.len())];
            assert_eq!(found.len(), expected.len());
            for ((doc, cosine), (seed, expected)) in found.iter().zip(expected) {
                assert!((cosine - expected).abs() < 1e-5);
                assert!((reader.similarity(*doc, &query).expect("known") - cosine).abs() < 1e-6);
                assert_eq!(Some(*doc), reader.find(&id(*seed)));
            }
        }
    }
}

#[test]
fn the_number_of_matches_decides_then_the_confidence() {
    let dir = indexed(&[]);
    let mut writer = open(dir.path());
    writer
        .put(vec![
            tagged(1, [0.51, 0.0, 0.0, 0.0, 0.0]),
            tagged(2, [0.99, 0.0, 0.0, 0.0, 0.0]),
            tagged(3, [0.51, 0.51, 0.0, 0.0, 0.0]),
            tagged(4, [0.5, 0.5, 0.9, 0.0, 0.0]),
            tagged(5, [0.51, 0.0, 0.0, 0.0, 0.0]),
        ])
        .expect("stored");
    writer.commit().expect("published");
    let reader = read(dir.path());
    let matching = |tags: &[(u32, f32)], k, filter: &Filter| {
        let tags: Vec<_> = tags
            .iter()
            .map(|&(tag, weight)| (TagId(tag), weight))
            .collect();
        reader.match_tags(&tags, k, filter).expect("searched")
    };
    let all = Filter::default();
    let found = matching(&[(0, 1.0), (1, 1.0)], 10, &all);
    assert_eq!(
        seeds(&reader, &found, 0..9),
        [3, 2, 1, 5],
        "a threshold is not above itself"
    );
    for &(doc, score) in &found {
        let tags = reader.tag_scores(doc).expect("known");
        let sum = tags.confidence(TagId(0)) + tags.confidence(TagId(1));
        assert!((score - sum).abs() < 1e-6);
    }
    let found = matching(&[(0, 1.0), (2, 5.0)], 2, &all);
    assert_eq!(
        seeds(&reader, &found, 0..9),
        [4, 2],
        "a weight can outdo the number"
    );
    assert_eq!(matching(&[(3, 1.0)], 2, &all), []);
    assert_eq!(matching(&[], 2, &all), []);

    let ids = |tags: &[u32]| tags.iter().map(|&tag| TagId(tag)).collect();
    let filter = |must: &[&[u32]], must_not: &[u32]| Filter {
        must: must.iter().map(|tags| ids(tags)).collect(),
        must_not: ids(must_not),
        ..Filter::default()
    };
    let with = |filter| seeds(&reader, &matching(&[(0, 1.0)], 9, &filter), 0..9);
    assert_eq!(with(filter(&[&[1]], &[])), [3]);
    assert_eq!(with(filter(&[], &[1])), [2, 1, 5]);
    assert_eq!(with(filter(&[&[1]], &[0])), [0_u64; 0]);
    assert_eq!(with(filter(&[&[1, 0]], &[])), [2, 1, 3, 5], "one will do");
    assert_eq!(with(filter(&[&[1, 0], &[2, 1]], &[])), [3]);
    assert_eq!(with(filter(&[], &[2, 1])), [2, 1, 5], "none may be there");
    assert_eq!(with(filter(&[&[]], &[])), [0_u64; 0]);
    let unknown = filter(&[&[0, 9]], &[]);
    assert!(matches!(
        reader.match_tags(&[], 1, &unknown),
        Err(Error::UnknownTag {
            tag: TagId(9),
            tags: 5
        })
    ));
    let nan = reader.match_tags(&[(TagId(0), f32::NAN)], 1, &all);
    assert!(matches!(nan, Err(Error::Weight { .. })));
}

#[test]
fn filters_are_exact_for_vectors_too() {
    let dir = indexed(&[0, 200, 230]);
    let reader = read(dir.path());
    let is_shown = |doc, tag| {
        reader
            .tag_scores(doc)
            .expect("known")
            .confidence(TagId(tag))
            > 0.0
    };
    let filter = Filter {
        must: vec![vec![TagId(0), TagId(3)], vec![TagId(2)]],
        must_not: vec![TagId(1)],
        ..Filter::default()
    };
    let expected: HashSet<_> = (0..230)
        .filter_map(|seed| reader.find(&id(seed)))
        .filter(|&doc| is_shown(doc, 0) || is_shown(doc, 3))
        .filter(|&doc| is_shown(doc, 2) && !is_shown(doc, 1))
        .collect();
    assert!(
        expected
            .iter()
            .any(|&doc| is_shown(doc, 3) && !is_shown(doc, 0))
    );
    let found = reader
        .nearest(&embedding(1), 230, &filter)
        .expect("searched");
    assert_eq!(found.iter().map(|f| f.0).collect::<HashSet<_>>(), expected);
    let newest = reader.newest(230, &filter).expect("searched");
    assert_eq!(newest.iter().copied().collect::<HashSet<_>>(), expected);
    let tags = reader
        .match_tags(&[(TagId(2), 1.0)], 230, &filter)
        .expect("searched");
    assert_eq!(tags.iter().map(|f| f.0).collect::<HashSet<_>>(), expected);
}

#[test]
fn the_newest_is_the_last_captured_else_modified() {
    let dir = indexed(&[]);
    let mut writer = open(dir.path());
    let captured = |seed, text: &str| {
        let mut image = image(seed);
        image.facts.captured = Some(text.into());
        image
    };
    let modified = |seed, ns| NewImage {
        files: vec![crate::file("m", ns)],
        ..image(seed)
    };
    let year_2000 = 946_684_800_000_000_000;
    writer
        .put(vec![
            captured(1, "1999-12-31T23:59:59"),
            captured(2, "2024-05-01T12:30:00"),
            modified(3, year_2000),
        ])
        .expect("stored");
    writer.commit().expect("published");
    let reader = read(dir.path());
    let expected: Vec<_> = [2, 3, 1]
        .map(|seed| reader.find(&id(seed)).expect("there"))
        .into();
    assert_eq!(
        reader.newest(9, &Filter::default()).expect("searched"),
        expected
    );
    assert_eq!(
        reader.newest(1, &Filter::default()).expect("searched"),
        expected[..1]
    );
}

#[test]
fn a_graph_finds_what_a_scan_finds() {
    let (with, without) = (folder(), indexed(&[]));
    let mut options = Options::default();
    options.graph_from = 1000;
    let mut graph = Writer::open_with(with.path(), &schema(), options.clone()).expect("it opens");
    let mut scan = open(without.path());
    for writer in [&mut graph, &mut scan] {
        writer.put((0..1500).map(image).collect()).expect("stored");
        writer
            .remove(&(0..50).map(id).collect::<Vec<_>>())
            .expect("removed");
        let stopped = writer.settle(|_, _| ControlFlow::Break(()));
        let settled = writer.settle(|_, _| ControlFlow::Continue(()));
        let again = writer.settle(|_, _| unreachable!("there is nothing left to do"));
        assert_eq!(settled.expect("settled"), again.expect("settled"));
        stopped.expect("nothing failed");
    }
    let (with, without) = (read(with.path()), read(without.path()));
    assert_has(&with, 50..1500);
    let filter = Filter {
        must: vec![vec![TagId(0)]],
        must_not: vec![],
        ..Filter::default()
    };
    let (mut same, mut all) = (0, 0);
    for query in (5000..5100).map(embedding) {
        for filter in [&Filter::default(), &filter] {
            let walked = with.nearest_with(&query, 10, filter, Effort::Candidates(128));
            let walked = walked.expect("searched");
            let scanned = without.nearest(&query, 10, filter).expect("searched");
            assert_eq!(walked.len(), scanned.len());
            let scores: HashSet<_> = walked.iter().map(|(_, score)| score.to_bits()).collect();
            same += scanned
                .iter()
                .filter(|(_, score)| scores.contains(&score.to_bits()))
                .count();
            all += scanned.len();
        }
    }
    assert!(same * 100 >= all * 99, "{same} of {all}");
}

#[test]
fn tags_are_cut_anew_at_any_probability() {
    let dir = indexed(&[0, 40, 60]);
    open(dir.path()).remove(&[id(5), id(50)]).expect("removed");
    drop(open(dir.path()));
    let reader = read(dir.path());
    let docs: Vec<Doc> = (0..60).filter_map(|seed| reader.find(&id(seed))).collect();
    assert_eq!(docs.len(), 58);
    let score = |doc, tag| reader.tag_scores(doc).expect("known").get(TagId(tag));
    for threshold in [0.1, 0.45, 0.5, 0.9] {
        let with = |tag| docs.iter().filter(move |&&doc| score(doc, tag) > threshold);
        let cut = Filter {
            threshold: Some(threshold),
            ..Filter::default()
        };
        let found = reader
            .match_tags(&[(TagId(1), 1.0)], 99, &cut)
            .expect("searched");
        let (found, sums): (HashSet<Doc>, Vec<f32>) = found.into_iter().unzip();
        assert_eq!(found, with(1).copied().collect());
        assert!(sums.is_sorted_by(|a, b| a >= b));

        let both = Filter {
            must: vec![vec![TagId(0)]],
            must_not: vec![TagId(2)],
            ..cut.clone()
        };
        let expected: HashSet<Doc> = with(0)
            .copied()
            .filter(|&doc| score(doc, 2) <= threshold)
            .collect();
        let found = reader.newest(99, &both).expect("searched");
        assert_eq!(found.into_iter().collect::<HashSet<_>>(), expected);

        let counts = (0..5).map(|tag| (TagId(tag), with(tag).count() as u64));
        let counts: Vec<_> = counts.filter(|(_, count)| *count > 0).collect();
        assert_eq!(reader.tag_counts_of(&cut).expect("counted"), counts);
        let among = reader.tag_counts_among(docs.iter().copied(), Some(threshold));
        assert_eq!(among.expect("counted"), counts);

        let above = Filter {
            above: vec![(vec![TagId(3), TagId(4)], threshold)],
            ..Filter::default()
        };
        let found = reader.nearest(&embedding(7), 99, &above).expect("searched");
        let expected: HashSet<Doc> = with(3).chain(with(4)).copied().collect();
        assert_eq!(
            found.iter().map(|(doc, _)| *doc).collect::<HashSet<_>>(),
            expected
        );
        let found = reader
            .match_tags(&[(TagId(0), 1.0)], 99, &above)
            .expect("searched");
        assert!(
            found
                .iter()
                .all(|(doc, _)| expected.contains(doc) && score(*doc, 0) > 0.5)
        );
    }
    let all = Filter::default();
    let among = reader.tag_counts_among(docs, None).expect("counted");
    assert_eq!(among, reader.tag_counts_of(&all).expect("counted"));
    assert_eq!(among, reader.tag_counts().expect("counted"));
}
