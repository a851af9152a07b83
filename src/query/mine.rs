//! Tag mining: the most frequent heads, modifiers and actions of many captions (paper, section 3.2).

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use super::dropped::{DroppedWord, Reason, dropped};
use super::lemma;
use super::lexicon::Thing;
use super::parse::{Parsed, Parser, Phrase, Role};
use super::rules::Rules;
use crate::vocabulary::TagKind;

/// What mining keeps.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct MineOptions {
    /// Pictures that must speak of a tag. Default: 8
    pub min_pictures: usize,
    /// Pictures that must speak of two nouns in a row before they count as a compound. Default: 10
    pub min_compound: usize,
}

impl Default for MineOptions {
    fn default() -> Self {
        Self {
            min_pictures: 8,
            min_compound: 10,
        }
    }
}

/// A tag found in captions.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct MinedTag {
    /// Its name.
    pub name: String,
    /// What it says of a picture.
    pub kind: TagKind,
    /// Pictures with a caption that speaks of it.
    pub pictures: usize,
    /// The words it was written with, most frequent first, with the pictures of each.
    pub words: Vec<(String, usize)>,
}

/// The result of mining.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Mined {
    /// Kept tags, most frequent first.
    pub tags: Vec<MinedTag>,
    /// Compounds learned from the captions, as base forms.
    pub compounds: Vec<String>,
    /// Pictures read.
    pub pictures: usize,
    /// Captions read.
    pub captions: usize,
    /// Different words before any was dropped.
    pub candidates: usize,
    /// Words that became no tag in any part of speech, most frequent first.
    pub dropped: Vec<DroppedWord>,
}

/// Pictures that speak of a tag, and of each word for it.
#[derive(Default)]
struct Count {
    pictures: usize,
    words: HashMap<String, usize>,
}

/// Mines tags from the captions of each picture.
pub fn mine<P, C, S>(parser: &Parser, pictures: P, options: &MineOptions) -> Mined
where
    P: IntoIterator<Item = C>,
    C: IntoIterator<Item = S>,
    S: AsRef<str>,
{
    let rules = Rules::english();
    let pictures: Vec<Vec<String>> = pictures
        .into_iter()
        .map(|captions| {
            captions
                .into_iter()
                .map(|c| c.as_ref().to_owned())
                .collect()
        })
        .collect();
    let compounds = learn_compounds(parser, &rules, &pictures, options.min_compound);
    let parser = parser.clone().with_compounds(compounds.iter().cloned());

    // Per tag and kind, the pictures; and the words that were written for it.
    let mut tally: BTreeMap<(String, TagKind), Count> = BTreeMap::new();
    let mut refused: HashMap<(String, Reason), usize> = HashMap::new();
    for captions in &pictures {
        let mut seen: BTreeMap<(String, TagKind), BTreeSet<String>> = BTreeMap::new();
        let mut refused_here = BTreeSet::new();
        for caption in captions {
            for phrase in phrases(&parser.parse(caption)) {
                match tag_of(&parser, &rules, phrase) {
                    Ok(tag) => _ = seen.entry(tag).or_default().insert(phrase.lemma.clone()),
                    Err(reason) => _ = refused_here.insert((phrase.lemma.clone(), reason)),
                }
            }
        }
        for (key, words) in seen {
            let entry = tally.entry(key).or_default();
            entry.pictures += 1;
            for word in words {
                *entry.words.entry(word).or_default() += 1;
            }
        }
        for word in refused_here {
            *refused.entry(word).or_default() += 1;
        }
    }
    let words: HashSet<&String> = refused.keys().map(|(word, _)| word).collect();
    let candidates = tally.len() + words.len();
    let (mut tags, rare): (Vec<_>, Vec<_>) = merge_kinds(&rules, tally)
        .into_iter()
        .partition(|tag| tag.pictures >= options.min_pictures);
    tags.sort_by(|a, b| {
        b.pictures
            .cmp(&a.pictures)
            .then_with(|| a.name.cmp(&b.name))
    });
    let dropped = dropped(&tags, rare, refused);
    let captions = pictures.iter().map(Vec::len).sum();
    Mined {
        tags,
        compounds,
        pictures: pictures.len(),
        captions,
        candidates,
        dropped,
    }
}

