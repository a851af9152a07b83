//! The threads that ask the engine, so that typing never waits: one searches, one matches the sentence with what was found.

use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use imgsearch::query::Day;
use imgsearch::{Engine, Legs, Query};

use super::facets::Facet;
use super::line::Line;
use super::message::{Answer, Msg, Question};
use super::painter::guarded;
use super::picture::Picture;
use super::reading::Reading;

/// Results that are asked for: more than anybody scrolls through.
const MOST: usize = 200;
/// Facets that are shown at most.
const FACETS: usize = 60;
/// Tags that are named when nothing answers.
const NEAREST: usize = 5;
/// How long fingers must rest before sentences are matched, which takes a hundred milliseconds and cannot be stopped.
const REST: Duration = Duration::from_millis(150);

/// What the workers need of an engine.
pub(super) trait Library: Clone + Send + 'static {
    /// Counts the pictures.
    fn holds(&self) -> Result<usize, String>;
    /// Resolves words.
    fn read(&self, text: &str) -> Result<Reading, String>;
    /// Searches.
    fn search(&self, question: &Question, legs: Legs) -> Result<Answer, String>;
    /// Counts the tags of what a search finds.
    fn facets(&self, question: &Question) -> Result<Vec<Facet>, String>;
    /// What the collection shows that is nearest to a question which nothing answers.
    fn nearest(&self, question: &Question) -> Result<Vec<Facet>, String>;
}

impl Library for Engine {
    fn holds(&self) -> Result<usize, String> {
        let stats = self.stats().map_err(|error| error.to_string())?;
        Ok(stats.images)
    }

    fn read(&self, text: &str) -> Result<Reading, String> {
        let query = Query::parse(text, today()).map_err(|error| error.to_string())?;
        let prepared = self.resolve(&query).map_err(|error| error.to_string())?;
        Ok(Reading::new(&prepared, self.vocabulary()))
    }

    fn search(&self, question: &Question, legs: Legs) -> Result<Answer, String> {
        let begun = Instant::now();
        let query = query(question)?.with_legs(legs);
        let hits = Engine::search(self, &query).map_err(|error| error.to_string())?;
        Ok(Answer {
            pictures: hits.into_iter().map(Picture::from).collect(),
            took: begun.elapsed(),
        })
    }

    fn facets(&self, question: &Question) -> Result<Vec<Facet>, String> {
        let query = query(question)?.with_legs(Legs::fast());
        let facets = Engine::facets(self, &query).map_err(|error| error.to_string())?;
        let facets = facets.into_iter().filter(|facet| facet.images > 0);
        Ok(facets.take(FACETS).map(Facet::from).collect())
    }

    fn nearest(&self, question: &Question) -> Result<Vec<Facet>, String> {
        let query = query(question)?.with_legs(Legs::fast());
        let nearest = self.nearest_concepts(&query, NEAREST);
        let nearest = nearest.map_err(|error| error.to_string())?;
        Ok(nearest.into_iter().map(Facet::from).collect())
    }
}

/// A blank line asks for the newest pictures: those that were taken at any time.
fn query(question: &Question) -> Result<Query, String> {
    let query = match (is_blank(question), Day::new(1700, 1, 1)) {
        (true, Some(day)) => Query::new("").since(day),
        _ => Query::parse(&question.text, today()).map_err(|error| error.to_string())?,
    };
    Ok(query
        .with_limit(MOST)
        .sorted_by(question.sort)
        .stacked(question.stacked))
}

pub(super) fn is_blank(question: &Question) -> bool {
    Line::new(&question.text).is_blank()
}

pub(super) fn today() -> Day {
    Day::of(SystemTime::now())
}

/// Starts the threads. What is sent to them is answered with messages; they end when the way to them is dropped.
pub(super) fn start(library: impl Library, messages: Sender<Msg>) -> Sender<Question> {
    let (questions, waiting) = mpsc::channel();
    let (found, unmatched) = mpsc::channel();
    let (matching, told) = (library.clone(), messages.clone());
    thread::spawn(move || while rank(&matching, &unmatched, &told).is_some() {});
    thread::spawn(move || while serve(&library, &waiting, &found, &messages).is_some() {});
    questions
}

/// Answers the newest question that waits. `None` when nobody listens any more.
fn serve(
    library: &impl Library,
    waiting: &Receiver<Question>,
    found: &Sender<Question>,
    messages: &Sender<Msg>,
) -> Option<()> {
    let mut question = waiting.recv().ok()?;
    loop {
        if let Some(newer) = waiting.try_iter().last() {
            question = newer;
        }
        let seq = question.seq;
        let blank = is_blank(&question);
        if !blank {
            match guarded(|| library.read(&question.text)) {
                Ok(reading) => messages.send(Msg::Read { seq, reading }).ok()?,
                Err(reason) => return answer(messages, seq, false, Err(reason)),
            }
            // Words are resolved at every key, pictures searched for when the fingers rest.
            if let Some(newer) = waiting.try_iter().last() {
                question = newer;
                continue;
            }
        }
        let pictures = guarded(|| library.search(&question, Legs::fast()));
        let found_any = pictures.as_ref().map(|answer| !answer.pictures.is_empty());
        let found_any = found_any.ok();
        answer(messages, seq, false, pictures)?;
        match found_any {
            None => return Some(()),
            Some(false) if !blank => {
                let nearest = guarded(|| library.nearest(&question)).unwrap_or_default();
                messages.send(Msg::Near { seq, nearest }).ok()?;
            }
            Some(_) => {}
        }
        if !blank {
            found.send(question.clone()).ok()?;
        }
        if let Some(newer) = waiting.try_iter().last() {
            question = newer;
            continue;
        }
        let facets = guarded(|| library.facets(&question)).unwrap_or_default();
        messages.send(Msg::Counted { seq, facets }).ok()?;
        if let (true, Ok(images)) = (blank, guarded(|| library.holds())) {
            messages.send(Msg::Holds(images)).ok()?;
        }
        return Some(());
    }
}

/// Ranks what was found for the newest question again, by matching, once nothing newer is asked for a while.
fn rank(library: &impl Library, found: &Receiver<Question>, messages: &Sender<Msg>) -> Option<()> {
    let mut question = found.recv().ok()?;
    loop {
        match found.recv_timeout(REST) {
            Ok(newer) => question = newer,
            Err(RecvTimeoutError::Timeout) => break,
            Err(RecvTimeoutError::Disconnected) => return None,
        }
    }
    match guarded(|| library.search(&question, Legs::default())) {
        Ok(pictures) if pictures.pictures.iter().any(|p| p.why.itm.is_some()) => {
            answer(messages, question.seq, true, Ok(pictures))
        }
        // The model does not match, or one thing was asked for: the first answer stands.
        _ => Some(()),
    }
}

fn answer(
    messages: &Sender<Msg>,
    seq: u64,
    matched: bool,
    answer: Result<Answer, String>,
) -> Option<()> {
    let message = Msg::Answered {
        seq,
        matched,
        answer,
    };
    messages.send(message).ok()
}

#[cfg(test)]
mod tests;
