//! Sentences read by the parser: measured against a reader, and mined for tags.

use super::*;

#[test]
fn the_parser_is_measured_on_a_file_of_ones_own() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("own.tsv");
    fs::write(
        &file,
        "# mine\nA red bus stops by trees\tbus,tree\tred\tstop\tby\na dog\tcat\n",
    )
    .unwrap();
    let file = file.to_str().unwrap();
    let told = run(folder.path(), &["eval", "parsing", file, "--misread"]);
    assert_eq!(code(&told), 0, "{}", err(&told));
    let text = out(&told);
    assert!(
        text.starts_with("2 sentences, 1 read as expected\n"),
        "{text}"
    );
    assert!(
        text.ends_with("\na dog\n  - head cat\n  + head dog\n"),
        "{text}"
    );
    let told = run(folder.path(), &["eval", "parsing", file, "--json"]);
    let report = &lines(&told)[0];
    assert_eq!(report["heads"]["correct"], 2);
    assert_eq!(report["actions"]["f1"], 1.0);
    assert_eq!(report["misread"][0]["missing"][0], "head cat");
}

#[test]
fn examples_that_are_none_are_refused_with_their_line() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("own.tsv");
    fs::write(&file, "a dog\n").unwrap();
    let file = file.to_str().unwrap();
    refused(&run(folder.path(), &["eval", "parsing", file]), "line 1: ");
    refused(
        &run(folder.path(), &["eval", "parsing", "no-such.tsv"]),
        "cannot read no-such.tsv",
    );
}

#[cfg(feature = "train")]
#[test]
fn mined_tags_go_to_stdout_and_what_became_of_the_words_to_stderr() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("captions.jsonl");
    let line = |n: usize| {
        let rare = if n == 0 { "a yak" } else { "grass" };
        format!(
            "{{\"image\":\"{n}.jpg\",\"captions\":[\"A guy on the left kicks a ball over {rare}.\"]}}\n"
        )
    };
    fs::write(&data, (0..9).map(line).collect::<String>()).unwrap();
    let (data, table) = (data.to_str().unwrap(), folder.path().join("words.tsv"));
    let table = table.to_str().unwrap();
    let told = run(folder.path(), &["train", "tags", data, "--report", table]);
    assert_eq!(code(&told), 0, "{}", err(&told));
    let tags = lines(&told);
    assert!(
        tags.iter()
            .any(|tag| tag["tag"] == "kick" && tag["kind"] == "action")
    );
    let summary = err(&told);
    assert!(summary.starts_with("9 captions of 9 pictures"), "{summary}");
    for part in ["man 9", "kick 9", "guy = man 9", "yak 1"] {
        assert!(summary.contains(part), "{part} in {summary}");
    }
    let table = fs::read_to_string(table).unwrap();
    let rows: Vec<Vec<&str>> = table.lines().map(|row| row.split('\t').collect()).collect();
    assert!(rows.iter().all(|row| row.len() == 5), "{table}");
    assert!(
        rows.contains(&vec!["3", "man", "object", "9", "guy 9"]),
        "{table}"
    );
    assert!(
        rows.contains(&vec!["", "yak", "too rare", "1", ""]),
        "{table}"
    );
    let silent = run(folder.path(), &["train", "tags", data, "-q"]);
    assert!(silent.stderr.is_empty(), "{}", err(&silent));
    assert_eq!(silent.stdout, told.stdout);
}