/// Noun pairs that enough pictures speak of: "life jacket", "soccer player".
fn learn_compounds(
    parser: &Parser,
    rules: &Rules,
    pictures: &[Vec<String>],
    min: usize,
) -> Vec<String> {
    let mut pairs: BTreeMap<String, usize> = BTreeMap::new();
    for captions in pictures {
        let mut seen = BTreeSet::new();
        for caption in captions {
            let parsed = parser.parse(caption);
            for modifier in parsed
                .modifiers
                .iter()
                .filter(|modifier| modifier.role == Role::Noun)
            {
                let head = parsed
                    .heads
                    .iter()
                    .find(|head| head.span.start == modifier.span.end + 1);
                // "a man rock climbing" is no sort of rock.
                let thing = parser
                    .lexicon()
                    .get(&modifier.lemma)
                    .and_then(|entry| entry.thing());
                if let Some(head) = head.filter(|_| thing != Some(Thing::Person)) {
                    seen.insert(format!("{} {}", modifier.lemma, head.lemma));
                }
            }
        }
        for pair in seen {
            *pairs.entry(pair).or_default() += 1;
        }
    }
    pairs.retain(|pair, pictures| *pictures >= min && !rules.is_dropped(pair));
    pairs.into_keys().collect()
}

/// Everything that might be a tag.
fn phrases(parsed: &Parsed) -> impl Iterator<Item = &Phrase> {
    let actions = parsed
        .relations
        .iter()
        .filter(|relation| relation.role == Role::Verb);
    parsed.heads.iter().chain(&parsed.modifiers).chain(actions)
}

/// The tag that a phrase becomes, if it becomes one: its name and kind.
pub(crate) fn tag_of(
    parser: &Parser,
    rules: &Rules,
    phrase: &Phrase,
) -> Result<(String, TagKind), Reason> {
    let mut role = phrase.role;
    let mut lemma = phrase.lemma.clone();
    // "a running dog" and "a dog running" say the same.
    if role == Role::Adjective
        && lemma.ends_with("ing")
        && !rules.kinds(&lemma).contains(&TagKind::Attribute)
        && let Some((verb, _)) = lemma::verb(parser.lexicon(), &lemma)
    {
        (role, lemma) = (Role::Verb, verb);
    }
    let name = if role == Role::Verb {
        rules.verb_name(&lemma)
    } else {
        rules.name(&lemma)
    };
    let stated = rules.kinds(name);
    let can = |kind: TagKind| stated.contains(&kind);
    // A "snowy mountain", which nobody listed, is what a mountain is.
    let last = name.rsplit(' ').next().unwrap_or(name);
    let listed = !stated.is_empty() || parser.lexicon().get(name).is_some();
    let noun = if listed { stated } else { rules.kinds(last) }
        .iter()
        .copied()
        .find(|kind| matches!(kind, TagKind::Object | TagKind::Scene));
    let thing = parser.lexicon().get(name).and_then(|entry| entry.thing());
    let legible = name
        .chars()
        .all(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '\''))
        && name.len() > 1;
    let dropped = [lemma.as_str(), name]
        .iter()
        .any(|word| rules.is_dropped(word) || rules.is_dropped_as(word, role));
    if !legible {
        return Err(Reason::Illegible);
    }
    if dropped {
        return Err(Reason::Listed);
    }
    let kind = match (role, noun) {
        (Role::Head, Some(kind)) => kind,
        (Role::Head, None) if can(TagKind::Action) => TagKind::Action,
        (Role::Head, None) if can(TagKind::Attribute) => TagKind::Attribute,
        (Role::Head, None) => match thing {
            Some(Thing::Place) => TagKind::Scene,
            Some(Thing::Activity) => TagKind::Action,
            Some(Thing::Abstract) => return Err(Reason::Unseen),
            _ => TagKind::Object,
        },
        (Role::Adjective, _) => TagKind::Attribute,
        (Role::Noun, _) if can(TagKind::Attribute) => TagKind::Attribute,
        (Role::Noun, _) if can(TagKind::Action) && thing == Some(Thing::Activity) => {
            TagKind::Action
        }
        (Role::Verb, _) => TagKind::Action,
        (Role::Noun | Role::Preposition, _) => return Err(Reason::Attributive),
    };
    Ok((name.to_owned(), kind))
}

