//! Checkpoints of the reduced reference networks, from the file to tags, captions, matches and an index.

use super::*;

pub(super) fn golden(name: &str) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let path = root.join("tests/fixtures/golden").join(name);
    path.to_str().unwrap().to_owned()
}

/// The arguments that import `checkpoint`.
pub(super) fn import(kind: &str, checkpoint: &str) -> Vec<String> {
    let mut args = ["model", "import", &golden(checkpoint), "--kind", kind]
        .map(str::to_owned)
        .to_vec();
    let mut give = |option: &str, file: &str| args.extend([option.to_owned(), golden(file)]);
    give("--config", "mini_config.json");
    give("--vocab", "mini_vocab.txt");
    if kind == "tag2text" {
        give("--tags", "mini_tags.txt");
    }
    args
}

/// A home with both models, imported once for all tests that only read.
pub(super) fn home() -> &'static Path {
    static HOME: OnceLock<TempDir> = OnceLock::new();
    HOME.get_or_init(|| {
        let home = tempfile::tempdir().unwrap();
        for (kind, file, name, does) in [
            (
                "tag2text",
                "tag2text_mini.pth",
                "tag2text_mini",
                "tags, captions",
            ),
            (
                "blip-itm",
                "blip_retrieval_mini.pth",
                "blip_retrieval_mini",
                "similarity, matching",
            ),
        ] {
            let made = run(home.path(), &import(kind, file));
            assert_eq!(code(&made), 0, "{}", err(&made));
            assert_eq!(out(&made), format!("{name}\n"));
            assert!(err(&made).contains(does), "{}", err(&made));
        }
        home
    })
    .path()
}

fn cat() -> String {
    photos().join("cat.jpg").to_str().unwrap().to_owned()
}

fn asked(args: &[&str]) -> Output {
    run(home(), args)
}

#[test]
fn every_tag_is_told_by_its_number() {
    let told = asked(&[
        "tags",
        &cat(),
        "--all",
        "--json",
        "--model",
        "tag2text_mini",
    ]);
    assert_eq!(code(&told), 0, "{}", err(&told));
    let line = &lines(&told)[0];
    assert_eq!(line["path"], cat());
    let tags = line["tags"].as_array().unwrap();
    let names = fs::read_to_string(golden("mini_tags.txt")).unwrap();
    let expected: Vec<&str> = names.lines().collect();
    let found: Vec<&str> = tags
        .iter()
        .map(|tag| tag["tag"].as_str().unwrap())
        .collect();
    assert_eq!(found, expected);
    assert_eq!(expected.iter().filter(|name| **name == "train").count(), 2);
    for (id, tag) in tags.iter().enumerate() {
        assert_eq!(tag["id"], id);
        let threshold = match id {
            5 | 7 => 1.0,
            2 | 49 => 0.7,
            23 => 0.72,
            _ => 0.68,
        };
        let recognized = tag["score"].as_f64().unwrap() > threshold;
        assert_eq!(tag["recognized"], recognized, "{tag}");
    }
    assert!(tags.iter().any(|tag| tag["recognized"] == true));
}

#[test]
fn recognition_is_measured_of_a_model_that_does_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let (data, cat) = (folder.path().join("data.jsonl"), cat());
    let line = serde_json::json!({ "image": cat, "captions": ["a cat near a dog"] });
    fs::write(&data, line.to_string()).unwrap();
    let data = data.to_str().unwrap();
    let measured = |command: &str| {
        let model = ["--json", "--model", "tag2text_mini"];
        asked(&[&["eval", command, data][..], &model].concat())
    };
    let told = measured("tagging");
    assert_eq!(code(&told), 0, "{}", err(&told));
    let report = &lines(&told)[0];
    // The only picture shows each of the tags that the caption names.
    assert_eq!(report["images"], 1);
    assert!((report["map_macro"].as_f64().unwrap() - 1.0).abs() < 1e-6);
    assert_eq!(report["tags"], 2);
    let all = lines(&asked(&[
        "tags",
        &cat,
        "--all",
        "--json",
        "--model",
        "tag2text_mini",
    ]));
    let named_and_seen = all[0]["tags"].as_array().unwrap().iter().filter(|tag| {
        let name = tag["tag"].as_str().unwrap();
        ["cat", "dog"].contains(&name) && tag["recognized"] == true
    });
    let recall = named_and_seen.count() as f64 / 2.0;
    assert!((report["recall"].as_f64().unwrap() - recall).abs() < 1e-6);
    refused(&measured("retrieval"), "imgsearch model compose");
}

