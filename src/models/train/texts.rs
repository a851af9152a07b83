//! What is read of the training pictures: their captions, words of these as somebody types who searches, and the names of what
//! pictures without captions show.

use std::collections::{HashMap, HashSet};
use std::ops::Range;

use rand::Rng;

use crate::corpus::CaptionedPicture;
use crate::eval::keywords;
use crate::models::sentence::naming;
use crate::query::{Lexicon, Parser};

/// Texts by number: the captions, picture by picture; as many keywords, each of the caption at its place; then the names.
#[derive(Debug)]
pub(crate) struct Texts {
    texts: Vec<String>,
    /// Picture of each.
    pictures: Vec<usize>,
    /// What each is about.
    subjects: Vec<usize>,
    /// What each class of the image encoder is about.
    classes: Vec<usize>,
    captions: usize,
    /// Pictures with a caption that tells left from right.
    sided: HashSet<usize>,
}

impl Texts {
    /// `classes` are the names of the image encoder's classes.
    pub(crate) fn new(pictures: &[CaptionedPicture], classes: &[String]) -> Self {
        let parser = Parser::new(Lexicon::english());
        let mut found = Self {
            texts: Vec::new(),
            pictures: Vec::new(),
            subjects: Vec::new(),
            classes: Vec::new(),
            captions: 0,
            sided: HashSet::new(),
        };
        for (index, picture) in pictures.iter().enumerate() {
            for caption in &picture.captions {
                if tells_sides(caption) {
                    found.sided.insert(index);
                }
                found.push(caption.clone(), index, index);
            }
        }
        found.captions = found.texts.len();
        for caption in 0..found.captions {
            let words = keywords(&parser, &found.texts[caption], caption as u64);
            found.push(words, found.pictures[caption], found.subjects[caption]);
        }
        let mut subjects = HashMap::new();
        for name in classes {
            let next = pictures.len() + subjects.len();
            let subject = *subjects.entry(name.to_lowercase()).or_insert(next);
            found.classes.push(subject);
        }
        for (index, picture) in pictures.iter().enumerate() {
            if !picture.captions.is_empty() {
                continue;
            }
            for name in &picture.tags {
                let next = pictures.len() + subjects.len();
                let subject = *subjects.entry(name.to_lowercase()).or_insert(next);
                found.push(naming(name), index, subject);
            }
        }
        found
    }

    fn push(&mut self, text: String, picture: usize, subject: usize) {
        self.texts.push(text);
        self.pictures.push(picture);
        self.subjects.push(subject);
    }

    /// All of them.
    pub(crate) fn all(&self) -> &[String] {
        &self.texts
    }

    /// The text of a number.
    pub(crate) fn get(&self, text: usize) -> &str {
        &self.texts[text]
    }

    /// The captions.
    pub(crate) fn captions(&self) -> Range<usize> {
        0..self.captions
    }

    /// The names.
    pub(crate) fn names(&self) -> Range<usize> {
        2 * self.captions..self.texts.len()
    }

    /// The captions of a picture.
    pub(crate) fn captions_of(&self, picture: usize) -> Range<usize> {
        self.of(picture, self.captions())
    }

    /// The names of what a picture without captions shows.
    pub(crate) fn names_of(&self, picture: usize) -> Range<usize> {
        self.of(picture, self.names())
    }

    /// What is read of a picture: its captions, or names where it has none.
    pub(crate) fn read_of(&self, picture: usize) -> Range<usize> {
        let captions = self.captions_of(picture);
        match captions.is_empty() {
            true => self.names_of(picture),
            false => captions,
        }
    }

    /// Draws one of these, as [`Texts::worded`] does. The picture must have one.
    pub(crate) fn draw(&self, picture: usize, share: f64, rng: &mut impl Rng) -> usize {
        let text = rng.random_range(self.read_of(picture));
        self.worded(text, share, rng)
    }

    fn of(&self, picture: usize, among: Range<usize>) -> Range<usize> {
        let first = |picture| {
            let pictures = &self.pictures[among.clone()];
            among.start + pictures.partition_point(|&other| other < picture)
        };
        first(picture)..first(picture + 1)
    }

    /// The picture that a text belongs to.
    pub(crate) fn picture_of(&self, text: usize) -> usize {
        self.pictures[text]
    }

