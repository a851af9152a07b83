//! From a key to its frame in the terminal UI, over 10,000 pictures or as many as `IMGSEARCH_BENCH_PICTURES` says, while searches run
//! and pictures are drawn: a sentence is typed and erased again, letter by letter, on a screen of 160 by 50 cells.
//!
//! The session is the real one with all its threads; only the terminal and the encoder are stand-ins. Embeddings are noise; every
//! file is a link to the same photograph, which is decoded anew for each picture.

#[allow(
    dead_code,
    unused_imports,
    reason = "a bench needs a part of it, and no tests"
)]
#[path = "../src/tui/mod.rs"]
mod tui;

use std::io::sink;
use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use criterion::{Criterion, criterion_group, criterion_main};
use crossterm::event::{Event, KeyCode, KeyModifiers};
use imgsearch::models::ModelError;
use imgsearch::{Config, Embedding, Encoder, Engine, ImageFeatures, Input, Squares, Vocabulary};
use imgsearch_index::{FileFacts, ImageFacts, ImageId, NewImage, Schema, Writer};
use ratatui::backend::CrosstermBackend;
use ratatui::layout::{Rect, Size};
use ratatui::{Terminal, TerminalOptions, Viewport};
use tui::{Brush, Graphics, Session, Start};

const PICTURES: &str = "IMGSEARCH_BENCH_PICTURES";
const DIM: usize = 256;
const SCREEN: (u16, u16) = (160, 50);
const SENTENCE: &str = "two brown dogs run along the beach";

/// Deterministic noise in [-1, 1).
fn noise(seed: u64) -> f32 {
    let mut z = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    ((z >> 40) as f32) / (1u64 << 23) as f32 - 1.0
}

fn embedding(seed: u64) -> Embedding {
    let vector = (0..DIM as u64).map(|i| noise(seed * 1_000_003 + i));
    Embedding::new(vector.collect()).expect("finite")
}

/// A model whose sentences cost nothing.
struct Stand(Vocabulary);

impl Encoder for Stand {
    fn id(&self) -> &str {
        "stand-in"
    }
    fn dim(&self) -> usize {
        DIM
    }
    fn vocabulary(&self) -> &Vocabulary {
        &self.0
    }
    fn inputs(&self) -> &[Input] {
        &[]
    }
    fn images(&self, _: &[Squares]) -> Result<Vec<ImageFeatures>, ModelError> {
        Ok(Vec::new())
    }
    fn text(&self, sentence: &str) -> Result<Embedding, ModelError> {
        Ok(embedding(sentence.len() as u64))
    }
}

fn engine(folder: &Path, pictures: usize) -> Engine {
    let tags = include_str!("../models/tag2text-mini/tags.jsonl");
    let vocabulary = Vocabulary::from_json_lines(tags).expect("tags");
    let thresholds: Vec<f32> = vocabulary.iter().map(|tag| tag.threshold).collect();
    let schema = Schema {
        model: "stand-in".to_owned(),
        dim: DIM,
        tags: thresholds.len(),
        thresholds,
    };
    let photo = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/photos/cat.jpg");
    let (index, links) = (folder.join("index"), folder.join("photos"));
    std::fs::create_dir(&links).expect("folder");
    let mut writer = Writer::open(&index, &schema).expect("writer");
    for batch in (0..pictures).collect::<Vec<_>>().chunks(500) {
        let images = batch.iter().map(|&i| {
            let path = links.join(format!("{i}.jpg"));
            #[cfg(unix)]
            std::os::unix::fs::symlink(&photo, &path).expect("link");
            #[cfg(not(unix))]
            std::fs::copy(&photo, &path).expect("copy");
            let scores = (0..schema.tags).map(|tag| {
                let frequent = 8.0 / (8.0 + tag as f32);
                let drawn = noise((i * 7919 + tag) as u64).abs();
                if drawn < frequent { 0.97 } else { 0.02 }
            });
            NewImage {
                id: ImageId::of(&i.to_le_bytes()),
                files: vec![FileFacts {
                    path,
                    len: 1,
                    modified_ns: i as i64,
                }],
                facts: ImageFacts::default(),
                embedding: embedding(i as u64),
                tag_scores: scores.collect(),
                tokens: Vec::new(),
                corrections: None,
            }
        });
        writer.put(images.collect()).expect("put");
    }
    writer.commit().expect("published");
    drop(writer);
    Engine::with_encoder(&Config::new(index), Arc::new(Stand(vocabulary))).expect("engine")
}

/// The keys of the session, for ever: the sentence, and as many backspaces.
fn script() -> impl Iterator<Item = Event> {
    let typed = SENTENCE.chars().map(KeyCode::Char);
    let erased = SENTENCE.chars().map(|_| KeyCode::Backspace);
    let keys: Vec<_> = typed.chain(erased).collect();
    keys.into_iter()
        .cycle()
        .map(|code| Event::Key(crossterm::event::KeyEvent::new(code, KeyModifiers::NONE)))
}

fn session(engine: &Engine) -> Session {
    let (width, height) = SCREEN;
    let brush = Brush::find(Graphics::Halfblocks, true);
    Session::new(
        engine.clone(),
        Start::default(),
        brush,
        Size { width, height },
        None,
    )
}

#[expect(clippy::print_stdout, reason = "criterion tells no maximum")]
fn typing(c: &mut Criterion) {
    let pictures = std::env::var(PICTURES).map_or(Ok(10_000), |pictures| pictures.parse());
    let pictures: usize = pictures.expect("a number of pictures");
    let folder = tempfile::tempdir().expect("folder");
    let engine = engine(folder.path(), pictures);
    let mut group = c.benchmark_group(format!("tui/{pictures}"));
    group
        .sample_size(20)
        .measurement_time(Duration::from_secs(10));
    let area = Rect::new(0, 0, SCREEN.0, SCREEN.1);
    let terminal = || {
        let viewport = Viewport::Fixed(area);
        let backend = CrosstermBackend::new(sink());
        Terminal::with_options(backend, TerminalOptions { viewport }).expect("terminal")
    };
    group.bench_function("start to first frame", |b| {
        b.iter(|| {
            let session = session(&engine);
            terminal().draw(|frame| session.draw(frame)).expect("drawn");
        });
    });
    for (name, pause) in [("a key every 30 ms", 30), ("keys without a pause", 0)] {
        let mut session = session(&engine);
        let (mut terminal, press, mut keys) = (terminal(), session.events(), script());
        let mut slowest = Duration::ZERO;
        group.bench_function(name, |b| {
            b.iter_custom(|times| {
                let mut total = Duration::ZERO;
                for key in keys.by_ref().take(times as usize) {
                    thread::sleep(Duration::from_millis(pause));
                    let pressed = Instant::now();
                    assert!(press(Ok(key)));
                    session.wait().expect("it lives");
                    terminal.draw(|frame| session.draw(frame)).expect("drawn");
                    total += pressed.elapsed();
                    slowest = slowest.max(pressed.elapsed());
                }
                total
            });
        });
        println!("slowest of all: {slowest:?}");
    }
}

criterion_group!(benches, typing);
criterion_main!(benches);
