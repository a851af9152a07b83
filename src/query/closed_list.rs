//! Tags of a model that others trained: a bare list of names, to which the lexicon adds what a search wants to know.

use std::collections::HashSet;

use imgsearch_index::TagId;

use super::closed;
use super::lexicon::{Lexicon, Thing};
use super::rules::Rules;
use crate::vocabulary::{Tag, TagKind};

/// Tags in the order of their names, which may repeat; `threshold` gives that of an id. Kinds are guessed from the words,
/// synonyms and parents are those that are themselves on the list.
pub(crate) fn tags_from_names<'a>(
    names: impl IntoIterator<Item = &'a str>,
    threshold: impl Fn(usize) -> f32,
) -> Vec<Tag> {
    let (lexicon, rules) = (Lexicon::english(), Rules::english());
    let names: Vec<&str> = names.into_iter().collect();
    let listed: HashSet<String> = names.iter().map(|name| name.to_lowercase()).collect();
    let tag = |(id, name): (usize, &&str)| {
        let word = name.to_lowercase();
        let kind = kind(&lexicon, &rules, &word);
        let mut synonyms: Vec<String> = rules
            .synonyms()
            .filter(|(other, tag)| *tag == word && !listed.contains(*other))
            .map(|(other, _)| other.to_owned())
            .collect();
        // The table has no order, and the same list is to give the same tags.
        synonyms.sort_unstable();
        let mut parents: Vec<String> = Vec::new();
        if matches!(kind, TagKind::Object | TagKind::Scene) {
            let stated = rules.above(&word).iter().copied();
            for parent in lexicon.ancestors(&word).into_iter().chain(stated) {
                let parent = rules.name(parent);
                let is_new = parent != word && parents.iter().all(|known| known != parent);
                if is_new && listed.contains(parent) && !rules.is_excepted(&word, parent) {
                    parents.push(parent.to_owned());
                }
            }
        }
        Tag {
            id: TagId(id as u32),
            name: (*name).to_owned(),
            kind,
            threshold: threshold(id),
            synonyms,
            parents,
        }
    };
    names.iter().enumerate().map(tag).collect()
}

fn kind(lexicon: &Lexicon, rules: &Rules, name: &str) -> TagKind {
    if closed::is_colour(name) {
        return TagKind::Attribute;
    }
    if let Some(&kind) = rules.kinds(name).first() {
        return kind;
    }
    // A compound that the lexicon does not know is of the kind of its last word: a "wooden table" is a table.
    let last = name.rsplit(' ').next().unwrap_or(name);
    let Some(entry) = lexicon.get(name).or_else(|| lexicon.get(last)) else {
        return TagKind::Object;
    };
    if entry.mostly_adjective() {
        return TagKind::Attribute;
    }
    if entry.mostly_verb() {
        return TagKind::Action;
    }
    match entry.thing() {
        Some(Thing::Place) => TagKind::Scene,
        Some(Thing::Activity) => TagKind::Action,
        _ => TagKind::Object,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vocabulary::Vocabulary;

    #[test]
    fn kinds_and_parents_come_from_the_lexicon_and_places_from_the_list() {
        let names = ["dog", "animal", "train", "wooden", "run", "train", "Beagle"];
        let tags = tags_from_names(names, |id| if id == 2 { 0.9 } else { 0.5 });
        let kinds: Vec<TagKind> = tags.iter().map(|tag| tag.kind).collect();
        assert_eq!(kinds[..2], [TagKind::Object, TagKind::Object]);
        assert_eq!(kinds[3..5], [TagKind::Attribute, TagKind::Action]);
        assert_eq!((tags[2].threshold, tags[5].threshold), (0.9, 0.5));
        assert_eq!(tags[6].name, "Beagle");
        assert_eq!(tags[6].parents, ["dog", "animal"]);
        let vocabulary = Vocabulary::new(tags).unwrap();
        assert_eq!(vocabulary.find("train"), [TagId(2), TagId(5)]);
    }
}
