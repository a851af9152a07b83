//! What each key does.

use imgsearch::Sort;

use super::action::{Action, Go};
use super::app::{App, Focus, Overlay, Text};
use super::line::Edit;
use super::message::Effect;
use super::prompt::{Asks, Prompt};
use super::travel;
use super::update::{ask, ask_if, forget_drawings, question};

/// Carries an action out.
pub(super) fn act(app: &mut App, action: Action) -> Vec<Effect> {
    match action {
        Action::Type(c) => {
            let changed = app.line.insert(c.encode_utf8(&mut [0; 4]));
            ask_if(app, changed)
        }
        Action::Edit(edit) => self::edit(app, edit),
        Action::Left => sideways(app, Edit::Left, false),
        Action::Right => sideways(app, Edit::Right, true),
        Action::Go(go) => {
            go_on(app, go);
            vec![]
        }
        Action::Enter if app.start.prints => choose(app),
        Action::Enter | Action::Open => on_picture(app, |picture| Effect::Open(picture.path)),
        Action::Reveal => on_picture(app, |picture| Effect::Reveal(picture.path)),
        Action::Copy => on_picture(app, |picture| {
            Effect::Copy(picture.path.to_string_lossy().into_owned())
        }),
        Action::CopyPicture if app.copies => on_picture(app, Effect::CopyPicture),
        Action::CopyPicture => {
            let told = "this terminal cannot copy pictures, as Kitty can; Ctrl-Y copies the path";
            app.notice = Some(told.to_owned());
            vec![]
        }
        Action::Mark => mark(app),
        Action::Correct => correct(app),
        Action::Similar => similar(app),
        Action::Explain => {
            let question = question(app);
            on_picture(app, |picture| Effect::Explain(question, picture))
        }
        Action::Facets => {
            app.overlay = None;
            app.focus = match app.focus {
                Focus::Facets => Focus::Query,
                _ if app.facets.is_empty() => app.focus,
                _ => Focus::Facets,
            };
            vec![]
        }
        Action::Sort => {
            app.sort = match app.sort {
                Sort::Relevance => Sort::Date,
                Sort::Date => Sort::Path,
                _ => Sort::Relevance,
            };
            ask(app, true)
        }
        Action::Stack => {
            app.stacked = !app.stacked;
            ask(app, true)
        }
        Action::Grid => {
            app.grid = Some(!app.is_grid());
            travel::scroll(app);
            vec![]
        }
        Action::Older => {
            let typed = app.line.text().to_owned();
            recall(app, |app| app.history.older(&typed))
        }
        Action::Newer => recall(app, |app| app.history.newer()),
        Action::Index if app.indexing.is_some() => vec![Effect::StopIndexing],
        Action::Index => {
            app.prompt = Some(Prompt::new(Asks::Folder));
            vec![]
        }
        Action::Refresh => {
            forget_drawings(app);
            let mut effects = ask(app, true);
            effects.push(Effect::Redraw);
            effects
        }
        Action::Suspend => vec![Effect::Suspend],
        Action::ToggleDetail => {
            app.detail = Some(!app.is_detailed());
            travel::scroll(app);
            vec![]
        }
        Action::ToggleHelp => {
            app.overlay = match &app.overlay {
                Some(Overlay {
                    text: Text::Help, ..
                }) => None,
                _ => Some(Overlay {
                    text: Text::Help,
                    top: 0,
                }),
            };
            vec![]
        }
        Action::Back if app.overlay.is_some() => {
            app.overlay = None;
            vec![]
        }
        Action::Back if app.focus == Focus::Facets => {
            app.focus = Focus::Query;
            vec![]
        }
        Action::Back => leave(app),
        Action::Quit => vec![Effect::Quit],
        Action::None => vec![],
    }
}

fn edit(app: &mut App, edit: Edit) -> Vec<Effect> {
    app.focus = Focus::Query;
    let changed = app.line.edit(edit);
    ask_if(app, changed)
}

/// Left and right: through the line, or through what the cursor is on.
fn sideways(app: &mut App, edit: Edit, on: bool) -> Vec<Effect> {
    match app.focus {
        Focus::Facets => {
            let last = app.facets.len().saturating_sub(1);
            app.facet = match on {
                true => (app.facet + 1).min(last),
                false => app.facet.saturating_sub(1),
            };
            vec![]
        }
        Focus::Results if app.is_grid() && app.overlay.is_none() => {
            let to = match on {
                true => app.selected + 1,
                false => app.selected.saturating_sub(1),
            };
            travel::to(app, to);
            vec![]
        }
        _ => self::edit(app, edit),
    }
}

