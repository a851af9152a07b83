//! Looking after an index: `doctor`, `prune`, `remove`, `export`, `import`, and `index --watch`.

use std::io::{BufRead, BufReader};

use super::owned::Owned;
use super::*;

#[test]
fn prune_shows_what_is_gone_before_it_forgets_it() {
    let owned = Owned::new(&["cat.jpg", "coffee.jpg", "clock.jpg"]);
    assert_eq!(code(&owned.run(&["prune"])), 1);
    fs::remove_file(owned.pictures.join("cat.jpg")).unwrap();
    let shown = owned.run(&["prune"]);
    let gone = format!("{}\n", owned.pictures.join("cat.jpg").display());
    assert_eq!((code(&shown), out(&shown)), (0, gone.clone()));
    assert!(err(&shown).contains("1 file would be forgotten; `imgsearch prune --yes`"));
    assert_eq!(owned.found("a cat").len(), 3);
    let done = owned.run(&["prune", "--yes", "-q"]);
    assert_eq!((code(&done), out(&done)), (0, gone));
    assert_eq!(owned.found("a cat").len(), 2);

    fs::rename(&owned.pictures, owned.folder.path().join("elsewhere")).unwrap();
    let shown = owned.run(&["prune", "--json"]);
    let folder = owned.pictures.to_str().unwrap();
    assert!(
        err(&shown).contains(&format!("2 files went with the folder {folder}; is that")),
        "{}",
        err(&shown)
    );
    for line in lines(&shown) {
        assert_eq!(
            (&line["gone"], &line["forgotten"]),
            (&folder.into(), &false.into())
        );
    }
}

#[test]
fn remove_forgets_what_is_below_a_folder_and_leaves_the_files() {
    let owned = Owned::new(&["cat.jpg", "coffee.jpg"]);
    let shown = owned.run(&["remove", "--dry-run", "pictures"]);
    assert_eq!((code(&shown), out(&shown).lines().count()), (0, 2));
    let done = owned.run(&["remove", "pictures/cat.jpg", "--json"]);
    assert_eq!(code(&done), 0);
    assert_eq!(lines(&done)[0]["forgotten"], true);
    assert!(owned.pictures.join("cat.jpg").exists());
    let left = owned.found("a cat");
    assert!(
        left.len() == 1 && left[0].ends_with("coffee.jpg"),
        "{left:?}"
    );
    let nothing = owned.run(&["remove", "pictures/cat.jpg"]);
    assert_eq!(code(&nothing), 1);
    assert!(err(&nothing).contains("nothing in pictures/cat.jpg is indexed"));
    let again = owned.run(&["index", "pictures", "--json"]);
    assert_eq!(lines(&again)[0]["added"], 1);
}

#[test]
fn doctor_finds_rot_and_repairs_it() {
    let owned = Owned::new(&["cat.jpg", "coffee.jpg"]);
    let sound = owned.run(&["doctor", "--json"]);
    assert_eq!(code(&sound), 0, "{}", err(&sound));
    let report = lines(&sound).remove(0);
    assert_eq!(
        (&report["sound"], &report["images"]),
        (&true.into(), &2.into())
    );
    let segment = fs::read_dir(&owned.index)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .find(|path| path.extension().is_some_and(|ending| ending == "seg"))
        .unwrap();
    let modified = segment.metadata().unwrap().modified().unwrap();
    let mut bytes = fs::read(&segment).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&segment, bytes).unwrap();
    let file = fs::File::options().write(true).open(&segment).unwrap();
    file.set_modified(modified).unwrap();
    let rotten = owned.run(&["doctor"]);
    assert_eq!(code(&rotten), 2);
    assert!(
        out(&rotten).contains(segment.to_str().unwrap()),
        "{}",
        out(&rotten)
    );
    assert!(err(&rotten).contains("doctor --repair"));
    let repaired = owned.run(&["doctor", "--repair"]);
    assert_eq!(
        (code(&repaired), out(&repaired).as_str()),
        (0, ""),
        "{}",
        err(&repaired)
    );
    assert!(
        err(&repaired).contains("sound: 2 pictures"),
        "{}",
        err(&repaired)
    );
    refused(
        &run(owned.folder.path(), &["doctor"]),
        "there is no index in",
    );
}

