//! An app to try keys and screens on.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use imgsearch::query::{How, TagSource};
use imgsearch::{Explanation, ImageId, media};
use ratatui::layout::Size;
use serde_json::json;

use super::app::{App, Start};
use super::facets::Facet;
use super::graphics::Brush;
use super::message::{Answer, Effect, Msg};
use super::notes::Chip;
use super::picture::Picture;
use super::reading::{Reading, Word};
use super::shelf::Made;
use super::update::update;

/// A picture that answers "puppy on the beach".
pub(super) fn picture(path: &str, score: f32, tags: &[&str]) -> Picture {
    let tags: Vec<_> = ["dog", "beach"]
        .into_iter()
        .map(|tag| {
            let recognized = tags.contains(&tag);
            json!({
                "tag": tag,
                "confidence": if recognized { 0.93 } else { 0.04 },
                "query": if tag == "dog" { "puppy" } else { tag },
                "how": if tag == "dog" { How::Synonym } else { How::Exact },
                "weight": if recognized { 0.25 } else { 0.01 },
                "recognized": recognized,
            })
        })
        .collect();
    let why: Explanation = serde_json::from_value(json!({
        "tags": tags,
        "itc": 0.31,
        "itc_weight": 0.67,
        "unresolved": ["serendipity"],
        "score": score,
    }))
    .unwrap();
    Picture {
        id: ImageId::of(path.as_bytes()),
        paths: vec![PathBuf::from(path)],
        stack: Vec::new(),
        captured: Some("2024-05-01T12:30:00".to_owned()),
        camera: Some("Fuji X100".to_owned()),
        size: (4000, 3000),
        why,
        rise: 0,
    }
}

/// Six pictures, some with names that are hard to show.
pub(super) fn pictures() -> Vec<Picture> {
    vec![
        picture("/photos/2024/beach walk.jpg", 1.17, &["dog", "beach"]),
        picture(
            "/photos/2024/a/rather/deep/folder/of/pictures/rex.jpg",
            0.93,
            &["dog"],
        ),
        picture("/photos/日本/犬.jpg", 0.92, &["dog"]),
        picture("/photos/evil\u{1b}[2J\n\u{202e}gpj.exe", 0.69, &["beach"]),
        picture("/photos/lake.jpg", 0.69, &[]),
        picture("/photos/town.jpg", 0.69, &[]),
    ]
}

pub(super) fn reading() -> Reading {
    let word = |text: &str, tag: &str, how| Word {
        text: text.to_owned(),
        tags: vec![tag.to_owned()],
        more: 0,
        how: Some(how),
    };
    Reading {
        words: vec![
            word("puppy", "dog", How::Synonym),
            word("beach", "beach", How::Exact),
        ],
        unresolved: vec!["serendipity".to_owned()],
    }
}

pub(super) fn facets() -> Vec<Facet> {
    let facet = |tag: &str, images| Facet {
        tag: tag.to_owned(),
        images,
    };
    vec![
        facet("dog", 41),
        facet("beach", 17),
        facet("hot dog", 3),
        facet("sand", 2),
    ]
}

/// An app that has just started, without colours and pictures.
pub(super) fn started(query: &str, width: u16, height: u16) -> App {
    begun(query, false, width, height)
}

pub(super) fn begun(query: &str, draws: bool, width: u16, height: u16) -> App {
    let start = Start {
        query: query.to_owned(),
        queries: vec!["a cat".to_owned(), "a boat".to_owned()],
        home: Some("/home/ann".into()),
        ..Start::default()
    };
    let mut app = App::new(start, draws.then_some(false), Size { width, height });
    let effects = update(&mut app, Msg::Started);
    assert!(matches!(effects[..], [Effect::Ask(_)]));
    app
}

pub(super) fn six() -> Answer {
    Answer {
        pictures: pictures(),
        took: Duration::from_millis(23),
    }
}

pub(super) fn none() -> Answer {
    Answer {
        pictures: Vec::new(),
        ..six()
    }
}

/// Hands the app the first answer to its newest question.
pub(super) fn answer(app: &mut App, answer: Result<Answer, String>) -> Vec<Effect> {
    answered(app, false, answer)
}

/// Hands the app the answer that sentences were matched for.
pub(super) fn matched(app: &mut App, better: Answer) -> Vec<Effect> {
    answered(app, true, Ok(better))
}

fn answered(app: &mut App, matched: bool, answer: Result<Answer, String>) -> Vec<Effect> {
    let seq = app.asked;
    update(
        app,
        Msg::Answered {
            seq,
            matched,
            answer,
        },
    )
}

/// An app with an answer on its screen.
pub(super) fn found(width: u16, height: u16) -> App {
    filled(false, width, height)
}

/// The same with pictures, each of one colour.
pub(super) fn drawn(width: u16, height: u16) -> App {
    let mut app = filled(true, width, height);
    draw_all(&mut app);
    app
}

/// Draws all that is missing.
pub(super) fn draw_all(app: &mut App) {
    for (number, spot) in app.spots().into_iter().enumerate() {
        let pixel = [(number * 40 % 256) as u8, 90, 160];
        let picture = media::Picture::from_rgb(40, 30, pixel.repeat(1200)).unwrap();
        let drawing = Brush::halfblocks().draw(&picture, spot.cells).unwrap();
        let (epoch, made) = (app.ordered.epoch, Made::Drawn(Arc::new(drawing)));
        update(app, Msg::Painted { epoch, spot, made });
    }
}

fn filled(draws: bool, width: u16, height: u16) -> App {
    let mut app = begun("puppy on the beach serendipity", draws, width, height);
    let seq = app.asked;
    let reading = reading();
    update(&mut app, Msg::Read { seq, reading });
    answer(&mut app, Ok(six()));
    let facets = facets();
    update(&mut app, Msg::Counted { seq, facets });
    let id = app.pictures()[0].id;
    let chip = |tag: &str, confidence, source| Chip {
        tag: tag.to_owned(),
        confidence,
        source,
    };
    let tags = vec![
        chip("dog", Some(0.93), TagSource::Model),
        chip("sea", Some(0.9), TagSource::Removed),
        chip("beach", Some(0.71), TagSource::Model),
        chip("harbour", None, TagSource::Keyword),
    ];
    update(&mut app, Msg::Tagged { id, tags });
    let caption = Some("a dog runs on a beach".to_owned());
    update(&mut app, Msg::Captioned { id, caption });
    app
}
