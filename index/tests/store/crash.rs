//! Folders as a crash, a full disk, a bad copy or a curious user leaves them.

use std::path::{Path, PathBuf};

use imgsearch_index::{Error, NewImage, Options, Reader, Remedy, Writer, examine};

use crate::{assert_has, file, folder, id, image, indexed, open, read, schema};

fn files(dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in dir.read_dir().expect("listed").flatten() {
        let path = entry.path();
        if path.is_dir() {
            found.extend(files(&path))
        } else {
            found.push(path)
        }
    }
    found.sort();
    found
}

/// The files that are derived from the catalogue.
pub(crate) fn published(dir: &Path) -> Vec<PathBuf> {
    let is_published = |path: &PathBuf| {
        let name = path
            .strip_prefix(dir)
            .expect("it is inside")
            .to_string_lossy()
            .into_owned();
        ["MANIFEST", "segment-", "dead-", "tags-", "tokens-"]
            .iter()
            .any(|start| name.starts_with(start))
            && !name.ends_with(".lock")
    };
    files(dir).into_iter().filter(is_published).collect()
}

/// An index with several segments and tombstones.
pub(crate) fn grown() -> tempfile::TempDir {
    let dir = indexed(&[0, 250, 270]);
    let mut writer = open(dir.path());
    writer.remove(&[id(3), id(260)]).expect("removed");
    writer.commit().expect("published");
    dir
}

fn all() -> impl Iterator<Item = u64> {
    (0..270).filter(|seed| ![3, 260].contains(seed))
}

pub(crate) fn copy(from: &Path, to: &Path) {
    for file in files(from) {
        let to = to.join(file.strip_prefix(from).expect("it is inside"));
        std::fs::create_dir_all(to.parent().expect("it has one")).expect("made");
        std::fs::copy(&file, &to).expect("copied");
    }
}

/// Where in each file, as a share of its length: `IMGSEARCH_PLACES=50 cargo test -p imgsearch-index crash` is the long form.
fn places() -> impl Iterator<Item = f64> {
    let places = std::env::var("IMGSEARCH_PLACES").ok();
    let places: u32 = places.and_then(|places| places.parse().ok()).unwrap_or(3);
    (0..places).map(move |place| (f64::from(place) + 0.5) / f64::from(places))
}

/// Does something to a copy of each published file; readers must answer right or refuse, and a writer must bring
/// everything back.
fn after_each(harm: impl Fn(&Path)) {
    let whole = grown();
    for file in published(whole.path()) {
        let dir = folder();
        copy(whole.path(), dir.path());
        let name = file.strip_prefix(whole.path()).expect("it is inside");
        harm(&dir.path().join(name));
        match Reader::open(dir.path()) {
            Ok(reader) => assert_has(&reader, all()),
            Err(Error::Damaged { .. } | Error::NoIndex { .. } | Error::NewerFormat { .. }) => {}
            Err(error) => panic!("{name:?}: {error:?}"),
        }
        match imgsearch_index::Writer::open(dir.path(), &crate::schema()) {
            Ok(writer) => drop(writer),
            Err(error) => panic!("{name:?}: {error}"),
        }
        assert_has(&read(dir.path()), all());
    }
}

#[test]
fn a_missing_file_is_made_again() {
    after_each(|file| std::fs::remove_file(file).expect("removed"));
}

#[test]
fn a_cut_file_is_made_again() {
    for place in places() {
        after_each(|file| {
            let len = file.metadata().expect("it is there").len();
            let file = std::fs::File::options().write(true).open(file);
            let kept = (len as f64 * place) as u64;
            file.expect("opened").set_len(kept).expect("cut");
        });
    }
}

#[test]
fn an_emptied_file_is_made_again() {
    after_each(|file| std::fs::write(file, "").expect("emptied"));
}

#[test]
fn a_changed_byte_is_noticed() {
    for place in places() {
        after_each(|file| {
            let mut bytes = std::fs::read(file).expect("read");
            let at = (bytes.len() as f64 * place) as usize;
            if let Some(byte) = bytes.get_mut(at) {
                *byte ^= 0x10;
            }
            std::fs::write(file, bytes).expect("written");
        });
    }
}

