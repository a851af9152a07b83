//! What each message changes. Pure: effects are returned, not carried out.

use crossterm::event::{KeyEvent, MouseButton, MouseEvent, MouseEventKind};
use ratatui::layout::Position;

use super::action::Action;
use super::actions::act;
use super::app::{App, Body, Focus, Overlay, Text};
use super::facets::{self, Stance};
use super::keys;
use super::message::{Answer, Effect, Indexing, Msg, Question};
use super::painter::Order;
use super::prompt;
use super::travel;

/// Takes a message in.
pub(super) fn update(app: &mut App, message: Msg) -> Vec<Effect> {
    let mut effects = take(app, message);
    effects.extend(paint(app));
    effects.extend(describe(app));
    effects
}

fn take(app: &mut App, message: Msg) -> Vec<Effect> {
    match message {
        Msg::Started => ask(app, false),
        Msg::Key(event) => key(app, event),
        Msg::Mouse(event) => mouse(app, event),
        Msg::Paste(text) => match &mut app.prompt {
            Some(prompt) => {
                prompt.line.insert(&text);
                vec![]
            }
            None => {
                let changed = app.line.insert(&text);
                ask_if(app, changed)
            }
        },
        Msg::Resize(size) => {
            app.size = size;
            travel::scroll(app);
            vec![]
        }
        Msg::Read { seq, reading } => {
            // Answers to what is no longer asked are of no use to anybody.
            if seq == app.asked {
                app.trouble = None;
                app.reading = Some(reading);
            }
            vec![]
        }
        Msg::Answered {
            seq,
            matched,
            answer,
        } => {
            if seq == app.asked {
                show(app, matched, answer);
            }
            vec![]
        }
        Msg::Counted { seq, facets } => {
            if seq == app.asked {
                app.facet = app.facet.min(facets.len().saturating_sub(1));
                app.facets = facets;
            }
            vec![]
        }
        Msg::Near { seq, nearest } => {
            if seq == app.asked {
                app.nearest = nearest;
            }
            vec![]
        }
        Msg::Holds(images) => {
            app.holds = Some(images);
            vec![]
        }
        Msg::Painted { epoch, spot, made } => {
            if epoch == app.ordered.epoch {
                app.shelf.put(spot, made);
            }
            vec![]
        }
        Msg::Tagged { id, tags } => {
            app.notes.of(id).tags = Some(tags);
            vec![]
        }
        Msg::Captioned { id, caption } => {
            let note = app.notes.of(id);
            note.caption = caption;
            note.is_whole = true;
            vec![]
        }
        Msg::Explained(lines) => {
            let heading = "Why this picture stands where it stands".to_owned();
            app.overlay = Some(Overlay {
                text: Text::Lines(heading, lines),
                top: 0,
            });
            vec![]
        }
        Msg::Encoded(png) => {
            // A terminal that does not know what this is says nothing.
            app.notice = Some(
                "handed to the terminal; if it says no more, it cannot copy pictures".to_owned(),
            );
            vec![Effect::Clip(png)]
        }
        Msg::Corrected(told) => {
            app.notice = Some(told);
            know_anew(app);
            ask(app, true)
        }
        Msg::Indexing(step) => indexing(app, step),
        Msg::Notice(text) => {
            app.notice = Some(text);
            vec![]
        }
        Msg::Resumed => {
            forget_drawings(app);
            vec![Effect::Redraw]
        }
        Msg::Terminated(signal) => vec![Effect::End(signal)],
        Msg::Lost(reason) => vec![Effect::Abort(reason)],
    }
}

fn key(app: &mut App, event: KeyEvent) -> Vec<Effect> {
    let Some(action) = keys::action(event) else {
        return vec![];
    };
    app.notice = None;
    app.clicked = None;
    match (action, app.focus, app.prompt.is_some()) {
        (_, _, true) => prompt::answer(app, action),
        (Action::Type('+') | Action::Enter, Focus::Facets, _) => take_facet(app, Stance::Wanted),
        (Action::Type('-'), Focus::Facets, _) => take_facet(app, Stance::Excluded),
        (action, _, _) => act(app, action),
    }
}