#[test]
fn captions_are_written_and_are_the_same_each_time() {
    let caption = |options: &[&str]| {
        let file = cat();
        let mut args = vec!["caption", &file, "--json", "--model", "tag2text_mini"];
        args.extend(options);
        let told = asked(&args);
        assert_eq!(code(&told), 0, "{}", err(&told));
        lines(&told).remove(0)
    };
    let found = caption(&[]);
    assert_eq!(found["path"], cat());
    assert!(!found["caption"].as_str().unwrap().trim().is_empty());
    assert!(!found["tags"].as_array().unwrap().is_empty());
    let given = caption(&["--tags", "dog, traffic light"]);
    assert_eq!(given["tags"], serde_json::json!(["dog", "traffic light"]));
    assert_ne!(given["caption"], found["caption"]);
    assert_eq!(caption(&["--beams", "3", "--max-length", "50"]), found);
    assert_ne!(
        caption(&["--max-length", "8", "--min-length", "5"])["caption"],
        found["caption"]
    );
    let sampled = caption(&["--sample", "--seed", "4"]);
    assert_eq!(caption(&["--sample", "--seed", "4"]), sampled);
    assert_ne!(
        caption(&["--sample", "--seed", "5"])["caption"],
        sampled["caption"]
    );

    let model = ["--model", "tag2text_mini"];
    let refused_with = |options: &[&str], told: &str| {
        let file = cat();
        let args = [&["caption", &file][..], &model, options].concat();
        refused(&asked(&args), told);
    };
    refused_with(&["--max-length", "65"], "max_length");
    refused_with(&["--sample", "--top-p", "2"], "top_p");
    let text = asked(&["caption", &cat(), "missing.jpg", "--model", "tag2text_mini"]);
    assert_eq!(
        (code(&text), out(&text).lines().count()),
        (2, 1),
        "{}",
        err(&text)
    );
    assert!(err(&text).contains("missing.jpg"), "{}", err(&text));
}

#[test]
fn sentences_are_matched_with_a_picture() {
    let sentences = ["a small dog near the road", "the cat"];
    let matched = |token: &str| {
        let (file, model) = (cat(), "blip_retrieval_mini");
        let mut args = vec![
            "match",
            &file,
            "--json",
            "--itm-token",
            token,
            "--model",
            model,
        ];
        args.extend(sentences);
        let told = asked(&args);
        assert_eq!((code(&told), err(&told)), (0, String::new()));
        lines(&told)
    };
    let (enc, cls) = (matched("enc"), matched("cls"));
    for (line, sentence) in enc.iter().zip(sentences) {
        assert_eq!(line["sentence"], sentence);
        assert!((0.0..=1.0).contains(&line["itm"].as_f64().unwrap()));
        assert!((-1.0..=1.0).contains(&line["itc"].as_f64().unwrap()));
    }
    assert_eq!(enc[0]["itc"], cls[0]["itc"]);
    assert_ne!(enc[0]["itm"], cls[0]["itm"]);
    let text = asked(&["match", &cat(), "the cat", "--model", "blip_retrieval_mini"]);
    assert!(out(&text).starts_with("ITM 0."), "{}", out(&text));
    let refused_by = |args: &[&str], told: &str| refused(&asked(args), told);
    refused_by(
        &["tags", &cat(), "--model", "blip_retrieval_mini"],
        "recognises no tags",
    );
    refused_by(
        &["match", &cat(), "x", "--model", "tag2text_mini"],
        "compose",
    );
}

