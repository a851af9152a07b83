//! Another process that searches while this one writes.

use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};

use imgsearch_index::{Filter, TagId};

use crate::{embedding, id, image, indexed, open, read};

/// Where the other process searches.
const FOLDER: &str = "IMGSEARCH_BESIDE_FOLDER";
const SEARCHES: u64 = 1000;
/// Pictures that are there from the beginning and stay.
const STAYING: u64 = 20;

#[test]
fn a_thousand_searches_beside_a_writer_do_not_fail() {
    let dir = indexed(&[0, STAYING]);
    let mut searching = Command::new(std::env::current_exe().expect("this program"));
    searching
        .args(["--exact", "beside::a_searcher", "--ignored"])
        .env(FOLDER, dir.path());
    let is_done = AtomicBool::new(false);
    let generations = std::thread::scope(|scope| {
        let writing = scope.spawn(|| {
            let mut writer = open(dir.path());
            let mut next = STAYING;
            while !is_done.load(Ordering::Relaxed) {
                writer
                    .put((next..next + 16).map(image).collect())
                    .expect("stored");
                // Segments, tombstones and packs are merged now and then.
                let gone: Vec<_> = (next - next.min(8)..next)
                    .filter(|&seed| seed >= STAYING)
                    .map(id)
                    .collect();
                writer.remove(&gone).expect("removed");
                writer.commit().expect("published");
                next += 16;
            }
            (next - STAYING) / 16
        });
        let searched = searching.status();
        is_done.store(true, Ordering::Relaxed);
        let generations = writing.join().expect("it wrote");
        assert!(searched.is_ok_and(|status| status.success()));
        generations
    });
    assert!(
        generations > 20,
        "only {generations} generations were published"
    );
}

/// Not a test by itself: each search is that of a program that has just been started.
#[test]
#[ignore = "started by the test beside it"]
fn a_searcher() {
    let Some(dir) = std::env::var_os(FOLDER) else {
        return;
    };
    let all = Filter::default();
    for search in 0..SEARCHES {
        let seed = search % STAYING;
        let reader = read(dir.as_ref());
        let found = reader
            .nearest(&embedding(seed), 1, &all)
            .expect("it searches");
        assert_eq!(reader.record(found[0].0).expect("it is there").id, id(seed));
        let doc = reader.find(&id(seed)).expect("it stays");
        reader.tokens(doc).expect("they are read");
        let matched = reader
            .match_tags(&[(TagId(0), 1.0)], 5, &all)
            .expect("it searches");
        assert!(!matched.is_empty());
    }
}
