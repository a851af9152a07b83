//! All that the terminal UI knows.

use std::path::PathBuf;
use std::time::Duration;

use ratatui::layout::Size;

use super::layout::{self, Areas};
use super::line::Line;
use super::picture::Picture;
use super::reading::Reading;

/// The state of the screen. Changed by `update` only, read by `view`.
#[derive(Clone, Debug)]
pub(super) struct App {
    /// What is asked.
    pub(super) line: Line,
    /// What its words stand for, once known.
    pub(super) reading: Option<Reading>,
    /// The number of the newest question.
    pub(super) asked: u64,
    /// The number of the question that `body` answers.
    pub(super) answered: u64,
    /// The answer.
    pub(super) body: Body,
    /// The picture under the cursor.
    pub(super) selected: usize,
    /// The first picture on the screen.
    pub(super) top: usize,
    /// Whether details are shown; `None` leaves it to the width of the screen.
    pub(super) detail: Option<bool>,
    /// The first line of the help on the screen, when it is open.
    pub(super) help: Option<usize>,
    /// The size of the screen.
    pub(super) size: Size,
    /// Whether colours are wanted.
    pub(super) colour: bool,
    /// Paths to print after leaving.
    pub(super) chosen: Vec<PathBuf>,
}

/// What is shown below the question.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Body {
    /// Nothing is known yet.
    Waiting,
    /// A hint what to type.
    Overview {
        /// Pictures in the index.
        images: usize,
    },
    /// Pictures, best first.
    Found {
        /// The pictures.
        pictures: Vec<Picture>,
        /// How long it took to find them.
        took: Duration,
    },
    /// A sentence that says why there is no answer.
    Failed(String),
}

impl App {
    pub(super) fn new(query: &str, size: Size, colour: bool) -> Self {
        Self {
            line: Line::new(query),
            reading: None,
            asked: 0,
            answered: 0,
            body: Body::Waiting,
            selected: 0,
            top: 0,
            detail: None,
            help: None,
            size,
            colour,
            chosen: Vec::new(),
        }
    }

    /// Whether the answer on the screen is to an older question than the one in the query line.
    pub(super) fn is_waiting(&self) -> bool {
        self.answered != self.asked
    }

    /// The pictures on the list.
    pub(super) fn pictures(&self) -> &[Picture] {
        match &self.body {
            Body::Found { pictures, .. } => pictures,
            _ => &[],
        }
    }

    /// The picture under the cursor.
    pub(super) fn picture(&self) -> Option<&Picture> {
        self.pictures().get(self.selected)
    }

    /// Whether details are wanted.
    pub(super) fn is_detailed(&self) -> bool {
        self.detail.unwrap_or_else(|| layout::detailed(self.size))
    }

    /// What is where on the screen.
    pub(super) fn areas(&self) -> Areas {
        layout::areas(self.size, self.is_detailed())
    }
}
