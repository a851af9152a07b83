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

/// A screen on which details are shown unasked, and one on which they are not.
const WIDE: (u16, u16) = (110, 30);
const NARROW: (u16, u16) = (78, 40);

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

fn size((cols, rows): (u16, u16)) -> PtySize {
    PtySize {
        rows,
        cols,
        pixel_width: 0,
        pixel_height: 0,
    }
}

impl Desk {
    /// Starts `shell`, in which `$imgsearch` is the program, on an index that the program finds by itself.
    fn start(index: &Path, cells: (u16, u16), shell: &str) -> Self {
        let size = size(cells);
        let pair = native_pty_system().openpty(size).unwrap();
        let mut command = CommandBuilder::new("sh");
        // With job control, as a shell has it that somebody sits at.
        command.args(["-mc", shell]);
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

    /// Whether lines are edited by the terminal again and shown as they are typed, as `stty -a` says.
    #[track_caller]
    fn is_given_back(&self, modes: &str) {
        assert!(!self.is_taken(), "{modes}");
        let words: Vec<_> = modes.split_whitespace().collect();
        let is_set = |mode| words.contains(&mode);
        assert!(is_set("icanon") && is_set("echo"), "{modes}");
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
    let desk = Desk::start(index.path(), WIDE, shell);
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
    let desk = Desk::start(own.path(), WIDE, "$imgsearch tui --device cpu cat");
    desk.sees("no picture");
    for step in 0..100_u16 {
        let cells = (step * 13 % 150 + 1, step * 7 % 50 + 1);
        desk.master.resize(size(cells)).unwrap();
    }
    desk.master.resize(size(WIDE)).unwrap();
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

#[test]
fn a_picture_is_found_looked_at_narrowed_down_to_corrected_and_printed() {
    let index = indexed();
    let shell = "$imgsearch tui --device cpu --print; echo code $?";
    let desk = Desk::start(index.path(), NARROW, shell);
    desk.sees("newest of 8 pictures");
    desk.press("a cat");
    desk.until("the hit", |shown| {
        shown.contains("tags cat") && shown.contains("1 of 8") && shown.contains("▸ cat.jpg")
    });
    desk.until("pictures", |_| desk.coloured() > 500);
    assert!(!desk.shown().contains("score, of which"));
    desk.press("\t");
    let details = desk.until("details", |shown| {
        shown.contains("score, of which") && shown.contains("*cat 100") && shown.contains('“')
    });
    assert!(details.contains("sentence (cosine"), "{details}");
    // The second tag of what was found; the cat is one of those who do not stand.
    desk.sees("look 6  stand 4");
    desk.press("\x14\x1b[C-\x14");
    desk.until("fewer", |shown| {
        shown.contains("a cat -tag:stand") && shown.contains("1 of 4")
    });
    desk.press("\x1btdog\r");
    desk.sees("1 picture changed");
    desk.until("the tag", |shown| {
        shown.contains("dog (added)") && shown.contains(" ms")
    });
    desk.press("\0\0");
    desk.sees("2 marked");
    desk.press("\x1b");
    let (_, shown) = desk.ends();
    let printed: Vec<_> = shown
        .split_whitespace()
        .filter(|word| word.ends_with(".jpg"))
        .collect();
    assert_eq!(printed.len(), 2, "{shown}");
    assert_eq!(Path::new(printed[0]), photos().join("cat.jpg"));
    assert!(shown.contains("code 0"), "{shown}");
}

#[test]
fn nothing_that_answers_is_told_with_what_is_nearest() {
    let desk = Desk::start(super::index(), WIDE, "$imgsearch tui --device cpu zebra");
    let told = desk.sees("No picture matches.");
    assert!(told.contains("tags zebra"), "{told}");
    desk.sees("Nearest to it are pictures with ");
    desk.press("\x03");
    assert_eq!(desk.ends().0, 0);
}

#[test]
fn a_stopped_program_gives_the_terminal_back_and_goes_on_where_it_was() {
    let shell = "$imgsearch tui --device cpu cat; echo stopped; stty -a; read line; fg; echo code $?; stty -a";
    let desk = Desk::start(super::index(), WIDE, shell);
    desk.until("the answer", |shown| shown.contains("1 of 8"));
    desk.press("\x1a");
    let told = desk.until("the shell", |shown| {
        shown.contains("stopped") && shown.contains("echoke")
    });
    desk.is_given_back(&told);
    desk.press("\n");
    desk.until("the answer again", |shown| {
        desk.is_taken() && shown.contains("> cat") && shown.contains("1 of 8")
    });
    desk.press(" and a dog");
    desk.sees("> cat and a dog");
    desk.press("\x03");
    let modes = |shown: &str| Some(shown.split_once("code 0")?.1.to_owned());
    let told = desk.until("the end", |shown| {
        modes(shown).is_some_and(|modes| modes.contains("echoke"))
    });
    desk.is_given_back(&modes(&told).unwrap());
    desk.ends();
}

#[test]
fn whoever_is_asked_to_end_gives_the_terminal_back_first() {
    let index = indexed();
    // A shell ends like what it ran where that ends of an interrupt, unless it has something else to do then.
    let shell = "trap : INT; sh -c 'echo $$ > $HOME/pid; exec $imgsearch tui --device cpu cat'; echo code $?; stty -a";
    for (signal, code) in [
        ("TERM", "code 143"),
        ("HUP", "code 129"),
        ("INT", "code 130"),
    ] {
        let desk = Desk::start(index.path(), WIDE, shell);
        desk.until("the answer", |shown| shown.contains("1 of 8"));
        let pid = std::fs::read_to_string(index.path().join("pid")).unwrap();
        let sent = std::process::Command::new("sh")
            .args(["-c", &format!("kill -{signal} {pid}")])
            .status();
        assert!(sent.unwrap().success());
        let told = desk.until("the end", |shown| {
            shown.contains(code) && shown.contains("echoke")
        });
        desk.is_given_back(&told);
        desk.ends();
    }
}

#[test]
fn what_another_process_indexes_is_found_while_it_does() {
    let pictures = tempfile::tempdir().unwrap();
    let copy = |name| std::fs::copy(photos().join(name), pictures.path().join(name)).unwrap();
    copy("rocket.jpg");
    let index = tempfile::tempdir().unwrap();
    let folder = pictures.path().as_os_str();
    let done = run(index.path(), &["index".as_ref(), folder]);
    assert_eq!(code(&done), 0, "{}", err(&done));
    let desk = Desk::start(index.path(), WIDE, "$imgsearch tui --device cpu");
    desk.sees("newest of 1 pictures");
    copy("cat.jpg");
    let mut other = super::imgsearch(index.path());
    let mut other = other
        .arg("index")
        .arg(folder)
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    desk.press("rocket");
    desk.until("an answer meanwhile", |shown| {
        shown.contains("tags rocket")
            && shown.contains("▸ rocket.jpg")
            && !shown.contains("searching")
    });
    assert!(other.wait().unwrap().success());
    desk.press("\x15cat");
    desk.until("what is new", |shown| {
        shown.contains("▸ cat.jpg") && shown.contains("1 of 2")
    });
    desk.press("\x03");
    assert_eq!(desk.ends().0, 0);
}
