//! The terminal: taken over, drawn on, and given back whatever happens.

use std::io::{self, BufWriter, IsTerminal, Write};
use std::panic::{self, PanicHookInfo};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::Sender;
use std::thread;

use crossterm::cursor::Show;
use crossterm::event::{self, DisableBracketedPaste, EnableBracketedPaste, Event, KeyEventKind};
use crossterm::terminal::{
    EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode,
};
use crossterm::{execute, queue};
use ratatui::backend::CrosstermBackend;
use ratatui::layout::Size;
use ratatui::{Frame, Terminal};

use super::message::Msg;

type Hook = Box<dyn Fn(&PanicHookInfo<'_>) + Sync + Send + 'static>;

/// Whichever standard stream is the terminal. Standard output may be a pipe that waits for the chosen path.
#[derive(Clone, Copy, Debug)]
enum Stream {
    Output,
    Error,
}

impl Stream {
    fn find() -> io::Result<Self> {
        if io::stdout().is_terminal() {
            Ok(Self::Output)
        } else if io::stderr().is_terminal() {
            Ok(Self::Error)
        } else {
            Err(io::Error::other("neither stdout nor stderr is a terminal"))
        }
    }
}

impl Write for Stream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Output => io::stdout().write(bytes),
            Self::Error => io::stderr().write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Output => io::stdout().flush(),
            Self::Error => io::stderr().flush(),
        }
    }
}

/// The terminal in raw mode on its alternate screen. Dropping it brings the terminal back, a panic too.
pub(super) struct Screen {
    terminal: Terminal<CrosstermBackend<BufWriter<Stream>>>,
    /// Dropped after the terminal has flushed its last words.
    _takeover: Takeover,
}

impl Screen {
    pub(super) fn enter() -> io::Result<Self> {
        let stream = Stream::find()?;
        let takeover = Takeover::begin(stream)?;
        // A frame is thousands of small writes.
        let backend = CrosstermBackend::new(BufWriter::new(stream));
        Ok(Self {
            terminal: Terminal::new(backend)?,
            _takeover: takeover,
        })
    }

    pub(super) fn size(&self) -> io::Result<Size> {
        self.terminal.size()
    }

    pub(super) fn draw(&mut self, view: impl FnOnce(&mut Frame<'_>)) -> io::Result<()> {
        self.terminal.draw(view).map(drop)
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
            stream,
            active: Arc::clone(&active),
            previous: Arc::clone(&previous),
        };
        let owner = thread::current().id();
        panic::set_hook(Box::new(move |info| {
            // Panics of other threads are caught there and become messages; printing them would spoil the screen.
            if thread::current().id() == owner {
                restore(stream, &active);
                previous(info);
            } else if !active.load(Ordering::Acquire) {
                previous(info);
            }
        }));
        let mut out = stream;
        execute!(out, EnterAlternateScreen, EnableBracketedPaste)?;
        Ok(takeover)
    }
}

impl Drop for Takeover {
    fn drop(&mut self) {
        restore(self.stream, &self.active);
        // Hooks cannot be changed while a panic unwinds; the process is going down then anyway.
        if !thread::panicking() {
            let previous = Arc::clone(&self.previous);
            panic::set_hook(Box::new(move |info| previous(info)));
        }
    }
}

/// Brings the terminal back, once. What fails is not reported: there is no terminal left to report it on.
fn restore(stream: Stream, active: &AtomicBool) {
    if active.swap(false, Ordering::AcqRel) {
        let mut out = stream;
        let _ = queue!(out, DisableBracketedPaste, LeaveAlternateScreen, Show);
        let _ = out.flush();
        let _ = disable_raw_mode();
    }
}

/// Starts the thread that waits for keys. It blocks, so an idle screen takes no time; it stays blocked when the screen is
/// left, which is why the process should end soon after.
pub(super) fn forward_events(messages: Sender<Msg>) {
    thread::spawn(move || {
        loop {
            let message = match event::read() {
                Ok(Event::Key(key)) if key.kind != KeyEventKind::Release => Msg::Key(key),
                Ok(Event::Paste(text)) => Msg::Paste(text),
                Ok(Event::Resize(width, height)) => Msg::Resize(Size { width, height }),
                Ok(_) => continue,
                Err(error) => Msg::Lost(format!("the keyboard cannot be read: {error}")),
            };
            let lost = matches!(message, Msg::Lost(_));
            if messages.send(message).is_err() || lost {
                break;
            }
        }
    });
}
