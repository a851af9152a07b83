//! Input that is not what it should be, and streams that end early.

use super::*;

#[test]
fn queries_that_make_no_sense_are_refused_and_odd_ones_answered() {
    refused(&run(index(), &["search", "!?"]), "the query is empty");
    refused(&run(index(), &["search"]), "QUERY");
    refused(
        &run(index(), &["search", "x", "--tag", "beech"]),
        "did you mean",
    );
    refused(
        &run(
            index(),
            &["search", "x", "--tag", "cat", "--not-tag", "cats"],
        ),
        "both required and excluded",
    );
    refused(&run(index(), &["search", "x", "-n", "0"]), "at least 1");
    refused(
        &run(index(), &["search", "the of and"]),
        "names nothing that a picture could show",
    );
    let long = "a cat on the beach ".repeat(520);
    let answered = run(index(), &["search", &long]);
    assert_eq!(code(&answered), 0);
    assert!(
        err(&answered).contains("longer than the model reads"),
        "{}",
        err(&answered)
    );
}

#[test]
fn folders_that_are_empty_missing_or_no_folder() {
    let folder = tempfile::tempdir().unwrap();
    let empty = folder.path().join("empty");
    fs::create_dir(&empty).unwrap();
    let nothing = imgsearch(&folder.path().join("index"))
        .arg("index")
        .arg(&empty)
        .output()
        .unwrap();
    assert_eq!(code(&nothing), 0);
    assert_eq!(
        err(&nothing),
        format!("no pictures found in {}\n", empty.display())
    );
    let none = run(&folder.path().join("index"), &["search", "cat"]);
    assert_eq!(code(&none), 1);
    assert!(
        err(&none).contains("holds no pictures yet"),
        "{}",
        err(&none)
    );

    let index = folder.path().join("other");
    refused(&run(&index, &["index", "missing-folder"]), "missing-folder");
    refused(&run(&index, &["index"]), "PATH");
    for args in [&["search", "cat"][..], &["status"]] {
        refused(
            &run(&folder.path().join("none"), args),
            "index some pictures first",
        );
    }
    let file = folder.path().join("file");
    fs::write(&file, "text").unwrap();
    for args in [&["search", "cat"][..], &["status"], &["index", "."]] {
        refused(&run(&file, args), "is not a folder");
    }
    assert_eq!(fs::read(&file).unwrap(), b"text");
}

#[test]
fn settings_and_models_that_are_not_there() {
    refused(
        &run(index(), &["status", "--config", "missing.toml"]),
        "missing.toml",
    );
    refused(
        &run(index(), &["status", "--model", "gpt"]),
        "tag2text-mini",
    );
    let folder = tempfile::tempdir().unwrap();
    let settings = folder.path().join("bad.toml");
    fs::write(&settings, "[ingest]\nthread = 2\n").unwrap();
    let bad = imgsearch(index())
        .args(["status", "--config"])
        .arg(&settings)
        .output()
        .unwrap();
    refused(&bad, "unknown field `thread`");
    let model = imgsearch(index())
        .args(["status", "--model"])
        .arg(folder.path())
        .output()
        .unwrap();
    refused(&model, "cannot read");
}

#[test]
fn an_interface_without_a_terminal_says_so() {
    refused(&run(index(), &[] as &[&str]), "needs a terminal");
}

#[cfg(unix)]
mod unix {
    use std::os::unix::ffi::OsStrExt;

    use super::*;

    #[test]
    fn names_that_are_no_text_come_back_byte_by_byte() {
        let folder = tempfile::tempdir().unwrap();
        let (index, pictures) = (folder.path().join("index"), folder.path().join("pictures"));
        fs::create_dir(&pictures).unwrap();
        let odd = pictures.join(OsStr::from_bytes(b"caf\xe9 \x1b[31m\n.jpg"));
        fs::copy(photos().join("coffee.jpg"), &odd).unwrap();
        let indexed = imgsearch(&index)
            .arg("index")
            .arg(&pictures)
            .output()
            .unwrap();
        assert_eq!(code(&indexed), 0, "{}", err(&indexed));
        let mut expected = odd.as_os_str().as_bytes().to_vec();
        expected.push(0);
        assert_eq!(run(&index, &["search", "coffee", "-0"]).stdout, expected);
        let json = run(&index, &["search", "coffee", "--json"]);
        assert!(
            lines(&json)[0]["path"]
                .as_str()
                .unwrap()
                .contains("caf\u{fffd}")
        );
    }

    #[test]
    fn whoever_stops_reading_is_no_error() {
        let mut child = imgsearch(index())
            .args(["tags", "--all", "--json"])
            .args([photos().join("cat.jpg"), photos().join("clock.jpg")])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        drop(child.stdout.take());
        let ended = child.wait_with_output().unwrap();
        assert_eq!((code(&ended), err(&ended)), (0, String::new()));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn results_that_cannot_be_written_are_an_error() {
        let full = fs::File::create("/dev/full").unwrap();
        let lost = imgsearch(index())
            .args(["search", "cat"])
            .stdout(full)
            .output()
            .unwrap();
        refused(&lost, "cannot write the results");
    }
}
