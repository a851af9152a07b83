//! Results on stdout: text, JSON lines, bare paths.

use super::*;

#[test]
fn a_sentence_finds_a_picture() {
    let found = run(index(), &["search", "a", "cup", "of", "coffee", "-n", "3"]);
    assert_eq!(code(&found), 0, "{}", err(&found));
    let text = out(&found);
    assert_eq!(text.lines().count(), 3);
    let first = text.lines().next().unwrap();
    assert!(
        first.starts_with("1  ") && first.contains("coffee.jpg"),
        "{text}"
    );
    assert!(!text.contains('\x1b') && !text.contains('\t'), "{text}");
    let coloured = run(index(), &["search", "coffee", "--color", "always"]);
    assert!(out(&coloured).contains('\x1b'));
}

#[test]
fn results_as_json_have_the_documented_keys() {
    let found = run(
        index(),
        &["search", "--json", "a photo of a cat", "-n", "2"],
    );
    let lines = lines(&found);
    assert_eq!(lines.len(), 2);
    for (rank, line) in (1..).zip(&lines) {
        assert_eq!(line["rank"], rank);
        assert!(Path::new(line["path"].as_str().unwrap()).is_absolute());
        assert_eq!(line["id"].as_str().unwrap().len(), 64);
        assert!(line["score"].is_number() && line["date"].is_null());
        assert!(line["why"]["itc"].is_number() && line["why"]["itm"].is_null());
        for tag in line["why"]["tags"].as_array().unwrap() {
            assert!(tag["tag"].is_string() && tag["query"].is_string());
            assert!(tag["confidence"].is_number() && tag["weight"].is_number());
        }
    }
    assert!(lines[0]["path"].as_str().unwrap().ends_with("cat.jpg"));
}

#[test]
fn the_second_page_counts_on() {
    let page = |args: &[&str]| {
        lines(&run(
            index(),
            &[&["search", "--json", "cat"], args].concat(),
        ))
    };
    let (all, second) = (page(&[]), page(&["-n", "3", "--skip", "3"]));
    assert_eq!(second, all[3..6]);
    assert_eq!(second[0]["rank"], 4);
    let past = run(index(), &["search", "cat", "--skip", "8"]);
    assert_eq!((code(&past), out(&past)), (1, String::new()));
    assert!(err(&past).contains("no further picture"), "{}", err(&past));
}

#[test]
fn bare_paths_are_for_other_programs() {
    let by_line = run(index(), &["search", "cat", "--paths-only"]);
    let by_nul = run(index(), &["search", "cat", "-0"]);
    let paths = out(&by_line);
    assert_eq!(paths.lines().count(), 8);
    assert!(
        paths.lines().all(|path| Path::new(path).is_file()),
        "{paths}"
    );
    assert_eq!(paths.replace('\n', "\0"), out(&by_nul));
    let both = run(index(), &["search", "cat", "-0", "--json"]);
    refused(&both, "cannot be used with");
}

#[test]
fn tags_filter_and_the_exit_code_tells_that_nothing_is_left() {
    let all = |filter: &str| {
        out(&run(
            index(),
            &[
                "search",
                "cat",
                "--paths-only",
                filter,
                "cat",
                "--min-score",
                "0",
            ],
        ))
    };
    let (with, without) = (all("--tag"), all("--not-tag"));
    assert_eq!(with.lines().count() + without.lines().count(), 8);
    assert!(
        with.contains("cat.jpg") && !without.contains("cat.jpg"),
        "{with}"
    );
    let none = run(
        index(),
        &["search", "cat", "--tag", "cat", "--tag", "castle"],
    );
    assert_eq!(
        (code(&none), out(&none)),
        (1, String::new()),
        "{}",
        err(&none)
    );
    assert!(err(&none).contains("no picture matches"));
    assert!(
        run(
            index(),
            &["search", "cat", "--tag", "cat", "--tag", "castle", "-q"]
        )
        .stderr
        .is_empty()
    );
}

