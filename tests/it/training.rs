//! Training as a host application calls it: every stage on a handful of pictures, and the bundle that comes out.

use std::fs;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::thread;
use std::time::Duration;

use imgsearch::corpus::read_corpus;
use imgsearch::media::{Limits, decode, read};
use imgsearch::models::train::{
    Progress, Start, TrainError, TrainRun, TrainSettings, TrainStage, train,
};
use imgsearch::{
    CaptionOptions, DeviceChoice, Encoder, ImageTokensF16, ModelSource, Squares, Tag2TextMini,
};

/// burn's random numbers belong to the process: two runs at once would take each other's.
static ALONE: Mutex<()> = Mutex::new(());

const CAPTIONS: [(&str, &str); 6] = [
    ("astronaut.jpg", "a woman in an orange suit smiles"),
    ("cat.jpg", "a cat looks at the camera"),
    ("coffee.jpg", "a cup of coffee on a wooden table"),
    ("grass.jpg", "green grass"),
    ("photographer.jpg", "a man with a camera on a tripod"),
    ("rocket.jpg", "a rocket takes off"),
];

fn photos() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/photos")
}

fn run(folder: &Path) -> TrainRun {
    let lines = CAPTIONS.iter().map(|(file, caption)| {
        let image = photos().join(file);
        serde_json::json!({ "image": image, "captions": [caption], "split": "train" }).to_string()
    });
    fs::write(
        folder.join("captions.jsonl"),
        lines.collect::<Vec<_>>().join("\n"),
    )
    .unwrap();
    let file = folder.join("train.toml");
    fs::write(
        &file,
        r#"
        data = ["captions.jsonl"]
        out = "run"
        name = "tiny"
        device = "cpu"
        views = 1
        held_out = 1
        ema_decay = 0.5
        alignment = { epochs = 1, batch = 8, class_pairs = 4 }
        encoders = { epochs = 2, batch = 2, class_pairs = 4, image_blocks = 2 }
        tagging = { epochs = 1, batch = 4, absent = 8 }
        matching = { epochs = 2, batch = 2, group = 3, token_width = 32, learning_rate = 1e-4 }
        captioning = { epochs = 2, batch = 2, hidden_size = 64, layers = 2, least_uses = 1 }
        "#,
    )
    .unwrap();
    TrainRun {
        base: ModelSource::Builtin,
        settings: TrainSettings::read(&file).unwrap(),
    }
}

fn squares(model: &Tag2TextMini) -> Vec<Squares> {
    let limits = Limits::default();
    let open = |(file, _): &(&str, &str)| {
        let bytes = read(&photos().join(file), &limits).unwrap();
        Squares::of(&decode(&bytes, &limits).unwrap(), model.inputs())
    };
    CAPTIONS.iter().map(open).collect()
}

#[test]
fn a_run_that_is_stopped_again_and_again_makes_the_bundle_of_one_that_is_not() {
    let _alone = ALONE.lock();
    let (whole, halting) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let bundle = train(&run(whole.path()), |_| ControlFlow::Continue(())).unwrap();
    let stopping = run(halting.path());
    let again = loop {
        // Every call takes four steps, and so ends within an epoch of matching or captioning.
        let mut steps = 0;
        let outcome = train(&stopping, |seen| {
            steps += usize::from(matches!(seen, Progress::Step { .. }));
            if steps == 4 {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            }
        });
        match outcome {
            Ok(bundle) => break bundle,
            Err(TrainError::Cancelled) => {}
            Err(error) => panic!("{error}"),
        }
    };
    let killed = tempfile::tempdir().unwrap();
    kill_until_it_ends(killed.path());
    for file in
        ["backbones", "heads", "matcher", "captioner"].map(|name| format!("{name}.safetensors"))
    {
        let expected = fs::read(bundle.join(&file)).unwrap();
        for other in [&again, &killed.path().join("run/bundle")] {
            let found = fs::read(other.join(&file)).unwrap();
            assert!(found == expected, "{}", other.join(&file).display());
        }
    }
    let base = Path::new(env!("CARGO_MANIFEST_DIR")).join("models/tag2text-mini");
    let [before, after] =
        [&base, &bundle].map(|b| fs::read(b.join("backbones.safetensors")).unwrap());
    assert!(before != after, "the encoders were tuned");
    let held_out = read_corpus(&whole.path().join("run/held-out.jsonl")).unwrap();
    assert_eq!(held_out.len(), 1);

    let model = Tag2TextMini::open(ModelSource::Folder(bundle), DeviceChoice::Cpu).unwrap();
    let pictures = squares(&model);
    matches_alone_as_together(&model, &pictures);
    describes_by_the_tags_that_are_given(&model, &pictures);
}

