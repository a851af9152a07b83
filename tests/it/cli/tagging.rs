//! Tags that people correct.

use imgsearch::query::TagSource;
use imgsearch::{Config, Engine, Query};

use super::keywords::with_keywords;
use super::owned::Owned;
use super::*;

#[test]
fn a_correction_counts_everywhere_and_can_be_taken_back() {
    let owned = Owned::new(&["cat.jpg", "coffee.jpg", "clock.jpg"]);
    let cat = owned.path("cat.jpg");
    assert_eq!(owned.names(&["+cat"]), ["cat.jpg"]);
    assert!(owned.names(&["+beach"]).is_empty());
    let before = lines(&owned.done(&["tags", "--json", &cat]));

    let said = owned.done(&["tag", &cat, "+beaches", "-cat"]);
    assert_eq!(err(&said), "1 picture changed\n");
    assert_eq!(out(&said), format!("{cat}: beach (added), cat (removed)\n"));
    assert_eq!(owned.names(&["+beach"]), ["cat.jpg"]);
    assert_eq!(owned.names(&["tag:beach>0.99"]), ["cat.jpg"]);
    assert!(owned.names(&["+cat"]).is_empty());
    assert_eq!(owned.names(&["--", "-cat"]).len(), 3);
    assert_eq!(owned.names(&["photo -beach"]), ["clock.jpg", "coffee.jpg"]);
    // What is no cat is no tabby cat, unless somebody says so.
    assert!(owned.names(&["+\"tabby cat\""]).is_empty());
    owned.done(&["tag", &cat, "+tabby cat"]);
    assert_eq!(owned.names(&["+\"tabby cat\""]), ["cat.jpg"]);
    owned.done(&["tag", &cat, "=tabby cat"]);
    assert!(owned.names(&["+\"tabby cat\""]).is_empty());
    let low = owned.names(&["--threshold", "0", "+cat"]);
    assert!(!low.contains(&"cat.jpg".to_owned()), "{low:?}");
    assert_eq!(
        owned.names(&["--threshold", "0.999", "+beach"]),
        ["cat.jpg"]
    );
    let facets = owned.run(&["search", "--facets", "--json", "-n", "9", "+beach"]);
    let facets = &lines(&facets)[0]["facets"];
    let facets = facets.as_array().unwrap().iter();
    let facets: Vec<&str> = facets.map(|facet| facet["tag"].as_str().unwrap()).collect();
    assert!(
        facets.contains(&"beach") && !facets.contains(&"cat"),
        "{facets:?}"
    );

    let hit = &lines(&owned.run(&["search", "--json", "beach"]))[0];
    assert!(hit["path"].as_str().unwrap().ends_with("cat.jpg"), "{hit}");
    let tag = &hit["why"]["tags"][0];
    assert_eq!(
        (&tag["source"], &tag["confidence"]),
        (&"added".into(), &1.0.into())
    );
    assert!(out(&owned.run(&["search", "beach"])).contains("[beach (added)]"));
    let why = out(&owned.run(&["explain", "a cat on the beach", &cat]));
    assert!(why.contains("tag beach, you tagged it so"), "{why}");
    assert!(why.contains("tag cat, you took the tag away"), "{why}");
    let why = out(&owned.run(&["explain", "+cat -beach", &cat]));
    assert!(
        why.contains("required: cat (you took the tag away)"),
        "{why}"
    );
    assert!(why.contains("excluded: beach (you tagged it so)"), "{why}");

    // What the model says stays as it is and is shown beside it.
    let after = lines(&owned.done(&["tags", "--json", &cat]));
    assert_eq!(after[0]["tags"], before[0]["tags"]);
    assert_eq!(after[0]["added"], serde_json::json!(["beach"]));
    assert_eq!(after[0]["removed"], serde_json::json!(["cat"]));
    let shown = out(&owned.done(&["tags", &cat]));
    assert!(
        shown.contains("cat 1.00 (removed)") && shown.ends_with(", beach (added)\n"),
        "{shown}"
    );
    assert_eq!(out(&owned.done(&["tag", &cat])), out(&said));

    let again = owned.done(&["tag", &cat, "-cat"]);
    assert_eq!(err(&again), "nothing changed; that was said already\n");
    let back = owned.done(&["tag", &cat, "=cat", "=beach", "--json"]);
    assert_eq!(out(&back), format!("{{\"path\":{cat:?}}}\n"));
    assert_eq!(owned.names(&["+cat"]), ["cat.jpg"]);
    assert!(owned.names(&["+beach"]).is_empty());
    assert_eq!(code(&owned.run(&["tag", &cat])), 1);
}