fn mouse(app: &mut App, event: MouseEvent) -> Vec<Effect> {
    let at = Position::new(event.column, event.row);
    let areas = app.areas(app.size);
    match event.kind {
        MouseEventKind::ScrollDown => travel::wheel(app, 1),
        MouseEventKind::ScrollUp => travel::wheel(app, -1),
        MouseEventKind::Down(button) if app.overlay.is_none() && areas.facets.contains(at) => {
            let places = facets::places(&app.facets, app.facet, areas.facets);
            let Some(place) = places.iter().find(|place| place.area.contains(at)) else {
                return vec![];
            };
            app.facet = place.at;
            return take_facet(
                app,
                match button {
                    MouseButton::Left => Stance::Wanted,
                    _ => Stance::Excluded,
                },
            );
        }
        MouseEventKind::Down(MouseButton::Left)
            if app.overlay.is_none() && areas.list.contains(at) =>
        {
            let slot = (0..areas.page()).find(|slot| areas.slot(*slot).contains(at));
            let Some(slot) = slot.filter(|slot| app.top + slot < app.pictures().len()) else {
                return vec![];
            };
            app.selected = app.top + slot;
            app.focus = Focus::Results;
            travel::scroll(app);
            let id = app.picture().map(|picture| picture.id);
            if id == app.clicked && !app.is_waiting() {
                app.clicked = None;
                return act(app, Action::Open);
            }
            app.clicked = id;
        }
        _ => {}
    }
    vec![]
}

/// Takes a stance on the tag under the cursor.
fn take_facet(app: &mut App, stance: Stance) -> Vec<Effect> {
    let Some(facet) = app.facets.get(app.facet) else {
        return vec![];
    };
    let text = facets::taken(app.line.text(), &facet.tag, stance);
    app.line.set(&text);
    ask(app, false)
}

pub(super) fn ask_if(app: &mut App, changed: bool) -> Vec<Effect> {
    if changed {
        app.focus = Focus::Query;
        ask(app, false)
    } else {
        vec![]
    }
}

/// Asks what is in the query line. `keeps` leaves the cursor on its picture, where the question is the same.
pub(super) fn ask(app: &mut App, keeps: bool) -> Vec<Effect> {
    app.asked += 1;
    app.keeps = keeps;
    // Who types wants to see results.
    app.overlay = None;
    if app.line.is_blank() {
        app.reading = None;
        app.trouble = None;
    }
    vec![Effect::Ask(question(app))]
}

pub(super) fn question(app: &App) -> Question {
    Question {
        seq: app.asked,
        text: app.line.text().to_owned(),
        sort: app.sort,
        stacked: app.stacked,
    }
}

fn show(app: &mut App, matched: bool, answer: Result<Answer, String>) {
    let is_first = app.is_waiting();
    app.answered = app.asked;
    match answer {
        Ok(Answer { mut pictures, took }) => {
            let keeps = app.keeps || !is_first;
            if matched {
                for (at, picture) in pictures.iter_mut().enumerate() {
                    let before = app.pictures().iter().position(|old| old.id == picture.id);
                    picture.rise = before.map_or(0, |before| before as isize - at as isize);
                }
            }
            let under = app.picture().map(|picture| picture.id);
            app.trouble = None;
            app.nearest.clear();
            app.body = Body::Found {
                pictures,
                took,
                matched,
            };
            let stays = under.filter(|_| keeps);
            let same = stays.and_then(|id| app.pictures().iter().position(|p| p.id == id));
            travel::put(app, same);
        }
        Err(reason) if app.pictures().is_empty() => {
            app.facets.clear();
            app.body = Body::Failed(reason);
        }
        // What was found before is better to look at than a sentence, all the more while somebody is still typing.
        Err(reason) => app.trouble = Some(reason),
    }
}

fn indexing(app: &mut App, step: Indexing) -> Vec<Effect> {
    match step {
        Indexing::Running(told) => app.indexing = Some(told),
        Indexing::Published => return ask(app, true),
        Indexing::Over(told) => {
            app.indexing = None;
            app.notice = Some(told);
            know_anew(app);
            // Pictures that could not be drawn may be there now.
            forget_drawings(app);
            return ask(app, true);
        }
    }
    vec![]
}

/// Forgets what is known of pictures, so that it is looked up again.
fn know_anew(app: &mut App) {
    app.notes.clear();
    app.described = None;
}

pub(super) fn forget_drawings(app: &mut App) {
    app.shelf.clear();
    app.ordered = Order {
        epoch: app.ordered.epoch + 1,
        spots: Vec::new(),
    };
}

/// Orders the drawings that are missing, where they were not ordered yet.
fn paint(app: &mut App) -> Option<Effect> {
    let spots = app.spots();
    let missing = app.shelf.want(&spots);
    if missing.iter().all(|spot| app.ordered.spots.contains(spot)) {
        return None;
    }
    app.ordered.spots = missing;
    Some(Effect::Paint(app.ordered.clone()))
}

/// Asks for more about the picture under the cursor where that is shown.
fn describe(app: &mut App) -> Option<Effect> {
    let picture = app.picture().filter(|_| app.is_detailed())?;
    let is_known = app.notes.get(&picture.id).is_some_and(|note| note.is_whole);
    if is_known || app.described == Some(picture.id) {
        return None;
    }
    let subject = picture.subject();
    app.described = Some(subject.id);
    Some(Effect::Describe(subject))
}

#[cfg(test)]
mod tests;
