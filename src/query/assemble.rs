//! The vocabulary of the built-in model: mined tags, ImageNet's classes and their kinds, COCO's and ADE20K's labels.

use std::collections::{BTreeMap, BTreeSet};

use imgsearch_index::TagId;

use super::closed;
use super::lexicon::{Lexicon, Thing};
use super::mine::Mined;
use super::parse::Parser;
use super::rules::Rules;
use crate::vocabulary::{Tag, TagKind, Vocabulary, VocabularyError};

const CLASSES: &str = include_str!("../../data/imagenet_classes.tsv");
const EXTRA: &str = include_str!("../../data/extra_tags.tsv");

/// One of the 1,000 ImageNet-1k classes in everyday words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct ImagenetClass {
    /// Its number, 0 to 999.
    pub index: usize,
    /// The tag it is; several classes may share one.
    pub tag: &'static str,
    /// Its own name, for a caption: `a photo of a {name}`.
    pub name: &'static str,
    synonyms: &'static str,
    parents: &'static str,
}

impl ImagenetClass {
    /// Other words for it.
    pub fn synonyms(&self) -> impl Iterator<Item = &'static str> + use<> {
        self.synonyms.split(',').filter(|word| !word.is_empty())
    }

    /// What it is a kind of.
    pub fn parents(&self) -> impl Iterator<Item = &'static str> + use<> {
        self.parents.split(',').filter(|word| !word.is_empty())
    }
}

/// The ImageNet-1k classes in order.
pub fn imagenet_classes() -> Vec<ImagenetClass> {
    let class = |(index, line): (usize, &'static str)| {
        let mut columns = line.split('\t').skip(1);
        let mut next = || columns.next().unwrap_or_default();
        ImagenetClass {
            index,
            tag: next(),
            name: next(),
            synonyms: next(),
            parents: next(),
        }
    };
    CLASSES.lines().enumerate().map(class).collect()
}

impl Parser {
    /// A parser that knows the compounds of the lexicon and the names of ImageNet's classes and of common labels.
    pub fn english() -> Self {
        let rules = Rules::english();
        let classes = imagenet_classes();
        let labels = EXTRA
            .lines()
            .filter_map(|line| line.split_once('\t'))
            .filter(|(kind, _)| matches!(*kind, "thing" | "scene"))
            .flat_map(|(_, words)| words.split(','));
        let tags = classes.iter().map(|class| class.tag).chain(labels);
        let names: BTreeSet<&str> = tags.map(|tag| rules.name(tag)).collect();
        let same = rules.synonyms().filter(|(_, tag)| names.contains(tag));
        let others = classes
            .iter()
            .flat_map(ImagenetClass::synonyms)
            .chain(same.map(|(word, _)| word))
            .filter(|word| !closed::is_plain_adjective(word.split(' ').next().unwrap_or_default()));
        let compounds = names.iter().copied().chain(others).map(str::to_owned);
        Self::new(Lexicon::english()).with_compounds(compounds)
    }
}

/// How many tags each source brought, for a report.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Sources {
    /// Mined from captions.
    pub mined: usize,
    /// ImageNet classes that no caption had named.
    pub imagenet: usize,
    /// Labels of other data sets and words photo owners type.
    pub labels: usize,
    /// Kinds of things above the others.
    pub above: usize,
}

#[derive(Default)]
struct Draft {
    kind: Option<TagKind>,
    pictures: usize,
    /// Its parents are known for the very class, so the lexicon's most frequent sense is not asked.
    imagenet: bool,
    synonyms: BTreeSet<String>,
    parents: BTreeSet<String>,
}

