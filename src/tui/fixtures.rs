//! An app to try keys and screens on.

use std::path::PathBuf;
use std::time::Duration;

use imgsearch::Explanation;
use imgsearch::query::How;
use ratatui::layout::Size;
use serde_json::json;

use super::app::App;
use super::message::{Answer, Effect, Msg};
use super::picture::Picture;
use super::reading::{Reading, Word};
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
        paths: vec![PathBuf::from(path)],
        captured: Some("2024-05-01T12:30:00".to_owned()),
        camera: Some("Fuji X100".to_owned()),
        size: (4000, 3000),
        why,
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
        how,
    };
    Reading {
        words: vec![
            word("puppy", "dog", How::Synonym),
            word("beach", "beach", How::Exact),
        ],
        unresolved: vec!["serendipity".to_owned()],
    }
}

/// An app that has just started, without colours.
pub(super) fn started(query: &str, width: u16, height: u16) -> App {
    let mut app = App::new(query, Size { width, height }, false);
    let effects = update(&mut app, Msg::Started);
    assert!(matches!(effects[..], [Effect::Ask(_)]));
    app
}

/// Hands the app an answer to its newest question.
pub(super) fn answer(app: &mut App, answer: Result<Answer, String>) {
    let seq = app.asked;
    assert_eq!(update(app, Msg::Answered { seq, answer }), []);
}

/// An app with an answer on its screen.
pub(super) fn found(width: u16, height: u16) -> App {
    let mut app = started("puppy on the beach serendipity", width, height);
    let seq = app.asked;
    let reading = reading();
    update(&mut app, Msg::Read { seq, reading });
    answer(
        &mut app,
        Ok(Answer::Found {
            pictures: pictures(),
            took: Duration::from_millis(23),
        }),
    );
    app
}
