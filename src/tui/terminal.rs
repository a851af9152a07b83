//! The terminal: taken over, drawn on, and given back whatever happens.

use std::fs::File;
use std::io::{self, BufWriter, IsTerminal, Write};
use std::panic::{self, PanicHookInfo};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use crossterm::cursor::Show;
use crossterm::event::{
    self, DisableBracketedPaste, DisableMouseCapture, EnableBracketedPaste, EnableMouseCapture,
};
use crossterm::terminal::{
    Clear, ClearType, EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode,
};
use crossterm::{execute, queue};
use ratatui::backend::CrosstermBackend;
use ratatui::layout::Size;
use ratatui::{Frame, Terminal};

use super::clipboard::{Come, Replies};
use super::{Brush, Graphics, signals};

type Hook = Box<dyn Fn(&PanicHookInfo<'_>) + Sync + Send + 'static>;

/// Whatever leads to the terminal. Standard output may be a pipe that waits for the chosen paths, and standard error a file.
#[derive(Clone, Debug)]
enum Stream {
    Output,
    Error,
    Terminal(Arc<File>),
}

impl Stream {
    fn find() -> io::Result<Self> {
        if io::stdout().is_terminal() {
            Ok(Self::Output)
        } else if io::stderr().is_terminal() {
            Ok(Self::Error)
        } else {
            let terminal = File::options().read(true).write(true).open("/dev/tty")?;
            Ok(Self::Terminal(Arc::new(terminal)))
        }
    }
}

impl Write for Stream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Output => io::stdout().write(bytes),
            Self::Error => io::stderr().write(bytes),
            Self::Terminal(terminal) => (&**terminal).write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Output => io::stdout().flush(),
            Self::Error => io::stderr().flush(),
            Self::Terminal(terminal) => (&**terminal).flush(),
        }
    }
}

/// The terminal in raw mode on its alternate screen. Dropping it brings the terminal back, a panic too.
pub(super) struct Screen {
    terminal: Terminal<CrosstermBackend<BufWriter<Stream>>>,
    /// What draws pictures on it.
    pub(super) brush: Option<Brush>,
    /// Dropped after the terminal has flushed its last words.
    takeover: Takeover,
}

impl Screen {
    /// Takes the terminal over and asks it how it shows pictures.
    pub(super) fn enter(graphics: Graphics, colour: bool) -> io::Result<Self> {
        let stream = Stream::find()?;
        let takeover = Takeover::begin(stream.clone())?;
        // Before the alternate screen: some terminals forget there what they were asked.
        let brush = Brush::find(graphics, colour);
        takeover.enter()?;
        // A frame is thousands of small writes.
        let backend = CrosstermBackend::new(BufWriter::new(stream));
        Ok(Self {
            terminal: Terminal::new(backend)?,
            brush,
            takeover,
        })
    }

    pub(super) fn size(&self) -> io::Result<Size> {
        self.terminal.size()
    }

    pub(super) fn draw(&mut self, view: impl FnOnce(&mut Frame<'_>)) -> io::Result<()> {
        self.terminal.draw(view).map(drop)
    }

    /// Takes the terminal over anew, whatever others did to it, so that the next frame draws all of it.
    pub(super) fn redraw(&mut self) -> io::Result<()> {
        self.takeover.again()?;
        // To clear the present one would ask where the cursor is, and the answer would go to whoever reads the keys.
        let stream = self.takeover.stream.clone();
        self.terminal = Terminal::new(CrosstermBackend::new(BufWriter::new(stream)))?;
        Ok(())
    }

    /// Gives the terminal back, stops the program, and takes the terminal again when it goes on.
    pub(super) fn suspend(&mut self) -> io::Result<()> {
        restore(&self.takeover.stream, &self.takeover.active);
        signals::suspend();
        self.redraw()
    }

    /// Tells the terminal something that is not drawn.
    pub(super) fn write(&mut self, commands: &str) -> io::Result<()> {
        let mut out = self.takeover.stream.clone();
        out.write_all(commands.as_bytes())?;
        out.flush()
    }

    /// What brings the terminal back from another thread.
    pub(super) fn restorer(&self) -> impl Fn() + Send + 'static {
        let stream = self.takeover.stream.clone();
        let active = Arc::clone(&self.takeover.active);
        move || restore(&stream, &active)
    }
}

/// What has to be undone, apart from the drawing so that it is undone when the first drawing fails too.
struct Takeover {
    stream: Stream,
    /// Cleared by whoever brings the terminal back. Leaving the alternate screen twice would put the cursor on top of
    /// what was printed in between.
    active: Arc<AtomicBool>,
    previous: Arc<Hook>,
}

