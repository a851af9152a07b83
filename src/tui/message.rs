//! What happens to the app, and what it wants done.

use std::path::PathBuf;
use std::time::Duration;

use crossterm::event::{Event, KeyEvent, KeyEventKind, MouseEvent};
use imgsearch::{ImageId, Sort, TagEdit};
use ratatui::layout::Size;

use super::facets::Facet;
use super::notes::Chip;
use super::painter::Order;
use super::picture::Picture;
use super::reading::Reading;
use super::shelf::{Made, Spot};

/// Something that happened.
#[derive(Debug)]
pub(super) enum Msg {
    /// The screen is there and nothing was asked yet.
    Started,
    /// A key was pressed.
    Key(KeyEvent),
    /// The mouse was used.
    Mouse(MouseEvent),
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
        /// Whether the sentence was matched with the pictures too, which takes longer.
        matched: bool,
        /// The answer, or a sentence that says why there is none.
        answer: Result<Answer, String>,
    },
    /// The tags of the pictures that answer a question were counted.
    Counted {
        /// The question's number.
        seq: u64,
        /// Most frequent first.
        facets: Vec<Facet>,
    },
    /// Nothing answers a question, and this is what the collection shows instead.
    Near {
        /// The question's number.
        seq: u64,
        /// Tags with the number of pictures that show them.
        nearest: Vec<Facet>,
    },
    /// The pictures of the index were counted.
    Holds(usize),
    /// A picture was drawn, or could not be.
    Painted {
        /// That of the order.
        epoch: u64,
        /// Which, and how large.
        spot: Spot,
        /// What became of it.
        made: Made,
    },
    /// The tags of a picture were looked up.
    Tagged {
        /// The picture.
        id: ImageId,
        /// What is said of it and not recognised, then what is, most probable first.
        tags: Vec<Chip>,
    },
    /// A caption of a picture was written, or cannot be.
    Captioned {
        /// The picture.
        id: ImageId,
        /// The caption.
        caption: Option<String>,
    },
    /// Why a picture stands where it stands.
    Explained(Vec<String>),
    /// A picture is ready for the clipboard, as a PNG file.
    Encoded(Vec<u8>),
    /// What was said of tags is stored.
    Corrected(String),
    /// How far an index run is.
    Indexing(Indexing),
    /// Something to be told in passing.
    Notice(String),
    /// The program was stopped and goes on; the terminal has forgotten what was on it.
    Resumed,
    /// The program is to end, by this signal.
    Terminated(i32),
    /// A thread that the app cannot do without has ended.
    Lost(String),
}

impl Msg {
    /// What an event of the terminal stands for, if anything.
    pub(super) fn of(event: Event) -> Option<Self> {
        match event {
            Event::Key(key) if key.kind != KeyEventKind::Release => Some(Self::Key(key)),
            Event::Mouse(mouse) => Some(Self::Mouse(mouse)),
            Event::Paste(text) => Some(Self::Paste(text)),
            Event::Resize(width, height) => Some(Self::Resize(Size { width, height })),
            _ => None,
        }
    }
}

/// How far an index run is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Indexing {
    /// It goes on.
    Running(String),
    /// New pictures may be searched.
    Published,
    /// It is over, with what it did or why it failed.
    Over(String),
}

/// What is asked of the worker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Question {
    /// Grows with every question; answers to older ones are not shown.
    pub(super) seq: u64,
    /// The query line.
    pub(super) text: String,
    /// The order of the pictures.
    pub(super) sort: Sort,
    /// Whether pictures of one shot are one.
    pub(super) stacked: bool,
}

/// Pictures, best first.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Answer {
    /// The pictures.
    pub(super) pictures: Vec<Picture>,
    /// How long the search took.
    pub(super) took: Duration,
}

/// A picture that more is to be known of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Subject {
    /// The picture.
    pub(super) id: ImageId,
    /// Where it is.
    pub(super) path: PathBuf,
}

/// Something that the app wants done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Effect {
    /// Ask the worker; replaces every question that still waits.
    Ask(Question),
    /// Draw pictures; replaces what was ordered before.
    Paint(Order),
    /// Look the tags of a picture up and write a caption of it.
    Describe(Subject),
    /// Say why a picture stands where it stands.
    Explain(Question, Subject),
    /// Say something of the tags of pictures.
    Correct(Vec<Subject>, Vec<TagEdit>),
    /// Open a file or a folder with the program that is meant for it.
    Open(PathBuf),
    /// Show a file in its folder.
    Reveal(PathBuf),
    /// Put text on the clipboard of the terminal.
    Copy(String),
    /// Make a picture ready for the clipboard.
    CopyPicture(Subject),
    /// Put a PNG file on the clipboard of the terminal.
    Clip(Vec<u8>),
    /// Keep a query for another day.
    Remember(String),
    /// Index a folder.
    Index(PathBuf),
    /// Stop indexing.
    StopIndexing,
    /// Draw all of the screen anew.
    Redraw,
    /// Stop the program, as Ctrl-Z does to others.
    Suspend,
    /// Leave.
    Quit,
    /// Leave as a signal wants it.
    End(i32),
    /// Leave with an error.
    Abort(String),
}