#[test]
fn everything_published_can_be_lost_at_once() {
    let dir = grown();
    for file in published(dir.path()) {
        std::fs::remove_file(file).expect("removed");
    }
    assert!(matches!(
        Reader::open(dir.path()),
        Err(Error::NoIndex { .. })
    ));
    drop(open(dir.path()));
    assert_has(&read(dir.path()), all());
}

#[test]
fn the_catalogue_comes_back_from_what_is_published() {
    let dir = grown();
    let before = read(dir.path());
    let mut files = open(dir.path()).files().expect("listed");
    std::fs::remove_dir_all(dir.path().join("catalogue")).expect("removed");
    let mut writer = open(dir.path());
    let mut restored = writer.files().expect("listed");
    files.sort();
    restored.sort();
    assert_eq!(restored, files);
    writer.put((900..905).map(image).collect()).expect("stored");
    writer.commit().expect("published");
    drop(writer);
    let after = read(dir.path());
    assert_has(&after, all().chain(900..905));
    for seed in all() {
        let embedding = |reader: &Reader| reader.embedding(reader.find(&id(seed)).expect("there"));
        assert_eq!(
            embedding(&after).expect("known"),
            embedding(&before).expect("known")
        );
    }
}

#[test]
fn a_catalogue_that_lost_its_end_gets_it_back() {
    let dir = indexed(&[0, 30]);
    let kept = folder();
    copy(&dir.path().join("catalogue"), kept.path());
    let mut writer = open(dir.path());
    let taken_over = NewImage {
        files: image(5).files,
        ..image(60)
    };
    writer
        .put((30..40).map(image).chain([taken_over]).collect())
        .expect("stored");
    writer.add_file(&id(6), file("copy.jpg", 0)).expect("added");
    writer.commit().expect("published");
    drop(writer);
    std::fs::remove_dir_all(dir.path().join("catalogue")).expect("removed");
    copy(kept.path(), &dir.path().join("catalogue"));
    let writer = open(dir.path());
    assert_eq!(writer.files().expect("listed").len(), 41);
    let reader = read(dir.path());
    assert_has(&reader, (0..40).filter(|&seed| seed != 5).chain([60]));
    assert_eq!(reader.find_path("copy.jpg".as_ref()), reader.find(&id(6)));
    assert_eq!(reader.find_path("5.jpg".as_ref()), reader.find(&id(60)));
}

#[test]
fn a_damaged_catalogue_is_set_aside_and_restored() {
    let whole = grown();
    for harm in ["cut", "flip", "flip a part", "empty"] {
        let dir = folder();
        copy(whole.path(), dir.path());
        for file in files(&dir.path().join("catalogue")) {
            let mut bytes = std::fs::read(&file).expect("read");
            match harm {
                "cut" => bytes.truncate(bytes.len() / 2),
                "flip" => bytes.iter_mut().step_by(997).for_each(|byte| *byte ^= 0xff),
                "flip a part" => bytes
                    .iter_mut()
                    .take(5000)
                    .skip(4000)
                    .for_each(|byte| *byte ^= 1),
                _ => bytes.clear(),
            }
            std::fs::write(&file, bytes).expect("written");
        }
        drop(open(dir.path()));
        assert_has(&read(dir.path()), all());
    }
}

#[test]
fn a_part_of_the_catalogue_that_cannot_be_read_is_restored() {
    let whole = grown();
    let parts = files(&whole.path().join("catalogue/blobs"));
    assert!(parts.len() > 20, "{parts:?}");
    let mut thorough = Options::default();
    thorough.thorough = true;
    for (at, part) in parts.iter().enumerate().step_by(parts.len() / 12) {
        let dir = folder();
        copy(whole.path(), dir.path());
        let part = dir
            .path()
            .join(part.strip_prefix(whole.path()).expect("it is inside"));
        let mut bytes = std::fs::read(&part).expect("it is read");
        match at % 3 {
            0 => std::fs::remove_file(&part).expect("it is removed"),
            1 => std::fs::write(&part, &bytes[..bytes.len() / 2]).expect("it is cut"),
            _ => {
                let middle = bytes.len() / 2;
                bytes[middle] ^= 1;
                std::fs::write(&part, bytes).expect("it is changed");
            }
        }
        let found = examine(dir.path()).expect("it is examined").findings;
        assert!(
            found
                .iter()
                .all(|finding| finding.remedy == Remedy::Restore),
            "{found:?}"
        );
        drop(Writer::open_with(dir.path(), &schema(), thorough.clone()).expect("it is repaired"));
        assert_has(&read(dir.path()), all());
        for image in open(dir.path()).images() {
            image.expect("it can be read again");
        }
    }
}