#[test]
fn an_export_brings_an_index_to_another_folder() {
    let owned = Owned::new(&["cat.jpg", "coffee.jpg"]);
    let exported = owned.run(&["export"]);
    assert_eq!(code(&exported), 0, "{}", err(&exported));
    let written = lines(&exported);
    assert_eq!((written.len(), &written[0]["images"]), (3, &2.into()));
    let cat = written[1..].iter().find(|line| {
        let path = line["files"][0]["path"].as_str().unwrap();
        path.ends_with("cat.jpg")
    });
    assert!(
        cat.unwrap()["tags"]
            .as_array()
            .unwrap()
            .contains(&"cat".into())
    );
    let file = owned.folder.path().join("export.jsonl");
    fs::write(&file, &exported.stdout).unwrap();

    let other = owned.folder.path().join("other");
    let import = |file: &Path| run(&other, &[OsStr::new("import"), file.as_os_str()]);
    let imported = import(&file);
    assert_eq!(code(&imported), 0, "{}", err(&imported));
    assert_eq!(err(&imported), "imported 2\n");
    let again = run(&other, &["export"]);
    assert_eq!(out(&again), out(&exported), "the same to the bit");
    let indexed = run(
        &other,
        &[
            OsStr::new("index"),
            owned.pictures.as_os_str(),
            OsStr::new("--json"),
        ],
    );
    assert_eq!(lines(&indexed)[0]["unchanged"], 2);

    let text = out(&exported);
    let mut parts: Vec<&str> = text.lines().collect();
    let cut = parts[..2].join("\n");
    fs::write(&file, cut).unwrap();
    refused(
        &import(&file),
        "line 2 of the export: the file ends after 1 of 2 pictures",
    );
    parts[2] = "{}";
    fs::write(&file, parts.join("\n")).unwrap();
    refused(&import(&file), "line 3 of the export: missing field `id`");
    let foreign = parts[0].replace("tag2text-mini", "another");
    fs::write(&file, foreign).unwrap();
    refused(
        &import(&file),
        "line 1 of the export: it was made with the model another",
    );
    fs::write(&file, "hello").unwrap();
    refused(
        &import(&file),
        "line 1 of the export: it is not the first line of an export",
    );
    refused(
        &import(&owned.folder.path().join("nothing")),
        "No such file",
    );
    refused(
        &run(&owned.folder.path().join("empty"), &["export"]),
        "there is no index in",
    );
}

#[test]
fn an_index_of_another_model_is_made_anew() {
    let owned = Owned::new(&["cat.jpg", "coffee.jpg"]);
    // The built-in model under another name: names tell models apart.
    let bundle = bundle(|manifest| manifest["name"] = "renamed".into());
    let model = ["--model", bundle.path().to_str().unwrap()];
    let with_model = |args: &[&str]| owned.run(&[&model, args].concat());
    let mismatch =
        "; make it anew or index into another folder (`imgsearch index --rebuild` does the first)";
    refused(&with_model(&["search", "a cat"]), mismatch);
    refused(&with_model(&["index", "pictures"]), mismatch);
    fs::remove_file(owned.pictures.join("coffee.jpg")).unwrap();
    fs::copy(
        photos().join("clock.jpg"),
        owned.folder.path().join("clock.jpg"),
    )
    .unwrap();
    let rebuilt = with_model(&["index", "--rebuild", "clock.jpg", "--json"]);
    assert_eq!(code(&rebuilt), 0, "{}", err(&rebuilt));
    assert_eq!(lines(&rebuilt)[0]["added"], 2);
    let found = with_model(&["search", "--paths-only", "a cat"]);
    assert_eq!(out(&found).lines().count(), 2);
    refused(&owned.run(&["search", "a cat"]), mismatch);
    assert_eq!(code(&with_model(&["doctor"])), 0);
}

#[cfg(all(unix, feature = "watch"))]
#[test]
fn a_watched_folder_is_indexed_as_it_changes() {
    let owned = Owned::new(&["cat.jpg"]);
    let mut child = imgsearch(&owned.index)
        .args(["index", "--watch", "--json"])
        .arg(&owned.pictures)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut reports = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut next = || -> Value { serde_json::from_str(&reports.next().unwrap().unwrap()).unwrap() };
    assert_eq!(next()["unchanged"], 1);
    let below = owned.pictures.join("new");
    fs::create_dir(&below).unwrap();
    fs::copy(photos().join("coffee.jpg"), below.join("coffee.jpg")).unwrap();
    let report = next();
    assert_eq!(
        (&report["added"], &report["unchanged"]),
        (&1.into(), &1.into())
    );
    assert!(owned.found("a cup of coffee")[0].ends_with("new/coffee.jpg"));
    // Between runs the index is free for others.
    let removed = owned.run(&["remove", "pictures/new", "-q"]);
    assert_eq!(code(&removed), 0, "{}", err(&removed));
    fs::remove_file(owned.pictures.join("cat.jpg")).unwrap();
    let report = next();
    assert_eq!(
        (&report["added"], &report["removed"]),
        (&1.into(), &1.into())
    );
    let killed = Command::new("kill")
        .args(["-INT", &child.id().to_string()])
        .status();
    assert!(killed.unwrap().success());
    assert_eq!(child.wait().unwrap().code(), Some(130));
}
