//! The thread that finds out more about the picture under the cursor.

use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread;
use std::time::Duration;

use imgsearch::{CaptionOptions, Engine, Image, Query};

use super::message::{Msg, Question, Subject};
use super::notes::Chip;
use super::painter::guarded;
use super::verdict;
use super::worker::today;

/// How long the cursor must rest on a picture before a caption is written, which takes a second.
const REST: Duration = Duration::from_millis(400);

/// What is wanted.
#[derive(Clone, Debug)]
pub(super) enum Wish {
    /// Tags and a caption.
    Describe(Subject),
    /// Why a picture stands where it stands in the answer to a question.
    Explain(Question, Subject),
}

/// What the thread needs of an engine.
pub(super) trait Expert: Send + 'static {
    /// The recognised tags of a picture, most probable first.
    fn tags(&self, subject: &Subject) -> Result<Vec<Chip>, String>;
    /// What a model says of it.
    fn caption(&self, subject: &Subject) -> Result<String, String>;
    /// Why it stands where it stands.
    fn explain(&self, question: &Question, subject: &Subject) -> Result<Vec<String>, String>;
}

impl Expert for Engine {
    fn tags(&self, subject: &Subject) -> Result<Vec<Chip>, String> {
        let tags = Engine::tags(self, Image::Id(subject.id)).map_err(|error| error.to_string())?;
        let recognised = tags.into_iter().filter(|tag| tag.recognized);
        let mut chips: Vec<_> = recognised
            .map(|tag| Chip {
                tag: tag.tag,
                confidence: tag.score,
            })
            .collect();
        chips.sort_by(|a, b| b.confidence.total_cmp(&a.confidence));
        Ok(chips)
    }

    fn caption(&self, subject: &Subject) -> Result<String, String> {
        let options = CaptionOptions::default();
        let caption = Engine::caption(self, Image::Id(subject.id), None, &options);
        caption
            .map(|caption| caption.text)
            .map_err(|error| error.to_string())
    }

    fn explain(&self, question: &Question, subject: &Subject) -> Result<Vec<String>, String> {
        let query = Query::parse(&question.text, today()).map_err(|error| error.to_string())?;
        let verdict = Engine::explain(self, &query, Image::Id(subject.id));
        verdict
            .map(|verdict| verdict::lines(&verdict))
            .map_err(|error| error.to_string())
    }
}

/// Starts the thread; it ends when what is returned is dropped.
pub(super) fn start(expert: impl Expert, messages: Sender<Msg>) -> Sender<Wish> {
    let (wishes, waiting) = mpsc::channel();
    thread::spawn(move || {
        let mut next = waiting.recv().ok();
        while let Some(wish) = next {
            next = grant(&expert, wish, &waiting, &messages);
        }
    });
    wishes
}

/// Grants a wish and waits for the next one. `None` when there will be none.
fn grant(
    expert: &impl Expert,
    wish: Wish,
    waiting: &Receiver<Wish>,
    messages: &Sender<Msg>,
) -> Option<Wish> {
    match wish {
        Wish::Explain(question, subject) => {
            let message = match guarded(|| expert.explain(&question, &subject)) {
                Ok(lines) => Msg::Explained(lines),
                Err(reason) => Msg::Notice(reason),
            };
            messages.send(message).ok()?;
        }
        Wish::Describe(subject) => {
            let id = subject.id;
            let tags = guarded(|| expert.tags(&subject)).unwrap_or_default();
            messages.send(Msg::Tagged { id, tags }).ok()?;
            match waiting.recv_timeout(REST) {
                Ok(newer) => return Some(newer),
                Err(RecvTimeoutError::Disconnected) => return None,
                Err(RecvTimeoutError::Timeout) => {}
            }
            // Some models write none.
            let caption = guarded(|| expert.caption(&subject)).ok();
            messages.send(Msg::Captioned { id, caption }).ok()?;
        }
    }
    waiting.recv().ok()
}
