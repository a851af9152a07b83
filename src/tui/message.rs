//! What happens to the app, and what it wants done.

use std::time::Duration;

use crossterm::event::KeyEvent;
use ratatui::layout::Size;

use super::picture::Picture;
use super::reading::Reading;

/// Something that happened.
#[derive(Debug)]
pub(super) enum Msg {
    /// The screen is there and nothing was asked yet.
    Started,
    /// A key was pressed.
    Key(KeyEvent),
    /// Text came in at once.
    Paste(String),
    /// The terminal has another size.
    Resize(Size),
    /// The words of a question were resolved.
    Read {
        /// The question's number.
        seq: u64,
        /// What they stand for.
        reading: Reading,
    },
    /// A question was answered.
    Answered {
        /// The question's number.
        seq: u64,
        /// The answer, or a sentence that says why there is none.
        answer: Result<Answer, String>,
    },
    /// A thread that the app cannot do without has ended.
    Lost(String),
}

/// What is asked of the worker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Question {
    /// Grows with every question; answers to older ones are not shown.
    pub(super) seq: u64,
    /// The query line.
    pub(super) text: String,
}

/// What the worker found.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Answer {
    /// Nothing was asked for: how many pictures there are.
    Overview {
        /// Pictures in the index.
        images: usize,
    },
    /// Pictures, best first.
    Found {
        /// The pictures.
        pictures: Vec<Picture>,
        /// How long the search took.
        took: Duration,
    },
}

/// Something that the app wants done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Effect {
    /// Ask the worker; replaces every question that still waits.
    Ask(Question),
    /// Leave.
    Quit,
    /// Leave with an error.
    Abort(String),
}
