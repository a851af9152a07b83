//! What answers a search, what counts as recognised, and in which order answers come.

use super::*;

/// A sentence that names more than one thing, so that it is matched as a whole.
const SENTENCE: &str = "a cup of coffee on a table";

fn hits(args: &[&str]) -> Vec<Value> {
    let found = run(index(), &[&["search", "--json"], args].concat());
    assert_eq!(code(&found), 0, "{}", err(&found));
    lines(&found)
}

/// The score as its explanation adds up, in f32 as the program does.
fn added_up(hit: &Value) -> f32 {
    let number = |value: &Value| value.as_f64().unwrap() as f32;
    let why = &hit["why"];
    let tags = why["tags"].as_array().unwrap().iter();
    let sum = tags.fold(number(&why["itc_weight"]), |sum, tag| {
        sum + number(&tag["weight"])
    });
    sum + number(&why["itm_weight"])
}

#[test]
fn legs_answer_alone_and_together_and_the_explanation_adds_up() {
    for (legs, [tags, itc, itm]) in [
        ("tags", [true, false, false]),
        ("itc", [false, true, false]),
        ("tags,itc", [true, true, false]),
        ("itc,itm", [false, true, true]),
        ("tags,itc,itm", [true, true, true]),
    ] {
        let found = hits(&[SENTENCE, "--legs", legs]);
        // Matching alone knows little of what it has never seen.
        let first = found[0]["path"].as_str().unwrap();
        assert!(
            first.ends_with("coffee.jpg") || legs == "itc,itm",
            "{legs}: {first}"
        );
        for hit in &found {
            let why = &hit["why"];
            assert_eq!(!why["tags"].as_array().unwrap().is_empty(), tags, "{legs}");
            assert_eq!(
                (why["itc"].is_number(), why["itm"].is_number()),
                (itc, itm),
                "{legs}"
            );
            assert_eq!(
                added_up(hit),
                hit["score"].as_f64().unwrap() as f32,
                "{legs}"
            );
        }
        let scores: Vec<f64> = found
            .iter()
            .map(|hit| hit["score"].as_f64().unwrap())
            .collect();
        assert!(scores.is_sorted_by(|a, b| a >= b), "{legs}: {scores:?}");
    }
    // A single name is not matched: the tagger knows more of it.
    assert!(hits(&["a photo of a cat"])[0]["why"]["itm"].is_null());
    let default = hits(&[SENTENCE]);
    assert_eq!(default, hits(&[SENTENCE, "--legs", "tags,itc,itm"]));
    refused(
        &run(index(), &["search", "cat", "--legs", "itm"]),
        "ranks again",
    );
    refused(
        &run(index(), &["search", "cat", "--legs", "vectors"]),
        "tags, itc and itm",
    );
}

#[test]
fn a_picture_without_kept_tokens_is_not_matched() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("config.toml");
    fs::write(&config, "[ingest]\nmax_token_kib = 1\n").unwrap();
    let config = config.to_str().unwrap();
    let photos = photos();
    let indexed = run(
        folder.path(),
        &["index", "--config", config, photos.to_str().unwrap()],
    );
    assert_eq!(code(&indexed), 0, "{}", err(&indexed));
    let found = run(folder.path(), &["search", "--json", SENTENCE]);
    let found = lines(&found);
    assert!(
        found.iter().all(|hit| hit["why"]["itm"].is_null()),
        "{found:?}"
    );
    assert_eq!(found, hits(&[SENTENCE, "--legs", "tags,itc"]));
}

#[test]
fn a_threshold_cuts_the_tags_anew() {
    let recognized = |threshold: &str| {
        let found = hits(&["cat", "--threshold", threshold]);
        let tags = found
            .iter()
            .flat_map(|hit| hit["why"]["tags"].as_array().unwrap());
        tags.filter(|tag| {
            let above = tag["confidence"].as_f64().unwrap() > threshold.parse().unwrap();
            assert_eq!(tag["recognized"] == true, above, "{tag}");
            above
        })
        .count()
    };
    assert_eq!(recognized("0"), 8);
    assert!(recognized("0.5") < 8);
    let with = |threshold: &str| {
        let found = run(
            index(),
            &[
                "search",
                "--tag",
                "cat",
                "--threshold",
                threshold,
                "--paths-only",
            ],
        );
        out(&found).lines().count()
    };
    assert_eq!(with("0"), 8);
    assert!((1..8).contains(&with("0.5")));
    refused(
        &run(index(), &["search", "cat", "--threshold", "1.5"]),
        "from 0 up to 1",
    );
    refused(
        &run(index(), &["search", "cat", "--threshold", "nan"]),
        "from 0 up to 1",
    );
}

