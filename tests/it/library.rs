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
