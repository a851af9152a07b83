//! From a key to its frame in the terminal UI, over 10,000 pictures or as many as `IMGSEARCH_BENCH_PICTURES` says, while searches run
//! and pictures are drawn: a sentence is typed and erased again, letter by letter, on a screen of 160 by 50 cells.
//!
//! The session is the real one with all its threads; only the terminal and the encoder are stand-ins. Every file is a link to the same
//! photograph, which is decoded anew for each picture.

#[allow(
    dead_code,
    unused_imports,
    reason = "a bench needs a part of it, and no tests"
)]
#[path = "../../src/tui/mod.rs"]
mod tui;

#[path = "../collection/mod.rs"]
mod collection;
#[cfg(target_os = "linux")]
mod process;
#[path = "../stand_in/mod.rs"]
mod stand_in;

use std::io::sink;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};
use std::{env, fs, thread};

use criterion::{Criterion, criterion_group};
use crossterm::event::{Event, KeyCode, KeyModifiers};
use imgsearch::Engine;
use ratatui::backend::CrosstermBackend;
use ratatui::layout::{Rect, Size};
use ratatui::{Terminal, TerminalOptions, Viewport};
use tui::{Brush, Graphics, Session, Start};

/// The folder in which a second process of this bench makes the collection.
const FOLDER: &str = "IMGSEARCH_BENCH_FOLDER";
const SCREEN: (u16, u16) = (160, 50);
const SENTENCE: &str = "two brown dogs run along the beach";

/// Makes the collection in a process of its own, so that what that takes does not count as memory of the session.
fn engine(folder: &Path) -> Engine {
    let myself = env::current_exe().expect("this program");
    let made = Command::new(myself).env(FOLDER, folder).status();
    assert!(made.expect("started").success());
    stand_in::engine(folder)
}

fn make(folder: &Path) {
    let photo = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/photos/cat.jpg");
    let links = folder.join("photos");
    fs::create_dir(&links).expect("folder");
    collection::write(stand_in::ID, &[], folder, collection::size(), |i| {
        let path = links.join(format!("{i}.jpg"));
        #[cfg(unix)]
        std::os::unix::fs::symlink(&photo, &path).expect("link");
        #[cfg(not(unix))]
        fs::copy(&photo, &path).expect("copy");
        path
    });
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
    let pictures = collection::size();
    let folder = tempfile::tempdir().expect("folder");
    let engine = engine(folder.path());
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
                    assert!(press(Ok(key.into())));
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
    #[cfg(target_os = "linux")]
    {
        let rollup = fs::read_to_string("/proc/self/smaps_rollup").expect("smaps_rollup");
        println!(
            "anonymous memory, no model included: {}",
            anonymous(&rollup)
        );
    }
}

/// Memory that is no file's, as the system tells it.
fn anonymous(rollup: &str) -> String {
    let line = rollup
        .lines()
        .find_map(|line| line.strip_prefix("Anonymous:"));
    line.expect("a line for it").trim().to_owned()
}

criterion_group!(benches, typing);

fn main() {
    if let Some(folder) = env::var_os(FOLDER) {
        return make(Path::new(&folder));
    }
    benches();
    #[cfg(target_os = "linux")]
    process::report();
    Criterion::default().configure_from_args().final_summary();
}
