//! The app with its threads: takes messages in, and has done what the app wants done.

use std::io;
use std::path::PathBuf;
use std::sync::mpsc::{self, Receiver, Sender};

use anyhow::Context;
use imgsearch::Engine;
use ratatui::Frame;
use ratatui::layout::Size;

use super::app::{App, Start};
use super::clipboard::Come;
use super::describer::{self, Wish};
use super::indexer::Indexer;
use super::message::{Effect, Msg, Question};
use super::painter::{self, Order};
use super::update::update;
use super::{Brush, clipboard, history, launch, view, worker};

/// Something that only whoever holds the terminal can do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Deed {
    /// Tell the terminal something that is not drawn.
    Write(String),
    /// Draw all anew.
    Redraw,
    /// Stop the program.
    Suspend,
    /// Leave, with paths to print.
    Leave(Vec<PathBuf>),
    /// Leave as a signal wants it.
    End(i32),
    /// Leave with an error.
    Abort(String),
}

/// A session on a screen.
pub(crate) struct Session {
    app: App,
    engine: Engine,
    messages: Receiver<Msg>,
    sender: Sender<Msg>,
    questions: Sender<Question>,
    orders: Option<Sender<Order>>,
    wishes: Sender<Wish>,
    history: Option<PathBuf>,
    indexer: Option<Indexer>,
}

impl Session {
    /// Starts the threads, and asks the first question.
    pub(crate) fn new(
        engine: Engine,
        start: Start,
        brush: Option<Brush>,
        size: Size,
        history: Option<PathBuf>,
    ) -> Self {
        let (sender, messages) = mpsc::channel();
        let start = Start {
            queries: history.as_deref().map(history::load).unwrap_or_default(),
            ..start
        };
        let session = Self {
            app: App::new(start, brush.as_ref().map(Brush::is_sharp), size),
            questions: worker::start(engine.clone(), sender.clone()),
            orders: brush.map(|brush| painter::start(engine.clone(), brush, sender.clone())),
            wishes: describer::start(engine.clone(), sender.clone()),
            engine,
            messages,
            sender,
            history,
            indexer: None,
        };
        // It cannot fail: the other end is held here.
        let _ = session.sender.send(Msg::Started);
        session
    }

    /// Where messages go.
    pub(super) fn sender(&self) -> Sender<Msg> {
        self.sender.clone()
    }

    /// Where events of the terminal go; says whether anybody still takes them.
    pub(crate) fn events(&self) -> impl Fn(io::Result<Come>) -> bool + Send + 'static {
        let sender = self.sender();
        move |come| {
            let message = match come {
                Ok(Come::Event(event)) => Msg::of(event),
                Ok(Come::Reply(reply)) => Some(Msg::Notice(clipboard::told(&reply))),
                Err(error) => Some(Msg::Lost(format!("the keyboard cannot be read: {error}"))),
            };
            message.is_none_or(|message| sender.send(message).is_ok())
        }
    }

    /// Draws the present state.
    pub(crate) fn draw(&self, frame: &mut Frame<'_>) {
        view::view(&self.app, frame);
    }

    /// Waits until something happens, and takes in all that has: a burst of keys costs one frame.
    pub(crate) fn wait(&mut self) -> anyhow::Result<Vec<Deed>> {
        let mut message = self
            .messages
            .recv()
            .context("nothing can happen any more")?;
        let (mut deeds, mut question, mut order) = (Vec::new(), None, None);
        loop {
            for effect in update(&mut self.app, message) {
                match effect {
                    Effect::Ask(newer) => question = Some(newer),
                    Effect::Paint(newer) => order = Some(newer),
                    effect => deeds.extend(self.carry_out(effect)),
                }
            }
            match self.messages.try_recv() {
                Ok(next) if !deeds.iter().any(is_end) => message = next,
                _ => break,
            }
        }
        // The threads outlive every panic of the engine; they can only be gone when the app is going too.
        if let Some(question) = question {
            let _ = self.questions.send(question);
        }
        if let (Some(order), Some(orders)) = (order, &self.orders) {
            let _ = orders.send(order);
        }
        Ok(deeds)
    }

    /// Waits for an index run to stop, which keeps what it did.
    pub(super) fn finish(self) {
        if let Some(indexer) = self.indexer {
            indexer.finish();
        }
    }

    fn carry_out(&mut self, effect: Effect) -> Option<Deed> {
        match effect {
            // The newest of these is sent when all that waits was taken in.
            Effect::Ask(_) | Effect::Paint(_) => {}
            Effect::Describe(subject) => drop(self.wishes.send(Wish::Describe(subject))),
            Effect::Explain(question, subject) => {
                drop(self.wishes.send(Wish::Explain(question, subject)));
            }
            Effect::Correct(pictures, edits) => {
                drop(self.wishes.send(Wish::Correct(pictures, edits)));
            }
            Effect::Open(path) => launch::open(path, self.sender()),
            Effect::Reveal(path) => launch::reveal(path, self.sender()),
            Effect::Remember(query) => self.remember(&query),
            Effect::Index(folder) => {
                let run = Indexer::start(self.engine.clone(), folder, self.sender());
                self.indexer = Some(run);
            }
            Effect::StopIndexing => {
                if let Some(indexer) = &self.indexer {
                    indexer.stop();
                }
            }
            Effect::CopyPicture(picture) => drop(self.wishes.send(Wish::Encode(picture))),
            Effect::Copy(text) => return Some(Deed::Write(clipboard::text(&text))),
            Effect::Clip(png) => return Some(Deed::Write(clipboard::picture(&png))),
            Effect::Redraw => return Some(Deed::Redraw),
            Effect::Suspend => return Some(Deed::Suspend),
            Effect::Quit => return Some(Deed::Leave(self.app.chosen.clone())),
            Effect::End(signal) => return Some(Deed::End(signal)),
            Effect::Abort(reason) => return Some(Deed::Abort(reason)),
        }
        None
    }

    fn remember(&self, query: &str) {
        let Some(path) = &self.history else { return };
        if let Err(error) = history::append(path, query) {
            let told = format!("{} cannot be written: {error}", path.display());
            let _ = self.sender.send(Msg::Notice(told));
        }
    }
}

fn is_end(deed: &Deed) -> bool {
    matches!(deed, Deed::Leave(_) | Deed::End(_) | Deed::Abort(_))
}