#[test]
fn a_tagger_needs_an_aligner_to_be_searched() {
    let home = home();
    let photos = photos();
    let photos = photos.to_str().unwrap();
    let index = tempfile::tempdir().unwrap();
    let with = |model: &str, args: &[&str]| {
        let folder = index.path().join(model);
        let folder = folder.to_str().unwrap();
        run(
            home,
            &[args, &["--index", folder, "--model", model][..]].concat(),
        )
    };
    let lonely = with("tag2text_mini", &["index", photos]);
    refused(&lonely, "imgsearch model compose");
    assert!(!index.path().join("tag2text_mini").exists());

    for (name, aligner) in [
        ("searchable", "tag2text-mini"),
        ("blipped", "blip_retrieval_mini"),
    ] {
        let made = run(
            home,
            &[
                "model",
                "compose",
                name,
                "--tagger",
                "tag2text_mini",
                "--aligner",
                aligner,
            ],
        );
        assert_eq!(code(&made), 0, "{}", err(&made));
        let indexed = with(name, &["index", photos]);
        assert!(
            err(&indexed).starts_with("added 8 in "),
            "{}",
            err(&indexed)
        );
        let found = with(name, &["search", "a dog on the road", "--json"]);
        assert_eq!(
            (code(&found), lines(&found).len()),
            (0, 8),
            "{}",
            err(&found)
        );
        let described = with(name, &["caption", &cat()]);
        assert_eq!(code(&described), 0, "{}", err(&described));
    }
    // Its tags are those of the tagger, its similarity that of the aligner.
    let tags = |model: &str| {
        lines(&run(
            home,
            &["tags", &cat(), "--all", "--json", "--model", model],
        ))
    };
    assert_eq!(tags("searchable"), tags("tag2text_mini"));
    let similarity = |model: &str| {
        let matched = run(
            home,
            &["match", &cat(), "a cat", "--json", "--model", model],
        );
        lines(&matched)[0]["itc"].clone()
    };
    assert_eq!(similarity("searchable"), similarity("tag2text-mini"));
    assert_eq!(similarity("blipped"), similarity("blip_retrieval_mini"));
    refused(
        &run(
            home,
            &[
                "model",
                "compose",
                "x",
                "--tagger",
                "tag2text_mini",
                "--aligner",
                "tag2text_mini",
            ],
        ),
        "cannot be the aligner",
    );
}

#[test]
fn a_model_without_tags_is_searched_by_similarity_alone() {
    let index = tempfile::tempdir().unwrap();
    let folder = index.path().to_str().unwrap().to_owned();
    let photos = photos();
    let with = |args: &[&str]| {
        let model = ["--index", &folder, "--model", "blip_retrieval_mini"];
        asked(&[args, &model[..]].concat())
    };
    let indexed = with(&["index", photos.to_str().unwrap()]);
    assert!(
        err(&indexed).starts_with("added 8 in "),
        "{}",
        err(&indexed)
    );
    let found = with(&["search", "a dog on the road", "-n", "3", "--json"]);
    let found = lines(&found);
    assert_eq!(found.len(), 3);
    assert!(
        found
            .iter()
            .all(|hit| hit["why"]["tags"].as_array().unwrap().is_empty())
    );
    assert_eq!(lines(&with(&["similar", &cat(), "--json"])).len(), 7);
    assert_eq!(lines(&with(&["status", "--json"]))[0]["tags"], 0);
    refused(&with(&["search", "x", "--tag", "dog"]), "no tag is called");
}

#[test]
fn a_name_is_taken_once_and_what_does_not_fit_is_told() {
    let home = tempfile::tempdir().unwrap();
    let home = home.path();
    let args = import("tag2text", "tag2text_mini.pth");
    let wrong: Vec<String> = args
        .iter()
        .map(|arg| {
            if arg == "tag2text" {
                "ram".to_owned()
            } else {
                arg.clone()
            }
        })
        .collect();
    refused(&run(home, &wrong), "image_proj");
    let without: Vec<&String> = args.iter().take(args.len() - 2).collect();
    refused(&run(home, &without), "recognize-anything");
    assert_eq!(code(&run(home, &args)), 0);
    refused(&run(home, &args), "installed already");
    let listed = lines(&run(home, &["model", "list", "--json"]));
    assert_eq!(listed.len(), 2);
    assert_eq!(
        (&listed[1]["kind"], &listed[1]["dtype"]),
        (&"tag2text".into(), &"f16".into())
    );
    let shown = run(home, &["model", "info", "tag2text_mini", "--verify"]);
    assert!(out(&shown).contains("weights  f16"), "{}", out(&shown));
    let weights = home.join(".local/share/imgsearch-models/tag2text_mini/weights.safetensors");
    let mut bytes = fs::read(&weights).unwrap();
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    fs::write(&weights, bytes).unwrap();
    refused(
        &run(home, &["model", "info", "tag2text_mini", "--verify"]),
        "is damaged",
    );
}
