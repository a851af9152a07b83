//! Examinations: what they find, and what a thorough writer makes of it.

use std::fs::File;
use std::path::Path;

use imgsearch_index::{CatalogueState, Error, Examination, Options, Remedy, Writer, examine};

use crate::crash::{grown, published};
use crate::{assert_has, folder, image, indexed, open, read, schema};

fn sound(dir: &Path) -> Examination {
    let found = examine(dir).expect("it is examined");
    assert!(found.is_sound(), "{found:?}");
    found
}

/// Changes a byte as a failing disk does: the file system notices nothing.
fn rot(file: &Path) {
    let modified = file.metadata().expect("it is there").modified();
    let mut bytes = std::fs::read(file).expect("it is read");
    let at = bytes.len() / 2;
    bytes[at] ^= 0x10;
    std::fs::write(file, bytes).expect("it is written");
    let file = File::options().write(true).open(file).expect("it opens");
    file.set_modified(modified.expect("it has a time"))
        .expect("the time is set");
}

#[test]
fn a_sound_index_is_read_to_its_end() {
    let dir = grown();
    let found = sound(dir.path());
    assert_eq!((found.images, found.files), (268, 268));
    let stored: u64 = published(dir.path())
        .iter()
        .filter(|file| file.extension().is_some_and(|ending| ending == "seg"))
        .map(|file| file.metadata().expect("it is there").len())
        .sum();
    assert!(found.bytes > stored, "{} of {stored}", found.bytes);
}

#[test]
fn rot_is_found_where_the_file_looks_untouched_and_a_thorough_writer_repairs_it() {
    let count = published(grown().path()).len();
    for at in 0..count {
        let dir = grown();
        let file = published(dir.path()).swap_remove(at);
        rot(&file);
        let found = examine(dir.path()).expect("it is examined");
        match found.findings.first() {
            Some(finding) => {
                assert_eq!(finding.remedy, Remedy::Rebuild);
                assert!(file.starts_with(&finding.path), "{finding:?}");
            }
            // What the one says stands in the manifest as well; nothing depends on the other.
            None => assert!(
                file.ends_with("meta.json") || file.ends_with(".managed.json"),
                "{} is rotten",
                file.display()
            ),
        }
        let mut options = Options::default();
        options.thorough = true;
        drop(Writer::open_with(dir.path(), &schema(), options).expect("it opens"));
        sound(dir.path());
        assert_has(
            &read(dir.path()),
            (0..270).filter(|n| ![3, 260].contains(n)),
        );
    }
}

#[test]
fn a_writer_at_work_is_left_alone() {
    let dir = indexed(&[0, 5]);
    let mut writer = open(dir.path());
    writer.put(vec![image(9)]).expect("it is stored");
    let found = examine(dir.path()).expect("it is examined");
    assert_eq!(
        found.catalogue,
        CatalogueState::InUse(Some(std::process::id()))
    );
    assert!(found.findings.is_empty() && !found.is_sound());
    assert_eq!((found.images, found.files), (5, 0));
    drop(writer);
    let found = examine(dir.path()).expect("it is examined");
    assert_eq!(found.images, 6);
    let [finding] = &found.findings[..] else {
        panic!("{found:?}")
    };
    assert!(finding.problem.contains("1 images are not published yet"));
    drop(open(dir.path()));
    sound(dir.path());
}

#[test]
fn a_lost_catalogue_is_restored_and_a_damaged_one_stays_where_it_was_put_aside() {
    let dir = indexed(&[0, 5]);
    let catalogue = dir.path().join("catalogue");
    for entry in catalogue.read_dir().expect("listed").flatten() {
        if entry.path().is_file() {
            std::fs::write(entry.path(), [0x55; 99]).expect("it is written");
        }
    }
    let found = examine(dir.path()).expect("it is examined");
    assert_eq!(found.catalogue, CatalogueState::Damaged);
    let [finding] = &found.findings[..] else {
        panic!("{found:?}")
    };
    assert_eq!(
        (&finding.path, finding.remedy),
        (&catalogue, Remedy::Restore)
    );
    drop(open(dir.path()));
    let found = examine(dir.path()).expect("it is examined");
    let [finding] = &found.findings[..] else {
        panic!("{found:?}")
    };
    assert_eq!(finding.remedy, Remedy::Remove);
    std::fs::remove_dir_all(&finding.path).expect("it is removed");
    sound(dir.path());
}

#[test]
fn where_nothing_is_there_is_nothing_to_examine() {
    let dir = folder();
    assert!(matches!(examine(dir.path()), Err(Error::NoIndex { .. })));
    let file = dir.path().join("file");
    std::fs::write(&file, "").expect("written");
    assert!(matches!(examine(&file), Err(Error::NotAFolder { .. })));
}

#[test]
fn what_was_stored_comes_out_as_it_went_in() {
    let dir = indexed(&[0, 7]);
    let writer = open(dir.path());
    assert_eq!(writer.len(), 7);
    for (seed, found) in (0..).zip(writer.images()) {
        let (found, stored) = (found.expect("it is read"), image(seed));
        assert_eq!((found.id, found.files), (stored.id, stored.files));
        assert_eq!(found.facts, stored.facts);
        assert_eq!(found.embedding, stored.embedding);
        assert_eq!(found.tokens, stored.tokens);
        for (found, stored) in found.tag_scores.iter().zip(stored.tag_scores) {
            assert!((found - stored).abs() <= 1.0 / 2048.0);
        }
    }
    let records = read(dir.path()).records().collect::<Result<Vec<_>, _>>();
    assert_eq!(records.expect("they are read").len(), 7);
}
