//! The terminal interface as somebody at a terminal has it: the binary in a pseudo-terminal, over the photographs.

use std::io::{Read, Write};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};
use tempfile::TempDir;
use vt100::Parser;

use super::{code, err, photos, run};

/// The longest that anything may take: a network is loaded on a machine with other work.
const PATIENCE: Duration = Duration::from_secs(120);

/// A terminal with the program in it.
struct Desk {
    screen: Arc<Mutex<Parser>>,
    keys: Arc<Mutex<Box<dyn Write + Send>>>,
    child: Box<dyn Child + Send + Sync>,
    master: Box<dyn MasterPty + Send>,
}

/// An index of its own for each test: some of them change it.
fn indexed() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let done = run(folder.path(), &["index".as_ref(), photos().as_os_str()]);
    assert_eq!(code(&done), 0, "{}", err(&done));
    folder
}

impl Desk {
    /// Starts `shell`, in which `$imgsearch` is the program with the options that every test needs.
    fn start(index: &Path, shell: &str) -> Self {
        let size = PtySize {
            rows: 30,
            cols: 110,
            pixel_width: 0,
            pixel_height: 0,
        };
        let pair = native_pty_system().openpty(size).unwrap();
        let mut command = CommandBuilder::new("sh");
        command.args(["-c", shell]);
        command.env_clear();
        for (name, value) in [
            ("HOME", index.as_os_str()),
            ("IMGSEARCH_INDEX", index.as_os_str()),
            ("TERM", "xterm-256color".as_ref()),
            ("PATH", "/usr/bin:/bin".as_ref()),
            ("imgsearch", env!("CARGO_BIN_EXE_imgsearch").as_ref()),
        ] {
            command.env(name, value);
        }
        let child = pair.slave.spawn_command(command).unwrap();
        drop(pair.slave);
        let mut output = pair.master.try_clone_reader().unwrap();
        let keys = Arc::new(Mutex::new(pair.master.take_writer().unwrap()));
        let screen = Arc::new(Mutex::new(Parser::new(size.rows, size.cols, 0)));
        let (shown, answers) = (Arc::clone(&screen), Arc::clone(&keys));
        thread::spawn(move || {
            let mut bytes = [0; 4096];
            while let Ok(count @ 1..) = output.read(&mut bytes) {
                shown.lock().unwrap().process(&bytes[..count]);
                // As every terminal says that it is well when it is asked, and this one can no more than that.
                if bytes[..count].windows(4).any(|asked| asked == b"\x1b[5n") {
                    let mut keys = answers.lock().unwrap();
                    keys.write_all(b"\x1b[6;20;10t\x1b[0n").unwrap();
                }
            }
        });
        Self {
            screen,
            keys,
            child,
            master: pair.master,
        }
    }

    fn press(&self, keys: &str) {
        let mut writer = self.keys.lock().unwrap();
        writer.write_all(keys.as_bytes()).unwrap();
        writer.flush().unwrap();
    }

    fn shown(&self) -> String {
        self.screen.lock().unwrap().screen().contents()
    }

    /// Waits until the screen shows what it should.
    #[track_caller]
    fn until(&self, what: &str, is_there: impl Fn(&str) -> bool) -> String {
        let begun = Instant::now();
        loop {
            let shown = self.shown();
            if is_there(&shown) {
                return shown;
            }
            assert!(begun.elapsed() < PATIENCE, "waiting for {what}:\n{shown}");
            thread::sleep(Duration::from_millis(20));
        }
    }

    #[track_caller]
    fn sees(&self, text: &str) -> String {
        self.until(text, |shown| shown.contains(text))
    }

    /// Whether the program has the screen for itself.
    fn is_taken(&self) -> bool {
        self.screen.lock().unwrap().screen().alternate_screen()
    }

    /// Cells with a colour of their own: pictures of half blocks.
    fn coloured(&self) -> usize {
        let parser = self.screen.lock().unwrap();
        let screen = parser.screen();
        let (rows, columns) = screen.size();
        let cells = (0..rows).flat_map(|row| (0..columns).map(move |column| (row, column)));
        let is_picture = |(row, column)| {
            screen
                .cell(row, column)
                .is_some_and(|cell| matches!(cell.bgcolor(), vt100::Color::Rgb(..)))
        };
        cells.filter(|&place| is_picture(place)).count()
    }

    #[track_caller]
    fn ends(mut self) -> (u32, String) {
        let begun = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                // What it wrote last may still be on its way.
                thread::sleep(Duration::from_millis(200));
                assert!(!self.is_taken(), "the screen is not given back");
                return (status.exit_code(), self.shown());
            }
            assert!(begun.elapsed() < PATIENCE, "{}", self.shown());
            thread::sleep(Duration::from_millis(20));
        }
    }
}

#[test]
fn text_alone_is_enough_and_giving_up_prints_nothing() {
    let index = indexed();
    let shell = "$imgsearch tui --device cpu --graphics none --print cat; echo code $?";
    let desk = Desk::start(index.path(), shell);
    desk.until("a list", |shown| {
        shown.contains("▸  1") && shown.contains("cat.jpg")
    });
    assert_eq!(desk.coloured(), 0);
    desk.press("\x03");
    let (_, shown) = desk.ends();
    assert!(
        shown.contains("code 1") && !shown.contains(".jpg"),
        "{shown}"
    );
}

#[test]
fn a_storm_of_sizes_a_long_paste_and_a_broken_picture_do_no_harm() {
    let pictures = tempfile::tempdir().unwrap();
    for name in ["cat.jpg", "rocket.jpg"] {
        std::fs::copy(photos().join(name), pictures.path().join(name)).unwrap();
    }
    let own = tempfile::tempdir().unwrap();
    let done = run(own.path(), &["index".as_ref(), pictures.path().as_os_str()]);
    assert_eq!(code(&done), 0, "{}", err(&done));
    // Neither the thumbnails nor the files can be read any more.
    std::fs::remove_dir_all(own.path().join("thumbnails")).unwrap();
    std::fs::write(pictures.path().join("cat.jpg"), "no picture").unwrap();
    let desk = Desk::start(own.path(), "$imgsearch tui --device cpu cat");
    desk.sees("no picture");
    for step in 0..100_u16 {
        let size = PtySize {
            rows: step * 7 % 50 + 1,
            cols: step * 13 % 150 + 1,
            pixel_width: 0,
            pixel_height: 0,
        };
        desk.master.resize(size).unwrap();
    }
    let (rows, cols) = (30, 110);
    desk.master
        .resize(PtySize {
            rows,
            cols,
            pixel_width: 0,
            pixel_height: 0,
        })
        .unwrap();
    let page = "a cat and a dog on it ".repeat(460);
    desk.press(&format!("\x1b[200~{page}\x1b[201~"));
    desk.until("the answer", |shown| {
        shown.contains("dog") && shown.contains(" ms") && shown.contains("1 of 2")
    });
    // The index goes, and what was found stays; a search that cannot be answered says so.
    std::fs::remove_dir_all(own.path()).unwrap();
    desk.press("\x15rocket");
    desk.until("why not", |shown| {
        shown.contains("no index") || shown.contains("cannot")
    });
    desk.press("\x03");
    assert_eq!(desk.ends().0, 0);
}
