//! The library as a host application calls it.

use std::fs;
use std::ops::ControlFlow;
use std::path::Path;

use imgsearch::{Config, Engine, Image, Progress, Query};

fn photos() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/photos")
}

fn engine(folder: &Path) -> Engine {
    let mut settings = imgsearch::Settings::default();
    settings.device = imgsearch::DeviceChoice::Cpu;
    Engine::open(&Config::new(folder).with_settings(settings)).unwrap()
}

fn go_on(_: &Progress) -> ControlFlow<()> {
    ControlFlow::Continue(())
}

#[test]
fn a_removed_picture_is_found_no_more_until_its_folder_is_indexed_again() {
    let folder = tempfile::tempdir().unwrap();
    let engine = engine(folder.path());
    assert_eq!(engine.index_paths(&[photos()], go_on).unwrap().added, 8);
    let query = Query::new("a cup of coffee on a table").with_limit(8);
    let first = engine.search(&query).unwrap().swap_remove(0);
    assert!(first.paths[0].ends_with("coffee.jpg"));

    assert_eq!(engine.remove(&[first.id]).unwrap(), 1);
    assert_eq!(engine.remove(&[first.id]).unwrap(), 0);
    let left = engine.search(&query).unwrap();
    assert_eq!(left.len(), 7);
    assert!(left.iter().all(|hit| hit.id != first.id));
    assert!(engine.tags(Image::Id(first.id)).is_err());

    assert_eq!(engine.index_paths(&[photos()], go_on).unwrap().added, 1);
    assert_eq!(engine.search(&query).unwrap()[0].id, first.id);
}

#[test]
fn a_stopped_run_reports_what_it_did_and_the_next_one_does_the_rest() {
    let folder = tempfile::tempdir().unwrap();
    let mut settings = imgsearch::Settings::default();
    settings.device = imgsearch::DeviceChoice::Cpu;
    settings.ingest.batch = 2;
    let engine =
        Engine::open(&Config::new(folder.path().join("index")).with_settings(settings)).unwrap();
    let report = engine
        .index_paths(&[photos()], |progress| {
            if matches!(progress, Progress::Encoding { done: 2.., .. }) {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            }
        })
        .unwrap();
    assert!(report.cancelled);
    let kept = report.added;
    assert!((2..8).contains(&kept), "{kept}");
    assert_eq!(engine.stats().unwrap().images, kept);
    let rest = engine.index_paths(&[photos()], go_on).unwrap();
    assert_eq!((rest.added, rest.unchanged), (8 - kept, kept));
}

#[test]
fn two_engines_on_two_folders_do_not_meet() {
    let folder = tempfile::tempdir().unwrap();
    let pictures = folder.path().join("pictures");
    fs::create_dir(&pictures).unwrap();
    fs::copy(photos().join("cat.jpg"), pictures.join("cat.jpg")).unwrap();
    let (one, other) = (
        engine(&folder.path().join("one")),
        engine(&folder.path().join("other")),
    );
    assert_eq!(one.index_paths(&[&pictures], go_on).unwrap().added, 1);
    assert!(other.search(&Query::new("a cat")).is_err());
    assert_eq!(other.index_paths(&[photos()], go_on).unwrap().added, 8);
    assert_eq!(one.stats().unwrap().images, 1);
    assert_eq!(other.stats().unwrap().images, 8);
}

/// A folder with copies of the photographs.
fn copies(folder: &Path) -> std::path::PathBuf {
    let pictures = folder.join("pictures");
    fs::create_dir(&pictures).unwrap();
    for entry in fs::read_dir(photos()).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), pictures.join(entry.file_name())).unwrap();
    }
    pictures
}

#[test]
fn pictures_that_vanish_during_a_run_are_reported_and_what_was_done_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    let pictures = copies(folder.path());
    let engine = engine(&folder.path().join("index"));
    let report = engine.index_paths(&[&pictures], |progress| {
        if matches!(progress, Progress::Encoding { .. }) {
            let _ = fs::remove_dir_all(&pictures);
        }
        ControlFlow::Continue(())
    });
    let report = report.unwrap();
    assert_eq!(report.added + report.skipped.len(), 8, "{report:?}");
    assert_eq!(engine.stats().unwrap().images, report.added);
    // A disk that is not mounted must not cost the index.
    assert!(engine.index_paths(&[&pictures], go_on).is_err());
    assert_eq!(engine.stats().unwrap().images, report.added);
}

#[test]
fn an_index_that_vanishes_during_a_run_is_an_error_and_can_be_made_again() {
    let folder = tempfile::tempdir().unwrap();
    let index = folder.path().join("index");
    let engine = engine(&index);
    let mut vanished = false;
    let run = engine.index_paths(&[photos()], |progress| {
        if matches!(progress, Progress::Encoding { .. }) && !vanished {
            // Thumbnails may be written meanwhile.
            while fs::remove_dir_all(&index).is_err() && index.exists() {}
            vanished = true;
        }
        ControlFlow::Continue(())
    });
    let error = run.unwrap_err().to_string();
    assert!(error.contains(index.to_str().unwrap()), "{error}");
    assert_eq!(engine.index_paths(&[photos()], go_on).unwrap().added, 8);
    assert_eq!(engine.stats().unwrap().images, 8);
}

