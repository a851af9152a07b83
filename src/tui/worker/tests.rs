use std::ops::ControlFlow;
use std::panic;
use std::sync::{Arc, Mutex};

use imgsearch::models::ModelError;
use imgsearch::{
    Config, Embedding, Encoder, ImageFeatures, Input, ResizeFilter, Squares, Vocabulary,
};

use super::*;
use crate::tui::fixtures::picture;

/// Waits at a gate before every search, and writes down what was searched for.
#[derive(Clone)]
struct Slow {
    gate: Arc<Mutex<Receiver<()>>>,
    entered: Sender<(String, Legs)>,
}

impl Library for Slow {
    fn holds(&self) -> Result<usize, String> {
        Ok(3)
    }

    fn read(&self, text: &str) -> Result<Reading, String> {
        match text {
            "refused" => Err("refused".to_owned()),
            _ => Ok(Reading::default()),
        }
    }

    fn search(&self, question: &Question, legs: Legs) -> Result<Answer, String> {
        let text = question.text.clone();
        self.entered.send((text.clone(), legs)).unwrap();
        self.gate.lock().unwrap().recv().unwrap();
        if text == "explosive" {
            // Unwinds as a panic does, without the report on stderr.
            panic::resume_unwind(Box::new("boom"));
        }
        let mut found = picture("/a.jpg", 0.5, &[]);
        found.why.itm = (legs.itm && text == "two things").then_some(0.9);
        let pictures = match &*text {
            "a unicorn" => vec![],
            _ => vec![found],
        };
        Ok(Answer {
            pictures,
            took: Duration::ZERO,
        })
    }

    fn facets(&self, _: &Question) -> Result<Vec<Facet>, String> {
        Ok(vec![])
    }

    fn nearest(&self, _: &Question) -> Result<Vec<Facet>, String> {
        let (tag, images) = ("cat".to_owned(), 3);
        Ok(vec![Facet { tag, images }])
    }
}

struct Bench {
    questions: Sender<Question>,
    messages: Receiver<Msg>,
    entered: Receiver<(String, Legs)>,
    gate: Sender<()>,
}

fn bench() -> Bench {
    let (sender, messages) = mpsc::channel();
    let (enter, entered) = mpsc::channel();
    let (gate, closed) = mpsc::channel();
    let library = Slow {
        gate: Arc::new(Mutex::new(closed)),
        entered: enter,
    };
    Bench {
        questions: start(library, sender),
        messages,
        entered,
        gate,
    }
}

const WAIT: Duration = Duration::from_secs(5);

impl Bench {
    fn ask(&self, seq: u64, text: &str) {
        self.questions.send(question(seq, text)).unwrap();
    }

    fn entered(&self) -> (String, Legs) {
        self.entered.recv_timeout(WAIT).unwrap()
    }

    fn answer(&self) -> (u64, bool, Result<Answer, String>) {
        loop {
            match self.messages.recv_timeout(WAIT).unwrap() {
                Msg::Answered {
                    seq,
                    matched,
                    answer,
                } => return (seq, matched, answer),
                Msg::Read { .. } | Msg::Counted { .. } | Msg::Holds(_) => {}
                other => panic!("{other:?}"),
            }
        }
    }
}

