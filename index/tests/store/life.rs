//! What becomes of files: new, copied, moved, changed, gone.

use std::path::PathBuf;

use imgsearch_index::{Embedding, Error, Filter, NewImage, Reader, Schema, Writer};

use crate::{
    DIM, TAGS, assert_has, embedding, file, folder, id, image, indexed, open, read, schema,
};

#[test]
fn what_is_put_comes_back_from_the_next_generation_on() {
    let dir = folder();
    let mut writer = open(dir.path());
    let mut reader = read(dir.path());
    assert!(reader.is_empty());
    let mut stored = image(1);
    stored.facts.captured = Some("2024-05-01T12:30:00".into());
    stored.facts.camera = Some("Box".into());
    writer.put(vec![stored.clone()]).expect("it is stored");
    assert!(
        !reader.refresh().expect("it looks again"),
        "nothing is published yet"
    );
    let generation = writer.commit().expect("it is published");
    assert_eq!(writer.commit().expect("nothing is new"), generation);
    assert!(reader.refresh().expect("it looks again"));
    assert_eq!(reader.generation(), generation);

    let doc = reader.find(&stored.id).expect("it is there");
    let record = reader.record(doc).expect("it has a record");
    assert_eq!(
        (record.facts, record.len, record.modified_ns),
        (stored.facts, 100, 1)
    );
    assert_eq!(
        reader.embedding(doc).expect("it has an embedding"),
        stored.embedding
    );
    let similarity = reader.similarity(doc, &embedding(2)).expect("they compare");
    assert!((similarity - stored.embedding.dot(&embedding(2))).abs() < 1e-6);
    for score in reader.tag_scores(doc).expect("it has scores").iter() {
        assert!((score.score - stored.tag_scores[score.tag.0 as usize]).abs() <= 1.0 / 255.0);
    }
    assert!(reader.bytes_on_disk() > 1000);
    assert_eq!(reader.schema(), &schema());
}

#[test]
fn same_bytes_at_several_paths_are_one_image() {
    let dir = indexed(&[0, 3]);
    let mut writer = open(dir.path());
    writer
        .add_file(&id(1), file("copy.jpg", 0))
        .expect("it is known");
    assert!(matches!(
        writer.add_file(&id(9), file("x.jpg", 0)),
        Err(Error::UnknownImage { id: unknown }) if unknown == id(9)
    ));
    writer.commit().expect("published");
    let reader = read(dir.path());
    assert_has(&reader, 0..3);
    let doc = reader.find(&id(1)).expect("it is there");
    let paths = reader.record(doc).expect("it has a record").paths;
    assert_eq!(paths, [PathBuf::from("1.jpg"), "copy.jpg".into()]);

    assert!(writer.remove_file("1.jpg".as_ref()).expect("removed"));
    assert!(!writer.remove_file("1.jpg".as_ref()).expect("it was gone"));
    writer.commit().expect("published");
    assert_has(&read(dir.path()), 0..3);
    assert!(writer.remove_file("copy.jpg".as_ref()).expect("removed"));
    assert!(!writer.contains(&id(1)).expect("asked"));
    writer.commit().expect("published");
    assert_has(&read(dir.path()), [0, 2]);
}

#[test]
fn a_changed_file_is_taken_over() {
    let dir = indexed(&[0, 3]);
    let mut writer = open(dir.path());
    let changed = NewImage {
        files: vec![file("1.jpg", 77)],
        ..image(50)
    };
    writer.put(vec![changed]).expect("stored");
    writer.commit().expect("published");
    let reader = read(dir.path());
    assert_has(&reader, [0, 2, 50]);
    assert_eq!(reader.find_path("1.jpg".as_ref()), reader.find(&id(50)));
    let mut files = writer.files().expect("listed");
    files.sort();
    assert_eq!(
        files,
        [
            (file("0.jpg", 0), id(0)),
            (file("1.jpg", 77), id(50)),
            (file("2.jpg", 2), id(2))
        ]
    );
}

