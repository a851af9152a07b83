//! The thread that asks the engine, so that typing never waits.

use std::any::Any;
use std::panic::{self, AssertUnwindSafe};
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;
use std::time::{Instant, SystemTime};

use imgsearch::query::Day;
use imgsearch::{Engine, Legs, Query};

use super::line::Line;
use super::message::{Answer, Msg, Question};
use super::picture::Picture;
use super::reading::Reading;

/// Results that are asked for: more than anybody scrolls through.
const MOST: usize = 200;

/// What the worker needs of an engine.
pub(super) trait Library: Send + 'static {
    /// Counts the pictures.
    fn overview(&self) -> imgsearch::Result<Answer>;
    /// Resolves words.
    fn read(&self, text: &str) -> imgsearch::Result<Reading>;
    /// Searches.
    fn search(&self, text: &str) -> imgsearch::Result<Answer>;
}

impl Library for Engine {
    fn overview(&self) -> imgsearch::Result<Answer> {
        let images = self.stats()?.images;
        Ok(Answer::Overview { images })
    }

    fn read(&self, text: &str) -> imgsearch::Result<Reading> {
        let prepared = self.resolve(&query(text)?)?;
        Ok(Reading::new(&prepared, self.vocabulary()))
    }

    fn search(&self, text: &str) -> imgsearch::Result<Answer> {
        let begun = Instant::now();
        // Matching would make typing wait.
        let query = query(text)?.with_limit(MOST).with_legs(Legs::fast());
        let hits = Engine::search(self, &query)?;
        Ok(Answer::Found {
            pictures: hits.into_iter().map(Picture::from).collect(),
            took: begun.elapsed(),
        })
    }
}

fn query(text: &str) -> imgsearch::Result<Query> {
    Ok(Query::parse(text, Day::of(SystemTime::now()))?)
}

/// The way to the thread; it ends when this is dropped.
pub(super) struct Worker {
    questions: Sender<Question>,
}

impl Worker {
    /// Starts the thread. Answers come as messages.
    pub(super) fn start(library: impl Library, answers: Sender<Msg>) -> Self {
        let (questions, waiting) = mpsc::channel();
        thread::spawn(move || {
            while let Ok(question) = waiting.recv() {
                if serve(&library, question, &waiting, &answers).is_none() {
                    break;
                }
            }
        });
        Self { questions }
    }

    /// Asks. Questions that still wait are dropped in favour of this one.
    pub(super) fn ask(&self, question: Question) {
        // The thread outlives every panic of the engine; it can only be gone when the app is going too.
        let _ = self.questions.send(question);
    }
}

/// Answers the newest question that waits. `None` when nobody listens any more.
fn serve(
    library: &impl Library,
    question: Question,
    waiting: &Receiver<Question>,
    answers: &Sender<Msg>,
) -> Option<()> {
    let mut question = waiting.try_iter().last().unwrap_or(question);
    loop {
        let Question { seq, text } = &question;
        let seq = *seq;
        let answer = if Line::new(text).is_blank() {
            guarded(|| library.overview())
        } else {
            match guarded(|| library.read(text)) {
                Ok(reading) => {
                    answers.send(Msg::Read { seq, reading }).ok()?;
                    // Words are resolved at every key, pictures searched for when the fingers rest.
                    if let Some(newer) = waiting.try_iter().last() {
                        question = newer;
                        continue;
                    }
                    guarded(|| library.search(text))
                }
                Err(reason) => Err(reason),
            }
        };
        return answers.send(Msg::Answered { seq, answer }).ok();
    }
}

/// Turns errors into sentences, panics too: one question that the engine cannot take must not cost the session.
fn guarded<T>(work: impl FnOnce() -> imgsearch::Result<T>) -> Result<T, String> {
    match panic::catch_unwind(AssertUnwindSafe(work)) {
        Ok(result) => result.map_err(|error| error.to_string()),
        Err(payload) => Err(format!(
            "the search broke down: {}; this is a bug in imgsearch, please report it",
            said(payload.as_ref())
        )),
    }
}

fn said(payload: &(dyn Any + Send)) -> &str {
    payload
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| payload.downcast_ref::<&str>().copied())
        .unwrap_or("no reason given")
}

#[cfg(test)]
mod tests {
    use std::ops::ControlFlow;
    use std::sync::{Arc, Mutex};
    use std::time::Duration;

    use imgsearch::models::ModelError;
    use imgsearch::query::QueryError;
    use imgsearch::{
        Config, Embedding, Encoder, ImageFeatures, Input, ResizeFilter, Squares, Vocabulary,
    };

    use super::*;

    /// Waits at a gate before every search, and writes down what was searched for.
    struct Slow {
        gate: Mutex<Receiver<()>>,
        entered: Sender<String>,
    }

    impl Library for Slow {
        fn overview(&self) -> imgsearch::Result<Answer> {
            Ok(Answer::Overview { images: 3 })
        }

        fn read(&self, text: &str) -> imgsearch::Result<Reading> {
            if text == "refused" {
                return Err(QueryError::NoLimit.into());
            }
            Ok(Reading::default())
        }