fn question(seq: u64, text: &str) -> Question {
    Question {
        seq,
        text: text.to_owned(),
        sort: imgsearch::Sort::Relevance,
        stacked: false,
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
fn an_engine_reads_counts_finds_and_browses() {
    let folder = tempfile::tempdir().unwrap();
    let tags = r#"{"tag":"cat","kind":"object","threshold":0.5,"synonyms":[],"parents":[]}"#;
    let encoder = OneTag(Vocabulary::from_json_lines(tags).unwrap());
    let config = Config::new(folder.path().join("index"));
    let engine = Engine::with_encoder(&config, Arc::new(encoder)).unwrap();
    assert!(engine.holds().is_err());

    let photo = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/photos/cat.jpg");
    let go_on = |_: &_| ControlFlow::Continue(());
    engine.index_paths(&[photo], go_on).unwrap();
    assert_eq!(engine.holds(), Ok(1));
    assert!(engine.read("a cat").unwrap().words[0].is_plain());
    let found = |text| {
        let answer = Library::search(&engine, &question(1, text), Legs::fast());
        answer.unwrap().pictures
    };
    let cat = found("a cat");
    assert!(cat.len() == 1 && cat[0].paths[0].ends_with("cat.jpg"));
    assert!(cat[0].size.0 > 0 && cat[0].why.recognized().len() == 1);
    assert_eq!(found(" ").len(), 1, "the newest");
    let facets = Library::facets(&engine, &question(1, "")).unwrap();
    assert_eq!((&*facets[0].tag, facets[0].images), ("cat", 1));
    assert!(engine.read("a (").is_err());
}

#[test]
fn only_the_newest_question_that_waits_is_answered() {
    let bench = bench();
    bench.ask(1, "d");
    assert_eq!(bench.entered().0, "d");
    for (seq, text) in [(2, "do"), (3, "dog"), (4, "dogs")] {
        bench.ask(seq, text);
    }
    bench.gate.send(()).unwrap();
    assert_eq!(bench.answer().0, 1);
    assert_eq!(bench.entered(), ("dogs".to_owned(), Legs::fast()));
    bench.gate.send(()).unwrap();
    let (seq, matched, _) = bench.answer();
    assert_eq!((seq, matched), (4, false));
}

#[test]
fn matching_comes_after_the_first_answer_and_only_where_it_says_something() {
    let bench = bench();
    for (seq, text, says) in [(1, "two things", true), (2, "dog", false)] {
        bench.ask(seq, text);
        for legs in [Legs::fast(), Legs::default()] {
            assert_eq!(bench.entered(), (text.to_owned(), legs));
            bench.gate.send(()).unwrap();
        }
        assert_eq!((bench.answer().0, seq), (seq, seq));
        if says {
            let (answered, matched, _) = bench.answer();
            assert_eq!((answered, matched), (seq, true));
        }
    }
    assert!(
        bench
            .messages
            .recv_timeout(REST)
            .is_ok_and(|message| matches!(message, Msg::Counted { .. }))
    );
    assert!(bench.messages.recv_timeout(2 * REST).is_err());
}

#[test]
fn an_empty_answer_is_followed_by_what_is_nearest() {
    let bench = bench();
    bench.ask(7, "a unicorn");
    bench.gate.send(()).unwrap();
    assert!(matches!(bench.answer(), (7, false, Ok(answer)) if answer.pictures.is_empty()));
    let told = bench.messages.recv_timeout(WAIT).unwrap();
    assert!(matches!(told, Msg::Near { seq: 7, nearest } if nearest[0].tag == "cat"));
}

#[test]
fn a_blank_line_asks_for_the_newest_and_how_many_there_are() {
    let bench = bench();
    bench.ask(1, " ?!");
    bench.gate.send(()).unwrap();
    assert!(matches!(bench.answer(), (1, false, Ok(_))));
    let rest: Vec<_> = (0..2)
        .map(|_| bench.messages.recv_timeout(WAIT).unwrap())
        .collect();
    assert!(matches!(rest[..], [Msg::Counted { .. }, Msg::Holds(3)]));
}

#[test]
fn errors_and_panics_are_answers_and_the_next_question_is_served() {
    let bench = bench();
    bench.ask(1, "refused");
    let (_, _, answer) = bench.answer();
    assert_eq!(answer, Err("refused".to_owned()));
    bench.ask(2, "explosive");
    bench.gate.send(()).unwrap();
    let (seq, _, answer) = bench.answer();
    assert!(seq == 2 && answer.unwrap_err().contains("boom"));
    bench.ask(3, "dog");
    bench.gate.send(()).unwrap();
    assert!(matches!(bench.answer(), (3, false, Ok(_))));
}
