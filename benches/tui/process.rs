//! The program itself in a pseudo-terminal, over the eight photographs of the tests with the built-in model: how long until it has
//! something to show, what it holds in memory, and what it does while nobody does anything.

use std::fs;
use std::io::{Read, Write};
use std::path::Path;
use std::process::Command;
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, Instant};

use portable_pty::{CommandBuilder, PtySize, native_pty_system};

const PROGRAM: &str = env!("CARGO_BIN_EXE_imgsearch");
const STARTS: usize = 21;
/// What the query line says as long as nothing is typed.
const FIRST: &str = "search your pictures";
const PATIENCE: Duration = Duration::from_secs(60);
const IDLE: Duration = Duration::from_secs(20);

/// Measures all of it and prints it.
#[expect(clippy::print_stdout, reason = "these are no times of an iteration")]
pub(crate) fn report() {
    let index = tempfile::tempdir().expect("folder");
    let photos = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/photos");
    let mut indexing = Command::new(PROGRAM);
    let indexing = indexing.args(["--index".as_ref(), index.path()]);
    let indexed = indexing.args(["index".as_ref(), photos.as_path()]).status();
    assert!(indexed.expect("started").success());
    let mut paints: Vec<_> = (0..STARTS)
        .map(|_| {
            let begun = Instant::now();
            let program = Program::start(index.path());
            program.sees(FIRST);
            begun.elapsed()
        })
        .collect();
    paints.sort();
    let (median, slowest) = (paints[STARTS / 2], paints[STARTS - 1]);
    println!(
        "start of the process to first frame: median {median:?}, slowest {slowest:?} of {STARTS}"
    );

    let mut program = Program::start(index.path());
    program.sees(FIRST);
    program.keys.write_all(b"a cat and a dog").expect("typed");
    // Alone, because what is blank before and after is not drawn.
    program.sees("matched");
    // Pictures and a caption are still to come.
    thread::sleep(Duration::from_secs(5));
    println!(
        "anonymous memory, the model included: {}",
        program.anonymous()
    );
    let before = program.ticks();
    thread::sleep(IDLE);
    let ticks = program.ticks() - before;
    println!("clock ticks of CPU time in {IDLE:?} without a key: {ticks}");
}

struct Program {
    output: Receiver<Vec<u8>>,
    keys: Box<dyn Write + Send>,
    child: Box<dyn portable_pty::Child + Send + Sync>,
}

impl Program {
    fn start(index: &Path) -> Self {
        let size = PtySize {
            rows: 50,
            cols: 160,
            pixel_width: 0,
            pixel_height: 0,
        };
        let pair = native_pty_system().openpty(size).expect("terminal");
        let mut command = CommandBuilder::new(PROGRAM);
        // So the program does not wait for answers, which terminals give at once and this one does not.
        command.args(["tui", "--device", "cpu", "--graphics", "halfblocks"]);
        command.env("IMGSEARCH_INDEX", index);
        command.env("TERM", "xterm-256color");
        let child = pair.slave.spawn_command(command).expect("started");
        drop(pair.slave);
        let mut reader = pair.master.try_clone_reader().expect("reader");
        let keys = pair.master.take_writer().expect("writer");
        let (sender, output) = mpsc::channel();
        thread::spawn(move || {
            // Held here, so that the terminal is there as long as it is read.
            let _master = pair.master;
            let mut bytes = [0; 1 << 16];
            while let Ok(count @ 1..) = reader.read(&mut bytes) {
                if sender.send(bytes[..count].to_vec()).is_err() {
                    break;
                }
            }
        });
        Self {
            output,
            keys,
            child,
        }
    }

    /// Waits for words in what is written, however they are drawn.
    fn sees(&self, words: &str) {
        let (mut written, until) = (Vec::new(), Instant::now() + PATIENCE);
        while !String::from_utf8_lossy(&written).contains(words) {
            let left = until.saturating_duration_since(Instant::now());
            written.extend(self.output.recv_timeout(left).expect(words));
        }
    }

    fn proc(&self, file: &str) -> String {
        let pid = self.child.process_id().expect("alive");
        fs::read_to_string(format!("/proc/{pid}/{file}")).expect(file)
    }

    fn anonymous(&self) -> String {
        super::anonymous(&self.proc("smaps_rollup"))
    }

    fn ticks(&self) -> u64 {
        let stat = self.proc("stat");
        // Behind the name, which may hold anything, user time is the 12th field and system time the 13th.
        let fields = stat.rsplit(')').next().expect("fields").split_whitespace();
        let times = fields.skip(11).take(2);
        times.map(|time| time.parse::<u64>().expect("ticks")).sum()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
