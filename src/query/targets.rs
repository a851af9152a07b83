//! Which tags hold for a captioned picture: what the recogniser learns from.

use std::collections::BTreeSet;

use imgsearch_index::TagId;

use super::mine::tag_of;
use super::parse::Parser;
use super::rules::Rules;
use crate::vocabulary::{TagKind, Vocabulary};

/// Turns captions and labels into tags of one vocabulary.
#[derive(Debug)]
pub struct Labeller<'a> {
    vocabulary: &'a Vocabulary,
    parser: Parser,
    rules: Rules,
}

impl<'a> Labeller<'a> {
    /// A labeller for a vocabulary; its compounds are read as one word.
    pub fn new(vocabulary: &'a Vocabulary, parser: Parser) -> Self {
        let parser = parser.with_vocabulary(vocabulary);
        Self {
            vocabulary,
            parser,
            rules: Rules::english(),
        }
    }

    /// The tags of a picture, lowest first: those its captions name, those of its labels, and all above them.
    pub fn targets<S: AsRef<str>>(&self, captions: &[S], labels: &[S]) -> Vec<TagId> {
        let mut found = BTreeSet::new();
        for caption in captions {
            self.caption(caption.as_ref(), &mut found);
        }
        for label in labels {
            found.extend(self.label(label.as_ref()));
        }
        let above: Vec<_> = found
            .iter()
            .flat_map(|&id| self.vocabulary.parents(id))
            .collect();
        found.extend(above);
        found.into_iter().collect()
    }

    fn caption(&self, caption: &str, found: &mut BTreeSet<TagId>) {
        let parsed = self.parser.parse(caption);
        for phrase in parsed
            .heads
            .iter()
            .chain(&parsed.modifiers)
            .chain(&parsed.relations)
        {
            let Ok((name, kind)) = tag_of(&self.parser, &self.rules, phrase) else {
                continue;
            };
            let ids = self.vocabulary.find(&name);
            let same = |&&id: &&TagId| self.vocabulary.get(id).is_some_and(|tag| tag.kind == kind);
            // A word with one tag means that tag, whatever part of speech it had: "a jump", "jumping".
            let id = ids
                .iter()
                .find(same)
                .or(if ids.len() == 1 { ids.first() } else { None });
            let mixed = kind == TagKind::Attribute;
            let fits = |&&id: &&TagId| {
                !mixed
                    || self
                        .vocabulary
                        .get(id)
                        .is_some_and(|tag| tag.kind == TagKind::Attribute)
            };
            found.extend(id.filter(fits));
        }
    }

    /// The tag of a data set's label, with the oddities of COCO, ImageNet and ADE20K known.
    pub fn label(&self, label: &str) -> Option<TagId> {
        let plain = label.to_lowercase().replace('_', " ");
        let known = self.rules.label(&plain);
        let mut name = known.unwrap_or(&plain);
        if name == "-" {
            return None;
        }
        loop {
            let ids = self.vocabulary.find(self.rules.name(name));
            let thing = ids.iter().find(|&&id| {
                self.vocabulary
                    .get(id)
                    .is_some_and(|tag| matches!(tag.kind, TagKind::Object | TagKind::Scene))
            });
            if let Some(id) = thing.or(ids.first()) {
                return Some(*id);
            }
            // "museum indoor", "bus interior": scene labels say from where the picture was taken.
            let (stem, last) = name.rsplit_once(' ')?;
            if !matches!(
                last,
                "indoor" | "outdoor" | "interior" | "exterior" | "home" | "public"
            ) {
                return None;
            }
            name = stem;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::query::{Lexicon, Mined, assemble};

    #[test]
    fn captions_and_labels_meet_in_the_same_tags() {
        let lexicon = Lexicon::english();
        let (vocabulary, _) = assemble(&lexicon, &Mined::default()).unwrap();
        let labeller = Labeller::new(&vocabulary, Parser::new(lexicon));
        let names = |captions: &[&str], labels: &[&str]| -> Vec<String> {
            let ids = labeller.targets(captions, labels);
            ids.into_iter()
                .filter_map(|id| vocabulary.get(id))
                .map(|tag| tag.name.clone())
                .collect()
        };
        let found = names(&["A beagle on a red couch"], &["dining table"]);
        for tag in [
            "beagle",
            "dog",
            "animal",
            "couch",
            "furniture",
            "red",
            "dining table",
            "table",
        ] {
            assert!(found.iter().any(|name| name == tag), "{tag} in {found:?}");
        }
        let bare = names(&["A man without a hat"], &[]);
        assert!(bare.contains(&"man".to_owned()) && !bare.contains(&"hat".to_owned()));
        assert!(names(&[], &["museum indoor"]).contains(&"museum".to_owned()));
        assert!(names(&[], &["no such thing"]).is_empty());
    }
}