        fn search(&self, text: &str) -> imgsearch::Result<Answer> {
            self.entered.send(text.to_owned()).unwrap();
            self.gate.lock().unwrap().recv().unwrap();
            if text == "explosive" {
                // Unwinds as a panic does, without the report on stderr.
                panic::resume_unwind(Box::new("boom"));
            }
            Ok(Answer::Found {
                pictures: vec![],
                took: Duration::ZERO,
            })
        }
    }

    struct Bench {
        worker: Worker,
        answers: Receiver<Msg>,
        entered: Receiver<String>,
        gate: Sender<()>,
    }

    fn bench() -> Bench {
        let (answer, answers) = mpsc::channel();
        let (enter, entered) = mpsc::channel();
        let (gate, closed) = mpsc::channel();
        let library = Slow {
            gate: Mutex::new(closed),
            entered: enter,
        };
        Bench {
            worker: Worker::start(library, answer),
            answers,
            entered,
            gate,
        }
    }

    impl Bench {
        fn ask(&self, seq: u64, text: &str) {
            self.worker.ask(Question {
                seq,
                text: text.to_owned(),
            });
        }

        fn answer(&self) -> (u64, Result<Answer, String>) {
            loop {
                match self.answers.recv_timeout(Duration::from_secs(5)).unwrap() {
                    Msg::Answered { seq, answer } => return (seq, answer),
                    Msg::Read { .. } => {}
                    other => panic!("{other:?}"),
                }
            }
        }
    }

    /// Sees one tag in everything.
    struct OneTag(Vocabulary);

    impl Encoder for OneTag {
        fn id(&self) -> &str {
            "one-tag"
        }

        fn dim(&self) -> usize {
            2
        }

        fn vocabulary(&self) -> &Vocabulary {
            &self.0
        }

        fn inputs(&self) -> &[Input] {
            &[Input {
                side: 8,
                filter: ResizeFilter::Bilinear,
            }]
        }

        fn images(&self, pictures: &[Squares]) -> Result<Vec<ImageFeatures>, ModelError> {
            let features = |_| Ok(ImageFeatures::new(self.text("")?, vec![0.9]));
            pictures.iter().map(features).collect()
        }

        fn text(&self, _: &str) -> Result<Embedding, ModelError> {
            Embedding::new(vec![0.6, 0.8]).map_err(|_| ModelError::NotFinite)
        }
    }

    #[test]
    fn an_engine_reads_counts_and_finds() {
        let folder = tempfile::tempdir().unwrap();
        let tags = r#"{"tag":"cat","kind":"object","threshold":0.5,"synonyms":[],"parents":[]}"#;
        let encoder = OneTag(Vocabulary::from_json_lines(tags).unwrap());
        let config = Config::new(folder.path().join("index"));
        let engine = Engine::with_encoder(&config, Arc::new(encoder)).unwrap();
        assert!(guarded(|| engine.overview()).is_err());

        let photo = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/photos/cat.jpg");
        let go_on = |_: &_| ControlFlow::Continue(());
        engine.index_paths(&[photo], go_on).unwrap();
        let overview = engine.overview().unwrap();
        assert_eq!(overview, Answer::Overview { images: 1 });
        assert!(engine.read("a cat").unwrap().words[0].is_plain());
        let Answer::Found { pictures, .. } = Library::search(&engine, "a cat").unwrap() else {
            panic!("a search answers with pictures");
        };
        assert!(pictures.len() == 1 && pictures[0].paths[0].ends_with("cat.jpg"));
        assert!(pictures[0].size.0 > 0 && pictures[0].why.recognized().len() == 1);
    }

    #[test]
    fn only_the_newest_question_that_waits_is_answered() {
        let bench = bench();
        bench.ask(1, "d");
        assert_eq!(bench.entered.recv().unwrap(), "d");
        for (seq, text) in [(2, "do"), (3, "dog"), (4, "dogs")] {
            bench.ask(seq, text);
        }
        bench.gate.send(()).unwrap();
        assert_eq!(bench.answer().0, 1);
        assert_eq!(bench.entered.recv().unwrap(), "dogs");
        bench.gate.send(()).unwrap();
        assert_eq!(bench.answer().0, 4);
    }

    #[test]
    fn a_blank_line_asks_how_many_there_are() {
        let bench = bench();
        bench.ask(1, " ?!");
        assert_eq!(bench.answer(), (1, Ok(Answer::Overview { images: 3 })));
    }

    #[test]
    fn errors_and_panics_are_answers_and_the_next_question_is_served() {
        let bench = bench();
        bench.ask(1, "refused");
        let (_, answer) = bench.answer();
        assert_eq!(answer, Err(QueryError::NoLimit.to_string()));
        bench.ask(2, "explosive");
        bench.gate.send(()).unwrap();
        let (seq, answer) = bench.answer();
        assert!(seq == 2 && answer.unwrap_err().contains("boom"));
        bench.ask(3, "dog");
        bench.gate.send(()).unwrap();
        assert!(matches!(bench.answer(), (3, Ok(_))));
    }
}
