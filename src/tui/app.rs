//! All that the terminal UI knows.

use std::path::PathBuf;
use std::time::Duration;

use imgsearch::{ImageId, Sort};
use ratatui::layout::Size;

use super::facets::Facet;
use super::history::History;
use super::layout::{self, Areas, Shape};
use super::line::Line;
use super::message::Subject;
use super::notes::Notes;
use super::painter::Order;
use super::picture::Picture;
use super::prompt::Prompt;
use super::reading::Reading;
use super::shelf::{Shelf, Spot};

/// How a session begins.
#[derive(Clone, Debug, Default)]
pub(crate) struct Start {
    /// What to search for first.
    pub(crate) query: String,
    /// Whether colours are wanted.
    pub(crate) colour: bool,
    /// Whether paths are printed in the end, so that Enter chooses instead of opening.
    pub(crate) prints: bool,
    /// Former queries, oldest first.
    pub(crate) queries: Vec<String>,
    /// The folder that `~` stands for.
    pub(crate) home: Option<PathBuf>,
}

/// The state of the screen. Changed by `update` only, read by `view`.
#[derive(Clone, Debug)]
pub(super) struct App {
    /// What is asked.
    pub(super) line: Line,
    /// What was asked before.
    pub(super) history: History,
    /// Something else that is asked for, while it is being typed.
    pub(super) prompt: Option<Prompt>,
    /// What the words of the query stand for, once known.
    pub(super) reading: Option<Reading>,
    /// Why the newest question has no answer, while that to an older one is on the screen.
    pub(super) trouble: Option<String>,
    /// The number of the newest question.
    pub(super) asked: u64,
    /// The number of the question that `body` answers.
    pub(super) answered: u64,
    /// Whether the answer to the newest question leaves the cursor on its picture.
    pub(super) keeps: bool,
    /// The answer.
    pub(super) body: Body,
    /// Pictures in the index, once counted.
    pub(super) holds: Option<usize>,
    /// What the collection shows that is nearest to the question, where the answer is empty.
    pub(super) nearest: Vec<Facet>,
    /// The tags of the answer.
    pub(super) facets: Vec<Facet>,
    /// The facet under the cursor.
    pub(super) facet: usize,
    /// Where the arrow keys go.
    pub(super) focus: Focus,
    /// The picture under the cursor.
    pub(super) selected: usize,
    /// The first picture on the screen.
    pub(super) top: usize,
    /// The picture that was clicked last: clicked again, it is opened.
    pub(super) clicked: Option<ImageId>,
    /// Whether details are shown; `None` leaves it to the width of the screen.
    pub(super) detail: Option<bool>,
    /// Whether results are a grid; `None` leaves it to whether pictures can be shown.
    pub(super) grid: Option<bool>,
    /// The order of the pictures.
    pub(super) sort: Sort,
    /// Whether pictures of one shot are one.
    pub(super) stacked: bool,
    /// What lies over the results.
    pub(super) overlay: Option<Overlay>,
    /// Whether pictures can be shown.
    pub(super) draws: bool,
    /// Whether the terminal may have a clipboard for pictures.
    pub(super) copies: bool,
    /// Drawings.
    pub(super) shelf: Shelf,
    /// What was ordered of the painter last.
    pub(super) ordered: Order,
    /// What is known of pictures.
    pub(super) notes: Notes,
    /// The picture that was asked about last.
    pub(super) described: Option<ImageId>,
    /// Marked pictures, in the order in which they were marked.
    pub(super) marks: Vec<Subject>,
    /// How far an index run is, while one goes on.
    pub(super) indexing: Option<String>,
    /// Something to be told until the next key.
    pub(super) notice: Option<String>,
    /// The size of the screen.
    pub(super) size: Size,
    /// How the session began.
    pub(super) start: Start,
    /// Paths to print after leaving.
    pub(super) chosen: Vec<PathBuf>,
}