fn go_on(app: &mut App, go: Go) {
    if app.overlay.is_none() {
        // Up from the first row leads back to the line.
        let is_up = matches!(go, Go::Up) && app.selected < app.areas(app.size).columns();
        app.focus = if is_up { Focus::Query } else { Focus::Results };
    }
    travel::travel(app, go);
}

/// Does something with the picture under the cursor; not while a search runs, because then the results answer what was asked before
/// and the cursor may be on anything.
fn on_picture(
    app: &mut App,
    wanted: impl FnOnce(super::message::Subject) -> Effect,
) -> Vec<Effect> {
    if app.is_waiting() || app.overlay.is_some() {
        return vec![];
    }
    let Some(picture) = app.picture() else {
        return vec![];
    };
    let mut effects = vec![wanted(picture.subject())];
    effects.extend(remember(app));
    effects
}

/// Keeps the query: it was good for something.
fn remember(app: &mut App) -> Option<Effect> {
    let query = app.line.text().trim().to_owned();
    app.history.add(&query).then_some(Effect::Remember(query))
}

/// Takes the picture under the cursor, or those that are marked, and leaves.
fn choose(app: &mut App) -> Vec<Effect> {
    if app.is_waiting() || app.overlay.is_some() {
        return vec![];
    }
    if app.marks.is_empty() {
        let Some(picture) = app.picture() else {
            return vec![];
        };
        app.chosen.push(picture.path().to_owned());
        let mut effects: Vec<_> = remember(app).into_iter().collect();
        effects.push(Effect::Quit);
        return effects;
    }
    leave(app)
}

/// Leaves with what is marked.
fn leave(app: &mut App) -> Vec<Effect> {
    if app.start.prints {
        app.chosen = app.marks.iter().map(|mark| mark.path.clone()).collect();
    }
    vec![Effect::Quit]
}

fn mark(app: &mut App) -> Vec<Effect> {
    if app.is_waiting() || app.overlay.is_some() {
        return vec![];
    }
    let Some(subject) = app.picture().map(super::picture::Picture::subject) else {
        return vec![];
    };
    let marked = app.marks.iter().position(|mark| mark.id == subject.id);
    match marked {
        Some(at) => drop(app.marks.remove(at)),
        None => app.marks.push(subject),
    }
    // Several are often marked in a row.
    travel::to(app, app.selected + 1);
    remember(app).into_iter().collect()
}

/// Asks what tags the marked pictures have, or else the one under the cursor.
fn correct(app: &mut App) -> Vec<Effect> {
    if app.is_waiting() || app.overlay.is_some() {
        return vec![];
    }
    let subjects = match app.marks.is_empty() {
        true => app
            .picture()
            .map(super::picture::Picture::subject)
            .into_iter()
            .collect(),
        false => app.marks.clone(),
    };
    if !subjects.is_empty() {
        app.prompt = Some(Prompt::new(Asks::Tags(subjects)));
    }
    vec![]
}

/// Asks for pictures like the one under the cursor, in the words of the query language, so that words can be added.
fn similar(app: &mut App) -> Vec<Effect> {
    if app.is_waiting() || app.overlay.is_some() {
        return vec![];
    }
    let Some(path) = app.picture().map(|picture| picture.path().to_owned()) else {
        return vec![];
    };
    match path.to_str().filter(|path| !path.contains('"')) {
        Some(path) if super::text::typed(path) == *path => {
            let mut effects: Vec<_> = remember(app).into_iter().collect();
            app.line.set(&format!("like:\"{path}\""));
            effects.extend(ask(app, false));
            effects
        }
        _ => {
            app.notice = Some("the name of this picture cannot stand in a query".to_owned());
            vec![]
        }
    }
}

fn recall(app: &mut App, from: impl FnOnce(&mut App) -> Option<String>) -> Vec<Effect> {
    match from(app) {
        Some(query) => {
            app.line.set(&query);
            ask(app, false)
        }
        None => vec![],
    }
}

#[cfg(test)]
mod tests;