#[test]
fn what_was_put_but_not_committed_is_published_on_opening() {
    let dir = indexed(&[0, 20]);
    let mut writer = open(dir.path());
    writer.put((20..30).map(image).collect()).expect("stored");
    writer.remove(&[id(4)]).expect("removed");
    drop(writer);
    assert_has(&read(dir.path()), 0..20);
    drop(open(dir.path()));
    assert_has(&read(dir.path()), (0..30).filter(|&seed| seed != 4));
}

#[test]
fn leftovers_are_removed_and_strangers_are_not() {
    let dir = grown();
    let left = [
        "segment-99.seg.tmp",
        "segment-98.seg",
        "dead-97",
        "MANIFEST.tmp",
    ];
    let kept = ["notes.txt", "tagsoup", "kept.tmp"];
    for name in left.iter().chain(&kept) {
        std::fs::write(dir.path().join(name), "half a fi").expect("written");
    }
    std::fs::create_dir(dir.path().join("tags-96")).expect("made");
    let mut writer = open(dir.path());
    assert!(left.iter().all(|name| !dir.path().join(name).exists()));
    assert!(!dir.path().join("tags-96").exists());
    assert!(kept.iter().all(|name| dir.path().join(name).exists()));
    assert_has(&read(dir.path()), all());
    writer.put(vec![image(4000)]).expect("stored");
    assert!(
        writer.commit().expect("published").0 > 99,
        "numbers are never used again"
    );
}

/// The tag index was committed and the manifest was not: the moment in which a crash leaves them apart.
#[test]
fn a_tag_index_ahead_of_its_manifest_is_harmless() {
    let dir = indexed(&[0, 30]);
    let manifest = dir.path().join("MANIFEST");
    let old = std::fs::read(&manifest).expect("read");
    let mut writer = open(dir.path());
    writer.put((30..40).map(image).collect()).expect("stored");
    writer.remove(&[id(7)]).expect("removed");
    let kept = folder();
    copy(dir.path(), kept.path());
    writer.commit().expect("published");
    drop(writer);
    for file in files(kept.path())
        .iter()
        .filter(|f| f.extension() == Some("seg".as_ref()))
    {
        std::fs::copy(file, dir.path().join(file.file_name().expect("named"))).expect("copied");
    }
    std::fs::write(&manifest, old).expect("written");
    assert_eq!(read(dir.path()).len(), 30);
    drop(open(dir.path()));
    assert_has(&read(dir.path()), (0..40).filter(|&seed| seed != 7));
}

#[cfg(unix)]
#[test]
#[expect(clippy::print_stdout, reason = "what was not tried is said")]
fn whoever_may_only_read_can_search() {
    use std::fs::{Permissions, set_permissions};
    use std::os::unix::fs::PermissionsExt;

    let dir = grown();
    let tags = published(dir.path())
        .into_iter()
        .find_map(|file| Some(file.parent().filter(|p| *p != dir.path())?.to_path_buf()))
        .expect("tantivy's folder");
    for lock in files(&tags) {
        if lock.extension().is_some_and(|e| e == "lock") {
            std::fs::remove_file(lock).expect("removed");
        }
    }
    let closed = |mode| {
        for folder in [tags.as_path(), dir.path()] {
            set_permissions(folder, Permissions::from_mode(mode)).expect("changed");
        }
    };
    closed(0o555);
    let may_write_anyway = std::fs::write(tags.join("probe"), "").is_ok();
    let reader = Reader::open(dir.path());
    closed(0o755);
    assert_has(&reader.expect("it opens for reading"), all());
    if may_write_anyway {
        println!("skipped in part: this user may write to every folder");
    }
}