#[test]
fn within_a_batch_the_last_word_counts() {
    let dir = indexed(&[]);
    let mut writer = open(dir.path());
    let at = |seed, path: &str| NewImage {
        files: vec![file(path, 0)],
        ..image(seed)
    };
    writer
        .put(vec![at(1, "a"), at(2, "a"), at(3, "b"), at(3, "c")])
        .expect("stored");
    writer.commit().expect("published");
    assert_has(&read(dir.path()), [2, 3]);
    assert_eq!(writer.files().expect("listed").len(), 3);
    let both = NewImage {
        embedding: embedding(8),
        ..at(3, "d")
    };
    writer.put(vec![both]).expect("stored again");
    writer.commit().expect("published");
    let reader = read(dir.path());
    let doc = reader.find(&id(3)).expect("it is there");
    assert_eq!(reader.record(doc).expect("a record").paths.len(), 3);
    assert_eq!(reader.embedding(doc).expect("an embedding"), embedding(8));
}

#[test]
fn touching_a_file_keeps_its_image() {
    let dir = indexed(&[0, 2]);
    let mut writer = open(dir.path());
    assert!(writer.touch(file("1.jpg", 1234)).expect("touched"));
    assert!(!writer.touch(file("9.jpg", 1234)).expect("unknown"));
    writer.commit().expect("published");
    let reader = read(dir.path());
    assert_has(&reader, 0..2);
    let doc = reader.find(&id(1)).expect("it is there");
    assert_eq!(reader.record(doc).expect("a record").modified_ns, 1234);
    assert!(
        writer
            .files()
            .expect("listed")
            .contains(&(file("1.jpg", 1234), id(1)))
    );
}

#[cfg(unix)]
#[test]
fn names_that_are_not_text_survive() {
    use std::os::unix::ffi::OsStrExt;
    let dir = indexed(&[]);
    let path = PathBuf::from(std::ffi::OsStr::from_bytes(b"photos/\xff\xfe \n.jpg"));
    let mut writer = open(dir.path());
    writer
        .put(vec![NewImage {
            files: vec![file(&path, 0)],
            ..image(1)
        }])
        .expect("stored");
    writer.commit().expect("published");
    drop(writer);
    let reader = read(dir.path());
    let doc = reader.find_path(&path).expect("it is found");
    assert_eq!(
        reader.record(doc).expect("a record").paths,
        std::slice::from_ref(&path)
    );
    let mut writer = open(dir.path());
    assert_eq!(writer.files().expect("listed"), [(file(&path, 0), id(1))]);
    assert!(writer.remove_file(&path).expect("removed"));
}

#[test]
fn removed_images_are_gone_and_their_room_is_reused() {
    let dir = indexed(&[0, 200, 210]);
    let mut writer = open(dir.path());
    let gone: Vec<_> = (10..60).map(id).collect();
    assert_eq!(writer.remove(&gone).expect("removed"), 50);
    assert_eq!(writer.remove(&gone).expect("gone"), 0);
    writer.commit().expect("published");
    assert_has(&read(dir.path()), (0..10).chain(60..210));
    for batch in 1..20 {
        writer
            .put((batch * 1000..batch * 1000 + 7).map(image).collect())
            .expect("stored");
        writer.commit().expect("published");
        let segments = std::fs::read_dir(dir.path()).expect("listed").flatten();
        let segments = segments.filter(|e| e.path().extension() == Some("seg".as_ref()));
        assert!(segments.count() <= 4);
    }
    let added = (1..20).flat_map(|batch| batch * 1000..batch * 1000 + 7);
    assert_has(&read(dir.path()), (0..10).chain(60..210).chain(added));
}

#[test]
fn readers_keep_their_generation_while_the_writer_goes_on() {
    let dir = indexed(&[0, 20]);
    let mut writer = open(dir.path());
    let old = read(dir.path());
    for batch in 1..15 {
        writer
            .put((batch * 100..batch * 100 + 9).map(image).collect())
            .expect("stored");
        writer.remove(&[id(batch)]).expect("removed");
        writer.commit().expect("published");
    }
    assert_has(&old, 0..20);
    let mut new = old.clone();
    assert!(new.refresh().expect("it looks again"));
    assert_has(
        &new,
        [0].into_iter()
            .chain(15..20)
            .chain((1..15).flat_map(|b| b * 100..b * 100 + 9)),
    );
    let doc = old.find(&id(1)).expect("the old one has it");
    assert!(matches!(new.record(doc), Err(Error::UnknownDoc { .. })));
}

