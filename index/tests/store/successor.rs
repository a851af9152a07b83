//! The index of another model, made while the one of the former model is searched.

use imgsearch_index::{Embedding, Error, NewImage, Schema, Writer, examine};

use crate::{assert_has, id, image, indexed, open, random, read, schema};

const DIM: usize = 24;

fn other() -> Schema {
    Schema {
        model: "another".into(),
        dim: DIM,
        ..schema()
    }
}

/// A picture as the other model sees it.
fn seen(seed: u64) -> NewImage {
    let embedding = Embedding::new(random(seed + 9).skip(4).take(DIM).collect());
    NewImage {
        embedding: embedding.expect("it has a direction"),
        ..image(seed)
    }
}

#[test]
fn the_former_index_serves_until_the_successor_is_promoted() {
    let dir = indexed(&[0, 20, 30]);
    let mut reader = read(dir.path());
    let before = reader.generation();
    let mut next = Writer::open_successor(dir.path(), &other()).expect("it opens");
    assert!(next.is_empty());
    next.put((0..10).map(seen).collect()).expect("stored");
    next.commit().expect("it does nothing");
    assert!(!reader.refresh().expect("it looks again"));
    assert_has(&reader, 0..30);
    drop(next);
    // The former model can still be written with, and what was begun is continued.
    let mut writer = open(dir.path());
    writer.remove(&[id(4)]).expect("removed");
    writer.commit().expect("published");
    drop(writer);
    let mut next = Writer::open_successor(dir.path(), &other()).expect("it opens");
    assert_eq!(next.len(), 10);
    next.put((10..25).map(seen).collect()).expect("stored");
    let writer = next.promote().expect("it takes over");
    assert_eq!((writer.len(), writer.schema()), (25, &other()));
    assert!(reader.refresh().expect("it looks again"));
    assert!(reader.generation() > before);
    assert_eq!((reader.schema(), reader.len()), (&other(), 25));
    for seed in 0..25 {
        let doc = reader.find(&id(seed)).expect("it is there");
        assert_eq!(reader.embedding(doc).expect("known"), seen(seed).embedding);
    }
    drop(writer);
    assert!(matches!(
        Writer::open(dir.path(), &schema()),
        Err(Error::ModelMismatch { .. })
    ));
    drop(Writer::open(dir.path(), &other()).expect("it opens"));
    let found = examine(dir.path()).expect("it is examined");
    assert!(found.is_sound(), "{found:?}");
}

#[test]
fn one_that_was_begun_for_a_third_model_is_thrown_away() {
    let dir = indexed(&[0, 3]);
    let mut next = Writer::open_successor(dir.path(), &other()).expect("it opens");
    next.put(vec![seen(0)]).expect("stored");
    drop(next);
    let third = Schema {
        model: "a third".into(),
        ..other()
    };
    assert!(
        Writer::open_successor(dir.path(), &third)
            .expect("it opens")
            .is_empty()
    );
}

/// A kill after each of the renamings of a promotion.
#[test]
fn a_promotion_that_was_cut_short_is_completed() {
    for renamings in 0..=2 {
        let dir = indexed(&[0, 8]);
        let mut next = Writer::open_successor(dir.path(), &other()).expect("it opens");
        next.put((0..8).map(seen).collect()).expect("stored");
        drop(next);
        let path = |name: &str| dir.path().join(name);
        let steps = [
            ("catalogue", "catalogue.old"),
            ("catalogue.next", "catalogue"),
        ];
        for (from, to) in &steps[..renamings] {
            std::fs::rename(path(from), path(to)).expect("renamed");
        }
        assert_has(&read(dir.path()), 0..8);
        let direct = Writer::open(dir.path(), &other());
        let writer = match renamings {
            2 => direct.expect("it is the successor already"),
            _ => {
                assert!(matches!(direct, Err(Error::ModelMismatch { .. })));
                // The former catalogue has its name again, if it had lost it.
                drop(open(dir.path()));
                assert_has(&read(dir.path()), 0..8);
                let next = Writer::open_successor(dir.path(), &other()).expect("it opens");
                next.promote().expect("it takes over")
            }
        };
        assert_eq!(writer.len(), 8);
        drop(writer);
        let reader = read(dir.path());
        assert_eq!((reader.schema(), reader.len()), (&other(), 8));
    }
}