#[test]
fn a_clock_that_goes_backwards_hides_no_change() {
    let folder = tempfile::tempdir().unwrap();
    let pictures = copies(folder.path());
    let engine = engine(&folder.path().join("index"));
    assert_eq!(engine.index_paths(&[&pictures], go_on).unwrap().added, 8);
    let years_ago = std::time::SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(1 << 29);
    let turn_back = |name: &str| {
        let file = fs::File::options()
            .write(true)
            .open(pictures.join(name))
            .unwrap();
        file.set_modified(years_ago).unwrap();
    };
    // One only looks older, the other was replaced by an older file.
    turn_back("cat.jpg");
    fs::copy(photos().join("clock.jpg"), pictures.join("grass.jpg")).unwrap();
    turn_back("grass.jpg");
    let report = engine.index_paths(&[&pictures], go_on).unwrap();
    assert_eq!((report.updated, report.unchanged), (1, 7), "{report:?}");
    assert_eq!(engine.stats().unwrap().images, 7);
    assert_eq!(
        engine.index_paths(&[&pictures], go_on).unwrap().unchanged,
        8
    );
}

#[test]
fn other_formats_of_a_shot_stand_behind_it() {
    let folder = tempfile::tempdir().unwrap();
    let pictures = copies(folder.path());
    let picture = image::open(pictures.join("cat.jpg")).unwrap();
    picture.save(pictures.join("cat.png")).unwrap();
    picture.save(pictures.join("cat.bmp")).unwrap();
    let engine = engine(&folder.path().join("index"));
    assert_eq!(engine.index_paths(&[&pictures], go_on).unwrap().added, 10);
    let query = Query::new("a cat").with_limit(5);
    let plain = engine.search(&query).unwrap();
    assert!(plain.iter().all(|hit| hit.stack.is_empty()));
    let stacked = engine.search(&query.clone().stacked(true)).unwrap();
    assert_eq!((plain.len(), stacked.len()), (5, 5));
    assert_eq!(stacked[0].id, plain[0].id);
    let mut cats = stacked[0].stack.clone();
    cats.extend(stacked[0].paths.first().cloned());
    assert_eq!(cats.len(), 3, "{cats:?}");
    assert!(
        cats.iter().all(|path| path.file_stem().unwrap() == "cat"),
        "{cats:?}"
    );
    assert!(stacked[1..].iter().all(|hit| hit.stack.is_empty()));
}

#[test]
fn pages_follow_each_other_and_more_answers_change_none_of_the_first() {
    let folder = tempfile::tempdir().unwrap();
    let mut settings = imgsearch::Settings::default();
    settings.device = imgsearch::DeviceChoice::Cpu;
    settings.search.candidates = 2;
    let engine = Engine::open(&Config::new(folder.path()).with_settings(settings)).unwrap();
    engine.index_paths(&[photos()], go_on).unwrap();
    for text in ["a cup of coffee on a table", "cat", "a rocket in the sky"] {
        let page = |skip, limit| -> Vec<_> {
            let query = Query::new(text).skipping(skip).with_limit(limit);
            let hits = engine.search(&query).unwrap();
            hits.iter().map(|hit| hit.id).collect()
        };
        let all = page(0, 100);
        assert_eq!(all.len(), 8, "{text}");
        for size in [1, 3, 5] {
            let pages: Vec<_> = (0..8).step_by(size).map(|skip| page(skip, size)).collect();
            assert_eq!(pages.concat(), all, "{text}, pages of {size}");
        }
        assert!(page(8, 3).is_empty());
    }
}

#[test]
fn thumbnails_are_made_with_the_index_made_again_when_damaged_and_go_with_their_picture() {
    let folder = tempfile::tempdir().unwrap();
    let engine = engine(&folder.path().join("index"));
    let copies = copies(folder.path());
    engine.index_paths(&[&copies], go_on).unwrap();
    let kept = folder.path().join("index/thumbnails");
    let count = || std::fs::read_dir(&kept).unwrap().count();
    let all = engine.stats().unwrap().images;
    assert_eq!(count(), all);
    let hit = &engine.search(&Query::new("cat")).unwrap()[0];
    let small = engine.thumbnail(hit.id).unwrap();
    assert!(small.width().max(small.height()) <= 256);
    let shape = |(width, height): (u32, u32)| f64::from(width) / f64::from(height);
    let difference = shape((small.width(), small.height())) - shape(hit.size);
    assert!(difference.abs() < 0.02, "{difference}");

    let file = kept.join(hit.id.to_string());
    std::fs::write(&file, "damaged").unwrap();
    let again = engine.thumbnail(hit.id).unwrap();
    assert!(again.width().max(again.height()) <= 256);
    assert!(std::fs::metadata(&file).unwrap().len() > 100, "kept again");
    let large = engine.preview(Image::Path(&hit.paths[0]), 400).unwrap();
    assert_eq!(large.width().max(large.height()), 400);

    std::fs::remove_file(&hit.paths[0]).unwrap();
    assert!(engine.thumbnail(hit.id).is_ok(), "without the file");
    engine.index_paths(&[&copies], go_on).unwrap();
    assert!(!file.exists() && count() == all - 1);
    assert!(engine.thumbnail(hit.id).is_err());
}