#[test]
fn several_pictures_are_corrected_at_once_or_none() {
    let owned = Owned::new(&["cat.jpg", "coffee.jpg", "clock.jpg"]);
    let (cat, coffee, clock) = (
        owned.path("cat.jpg"),
        owned.path("coffee.jpg"),
        owned.path("clock.jpg"),
    );
    let said = owned.done(&["tag", "+snow", "-hot dog", &cat, &coffee, &clock]);
    assert_eq!(err(&said), "3 pictures changed\n");
    assert_eq!(owned.names(&["+snow"]).len(), 3);
    let strange = owned.folder.path().join("strange.jpg");
    fs::copy(photos().join("rocket.jpg"), &strange).unwrap();
    let strange = strange.to_str().unwrap();
    refused(
        &owned.run(&["tag", &cat, strange, "+beach"]),
        "strange.jpg is not indexed",
    );
    assert!(owned.names(&["+beach"]).is_empty());
    refused(
        &owned.run(&["tag", &cat, "/no/such.jpg", "+beach"]),
        "/no/such.jpg",
    );
    refused(&owned.run(&["tag", &cat, "+beech"]), "did you mean beach,");
    refused(
        &owned.run(&["tag", &cat, "+zorgle"]),
        "--keyword keeps a name",
    );
    refused(&owned.run(&["tag", &cat, "=zorgle"]), "no tag is called");
    refused(&owned.run(&["tag", &cat, "+"]), "no tag is called");
    refused(&owned.run(&["tag", "+beach"]), "no picture is named");
    refused(&owned.run(&["tag"]), "FILE");
    // A copy elsewhere is the same picture.
    let copy = owned.folder.path().join("copy.jpg");
    fs::copy(&cat, &copy).unwrap();
    owned.done(&[
        "tag",
        copy.to_str().unwrap(),
        "+beach",
        "--keyword",
        "+Oma Grete",
    ]);
    assert_eq!(owned.names(&["+beach"]), ["cat.jpg"]);
    assert_eq!(owned.names(&["keyword:\"oma grete\""]), ["cat.jpg"]);
    owned.done(&["tag", &cat, "=oma grete"]);
    assert!(owned.names(&["keyword:\"oma grete\""]).is_empty());
}

#[test]
fn a_search_that_runs_sees_it_and_another_writer_is_named() {
    let owned = Owned::new(&["cat.jpg", "coffee.jpg"]);
    let cat = owned.path("cat.jpg");
    let mut settings = imgsearch::Settings::default();
    settings.device = imgsearch::DeviceChoice::Cpu;
    let engine = Engine::open(&Config::new(&owned.index).with_settings(settings)).unwrap();
    let query = Query::new("").must("beach");
    assert!(engine.search(&query).unwrap().is_empty());
    owned.done(&["tag", &cat, "+beach"]);
    let hits = engine.search(&Query::new("beach").must("beach")).unwrap();
    assert!(hits[0].paths[0].ends_with("cat.jpg"));
    assert_eq!(hits[0].why.tags[0].source, TagSource::Added);

    let export = engine.export().unwrap();
    let refusal = owned.run(&["tag", &cat, "+snow"]);
    refused(&refusal, &std::process::id().to_string());
    drop(export);
    owned.done(&["tag", &cat, "+snow"]);
}

#[test]
fn corrections_and_keywords_outlive_moves_repairs_exports_and_models() {
    let owned = Owned::new(&["coffee.jpg"]);
    let name = "harbour.jpg";
    fs::write(
        owned.pictures.join(name),
        with_keywords("cat.jpg", &["Oma Grete"], &[]),
    )
    .unwrap();
    let folder = owned.pictures.to_str().unwrap().to_owned();
    owned.done(&["index", &folder]);
    owned.done(&["tag", &owned.path(name), "+beach", "-cat"]);
    let check = |owned: &Owned, model: &[&str], name: &str| {
        let names = |query: &str| owned.names(&[model, &["--", query]].concat());
        assert_eq!(names("+beach"), [name]);
        assert!(names("+cat").is_empty());
        assert_eq!(names("keyword:\"oma grete\""), [name]);
    };
    check(&owned, &[], name);
    let moved = "moved.jpg";
    fs::rename(owned.pictures.join(name), owned.pictures.join(moved)).unwrap();
    assert!(err(&owned.done(&["index", &folder])).starts_with("moved 1"));
    check(&owned, &[], moved);

    fs::remove_dir_all(owned.index.join("catalogue")).unwrap();
    assert_ne!(code(&owned.run(&["doctor"])), 0);
    owned.run(&["doctor", "--repair"]);
    owned.done(&["doctor"]);
    check(&owned, &[], moved);
    let exported = out(&owned.done(&["export"]));
    assert!(exported.contains("\"added\":[\"beach\"],\"removed\":[\"cat\"]"));
    let file = owned.folder.path().join("export.jsonl");
    fs::write(&file, &exported).unwrap();
    fs::remove_dir_all(&owned.index).unwrap();
    owned.done(&["import", file.to_str().unwrap()]);
    check(&owned, &[], moved);
    assert_eq!(out(&owned.done(&["export"])), exported);

    // Another model, in whose vocabulary these tags have other numbers.
    let other = without_matching();
    let list = other.path().join("tags.jsonl");
    let tags = fs::read_to_string(&list).unwrap();
    let mut tags: Vec<&str> = tags.lines().collect();
    let at = |name: &str| {
        let tag = format!("{{\"tag\":\"{name}\",");
        tags.iter().position(|line| line.starts_with(&tag)).unwrap()
    };
    let (beach, cat) = (at("beach"), at("cat"));
    tags.swap(beach, 0);
    tags.swap(cat, 1);
    fs::write(&list, tags.join("\n") + "\n").unwrap();
    let model = ["--model", other.path().to_str().unwrap()];
    owned.done(&[&model[..], &["index", "--rebuild"]].concat());
    check(&owned, &model, moved);
}
