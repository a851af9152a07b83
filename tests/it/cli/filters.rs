//! Searches among the pictures that show a tag, or do not show it.

use super::imports::{golden, import};
use super::*;

#[test]
fn a_name_that_two_tags_share_filters_by_both() {
    let (home, index) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (home, index) = (home.path(), index.path().to_str().unwrap());
    let list = fs::read_to_string(golden("mini_tags.txt")).unwrap();
    let tags = home.join("tags.txt");
    fs::write(&tags, list.replace("car\n", "beach\n")).unwrap();
    let mut args = import("tag2text", "tag2text_mini.pth");
    *args.last_mut().unwrap() = tags.to_str().unwrap().to_owned();
    assert_eq!(code(&run(home, &args)), 0);
    let parts = ["--tagger", "tag2text_mini", "--aligner", "tag2text-mini"];
    let compose = [&["model", "compose", "both"][..], &parts].concat();
    assert_eq!(code(&run(home, &compose)), 0);
    let asked = |args: &[&str]| {
        run(
            home,
            &[args, &["--model", "both", "--index", index]].concat(),
        )
    };
    let photos = photos();
    assert_eq!(code(&asked(&["index", photos.to_str().unwrap()])), 0);

    let mut files: Vec<String> = fs::read_dir(&photos)
        .unwrap()
        .map(|entry| entry.unwrap().path().to_str().unwrap().to_owned())
        .filter(|path| path.ends_with(".jpg"))
        .collect();
    files.sort_unstable();
    let mut args = vec!["tags", "--all", "--json"];
    args.extend(files.iter().map(String::as_str));
    let seen: Vec<Vec<bool>> = lines(&asked(&args))
        .iter()
        .map(|line| {
            let tags = line["tags"].as_array().unwrap().iter();
            let beaches = tags.filter(|tag| tag["tag"] == "beach");
            beaches.map(|tag| tag["recognized"] == true).collect()
        })
        .collect();
    assert!(seen.contains(&vec![true, false]) && seen.contains(&vec![false, true]));
    let found = |option: &str| {
        let found = lines(&asked(&["search", option, "beach", "--json"]));
        let paths = found
            .iter()
            .map(|hit| hit["path"].as_str().unwrap().to_owned());
        let mut paths: Vec<String> = paths.collect();
        paths.sort_unstable();
        paths
    };
    let (with, without): (Vec<_>, Vec<_>) = files
        .into_iter()
        .zip(seen)
        .partition(|(_, seen)| seen.contains(&true));
    let paths = |files: Vec<(String, Vec<bool>)>| -> Vec<String> {
        files.into_iter().map(|(path, _)| path).collect()
    };
    assert_eq!(found("--tag"), paths(with));
    assert_eq!(found("--not-tag"), paths(without));
}
