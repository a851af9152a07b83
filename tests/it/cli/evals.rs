//! What `eval` measures, and how it is told.

use super::imports::home;
use super::*;

const CAPTIONS: [(&str, &str); 4] = [
    ("cat.jpg", "A cat lies on a rug."),
    ("coffee.jpg", "A cup of coffee on a table"),
    ("rocket.jpg", "A rocket rises into the sky"),
    (
        "photographer.jpg",
        "A man stands behind a camera in the grass",
    ),
];

/// Four captioned photographs, and one that is only in the way.
fn data() -> (TempDir, String) {
    let folder = tempfile::tempdir().unwrap();
    let mut lines = String::new();
    for (file, caption) in CAPTIONS {
        let image = photos().join(file);
        let line = serde_json::json!({ "image": image, "captions": [caption], "split": "val" });
        lines.push_str(&format!("{line}\n"));
    }
    let clock = serde_json::json!({ "image": photos().join("clock.jpg"), "split": "val" });
    lines.push_str(&format!("{clock}\n"));
    let path = folder.path().join("data.jsonl");
    fs::write(&path, lines).unwrap();
    let path = path.to_str().unwrap().to_owned();
    (folder, path)
}

#[track_caller]
fn measured(output: &Output) -> Value {
    assert_eq!((code(output), err(output)), (0, String::new()));
    lines(output).remove(0)
}

#[track_caller]
fn assert_recall(leg: &Value) {
    for direction in ["t2i", "i2t"] {
        for depth in ["r1", "r5", "r10"] {
            let recall = &leg[direction];
            let figure = recall[depth].as_f64().unwrap();
            let end = |at: usize| recall["intervals"][depth][at].as_f64().unwrap();
            assert!(0.0 <= end(0) && end(0) <= figure, "{leg}");
            assert!(figure <= end(1) && end(1) <= 1.0, "{leg}");
        }
    }
}

#[test]
fn retrieval_with_a_model_that_does_not_match_says_so() {
    let (_folder, data) = data();
    let model = without_matching();
    let asked = ["eval", "retrieval", &data, "--json", "--model"];
    let asked = [&asked[..], &[model.path().to_str().unwrap()]].concat();
    let report = measured(&run(index(), &asked));
    assert_eq!(
        (&report["images"], &report["captions"]),
        (&5.into(), &4.into())
    );
    let legs = report["legs"].as_object().unwrap();
    let names: Vec<&str> = legs.keys().map(String::as_str).collect();
    assert_eq!(names, ["itc", "tags", "tags+itc"]);
    legs.values().for_each(assert_recall);
    // Five pictures, of which the first ten are all.
    assert_eq!(legs["tags+itc"]["t2i"]["r10"], 1.0);
    assert_eq!(report["rerank"], 0);
    assert!(report["left_out"][0].as_str().unwrap().contains("(ITM)"));

    let told = run(
        index(),
        &["eval", "retrieval", &data, "--keywords", "--rerank", "0"],
    );
    let table = out(&told);
    assert!(
        table.starts_with("5 pictures, 4 captions\nsearched with 2 to 4 content words"),
        "{table}"
    );
    assert!(
        table.contains("tags+itc      text to image") && !table.contains("left out"),
        "{table}"
    );
}

#[test]
fn retrieval_with_a_model_that_matches_has_all_legs() {
    let (_folder, data) = data();
    let report = measured(&run(
        index(),
        &["eval", "retrieval", &data, "--json", "--rerank", "3"],
    ));
    assert_eq!(report["legs"].as_object().unwrap().len(), 5);
    assert_eq!(report["left_out"], serde_json::json!([]));
    let both = [
        "--tagger",
        "tag2text_mini",
        "--aligner",
        "blip_retrieval_mini",
    ];
    let made = run(
        home(),
        &[&["model", "compose", "measured"][..], &both].concat(),
    );
    assert_eq!(code(&made), 0, "{}", err(&made));
    let asked = [
        "eval",
        "retrieval",
        &data,
        "--json",
        "--clean",
        "--rerank",
        "3",
    ];
    let with = |model| measured(&run(home(), &[&asked[..], &["--model", model]].concat()));
    let report = with("measured");
    let legs = report["legs"].as_object().unwrap();
    let names: Vec<&str> = legs.keys().map(String::as_str).collect();
    assert_eq!(
        names,
        ["itc", "itc+itm", "tags", "tags+itc", "tags+itc+itm"]
    );
    legs.values().for_each(assert_recall);
    assert_eq!(
        (&report["rerank"], &report["clean"]),
        (&3.into(), &true.into())
    );
    assert_eq!(report["left_out"], serde_json::json!([]));
    let alone = with("blip_retrieval_mini");
    assert_eq!(alone["legs"]["itc+itm"], legs["itc+itm"]);
    assert_eq!(alone["legs"].as_object().unwrap().len(), 2);
    assert!(
        alone["left_out"][0]
            .as_str()
            .unwrap()
            .contains("recognises no tags")
    );
}

#[test]
fn tagging_is_told_by_threshold_and_drawn() {
    let (folder, data) = data();
    let report = measured(&run(index(), &["eval", "tagging", &data, "--json"]));
    assert_eq!(report["images"], 5);
    for field in ["map_macro", "map_micro", "precision", "recall", "f1"] {
        let figure = report[field].as_f64().unwrap();
        assert!(0.0 < figure && figure <= 1.0, "{report}");
        assert_eq!(report["intervals"][field].as_array().unwrap().len(), 2);
    }
    let sweep = report["sweep"].as_array().unwrap();
    let recall = |at: usize| sweep[at]["recall"].as_f64().unwrap();
    assert!(sweep.len() == 99 && recall(0) >= recall(98), "{report}");
    let told = run(index(), &["eval", "tagging", &data, "--min-pictures", "9"]);
    refused(&told, "no tag is shown by enough pictures");

    if cfg!(feature = "plot") {
        let curve = folder.path().join("curve.svg");
        let curve = curve.to_str().unwrap();
        let told = run(index(), &["eval", "tagging", &data, "--plot", curve]);
        assert!(
            out(&told).contains("\nthreshold  precision  recall"),
            "{}",
            out(&told)
        );
        let drawn = fs::read_to_string(curve).unwrap();
        assert!(drawn.contains("<svg") && drawn.contains("polyline") && drawn.contains("recall"));
        let nowhere = format!("{curve}/x.svg");
        let told = run(index(), &["eval", "tagging", &data, "--plot", &nowhere]);
        refused(&told, "cannot draw");
    }
}

#[test]
fn captions_are_compared_with_those_of_the_data() {
    let (_folder, data) = data();
    let asked = [
        "eval",
        "caption",
        &data,
        "--model",
        "tag2text_mini",
        "--beams",
        "2",
    ];
    let report = measured(&run(home(), &[&asked[..], &["--json"]].concat()));
    assert_eq!(
        (&report["images"], &report["references"]),
        (&4.into(), &4.into())
    );
    for field in ["bleu4", "cider"] {
        assert!(report[field].as_f64().unwrap() >= 0.0);
        assert_eq!(report["intervals"][field].as_array().unwrap().len(), 2);
    }
    let table = out(&run(home(), &asked));
    assert!(table.starts_with("4 pictures, 4 references\n"), "{table}");
    assert!(
        table.contains("BLEU-4") && table.contains("CIDEr-D"),
        "{table}"
    );
    let blip = ["eval", "caption", &data, "--model", "blip_retrieval_mini"];
    refused(&run(home(), &blip), "imgsearch model pull tag2text");
}
