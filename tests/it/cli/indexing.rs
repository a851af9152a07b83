//! Runs of `imgsearch index`: what changed, and where paths come from.

use std::io::Write;
use std::process::Stdio;

use super::*;

#[test]
fn a_second_run_changes_nothing_and_a_third_notices_what_was_changed() {
    let folder = tempfile::tempdir().unwrap();
    let (index, pictures) = (folder.path().join("index"), folder.path().join("pictures"));
    fs::create_dir(&pictures).unwrap();
    for name in ["cat.jpg", "coffee.jpg", "grass.jpg"] {
        fs::copy(photos().join(name), pictures.join(name)).unwrap();
    }
    fs::write(pictures.join("broken.png"), b"\x89PNG\r\n\x1a\n").unwrap();
    let report = |args: &[&str]| {
        let run = imgsearch(&index)
            .arg("index")
            .arg(&pictures)
            .arg("--json")
            .args(args)
            .output()
            .unwrap();
        (code(&run), lines(&run).remove(0))
    };
    let (exit, first) = report(&[]);
    assert_eq!(
        (exit, &first["added"], &first["cancelled"]),
        (0, &3.into(), &false.into())
    );
    assert!(
        first["skipped"][0]["path"]
            .as_str()
            .unwrap()
            .ends_with("broken.png")
    );
    assert!(first["skipped"][0]["reason"].is_string() && first["seconds"].is_number());
    assert_eq!(report(&["--fail-on-skip"]).0, 2);

    fs::rename(pictures.join("cat.jpg"), pictures.join("kitten.jpg")).unwrap();
    fs::copy(photos().join("clock.jpg"), pictures.join("coffee.jpg")).unwrap();
    fs::remove_file(pictures.join("grass.jpg")).unwrap();
    let (_, third) = report(&[]);
    let counts = ["added", "updated", "moved", "removed", "unchanged"]
        .map(|key| third[key].as_u64().unwrap());
    assert_eq!(counts, [0, 1, 1, 1, 0], "{third}");
}

#[test]
fn paths_are_read_from_stdin() {
    let folder = tempfile::tempdir().unwrap();
    let mut child = imgsearch(folder.path())
        .args(["index", "-", "--json"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let list = ["cat.jpg", "clock.jpg"].map(|name| format!("{}\0", photos().join(name).display()));
    child
        .stdin
        .take()
        .unwrap()
        .write_all(list.concat().as_bytes())
        .unwrap();
    let indexed = child.wait_with_output().unwrap();
    assert_eq!(lines(&indexed)[0]["added"], 2);
    refused(&run(folder.path(), &["index", "-"]), "no path was read");
}
