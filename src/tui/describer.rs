//! The thread that does what the picture under the cursor is asked for: finds out more about it, stores what is said of its tags,
//! encodes it.

use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread;
use std::time::Duration;

use imgsearch::query::TagSource;
use imgsearch::{Annotations, CaptionOptions, Engine, Image, Query, RecognizedTag, TagEdit};

use super::clipboard;
use super::message::{Msg, Question, Subject};
use super::notes::Chip;
use super::painter::guarded;
use super::text::grouped;
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
    /// A picture is made ready for the clipboard.
    Encode(Subject),
    /// Something is said of the tags of pictures.
    Correct(Vec<Subject>, Vec<TagEdit>),
}

/// What the thread needs of an engine.
pub(super) trait Expert: Send + 'static {
    /// What is said of a picture and not recognised in it, then what is, most probable first.
    fn tags(&self, subject: &Subject) -> Result<Vec<Chip>, String>;
    /// What a model says of it.
    fn caption(&self, subject: &Subject) -> Result<String, String>;
    /// Why it stands where it stands.
    fn explain(&self, question: &Question, subject: &Subject) -> Result<Vec<String>, String>;
    /// A picture as a PNG file.
    fn encode(&self, subject: &Subject) -> Result<Vec<u8>, String>;
    /// Stores what is said of tags; returns how many pictures that changed.
    fn correct(&self, pictures: &[Subject], edits: &[TagEdit]) -> Result<usize, String>;
}

impl Expert for Engine {
    fn tags(&self, subject: &Subject) -> Result<Vec<Chip>, String> {
        let image = Image::Id(subject.id);
        let tags = Engine::tags(self, image).map_err(|error| error.to_string())?;
        let said = self.annotations(image).map_err(|error| error.to_string())?;
        Ok(chips(tags, &said))
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
            .map(|verdict| verdict.to_string().lines().map(str::to_owned).collect())
            .map_err(|error| error.to_string())
    }

    fn encode(&self, subject: &Subject) -> Result<Vec<u8>, String> {
        let picture = self.preview(Image::Id(subject.id), clipboard::SIDE);
        clipboard::png(&picture.map_err(|error| error.to_string())?)
    }

    fn correct(&self, pictures: &[Subject], edits: &[TagEdit]) -> Result<usize, String> {
        let paths: Vec<_> = pictures.iter().map(|picture| &picture.path).collect();
        self.tag_pictures(&paths, edits)
            .map_err(|error| error.to_string())
    }
}

fn chips(mut tags: Vec<RecognizedTag>, said: &Annotations) -> Vec<Chip> {
    tags.retain(|tag| tag.recognized);
    tags.sort_by(|a, b| b.score.total_cmp(&a.score));
    let is_same = |name: &str, tag: &str| name.to_lowercase() == tag.to_lowercase();
    let recognised = tags.iter().map(|tag| {
        let mut said = said.iter().filter(|(name, _)| is_same(name, &tag.tag));
        Chip {
            tag: tag.tag.clone(),
            confidence: Some(tag.score),
            source: said.next().map_or(TagSource::Model, |(_, source)| source),
        }
    });
    let is_recognised = |name| tags.iter().any(|tag| is_same(name, &tag.tag));
    let others = said.iter().filter(|(name, _)| !is_recognised(name));
    let others = others.map(|(name, source)| Chip {
        tag: name.to_owned(),
        confidence: None,
        source,
    });
    others.chain(recognised).collect()
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
    let Wish::Describe(subject) = wish else {
        messages.send(granted(expert, wish)?).ok()?;
        return waiting.recv().ok();
    };
    let id = subject.id;
    let tags = guarded(|| expert.tags(&subject)).unwrap_or_default();
    messages.send(Msg::Tagged { id, tags }).ok()?;
    loop {
        match waiting.recv_timeout(REST) {
            Ok(newer @ Wish::Describe(_)) => return Some(newer),
            // The cursor is where it was, so a caption is still wanted.
            Ok(other) => messages.send(granted(expert, other)?).ok()?,
            Err(RecvTimeoutError::Disconnected) => return None,
            Err(RecvTimeoutError::Timeout) => break,
        }
    }
    // Some models write none.
    let caption = guarded(|| expert.caption(&subject)).ok();
    messages.send(Msg::Captioned { id, caption }).ok()?;
    waiting.recv().ok()
}

