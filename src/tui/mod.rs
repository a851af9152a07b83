//! The terminal UI: search as you type over an index.
//!
//! [`app`] holds all state, [`update`] changes it and answers with effects, [`view`] draws it. Threads do what blocks: one
//! forwards the keys, one asks the engine ([`worker`]). An ordinary client of the public library API.

mod app;
mod keys;
mod layout;
mod line;
mod message;
mod picture;
mod reading;
mod terminal;
mod text;
mod theme;
mod update;
mod view;
mod worker;

#[cfg(test)]
mod fixtures;

use std::path::PathBuf;
use std::sync::mpsc;

use anyhow::{Context, bail};
use imgsearch::Engine;

use self::app::App;
use self::message::{Effect, Msg};
use self::terminal::Screen;
use self::worker::Worker;

/// What the person at the terminal decided.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Outcome {
    /// Pictures to print once the screen is back; none when they just left.
    pub(crate) chosen: Vec<PathBuf>,
}

/// Takes the terminal over until somebody chooses a picture or leaves.
pub(crate) fn run(engine: Engine, query: Option<String>, colour: bool) -> anyhow::Result<Outcome> {
    let (sender, messages) = mpsc::channel();
    let mut screen = Screen::enter().context(
        "the terminal UI needs a terminal; in a pipe or a script, use `imgsearch search`",
    )?;
    let worker = Worker::start(engine, sender.clone());
    let mut app = App::new(query.as_deref().unwrap_or_default(), screen.size()?, colour);
    terminal::forward_events(sender);

    let mut message = Msg::Started;
    loop {
        let mut question = None;
        loop {
            for effect in update::update(&mut app, message) {
                match effect {
                    Effect::Ask(newer) => question = Some(newer),
                    Effect::Quit => return Ok(Outcome { chosen: app.chosen }),
                    Effect::Abort(reason) => bail!(reason),
                }
            }
            // Everything that waits is taken in before one frame is drawn, so a burst of keys costs one frame.
            match messages.try_recv() {
                Ok(next) => message = next,
                Err(_) => break,
            }
        }
        if let Some(question) = question {
            worker.ask(question);
        }
        screen.draw(|frame| view::view(&app, frame))?;
        message = messages.recv().context("the keyboard cannot be read")?;
    }
}