    /// The view to show of a picture with its captions, where `view` was drawn: none that is mirrored, as every second one is, where
    /// a caption would then be wrong.
    pub(crate) fn view(&self, picture: usize, view: usize) -> usize {
        match self.sided.contains(&picture) {
            true => view - view % 2,
            false => view,
        }
    }

    /// What a text is about: its picture, or for a name everything of this name. Two texts of one subject are no wrong answers
    /// to each other.
    pub(crate) fn subject_of(&self, text: usize) -> usize {
        self.subjects[text]
    }

    /// What the name of a class is about.
    pub(crate) fn subject_of_class(&self, class: usize) -> usize {
        self.classes[class]
    }

    /// A caption, or words of it in this `share` of the draws; a name as it is.
    pub(crate) fn worded(&self, text: usize, share: f64, rng: &mut impl Rng) -> usize {
        match text < self.captions && rng.random_bool(share) {
            true => self.captions + text,
            false => text,
        }
    }
}

/// Whether a caption says where something is, or is going. One that only says what is left over is taken for such a one too.
fn tells_sides(caption: &str) -> bool {
    let words = caption.split(|c: char| !c.is_alphabetic());
    let mut words = words.map(str::to_lowercase);
    words.any(|word| matches!(word.as_str(), "left" | "right" | "leftmost" | "rightmost"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::corpus::Split;
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;
    use std::path::PathBuf;

    fn texts() -> Texts {
        let picture = |captions: &[&str], tags: &[&str]| CaptionedPicture {
            path: PathBuf::new(),
            captions: captions.iter().copied().map(str::to_owned).collect(),
            tags: tags.iter().copied().map(str::to_owned).collect(),
            split: Split::Train,
            source: String::new(),
        };
        let pictures = [
            picture(&["The dog runs", "a brown dog"], &["dog"]),
            picture(&[], &["street", "Tench"]),
            picture(&["a boy on a bike"], &[]),
            picture(&[], &["street"]),
        ];
        Texts::new(&pictures, &["goldfish".to_owned(), "tench".to_owned()])
    }

    #[test]
    fn every_text_knows_its_picture() {
        let texts = texts();
        assert_eq!((texts.captions(), texts.names()), (0..3, 6..9));
        assert_eq!(texts.captions_of(0), 0..2);
        assert!(texts.captions_of(1).is_empty() && texts.names_of(0).is_empty());
        assert_eq!(texts.captions_of(2), 2..3);
        assert_eq!((texts.names_of(1), texts.names_of(3)), (6..8, 8..9));
        assert_eq!(texts.get(3), "dog runs");
        assert_eq!(texts.get(6), "a photo of a street");
        let pictures: Vec<usize> = (0..9).map(|text| texts.picture_of(text)).collect();
        assert_eq!(pictures, [0, 0, 2, 0, 0, 2, 1, 1, 3]);
    }

    #[test]
    fn a_picture_whose_caption_tells_sides_is_not_mirrored() {
        let picture = |caption: &str| CaptionedPicture {
            path: PathBuf::new(),
            captions: vec!["a dog".to_owned(), caption.to_owned()],
            tags: Vec::new(),
            split: Split::Train,
            source: String::new(),
        };
        let texts = Texts::new(
            &[picture("The man on the Right."), picture("a bright light")],
            &[],
        );
        assert_eq!([0, 1, 2, 3].map(|view| texts.view(0, view)), [0, 0, 2, 2]);
        assert_eq!([0, 1, 2, 3].map(|view| texts.view(1, view)), [0, 1, 2, 3]);
    }

    #[test]
    fn what_has_one_name_is_one_subject() {
        let texts = texts();
        let subjects: Vec<usize> = (0..9).map(|text| texts.subject_of(text)).collect();
        assert_eq!(texts.subject_of_class(1), 5);
        // Four pictures, then the two classes, then other names.
        assert_eq!(subjects, [0, 0, 2, 0, 0, 2, 6, 5, 6]);
    }

    #[test]
    fn words_stand_for_their_own_caption() {
        let (texts, mut rng) = (texts(), ChaCha8Rng::seed_from_u64(1));
        assert_eq!(texts.worded(1, 1.0, &mut rng), 4);
        assert_eq!(texts.worded(1, 0.0, &mut rng), 1);
        assert_eq!(texts.worded(7, 1.0, &mut rng), 7);
        assert_eq!(texts.draw(2, 1.0, &mut rng), 5);
        assert_eq!(texts.draw(3, 1.0, &mut rng), 8);
    }
}
