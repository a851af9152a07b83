//! The clipboard of the terminal, which works from another machine too: text goes there as OSC 52, pictures as OSC 5522, the protocol
//! of Kitty (<https://sw.kovidgoyal.net/kitty/clipboard/>), whose replies come in between the keys.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use crossterm::event::{Event, KeyCode, KeyEvent, KeyModifiers};
use image::ImageEncoder as _;
use image::codecs::png::PngEncoder;
use imgsearch::media::Picture;

/// The longer side of a picture that is copied: enough for a screen, and no more than a slow line carries in a few seconds.
pub(super) const SIDE: u32 = 1600;
/// Bytes that a terminal takes at once at most, before they are encoded.
const CHUNK: usize = 4096;
/// What every reply begins with.
const REPLY: &str = "5522;";

/// What puts text on the clipboard.
pub(super) fn text(text: &str) -> String {
    format!("\x1b]52;c;{}\x07", BASE64.encode(text))
}

/// What puts a PNG file on the clipboard.
pub(super) fn picture(png: &[u8]) -> String {
    let mime = BASE64.encode("image/png");
    let mut commands = "\x1b]5522;type=write\x1b\\".to_owned();
    for chunk in png.chunks(CHUNK) {
        let data = BASE64.encode(chunk);
        commands += &format!("\x1b]5522;type=wdata:mime={mime};{data}\x1b\\");
    }
    commands + "\x1b]5522;type=wdata\x1b\\"
}

/// A picture as a PNG file.
pub(super) fn png(picture: &Picture) -> Result<Vec<u8>, String> {
    let (width, height) = (picture.width(), picture.height());
    let (mut file, colour) = (Vec::new(), image::ExtendedColorType::Rgb8);
    PngEncoder::new(&mut file)
        .write_image(picture.rgb(), width, height, colour)
        .map_err(|error| format!("the picture cannot be encoded: {error}"))?;
    Ok(file)
}

/// What a reply of the terminal means.
pub(super) fn told(reply: &str) -> String {
    let status = reply
        .split([':', ';'])
        .find_map(|part| part.strip_prefix("status="));
    match status {
        Some("DONE") => "the picture is on the clipboard".to_owned(),
        Some("EPERM") => "the terminal is set not to let programs copy".to_owned(),
        Some("EBUSY") => "the terminal is busy with its clipboard; try again".to_owned(),
        Some(other) => format!("the terminal could not copy it ({other})"),
        None => "the terminal could not copy it".to_owned(),
    }
}

/// Takes replies out of what the terminal sends, where they look like keys: crossterm does not know them.
#[derive(Debug, Default)]
pub(super) struct Replies {
    held: Vec<Event>,
    reply: String,
}

/// What came from the terminal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Come {
    /// Something that a person did.
    Event(Event),
    /// What the terminal says of the clipboard.
    Reply(String),
}

impl From<Event> for Come {
    fn from(event: Event) -> Self {
        Self::Event(event)
    }
}

impl Replies {
    /// Takes an event in; returns what there is to hand on, which is nothing while something may become a reply.
    pub(super) fn take(&mut self, event: Event) -> Vec<Come> {
        let key = match event {
            Event::Key(KeyEvent {
                code, modifiers, ..
            }) => Some((code, modifiers)),
            _ => None,
        };
        let is_reply = self.reply.starts_with(REPLY);
        match key {
            Some((KeyCode::Char(']'), KeyModifiers::ALT)) if self.held.is_empty() => {}
            // Its end, as a whole or behind the escape that was read by itself.
            Some((KeyCode::Char('\\') | KeyCode::Char('g'), modifiers))
                if is_reply && (modifiers != KeyModifiers::NONE || self.is_escaped()) =>
            {
                self.held.clear();
                return vec![Come::Reply(std::mem::take(&mut self.reply))];
            }
            Some((KeyCode::Esc, _)) if is_reply => {}
            Some((KeyCode::Char(c), _)) if !self.held.is_empty() => {
                self.reply.push(c);
                if !self.reply.starts_with(REPLY) && !REPLY.starts_with(&self.reply) {
                    return self.release(event);
                }
            }
            _ => return self.release(event),
        }
        self.held.push(event);
        vec![]
    }