/// Builds the vocabulary. Thresholds are 0.5 until training measures better ones.
pub fn assemble(
    lexicon: &Lexicon,
    mined: &Mined,
) -> Result<(Vocabulary, Sources), VocabularyError> {
    let rules = Rules::english();
    let mut drafts: BTreeMap<(String, bool), Draft> = BTreeMap::new();
    let mut sources = Sources::default();
    // Attributes and things of one name are two tags: the fruit and the colour.
    let split = |name: &str, kind: TagKind| closed::is_colour(name) && kind != TagKind::Attribute;
    for tag in &mined.tags {
        let draft = drafts
            .entry((tag.name.clone(), split(&tag.name, tag.kind)))
            .or_default();
        draft.kind = Some(tag.kind);
        draft.pictures = tag.pictures;
        sources.mined += 1;
    }
    for class in imagenet_classes() {
        let name = rules.name(class.tag);
        let draft = drafts
            .entry((name.to_owned(), split(name, TagKind::Object)))
            .or_default();
        if draft.kind.is_none() {
            draft.kind = Some(thing_kind(lexicon, &rules, name));
            sources.imagenet += 1;
        }
        draft.imagenet = true;
        draft.synonyms.extend(class.synonyms().map(str::to_owned));
        draft
            .synonyms
            .extend((name != class.tag).then(|| class.tag.to_owned()));
        draft.parents.extend(class.parents().map(str::to_owned));
    }
    for line in EXTRA.lines().filter(|line| !line.starts_with('#')) {
        let Some((kind, words)) = line.split_once('\t') else {
            continue;
        };
        for word in words.split(',') {
            let name = rules.name(word);
            let attribute = kind == "attribute";
            let draft = drafts
                .entry((name.to_owned(), !attribute && closed::is_colour(name)))
                .or_default();
            if draft.kind.is_none() {
                draft.kind = Some(match kind {
                    "attribute" => TagKind::Attribute,
                    "action" => TagKind::Action,
                    "scene" => TagKind::Scene,
                    _ => thing_kind(lexicon, &rules, name),
                });
                sources.labels += 1;
            }
        }
    }
    for (word, tag) in rules.synonyms() {
        for thing in [false, true] {
            if let Some(draft) = drafts.get_mut(&(tag.to_owned(), thing)) {
                draft.synonyms.insert(word.to_owned());
            }
        }
    }
    let names: BTreeSet<String> = drafts.keys().map(|(name, _)| name.clone()).collect();
    for ((name, _), draft) in &mut drafts {
        // What captions call a soccer player is a player; a hot dog, which the lexicon lists, is no dog.
        let last = name.rsplit_once(' ').map(|(_, last)| rules.name(last));
        if let Some(last) = last.filter(|&last| {
            draft.pictures > 0 && lexicon.get(name).is_none() && names.contains(last)
        }) {
            draft.parents.insert(last.to_owned());
        }
        if !draft.imagenet && matches!(draft.kind, Some(TagKind::Object | TagKind::Scene)) {
            draft
                .parents
                .extend(lexicon.ancestors(name).into_iter().map(str::to_owned));
        }
        if draft.kind != Some(TagKind::Attribute) {
            draft
                .parents
                .extend(rules.above(name).iter().map(|&parent| parent.to_owned()));
        }
    }
    let wanted: BTreeSet<String> = drafts
        .values()
        .flat_map(|draft| {
            draft
                .parents
                .iter()
                .map(|parent| rules.name(parent).to_owned())
        })
        .filter(|parent| rules.is_useful(parent) || rules.kinds(parent).contains(&TagKind::Object))
        .collect();
    for parent in wanted {
        if !drafts.contains_key(&(parent.clone(), false)) && !closed::is_colour(&parent) {
            let mut draft = Draft {
                kind: Some(thing_kind(lexicon, &rules, &parent)),
                ..Draft::default()
            };
            draft
                .parents
                .extend(lexicon.ancestors(&parent).into_iter().map(str::to_owned));
            draft
                .parents
                .extend(rules.above(&parent).iter().map(|&above| above.to_owned()));
            drafts.insert((parent, false), draft);
            sources.above += 1;
        }
    }
    let vocabulary = finish(&rules, drafts)?;
    Ok((vocabulary, sources))
}

