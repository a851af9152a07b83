//! The terminal UI: search as you type over an index, with pictures.
//!
//! [`app`] holds all state, [`update`] changes it and answers with effects, [`view`] draws it. Threads do what blocks: one
//! forwards the keys, others search, match, draw pictures, describe and index. An ordinary client of the public library API.

mod action;
mod actions;
mod app;
mod clipboard;
mod describer;
mod facets;
mod graphics;
mod history;
mod indexer;
mod keys;
mod launch;
mod layout;
mod line;
mod message;
mod notes;
mod painter;
mod picture;
mod prompt;
mod reading;
mod session;
mod shelf;
mod signals;
mod terminal;
mod text;
mod theme;
mod travel;
mod update;
mod view;
mod worker;

#[cfg(test)]
mod fixtures;
#[cfg(test)]
mod script;

use std::path::PathBuf;

use anyhow::{Context, bail};
use imgsearch::Engine;

pub(crate) use app::Start;
pub(crate) use graphics::{Brush, Graphics};
pub(crate) use session::{Deed, Session};
use terminal::Screen;

/// How the terminal is used, and what is kept of a session.
#[derive(Clone, Debug, Default)]
pub(crate) struct Options {
    /// What pictures are made of.
    pub(crate) graphics: Graphics,
    /// The file that keeps queries.
    pub(crate) history: Option<PathBuf>,
}

/// Takes the terminal over until somebody chooses pictures or leaves. Returns the paths to print.
pub(crate) fn run(engine: Engine, start: Start, options: Options) -> anyhow::Result<Vec<PathBuf>> {
    let mut screen = Screen::enter(options.graphics, start.colour).context(
        "the terminal UI needs a terminal; in a pipe or a script, use `imgsearch search`",
    )?;
    let size = screen.size()?;
    let mut session = Session::new(engine, start, screen.brush.clone(), size, options.history);
    terminal::forward_events(session.events());
    signals::listen(session.sender(), screen.restorer())?;
    let left = live(&mut session, &mut screen);
    drop(screen);
    session.finish();
    match left? {
        Left::With(chosen) => Ok(chosen),
        Left::By(signal) => {
            signals::end(signal);
            Ok(Vec::new())
        }
    }
}

/// How a session ended.
enum Left {
    With(Vec<PathBuf>),
    By(i32),
}

fn live(session: &mut Session, screen: &mut Screen) -> anyhow::Result<Left> {
    loop {
        screen.draw(|frame| session.draw(frame))?;
        for deed in session.wait()? {
            match deed {
                Deed::Write(commands) => screen.write(&commands)?,
                Deed::Redraw => screen.redraw()?,
                Deed::Suspend => screen.suspend()?,
                Deed::Leave(chosen) => return Ok(Left::With(chosen)),
                Deed::End(signal) => return Ok(Left::By(signal)),
                Deed::Abort(reason) => bail!(reason),
            }
        }
    }
}