/// One kind for each name: the one that most pictures mean. Only colours that are also things keep both.
fn merge_kinds(rules: &Rules, tally: BTreeMap<(String, TagKind), Count>) -> Vec<MinedTag> {
    let mut by_name: BTreeMap<String, Vec<(TagKind, Count)>> = BTreeMap::new();
    for ((name, kind), count) in tally {
        by_name.entry(name).or_default().push((kind, count));
    }
    let mut tags = Vec::new();
    for (name, mut kinds) in by_name {
        kinds.sort_by_key(|(kind, count)| {
            (!rules.kinds(&name).contains(kind), Reverse(count.pictures))
        });
        let keep = if super::closed::is_colour(&name) {
            kinds.len()
        } else {
            1
        };
        for (kind, count) in kinds.into_iter().take(keep) {
            let mut words: Vec<_> = count.words.into_iter().collect();
            words.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
            tags.push(MinedTag {
                name: name.clone(),
                kind,
                pictures: count.pictures,
                words,
            });
        }
    }
    tags
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::query::Lexicon;

    #[test]
    fn tags_are_counted_by_picture_and_synonyms_are_merged() {
        let parser = Parser::new(Lexicon::english());
        let pictures = [
            vec!["A man rides a bike.", "A guy on a red bicycle."],
            vec!["Two men riding bicycles in a park"],
            vec!["A woman in a park"],
        ];
        let options = MineOptions {
            min_pictures: 2,
            ..MineOptions::default()
        };
        let mined = mine(&parser, pictures, &options);
        let found: Vec<_> = mined
            .tags
            .iter()
            .map(|tag| (tag.name.as_str(), tag.kind, tag.pictures))
            .collect();
        assert_eq!(
            found,
            [
                ("bicycle", TagKind::Object, 2),
                ("man", TagKind::Object, 2),
                ("park", TagKind::Scene, 2),
                ("ride", TagKind::Action, 2),
            ]
        );
        assert_eq!((mined.pictures, mined.captions), (3, 4));
    }

    #[test]
    fn what_became_no_tag_is_named_with_the_reason() {
        let parser = Parser::new(Lexicon::english());
        let pictures = vec![vec!["A dog in a kitchen chair on the left with an idea"]; 2];
        let options = MineOptions {
            min_pictures: 2,
            ..MineOptions::default()
        };
        let others = [vec!["A zebra"]];
        let mined = mine(&parser, pictures.into_iter().chain(others), &options);
        let found: Vec<_> = mined
            .dropped
            .iter()
            .map(|dropped| (dropped.word.as_str(), dropped.reason, dropped.pictures))
            .collect();
        assert_eq!(
            found,
            [
                ("idea", Reason::Unseen, 2),
                ("kitchen", Reason::Attributive, 2),
                ("zebra", Reason::Rare, 1),
            ]
        );
    }

    #[test]
    fn frequent_pairs_become_compounds() {
        let parser = Parser::new(Lexicon::english());
        let pictures = vec![vec!["A boy in a snow fort"]; 3];
        let options = MineOptions {
            min_pictures: 2,
            min_compound: 3,
        };
        let mined = mine(&parser, pictures, &options);
        assert_eq!(mined.compounds, ["snow fort"]);
        assert!(mined.tags.iter().any(|tag| tag.name == "snow fort"));
    }
}
