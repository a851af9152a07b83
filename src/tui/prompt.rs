//! What is asked for in place of the query: a folder to index, or the tags of pictures.

use imgsearch::TagEdit;

use super::action::Action;
use super::app::App;
use super::line::{Edit, Line};
use super::message::{Effect, Subject};
use super::text;

/// A question of the app, with the answer as far as it is typed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Prompt {
    /// What is asked for.
    pub(super) asks: Asks,
    /// The answer.
    pub(super) line: Line,
}

/// What can be asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Asks {
    /// A folder to index.
    Folder,
    /// What is said of the tags of these pictures.
    Tags(Vec<Subject>),
}

impl Prompt {
    pub(super) fn new(asks: Asks) -> Self {
        let line = Line::default();
        Self { asks, line }
    }

    /// The question.
    pub(super) fn label(&self) -> String {
        match &self.asks {
            Asks::Folder => "index which folder? ".to_owned(),
            Asks::Tags(pictures) if pictures.len() == 1 => "tag it how? ".to_owned(),
            Asks::Tags(pictures) => {
                format!("tag {} pictures how? ", text::grouped(pictures.len()))
            }
        }
    }

    /// How to answer it.
    pub(super) fn help(&self) -> &'static str {
        match &self.asks {
            Asks::Folder => "Enter indexes it, Esc does not",
            Asks::Tags(_) => "+beach adds, -snow takes away, =snow takes that back",
        }
    }
}

/// A key while something is asked for.
pub(super) fn answer(app: &mut App, action: Action) -> Vec<Effect> {
    let Some(Prompt { asks, line }) = &mut app.prompt else {
        return vec![];
    };
    match (action, &*asks) {
        (Action::Type(c), _) => drop(line.insert(c.encode_utf8(&mut [0; 4]))),
        (Action::Edit(edit), _) => drop(line.edit(edit)),
        (Action::Left, _) => drop(line.edit(Edit::Left)),
        (Action::Right, _) => drop(line.edit(Edit::Right)),
        (Action::Back, _) | (Action::Index, Asks::Folder) | (Action::Correct, Asks::Tags(_)) => {
            app.prompt = None
        }
        (Action::Quit, _) => return vec![Effect::Quit],
        (Action::Enter, _) => return app.prompt.take().map_or(vec![], |prompt| take(app, prompt)),
        _ => {}
    }
    vec![]
}

fn take(app: &mut App, Prompt { asks, line }: Prompt) -> Vec<Effect> {
    let typed = line.text().trim();
    match asks {
        _ if typed.is_empty() => vec![],
        Asks::Folder => {
            app.indexing = Some("beginning".to_owned());
            let folder = text::at_home(typed, app.start.home.as_deref());
            vec![Effect::Index(folder)]
        }
        Asks::Tags(pictures) => vec![Effect::Correct(pictures, edits(typed))],
    }
}

/// What is said of tags: each name goes on to the next sign, and the first one needs none.
fn edits(typed: &str) -> Vec<TagEdit> {
    let mut edits: Vec<(char, String)> = Vec::new();
    for word in typed.split_whitespace() {
        let sign = word.chars().next().filter(|c| "+-=".contains(*c));
        match (sign, edits.last_mut()) {
            (Some(sign), _) => edits.push((sign, word[sign.len_utf8()..].to_owned())),
            (None, Some((_, name))) => *name = format!("{name} {word}").trim_start().to_owned(),
            (None, None) => edits.push(('+', word.to_owned())),
        }
    }
    let edit = |(sign, name)| match sign {
        '-' => TagEdit::remove(name),
        '=' => TagEdit::retract(name),
        _ => TagEdit::add(name),
    };
    edits.into_iter().map(edit).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_several_words_need_no_quotes() {
        assert_eq!(
            edits("+hot dog -snow  =t-shirt"),
            [
                TagEdit::add("hot dog"),
                TagEdit::remove("snow"),
                TagEdit::retract("t-shirt")
            ]
        );
        assert_eq!(edits("beach"), [TagEdit::add("beach")]);
        assert_eq!(edits("- snow"), [TagEdit::remove("snow")]);
        assert_eq!(edits("+ -"), [TagEdit::add(""), TagEdit::remove("")]);
    }
}