#[test]
fn facets_count_the_tags_of_the_answer() {
    let found = run(index(), &["search", "--json", "--facets", "--tag", "cat"]);
    let found = lines(&found);
    let (facets, hits) = found.split_first().unwrap();
    let facets = facets["facets"].as_array().unwrap();
    let cats = facets.iter().find(|facet| facet["tag"] == "cat").unwrap();
    assert_eq!(cats["images"], hits.len());
    let counts: Vec<u64> = facets
        .iter()
        .map(|facet| facet["images"].as_u64().unwrap())
        .collect();
    assert!(
        counts.is_sorted_by(|a, b| a >= b) && facets.len() <= 20,
        "{counts:?}"
    );
    let text = out(&run(index(), &["search", "--facets", "cat"]));
    assert_eq!(text.lines().count(), 9);
    let first = text.lines().next().unwrap();
    assert_eq!(first.split(", ").count(), 20, "{text}");
}

#[test]
fn the_order_changes_and_the_answers_do_not() {
    let paths = |order: &str| {
        let found = hits(&["rocket", "-n", "5", "--sort", order]);
        let paths = found
            .iter()
            .map(|hit| hit["path"].as_str().unwrap().to_owned());
        paths.collect::<Vec<String>>()
    };
    let (mut best, by_path) = (paths("relevance"), paths("path"));
    assert!(by_path.is_sorted() && best != by_path);
    best.sort_unstable();
    assert_eq!(best, by_path);
    assert_eq!(paths("date").len(), 5);
}

#[test]
fn a_picture_is_explained_whether_it_is_found_or_not() {
    let picture = |name: &str| photos().join(name).to_str().unwrap().to_owned();
    let explained = |query: &str, name: &str| {
        let told = run(index(), &["explain", "--json", "--", query, &picture(name)]);
        (code(&told), lines(&told).remove(0))
    };
    let (exit, coffee) = explained(SENTENCE, "coffee.jpg");
    assert_eq!(
        (exit, &coffee["rank"], &coffee["indexed"]),
        (0, &1.into(), &true.into())
    );
    // The same to the bit as a search tells it.
    let hit = hits(&[SENTENCE]).remove(0);
    assert_eq!(coffee["why"], hit["why"]);
    let (exit, cat) = explained("+coffee table", "cat.jpg");
    assert_eq!((exit, &cat["rank"]), (1, &Value::Null));
    assert_eq!(cat["unmet"][0]["missing"]["tags"][0], "coffee");
    let (_, cat) = explained("-cat animal path:nowhere", "cat.jpg");
    assert_eq!(cat["unmet"][0]["excluded"]["tag"], "cat");
    assert_eq!(cat["unmet"][1]["fact"]["asked"], "path:nowhere");
    assert_eq!(cat["unmet"][1]["fact"]["found"][0], picture("cat.jpg"));
    let told = out(&run(
        index(),
        &["explain", "animal -cat", &picture("cat.jpg")],
    ));
    assert!(told.contains("excluded and recognised: cat"), "{told}");

    let folder = tempfile::tempdir().unwrap();
    let elsewhere = folder.path().join("unknown.jpg");
    let mut bytes = fs::read(picture("coffee.jpg")).unwrap();
    bytes.push(0);
    fs::write(&elsewhere, bytes).unwrap();
    let told = run(
        index(),
        &["explain", "--json", SENTENCE, elsewhere.to_str().unwrap()],
    );
    let told = lines(&told).remove(0);
    assert_eq!(
        (&told["indexed"], &told["rank"]),
        (&false.into(), &Value::Null)
    );
    let itm = |why: &Value| why["why"]["itm"].as_f64().unwrap();
    assert!((itm(&told) - itm(&coffee)).abs() < 1e-3);
    let query = "coffee type:png keyword:Oma path:unknown";
    let told = run(index(), &["explain", query, elsewhere.to_str().unwrap()]);
    let told = out(&told);
    assert!(told.contains("asked for: type:png; it has jpeg"), "{told}");
    assert!(
        told.contains("asked for: keyword:Oma; it has none"),
        "{told}"
    );
    assert!(!told.contains("path:unknown"), "{told}");
}