impl Takeover {
    fn begin(stream: Stream) -> io::Result<Self> {
        enable_raw_mode()?;
        let active = Arc::new(AtomicBool::new(true));
        let previous: Arc<Hook> = Arc::new(panic::take_hook());
        let takeover = Self {
            stream: stream.clone(),
            active: Arc::clone(&active),
            previous: Arc::clone(&previous),
        };
        let owner = thread::current().id();
        panic::set_hook(Box::new(move |info| {
            // Panics of other threads are caught there and become messages; printing them would spoil the screen.
            if thread::current().id() == owner {
                restore(&stream, &active);
                previous(info);
            } else if !active.load(Ordering::Acquire) {
                previous(info);
            }
        }));
        Ok(takeover)
    }

    fn enter(&self) -> io::Result<()> {
        let mut out = self.stream.clone();
        execute!(
            out,
            EnterAlternateScreen,
            Clear(ClearType::All),
            EnableBracketedPaste,
            EnableMouseCapture
        )
    }

    fn again(&self) -> io::Result<()> {
        // A shell has set the modes that it likes; crossterm believes that they are ours.
        disable_raw_mode()?;
        enable_raw_mode()?;
        self.active.store(true, Ordering::Release);
        self.enter()
    }
}

impl Drop for Takeover {
    fn drop(&mut self) {
        restore(&self.stream, &self.active);
        // Hooks cannot be changed while a panic unwinds; the process is going down then anyway.
        if !thread::panicking() {
            let previous = Arc::clone(&self.previous);
            panic::set_hook(Box::new(move |info| previous(info)));
        }
    }
}

/// Brings the terminal back, once. What fails is not reported: there is no terminal left to report it on.
fn restore(stream: &Stream, active: &AtomicBool) {
    if active.swap(false, Ordering::AcqRel) {
        let mut out = stream.clone();
        let _ = queue!(
            out,
            DisableMouseCapture,
            DisableBracketedPaste,
            LeaveAlternateScreen,
            Show
        );
        let _ = out.flush();
        let _ = disable_raw_mode();
    }
}

/// Starts the thread that waits for keys and hands them on until nobody takes them. It blocks, so an idle screen takes no time; it
/// stays blocked when the screen is left, which is why the process should end soon after.
pub(super) fn forward_events(hand_on: impl Fn(io::Result<Come>) -> bool + Send + 'static) {
    thread::spawn(move || {
        let mut replies = Replies::default();
        loop {
            let come = match event::read() {
                Ok(event) => replies.take(event),
                Err(error) => {
                    hand_on(Err(error));
                    break;
                }
            };
            if !come.into_iter().all(|come| hand_on(Ok(come))) {
                break;
            }
        }
    });
}

#[cfg(all(test, unix))]
mod tests {
    use std::env;
    use std::io::Read;

    use portable_pty::{CommandBuilder, PtySize, native_pty_system};

    use super::*;

    const INSIDE: &str = "IMGSEARCH_TEST_INSIDE_A_TERMINAL";
    const NAME: &str = "tui::terminal::tests::a_panic_gives_the_terminal_back_before_it_is_told";

    /// Runs itself a second time, in a terminal.
    #[test]
    fn a_panic_gives_the_terminal_back_before_it_is_told() {
        if env::var_os(INSIDE).is_some() {
            let mut screen = Screen::enter(Graphics::None, false).unwrap();
            let draw = |frame: &mut Frame<'_>| frame.render_widget("framed", frame.area());
            screen.draw(draw).unwrap();
            panic!("a deliberate one");
        }
        let pair = native_pty_system().openpty(PtySize::default()).unwrap();
        let mut command = CommandBuilder::new("sh");
        command.args(["-c", "\"$0\" --exact \"$1\" --nocapture; stty -a"]);
        command.args([env::current_exe().unwrap().as_os_str(), NAME.as_ref()]);
        command.env(INSIDE, "1");
        let mut child = pair.slave.spawn_command(command).unwrap();
        drop(pair.slave);
        let (mut output, mut told) = (pair.master.try_clone_reader().unwrap(), Vec::new());
        // The end of a pseudo-terminal is an error on Linux.
        let _ = output.read_to_end(&mut told);
        child.wait().unwrap();
        let told = String::from_utf8_lossy(&told);
        let (shown, after) = told.rsplit_once("\x1b[?1049l").expect(&told);
        assert!(
            shown.contains("\x1b[?1049h") && shown.contains("framed"),
            "{told}"
        );
        assert!(!shown.contains("deliberate"), "{told}");
        assert!(after.contains("a deliberate one"), "{told}");
        let mut modes = after.split_whitespace();
        assert!(modes.any(|mode| mode == "icanon"), "{told}");
    }
}