fn finish(
    rules: &Rules,
    drafts: BTreeMap<(String, bool), Draft>,
) -> Result<Vocabulary, VocabularyError> {
    let names: BTreeSet<String> = drafts.keys().map(|(name, _)| name.clone()).collect();
    let parents: BTreeMap<String, Vec<String>> = drafts
        .iter()
        .map(|((name, thing), draft)| {
            let own = draft
                .parents
                .iter()
                .map(|parent| rules.name(parent).to_owned());
            let known = own
                .filter(|parent| names.contains(parent) && parent != name)
                .filter(|parent| !rules.is_excepted(name, parent))
                .collect();
            (format!("{name}\t{thing}"), known)
        })
        .collect();
    let mut order: Vec<_> = drafts.into_iter().collect();
    order.sort_by(|a, b| b.1.pictures.cmp(&a.1.pictures).then_with(|| a.0.cmp(&b.0)));
    let tags = order.into_iter().map(|((name, thing), draft)| {
        let mut closed: Vec<String> = Vec::new();
        let mut todo = parents
            .get(&format!("{name}\t{thing}"))
            .cloned()
            .unwrap_or_default();
        while let Some(parent) = todo.pop() {
            if parent != name && !closed.contains(&parent) && !rules.is_excepted(&name, &parent) {
                todo.extend(
                    parents
                        .get(&format!("{parent}\tfalse"))
                        .into_iter()
                        .flatten()
                        .cloned(),
                );
                closed.push(parent);
            }
        }
        // Nearest first: whatever has more parents of its own stands lower.
        let depth = |name: &String| parents.get(&format!("{name}\tfalse")).map_or(0, Vec::len);
        closed.sort_by(|a, b| depth(b).cmp(&depth(a)).then_with(|| a.cmp(b)));
        let synonyms = draft
            .synonyms
            .into_iter()
            .filter(|word| *word != name && !names.contains(word))
            .collect();
        Tag {
            id: TagId(0),
            name,
            kind: draft.kind.unwrap_or(TagKind::Object),
            threshold: 0.5,
            synonyms,
            parents: closed,
        }
    });
    Vocabulary::new(tags.collect())
}

fn thing_kind(lexicon: &Lexicon, rules: &Rules, name: &str) -> TagKind {
    let stated = rules.kinds(name);
    if stated.contains(&TagKind::Object) {
        return TagKind::Object;
    }
    if let Some(&kind) = stated.first() {
        return kind;
    }
    match lexicon.get(name).and_then(|entry| entry.thing()) {
        Some(Thing::Place) => TagKind::Scene,
        _ => TagKind::Object,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_class_has_a_tag_of_the_vocabulary() {
        let classes = imagenet_classes();
        assert_eq!(classes.len(), 1000);
        let (vocabulary, _) = assemble(&Lexicon::english(), &Mined::default()).unwrap();
        let rules = Rules::english();
        for class in &classes {
            let ids = vocabulary.find(rules.name(class.tag));
            assert!(!ids.is_empty(), "{}", class.tag);
        }
        assert!(
            classes
                .iter()
                .enumerate()
                .all(|(at, class)| at == class.index)
        );
    }

    #[test]
    fn parents_are_tags_and_nobody_is_above_itself() {
        let (vocabulary, _) = assemble(&Lexicon::english(), &Mined::default()).unwrap();
        for tag in &vocabulary {
            for parent in &tag.parents {
                assert_ne!(parent, &tag.name);
                let above = vocabulary.find(parent);
                assert!(
                    above
                        .iter()
                        .any(|&id| vocabulary.get(id).is_some_and(|t| t.name == *parent)),
                    "{parent}"
                );
            }
        }
        let beagle = vocabulary.get(vocabulary.find("beagle")[0]).unwrap();
        assert!(beagle.parents.iter().any(|parent| parent == "dog"));
        assert!(beagle.parents.iter().any(|parent| parent == "animal"));
    }
}