/// What is shown below the question.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Body {
    /// Nothing is known yet.
    Waiting,
    /// Pictures, best first.
    Found {
        /// The pictures.
        pictures: Vec<Picture>,
        /// How long it took to find them.
        took: Duration,
        /// Whether the sentence was matched with them.
        matched: bool,
    },
    /// A sentence that says why there is no answer.
    Failed(String),
}

/// Where the arrow keys go. What is typed always goes into the query.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Focus {
    /// The query line.
    #[default]
    Query,
    /// The results.
    Results,
    /// The tags of the results.
    Facets,
}

/// Text that lies over the results.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Overlay {
    /// What it is.
    pub(super) text: Text,
    /// Its first line on the screen.
    pub(super) top: usize,
}

/// What can lie over the results.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Text {
    /// The table of keys.
    Help,
    /// Lines with a heading.
    Lines(String, Vec<String>),
}

impl App {
    /// An app on a screen that shows pictures, if it does, in pixels (`Some(true)`) or in half blocks.
    pub(super) fn new(start: Start, sharp: Option<bool>, size: Size) -> Self {
        Self {
            line: Line::new(&start.query),
            history: History::new(start.queries.clone()),
            prompt: None,
            reading: None,
            trouble: None,
            asked: 0,
            answered: 0,
            keeps: false,
            body: Body::Waiting,
            holds: None,
            nearest: Vec::new(),
            facets: Vec::new(),
            facet: 0,
            focus: Focus::Query,
            selected: 0,
            top: 0,
            clicked: None,
            detail: None,
            grid: None,
            sort: Sort::Relevance,
            stacked: false,
            overlay: None,
            draws: sharp.is_some(),
            copies: sharp == Some(true),
            shelf: Shelf::default(),
            ordered: Order::default(),
            notes: Notes::default(),
            described: None,
            marks: Vec::new(),
            indexing: None,
            notice: None,
            size,
            start,
            chosen: Vec::new(),
        }
    }

    /// Whether the answer on the screen is to an older question than the one in the query line.
    pub(super) fn is_waiting(&self) -> bool {
        self.answered != self.asked
    }

    /// The pictures that were found.
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

    /// Whether a picture is marked.
    pub(super) fn is_marked(&self, id: &ImageId) -> bool {
        self.marks.iter().any(|mark| mark.id == *id)
    }

    /// Whether details are wanted.
    pub(super) fn is_detailed(&self) -> bool {
        self.detail.unwrap_or_else(|| layout::detailed(self.size))
    }

    /// Whether results are a grid.
    pub(super) fn is_grid(&self) -> bool {
        self.draws && self.grid.unwrap_or(true)
    }

    /// What is where on a screen of this size.
    pub(super) fn areas(&self, size: Size) -> Areas {
        let shape = Shape {
            detail: self.is_detailed(),
            grid: self.is_grid(),
            draws: self.draws,
        };
        layout::areas(size, shape)
    }

    /// The drawings that the screen shows now, and those that the next step may want, most wanted first.
    pub(super) fn spots(&self) -> Vec<Spot> {
        if !self.draws || self.size.width == 0 || self.size.height == 0 {
            return Vec::new();
        }
        let areas = self.areas(self.size);
        let cells = areas.thumbnail();
        let large = areas.preview.as_size();
        let (from, page) = (self.top, areas.page());
        let pictures = self.pictures();
        let small = |at: usize| {
            pictures.get(at).map(|picture| Spot {
                id: picture.id,
                cells,
            })
        };
        let preview = self.picture().map(|picture| Spot {
            id: picture.id,
            cells: large,
        });
        let mut spots = Vec::new();
        if !areas.list.is_empty() {
            spots.extend((from..from + page).filter_map(small));
        }
        spots.extend(preview);
        if !areas.list.is_empty() {
            let before = from.saturating_sub(page)..from;
            spots.extend(
                (from + page..from + 2 * page)
                    .chain(before)
                    .filter_map(small),
            );
        }
        spots.retain(|spot| spot.cells.width > 0 && spot.cells.height > 0);
        spots
    }
}