    fn is_escaped(&self) -> bool {
        matches!(self.held.last(), Some(Event::Key(key)) if key.code == KeyCode::Esc)
    }

    /// It was no reply.
    fn release(&mut self, event: Event) -> Vec<Come> {
        self.reply.clear();
        let held = std::mem::take(&mut self.held).into_iter();
        held.chain([event]).map(Come::Event).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Events as crossterm reads them from these bytes.
    fn events(bytes: &str) -> Vec<Event> {
        let (mut events, mut is_alt) = (Vec::new(), false);
        for c in bytes.chars() {
            let modifiers = match std::mem::take(&mut is_alt) {
                true => KeyModifiers::ALT,
                false => KeyModifiers::NONE,
            };
            match c {
                '\x1b' => is_alt = true,
                '\x07' => events.push((KeyCode::Char('g'), KeyModifiers::CONTROL)),
                c => events.push((KeyCode::Char(c), modifiers)),
            }
        }
        let event = |(code, modifiers)| Event::Key(KeyEvent::new(code, modifiers));
        events.into_iter().map(event).collect()
    }

    fn come(events: Vec<Event>) -> Vec<Come> {
        let mut replies = Replies::default();
        events
            .into_iter()
            .flat_map(|event| replies.take(event))
            .collect()
    }

    #[test]
    fn replies_are_told_from_keys() {
        let is_key = |come: &Come| matches!(come, Come::Event(_));
        let done = || Come::Reply("5522;type=write:status=DONE".to_owned());
        for end in ["\x1b\\", "\x07"] {
            let all = come(events(&format!("a\x1b]5522;type=write:status=DONE{end}b")));
            assert!(is_key(&all[0]) && is_key(&all[2]), "{all:?}");
            assert_eq!((all.len(), &all[1]), (3, &done()));
        }
        let mut split = events("\x1b]5522;type=write:status=DONE");
        split.push(Event::Key(KeyCode::Esc.into()));
        split.extend(events("\\"));
        assert_eq!(come(split), [done()]);
        for typed in ["\x1b]dog", "\x1b]55g", "dog]\\", "\x1b\\"] {
            let typed = events(typed);
            let handed: Vec<_> = typed.iter().cloned().map(Come::Event).collect();
            assert_eq!(come(typed), handed);
        }
    }

    #[test]
    fn a_picture_goes_in_pieces_that_make_up_its_file() {
        let pixels: Vec<u8> = (0..120 * 90 * 3_u32)
            .map(|i| ((i * 7919) >> 3) as u8)
            .collect();
        let file = png(&Picture::from_rgb(120, 90, pixels.clone()).unwrap()).unwrap();
        assert!(file.len() > CHUNK);
        let commands = picture(&file);
        let pieces: Vec<_> = commands.split_terminator("\x1b\\").collect();
        let [first, pieces @ .., last] = &pieces[..] else {
            panic!("{commands}")
        };
        assert_eq!(
            (*first, *last),
            ("\x1b]5522;type=write", "\x1b]5522;type=wdata")
        );
        let sent: Vec<u8> = pieces
            .iter()
            .flat_map(|piece| {
                let data = piece.strip_prefix("\x1b]5522;type=wdata:mime=aW1hZ2UvcG5n;");
                BASE64.decode(data.unwrap()).unwrap()
            })
            .collect();
        assert_eq!(sent, file);
        let seen = image::load_from_memory(&sent).unwrap().to_rgb8();
        assert_eq!((seen.dimensions(), seen.into_raw()), ((120, 90), pixels));
    }

    #[test]
    fn a_refusal_is_told_in_words() {
        assert!(told("5522;type=write:status=DONE").contains("on the clipboard"));
        assert!(told("5522;type=write:status=EPERM").contains("not to let"));
        assert!(told("5522;type=write:status=EIO:id=3").ends_with("(EIO)"));
    }
}
