//! The query line: text, a cursor, and the ways to edit it.

use super::text;

/// A line of text that is being edited.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Line {
    text: String,
    /// In bytes, always between two graphemes.
    cursor: usize,
}

/// A step of editing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Edit {
    /// One character back.
    Left,
    /// One character on.
    Right,
    /// To the beginning of the word.
    WordLeft,
    /// To the end of the word.
    WordRight,
    /// To the beginning of the line.
    Start,
    /// To the end of the line.
    End,
    /// Erases the character before the cursor.
    Backspace,
    /// Erases the character under the cursor.
    Delete,
    /// Erases the word before the cursor.
    EraseWord,
    /// Erases everything before the cursor.
    EraseBefore,
    /// Erases everything from the cursor on.
    EraseAfter,
}

impl Line {
    /// A line with the cursor at its end.
    pub(super) fn new(text: &str) -> Self {
        let text = text::typed(text);
        Self {
            cursor: text.len(),
            text,
        }
    }

    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// The text before the cursor and from there on.
    pub(super) fn split(&self) -> (&str, &str) {
        self.text.split_at(self.cursor)
    }

    /// Whether there is nothing in it to search for; the library asks for a letter or a digit too.
    pub(super) fn is_blank(&self) -> bool {
        !self.text.contains(char::is_alphanumeric)
    }

    /// Replaces the text, with the cursor at its end.
    pub(super) fn set(&mut self, text: &str) {
        *self = Self::new(text);
    }

    /// Types text in. Says whether the text has changed.
    pub(super) fn insert(&mut self, text: &str) -> bool {
        let text = text::typed(text);
        self.text.insert_str(self.cursor, &text);
        self.cursor += text.len();
        !text.is_empty()
    }

    /// Takes one step. Says whether the text has changed.
    pub(super) fn edit(&mut self, edit: Edit) -> bool {
        let (from, to) = (self.cursor, self.target(edit));
        match edit {
            Edit::Backspace
            | Edit::Delete
            | Edit::EraseWord
            | Edit::EraseBefore
            | Edit::EraseAfter => {
                self.cursor = from.min(to);
                self.text.drain(self.cursor..from.max(to));
                from != to
            }
            _ => {
                self.cursor = to;
                false
            }
        }
    }

    /// Where a step leads, or how far it erases.
    fn target(&self, edit: Edit) -> usize {
        let (before, after) = self.split();
        match edit {
            Edit::Left | Edit::Backspace => {
                self.cursor - text::graphemes(before).last().map_or(0, |last| last.len())
            }
            Edit::Right | Edit::Delete => {
                self.cursor + text::graphemes(after).first().map_or(0, |next| next.len())
            }
            Edit::WordLeft | Edit::EraseWord => {
                let words = before.trim_end();
                words.rfind(' ').map_or(0, |blank| blank + 1)
            }
            Edit::WordRight => {
                let blanks = after.len() - after.trim_start().len();
                let word = after[blanks..].find(' ');
                word.map_or(self.text.len(), |word| self.cursor + blanks + word)
            }
            Edit::Start | Edit::EraseBefore => 0,
            Edit::End | Edit::EraseAfter => self.text.len(),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The line after some steps, with a bar for the cursor.
    fn after(text: &str, steps: &[Edit]) -> String {
        let mut line = Line::new(text);
        for step in steps {
            line.edit(*step);
        }
        let (before, after) = line.split();
        format!("{before}|{after}")
    }

    #[test]
    fn the_cursor_steps_over_what_looks_like_one_character() {
        use Edit::*;
        assert_eq!(after("a👨‍👩‍👧e\u{301}", &[Left]), "a👨‍👩‍👧|e\u{301}");
        assert_eq!(after("a👨‍👩‍👧e\u{301}", &[Left, Backspace]), "a|e\u{301}");
        assert_eq!(after("犬", &[Left, Left, Delete, Delete]), "|");
        assert_eq!(after("dog", &[Start, Right, Right, Right, Right]), "dog|");
    }

    #[test]
    fn words_are_jumped_over_and_erased() {
        use Edit::*;
        assert_eq!(after("a red  dog ", &[WordLeft]), "a red  |dog ");
        assert_eq!(
            after("a red  dog ", &[WordLeft, WordLeft, WordRight]),
            "a red|  dog "
        );
        assert_eq!(after("a red  dog ", &[EraseWord]), "a red  |");
        assert_eq!(
            after("a red  dog ", &[EraseWord, EraseWord, EraseWord, EraseWord]),
            "|"
        );
        assert_eq!(after("a red dog", &[WordLeft, EraseBefore]), "|dog");
        assert_eq!(after("a red dog", &[WordLeft, EraseAfter]), "a red |");
    }

    #[test]
    fn only_a_change_of_the_text_counts_as_one() {
        let mut line = Line::new("dog");
        assert!(!line.edit(Edit::Left) && !line.edit(Edit::Start));
        assert!(!line.edit(Edit::Backspace) && !line.edit(Edit::EraseWord));
        assert!(!line.insert("\x1b") && line.insert("hot\n"));
        assert_eq!(line.split(), ("hot ", "dog"));
    }

    proptest! {
        #[test]
        fn no_script_of_steps_breaks_a_character(text in "[a-c 犬👩\u{200d}\u{301}é\n]{0,12}", steps in prop::collection::vec(0..11usize, 0..24)) {
            use Edit::*;
            let all = [Left, Right, WordLeft, WordRight, Start, End, Backspace, Delete, EraseWord, EraseBefore, EraseAfter];
            let mut line = Line::new(&text);
            for (at, step) in steps.into_iter().enumerate() {
                line.edit(all[step]);
                if at % 5 == 4 {
                    line.insert("é 犬");
                }
                let (before, after) = line.split();
                prop_assert_eq!(before.len() + after.len(), line.text().len());
            }
        }
    }
}