#[test]
fn readers_never_fail_while_generations_come_and_go() {
    let dir = indexed(&[0, 50]);
    let mut writer = open(dir.path());
    let done = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        let reads = scope.spawn(|| {
            let mut reads = 0;
            while !done.load(std::sync::atomic::Ordering::Relaxed) {
                let reader = read(dir.path());
                let found = reader
                    .nearest(&embedding(3), 1, &Filter::default())
                    .expect("searched");
                assert_eq!(found[0].0, reader.find(&id(3)).expect("it is there"));
                reads += 1;
            }
            reads
        });
        for seed in 100..120 {
            writer.put(vec![image(seed)]).expect("stored");
            writer.remove(&[id(seed - 1)]).expect("removed");
            writer.commit().expect("published");
        }
        done.store(true, std::sync::atomic::Ordering::Relaxed);
        assert!(reads.join().expect("no reader failed") > 0);
    });
}

#[test]
fn one_writer_at_a_time_for_one_model() {
    let dir = indexed(&[0, 2]);
    let writer = open(dir.path());
    let busy = Writer::open(dir.path(), &schema()).expect_err("it is held");
    assert!(matches!(busy, Error::Busy { pid: Some(pid), .. } if pid == std::process::id()));
    drop(writer);
    for other in [
        Schema {
            model: "other".into(),
            ..schema()
        },
        Schema {
            dim: DIM + 1,
            ..schema()
        },
        Schema {
            tags: 1,
            thresholds: vec![0.5],
            ..schema()
        },
    ] {
        let error = Writer::open(dir.path(), &other).expect_err("it is another model");
        assert!(matches!(error, Error::ModelMismatch { .. }), "{error}");
        std::fs::rename(dir.path().join("MANIFEST"), dir.path().join("kept")).expect("moved");
        let error = Writer::open(dir.path(), &other).expect_err("the catalogue knows it too");
        assert!(matches!(error, Error::ModelMismatch { .. }), "{error}");
        std::fs::rename(dir.path().join("kept"), dir.path().join("MANIFEST")).expect("moved back");
    }
    assert_has(&read(dir.path()), 0..2);
}

#[test]
fn other_thresholds_cut_the_tags_again() {
    let dir = indexed(&[0, 40, 41]);
    let count = |reader: &Reader| -> u64 {
        reader
            .tag_counts()
            .expect("counted")
            .iter()
            .map(|(_, count)| count)
            .sum()
    };
    let before = count(&read(dir.path()));
    let strict = Schema {
        thresholds: vec![0.9; TAGS],
        ..schema()
    };
    drop(Writer::open(dir.path(), &strict).expect("the model is the same"));
    let after = read(dir.path());
    assert!(count(&after) < before / 2);
    assert_has(&after, 0..41);
}

#[test]
fn nonsense_is_refused_before_anything_is_stored() {
    let dir = indexed(&[]);
    let mut writer = open(dir.path());
    let short = Embedding::new(vec![1.0; DIM - 1]).expect("it has a direction");
    let wrong = |image: NewImage| vec![self::image(1), image];
    let mut nan = image(2);
    nan.tag_scores[3] = f32::NAN;
    for images in [
        wrong(NewImage {
            embedding: short.clone(),
            ..image(2)
        }),
        wrong(NewImage {
            tag_scores: vec![0.5; TAGS + 1],
            ..image(2)
        }),
        wrong(NewImage {
            tag_scores: vec![1.5; TAGS],
            ..image(2)
        }),
        wrong(NewImage {
            files: vec![],
            ..image(2)
        }),
        wrong(nan),
    ] {
        writer.put(images).expect_err("it is nonsense");
    }
    assert!(writer.files().expect("listed").is_empty());
    let reader = read(dir.path());
    assert!(matches!(
        reader.nearest(&short, 1, &Filter::default()),
        Err(Error::Size { expected: DIM, .. })
    ));
    let file = dir.path().join("a file");
    std::fs::write(&file, "").expect("written");
    for dir in [&file, &file.join("below")] {
        let error = Writer::open(dir, &schema()).expect_err("it is a file");
        assert!(matches!(error, Error::NotAFolder { .. }), "{error:?}");
        let error = Reader::open(dir).expect_err("it is a file");
        assert!(matches!(error, Error::NotAFolder { .. }), "{error:?}");
    }
    let error = Reader::open(&dir.path().join("nowhere")).expect_err("there is nothing");
    assert!(matches!(error, Error::NoIndex { .. }));
}
