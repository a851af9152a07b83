//! Models that are installed, chosen, joined and removed.

use super::*;

/// A home of its own, for tests that install something.
fn home() -> TempDir {
    tempfile::tempdir().unwrap()
}

#[test]
fn a_composed_model_is_listed_chosen_used_and_removed() {
    let home = home();
    let home = home.path();
    let listed = run(home, &["model", "list"]);
    assert!(
        out(&listed).starts_with("* tag2text-mini "),
        "{}",
        out(&listed)
    );
    let made = run(
        home,
        &[
            "model",
            "compose",
            "both",
            "--tagger",
            "tag2text-mini",
            "--aligner",
            "tag2text-mini",
        ],
    );
    assert_eq!(
        (code(&made), out(&made).as_str()),
        (0, "both\n"),
        "{}",
        err(&made)
    );
    assert!(
        err(&made).contains("tags, captions, similarity, matching"),
        "{}",
        err(&made)
    );
    assert_eq!(code(&run(home, &["model", "use", "both"])), 0);

    let models = lines(&run(home, &["model", "list", "--json"]));
    let shown: Vec<_> = models
        .iter()
        .map(|model| (model["name"].as_str().unwrap(), model["default"] == true))
        .collect();
    assert_eq!(shown, [("tag2text-mini", false), ("both", true)]);
    assert_eq!(models[1]["kind"], "composed");
    assert_eq!(models[1]["parts"].as_array().unwrap().len(), 2);
    let info = run(home, &["model", "info", "--verify"]);
    assert!(
        out(&info).contains("tagger   tag2text-mini"),
        "{}",
        out(&info)
    );

    // One decode serves both parts, and the tags and places are those of the model alone.
    let photos = photos();
    let indexed = run(home, &["index".as_ref(), photos.as_os_str()]);
    assert!(
        err(&indexed).starts_with("added 8 in "),
        "{}",
        err(&indexed)
    );
    let status = lines(&run(home, &["status", "--json"]));
    assert!(status[0]["model"].as_str().unwrap().starts_with("both-"));
    let question = ["search", "a cup of coffee", "--json"];
    let (ours, alone) = (
        lines(&run(home, &question)),
        lines(&run(index(), &question)),
    );
    assert_eq!(ours, alone);
    refused(
        &run(home, &["search", "coffee", "--model", "tag2text-mini"]),
        "was made with",
    );

    assert_eq!(code(&run(home, &["model", "remove", "both"])), 0);
    let listed = out(&run(home, &["model", "list"]));
    assert!(listed.starts_with("* tag2text-mini ") && listed.lines().count() == 1);
}

#[test]
fn models_that_are_not_there_are_named() {
    let home = home();
    let home = home.path();
    for args in [
        &["model", "use", "gpt"][..],
        &["model", "info", "gpt"],
        &["model", "remove", "gpt"],
        &["tags", "x.jpg", "--model", "gpt"],
    ] {
        refused(
            &run(home, args),
            "no model is called gpt; there are tag2text-mini",
        );
    }
    refused(
        &run(home, &["model", "remove", "tag2text-mini"]),
        "inside the program",
    );
    let builtin = ["--tagger", "tag2text-mini", "--aligner", "tag2text-mini"];
    let compose = |name| run(home, &[&["model", "compose", name][..], &builtin].concat());
    refused(&compose("../up"), "cannot be the name");
    assert!(
        fs::read_dir(home).unwrap().next().is_none(),
        "nothing is left behind"
    );
}

#[test]
fn the_built_in_model_describes_pictures_with_the_tags_that_it_is_given() {
    let coffee = photos().join("coffee.jpg");
    let described = |options: &[&str]| {
        let mut args = vec![OsStr::new("caption"), coffee.as_os_str(), "--json".as_ref()];
        args.extend(options.iter().map(OsStr::new));
        let told = run(index(), &args);
        assert_eq!(code(&told), 0, "{}", err(&told));
        lines(&told).swap_remove(0)
    };
    let words = |line: &serde_json::Value| line["caption"].as_str().unwrap().split(' ').count();
    let (found, given) = (described(&[]), described(&["--tags", "dog, beach"]));
    assert!(words(&found) > 2 && words(&given) > 2, "{found} {given}");
    assert_eq!(given["tags"], serde_json::json!(["dog", "beach"]));
}

#[test]
fn what_a_model_lacks_is_said_with_what_to_install() {
    let cat = photos().join("cat.jpg");
    let blip = ["--model", "blip_retrieval_mini"].map(OsStr::new);
    let caption = [&[OsStr::new("caption"), cat.as_os_str()][..], &blip].concat();
    refused(
        &run(imports::home(), &caption),
        "imgsearch model pull tag2text",
    );
    let sentences = ["a cat", "a rocket on its way into space"];
    let asked = [
        OsStr::new("match"),
        cat.as_os_str(),
        sentences[0].as_ref(),
        sentences[1].as_ref(),
        "--json".as_ref(),
    ];
    let model = without_matching();
    let alone = [OsStr::new("--model"), model.path().as_os_str()];
    let matched = run(index(), &[&asked[..], &alone].concat());
    assert_eq!(code(&matched), 0, "{}", err(&matched));
    assert!(
        err(&matched).contains("imgsearch model pull blip"),
        "{}",
        err(&matched)
    );
    let matched = lines(&matched);
    let itc: Vec<f64> = matched
        .iter()
        .map(|line| line["itc"].as_f64().unwrap())
        .collect();
    assert!(
        itc[0] > itc[1] && matched[0]["itm"].is_null(),
        "{matched:?}"
    );
    refused(&run(index(), &["match", "missing.jpg", "x"]), "missing.jpg");

    let matched = run(index(), &asked);
    assert_eq!((code(&matched), err(&matched).as_str()), (0, ""));
    let matched = lines(&matched);
    let itm = |line: usize| matched[line]["itm"].as_f64().unwrap();
    assert!(
        1.0 > itm(0) && itm(0) > itm(1) && itm(1) > 0.0,
        "{matched:?}"
    );
}