/// Runs the program as a user does, kills it without warning some time after it has written something, and starts it again.
fn kill_until_it_ends(folder: &Path) {
    run(folder);
    let config = fs::read_to_string(folder.join("train.toml")).unwrap();
    let often = config.replace("name =", "checkpoint_minutes = 0.0001\n name =");
    fs::write(folder.join("train.toml"), often).unwrap();
    let written = || {
        let files = walkdir::WalkDir::new(folder.join("run")).into_iter();
        let files = files.filter_map(Result::ok);
        let times = files.filter_map(|file| file.metadata().ok()?.modified().ok());
        times.max()
    };
    // The process may be anywhere: computing, or within a write. Every time it lives longer, so that it gets on wherever it is.
    let mut life = Duration::from_millis(200);
    let mut kills = 0;
    loop {
        let before = written();
        let mut program = Command::new(env!("CARGO_BIN_EXE_imgsearch"))
            .env_clear()
            .args(["--quiet", "train", "run", "--config"])
            .arg(folder.join("train.toml"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let ended = loop {
            if let Some(status) = program.try_wait().unwrap() {
                break Some(status);
            }
            if written() != before {
                thread::sleep(life);
                let ended = program.try_wait().unwrap();
                program.kill().unwrap();
                program.wait().unwrap();
                break ended;
            }
            thread::sleep(Duration::from_millis(5));
        };
        if let Some(status) = ended {
            assert!(status.success());
            break;
        }
        kills += 1;
        life = life * 7 / 4;
    }
    assert!(kills >= 4, "{kills}");
}

fn matches_alone_as_together(model: &Tag2TextMini, pictures: &[Squares]) {
    let kept = model.images_with_tokens(pictures).unwrap();
    let tokens: Vec<&ImageTokensF16> = kept.iter().map(|(_, tokens)| tokens).collect();
    assert!(tokens.iter().all(|tokens| tokens.shape() == [65, 32]));
    let plain = model.images(pictures).unwrap();
    for (plain, (features, _)) in plain.iter().zip(&kept) {
        assert_eq!(plain.embedding, features.embedding);
    }
    let sentences: Vec<&str> = CAPTIONS.iter().map(|(_, caption)| *caption).collect();
    let together = model.match_logits(&tokens, &sentences).unwrap();
    for (image, row) in tokens.iter().zip(&together) {
        for (sentence, found) in sentences.iter().zip(row) {
            let alone = model.match_logits(&[image], &[sentence]).unwrap()[0][0];
            assert!((alone.matched - found.matched).abs() < 1e-4);
            assert!((alone.mismatched - found.mismatched).abs() < 1e-4);
        }
    }
    let other = ImageTokensF16::new(32, &[0.5; 32 * 64]).unwrap();
    let refused = model.match_logits(&[tokens[0], &other], &sentences);
    let told = refused.unwrap_err().to_string();
    assert!(told.contains("65×32"), "{told}");
}

fn describes_by_the_tags_that_are_given(model: &Tag2TextMini, pictures: &[Squares]) {
    let options = CaptionOptions::default();
    let together = model.captions(pictures, None, &options).unwrap();
    for (picture, caption) in pictures.iter().zip(&together) {
        let alone = model.captions(std::slice::from_ref(picture), None, &options);
        assert_eq!(alone.unwrap()[0].text, caption.text);
        assert!(caption.score < 0.0 && !caption.text.contains("[UNK]"));
    }
    let guided = |tags: &[&str]| {
        let tags: Vec<String> = tags.iter().map(|&tag| tag.to_owned()).collect();
        let captions = model.captions(&pictures[..1], Some(&tags), &options);
        captions.unwrap().swap_remove(0)
    };
    // Words that are no tags of the model guide as well.
    let (one, other) = (guided(&["coffee", "wooden table"]), guided(&["zeppelin"]));
    assert_eq!(other.tags, ["zeppelin"]);
    assert_ne!(one.score, other.score);
}

#[test]
fn single_stages_go_on_from_the_heads_of_the_base() {
    let _alone = ALONE.lock();
    let folder = tempfile::tempdir().unwrap();
    let mut first = run(folder.path());
    first.settings.stages = vec![TrainStage::Matching];
    let go_on = |_: &Progress| ControlFlow::Continue(());
    let bundle = train(&first, go_on).unwrap();
    let files = |bundle: &Path, file: &str| fs::read(bundle.join(file)).ok();
    // What is not trained is that of the base.
    let base = Path::new(env!("CARGO_MANIFEST_DIR")).join("models/tag2text-mini");
    for file in ["heads.safetensors", "captioner.safetensors"] {
        let (found, expected) = (files(&bundle, file), files(&base, file));
        assert!(found.is_some() && found == expected, "{file}");
    }

    // Trained further at a rate of nothing, the encoder stays what it was, but for its rounding.
    let mut again = run(folder.path());
    again.base = ModelSource::Folder(bundle.clone());
    again.settings.out = Some(folder.path().join("again"));
    again.settings.stages = vec![TrainStage::Matching];
    again.settings.start = Start::Base;
    again.settings.fine_tuning_rate = 1e-12;
    let other = train(&again, go_on).unwrap();
    assert!(files(&bundle, "heads.safetensors") == files(&other, "heads.safetensors"));
    let open = |bundle: PathBuf| {
        Tag2TextMini::open(ModelSource::Folder(bundle), DeviceChoice::Cpu).unwrap()
    };
    let (model, other) = (open(bundle), open(other));
    let pictures = squares(&model);
    let logits = |model: &Tag2TextMini| {
        let kept = model.images_with_tokens(&pictures[..1]).unwrap();
        model
            .match_logits(&[&kept[0].1], &["a woman in an orange suit"])
            .unwrap()[0][0]
    };
    let (before, after) = (logits(&model), logits(&other));
    assert!((before.matched - after.matched).abs() < 2e-3);
    assert!((before.mismatched - after.mismatched).abs() < 4e-2);
}