/// What comes of a wish that takes one step; `None` for one that takes more.
fn granted(expert: &impl Expert, wish: Wish) -> Option<Msg> {
    let message = match wish {
        Wish::Describe(_) => return None,
        Wish::Explain(question, subject) => {
            guarded(|| expert.explain(&question, &subject)).map(Msg::Explained)
        }
        Wish::Encode(subject) => guarded(|| expert.encode(&subject)).map(Msg::Encoded),
        Wish::Correct(pictures, edits) => {
            guarded(|| expert.correct(&pictures, &edits)).map(|changed| match changed {
                0 => Msg::Notice("nothing changed; that was said already".to_owned()),
                1 => Msg::Corrected("1 picture changed".to_owned()),
                many => Msg::Corrected(format!("{} pictures changed", grouped(many))),
            })
        }
    };
    Some(message.unwrap_or_else(Msg::Notice))
}

#[cfg(test)]
mod tests {
    use imgsearch::ImageId;

    use super::*;

    const WAIT: Duration = Duration::from_secs(5);

    /// Knows everything at once, and refuses to change anything.
    struct Sage;

    impl Expert for Sage {
        fn tags(&self, _: &Subject) -> Result<Vec<Chip>, String> {
            Ok(Vec::new())
        }

        fn caption(&self, subject: &Subject) -> Result<String, String> {
            Ok(subject.path.display().to_string())
        }

        fn explain(&self, question: &Question, _: &Subject) -> Result<Vec<String>, String> {
            Ok(vec![question.text.clone()])
        }

        fn encode(&self, _: &Subject) -> Result<Vec<u8>, String> {
            Ok(vec![7])
        }

        fn correct(&self, _: &[Subject], edits: &[TagEdit]) -> Result<usize, String> {
            match edits.len() {
                0 => Err("busy".to_owned()),
                some => Ok(some - 1),
            }
        }
    }

    fn subject(path: &str) -> Subject {
        Subject {
            id: ImageId::of(path.as_bytes()),
            path: path.into(),
        }
    }

    #[test]
    fn a_caption_is_written_for_the_newest_picture_whatever_else_is_asked() {
        let (sender, messages) = mpsc::channel();
        let wishes = start(Sage, sender);
        let question = Question {
            seq: 1,
            text: "why".to_owned(),
            sort: imgsearch::Sort::Relevance,
            stacked: false,
        };
        wishes.send(Wish::Describe(subject("a"))).unwrap();
        wishes.send(Wish::Describe(subject("b"))).unwrap();
        wishes.send(Wish::Explain(question, subject("b"))).unwrap();
        let (mut told, mut caption) = (Vec::new(), None);
        while caption.is_none() {
            match messages.recv_timeout(WAIT).unwrap() {
                Msg::Captioned { id, caption: text } => caption = Some((id, text)),
                other => told.push(other),
            }
        }
        let (a, b) = (subject("a").id, subject("b").id);
        assert_eq!(caption, Some((b, Some("b".to_owned()))));
        assert!(
            matches!(&told[..], [Msg::Tagged { id: first, .. }, Msg::Tagged { id, .. }, Msg::Explained(lines)]
                if (*first, *id) == (a, b) && lines[0] == "why"),
            "{told:?}"
        );
    }

    #[test]
    fn only_what_changed_anything_is_looked_up_again() {
        let told = |edits: usize| {
            let edits = vec![TagEdit::add("dog"); edits];
            granted(&Sage, Wish::Correct(vec![subject("a")], edits))
        };
        assert!(matches!(told(0), Some(Msg::Notice(told)) if told == "busy"));
        assert!(matches!(told(1), Some(Msg::Notice(told)) if told.starts_with("nothing changed")));
        assert!(matches!(told(2), Some(Msg::Corrected(told)) if told == "1 picture changed"));
        let encoded = granted(&Sage, Wish::Encode(subject("a")));
        assert!(matches!(encoded, Some(Msg::Encoded(file)) if file == [7]));
    }
}