#[test]
fn a_query_is_explained_on_stderr() {
    let found = run(
        index(),
        &[
            "search",
            "--explain-query",
            "a coffe and two zorgles",
            "--json",
        ],
    );
    assert!(
        err(&found).contains("coffe: coffee (spelling corrected)"),
        "{}",
        err(&found)
    );
    assert!(
        err(&found).contains("only the similarity answers"),
        "{}",
        err(&found)
    );
    assert_eq!(lines(&found).len(), 8);
    let strict = run(
        index(),
        &["search", "--explain-query", "--strict", "a coffe"],
    );
    assert!(!err(&strict).contains("corrected"), "{}", err(&strict));
}

#[test]
fn the_cpu_says_that_it_does_not_compute_in_f16() {
    let cat = photos().join("cat.jpg");
    let tags = |options: &[&str]| {
        let mut command = imgsearch(index());
        command
            .arg("tags")
            .arg(&cat)
            .args(options)
            .output()
            .unwrap()
    };
    let (full, half) = (tags(&[]), tags(&["--precision", "f16"]));
    let sentence = "imgsearch: f16 is for a GPU; the CPU computes in f32\n";
    assert_eq!(
        (err(&full), err(&half)),
        (String::new(), sentence.to_owned())
    );
    assert_eq!((code(&half), out(&half)), (0, out(&full)));
    assert!(tags(&["--precision", "f16", "-q"]).stderr.is_empty());
    refused(&tags(&["--precision", "f8"]), "f16");
}

#[test]
fn similar_pictures_leave_out_the_picture_itself() {
    let cat = photos().join("cat.jpg");
    let found = run(
        index(),
        &["similar".as_ref(), cat.as_os_str(), "--json".as_ref()],
    );
    let lines = lines(&found);
    assert_eq!(lines.len(), 7);
    assert!(
        lines
            .iter()
            .all(|line| line["path"] != cat.to_str().unwrap())
    );
    refused(&run(index(), &["similar", "missing.jpg"]), "missing.jpg");
}

#[test]
fn tags_of_good_files_are_shown_beside_a_bad_one() {
    let files = photos();
    let args = [
        "tags".into(),
        files.join("cat.jpg"),
        files.join("README.md"),
        files.join("coffee.jpg"),
    ];
    let shown = run(index(), &args);
    assert_eq!(
        (code(&shown), out(&shown).lines().count()),
        (2, 2),
        "{}",
        err(&shown)
    );
    assert!(err(&shown).contains("README.md"), "{}", err(&shown));
    assert!(
        out(&shown).lines().next().unwrap().contains("cat.jpg: "),
        "{}",
        out(&shown)
    );

    let whole = run(
        index(),
        &[
            "tags".as_ref(),
            args[1].as_os_str(),
            "--json".as_ref(),
            "--all".as_ref(),
        ],
    );
    let line = &lines(&whole)[0];
    let tags = line["tags"].as_array().unwrap();
    assert!(tags.iter().enumerate().all(|(id, tag)| tag["id"] == id));
    let recognised = tags.iter().filter(|tag| tag["recognized"] == true).count();
    assert!(0 < recognised && recognised < tags.len() / 2);
}

#[test]
fn the_status_says_what_the_index_holds() {
    let status = run(index(), &["status", "--json"]);
    let status = &lines(&status)[0];
    assert_eq!(status["images"], 8);
    assert!(status["model"].is_string() && status["bytes"].as_u64().unwrap() > 0);
    assert!(status["generation"].is_number() && status["tags"].is_number());
    assert!(out(&run(index(), &["status"])).contains("images      8"));
}

#[test]
fn help_completions_and_manual() {
    for args in [
        &["--help"][..],
        &["search", "-h"],
        &["completions", "zsh"],
        &["man"],
        &["man", "index"],
    ] {
        let shown = run(index(), args);
        assert_eq!(code(&shown), 0, "{}", err(&shown));
        assert!(
            out(&shown).len() > 300 && shown.stderr.is_empty(),
            "{args:?}"
        );
    }
    refused(&run(index(), &["frobnicate"]), "unrecognized subcommand");
}
