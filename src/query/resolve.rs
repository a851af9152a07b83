//! From the words of a query to tags of a vocabulary, every substitution on record.

use std::collections::HashMap;
use std::ops::Range;

use imgsearch_index::TagId;

use super::keyword::is_row;
use super::lexicon::Lexicon;
use super::parse::{Parser, Phrase, Role};
use super::resolution::{Candidate, Concept, How, Resolution};
use super::rules::Rules;
use super::spelling;
use super::token;
use crate::vocabulary::{TagKind, Vocabulary};

/// The most kinds that one word stands for besides its own tag; the most frequent come first.
const NARROWER: usize = 64;
/// The longest tag name looked for, in words.
const LONGEST: usize = 5;
/// Shorter words are too easily one letter from another word to be corrected.
const SHORTEST_CORRECTED: usize = 5;

/// Finds tags for words.
#[derive(Debug, Clone)]
pub struct Resolver {
    vocabulary: Vocabulary,
    parser: Parser,
    rules: Rules,
    narrower: HashMap<TagId, Vec<TagId>>,
}

impl Resolver {
    /// A resolver for a vocabulary.
    pub fn new(vocabulary: &Vocabulary) -> Self {
        let parser = Parser::new(Lexicon::english()).with_vocabulary(vocabulary);
        let mut narrower: HashMap<TagId, Vec<TagId>> = HashMap::new();
        for tag in vocabulary {
            for parent in vocabulary.parents(tag.id) {
                let kinds = narrower.entry(parent).or_default();
                if kinds.len() < NARROWER {
                    kinds.push(tag.id);
                }
            }
        }
        Self {
            vocabulary: vocabulary.clone(),
            parser,
            rules: Rules::english(),
            narrower,
        }
    }

    /// The vocabulary words are resolved to.
    pub fn vocabulary(&self) -> &Vocabulary {
        &self.vocabulary
    }

    /// Resolves a query. Where `strict`, only names and synonyms of tags count, in any form.
    pub fn resolve(&self, text: &str, strict: bool) -> Resolution {
        let parsed = self.parser.parse(text);
        let denied = |span: &Range<usize>| parsed.absent.iter().any(|p| overlaps(span, &p.span));
        let mut found: Vec<(Range<usize>, Vec<Candidate>)> = self.names(text);
        found.retain(|(span, _)| !denied(span));
        let mut unresolved: Vec<Range<usize>> = Vec::new();
        for phrase in parsed
            .heads
            .iter()
            .chain(&parsed.modifiers)
            .chain(&parsed.relations)
        {
            let taken = found.iter().any(|(span, _)| overlaps(span, &phrase.span));
            if phrase.role == Role::Preposition || taken {
                continue;
            }
            let tags = self.phrase(phrase, strict);
            if tags.is_empty() {
                unresolved.push(phrase.span.clone());
            } else {
                found.push((phrase.span.clone(), tags));
            }
        }
        found.sort_by_key(|(span, _)| span.start);
        unresolved.sort_by_key(|span| span.start);
        let mut resolution = Resolution {
            absent: parsed.absent.iter().map(|p| p.text.clone()).collect(),
            keywords: is_row(text, found.iter().map(|(span, _)| span)),
            ..Resolution::default()
        };
        let mut seen: HashMap<TagId, ()> = HashMap::new();
        for (span, mut tags) in found {
            let first = tags.first().map(|candidate| candidate.tag);
            if first.is_none_or(|tag| seen.insert(tag, ()).is_some()) {
                continue;
            }
            if !strict {
                self.add_narrower(&mut tags);
            }
            resolution.concepts.push(Concept {
                text: text[span.clone()].to_owned(),
                span,
                tags,
                keyword: None,
                weight: 1.0,
            });
        }
        for span in unresolved {
            let word = text[span].to_owned();
            if !resolution.unresolved.contains(&word) {
                resolution.unresolved.push(word);
            }
        }
        resolution
    }

    /// Tags by what somebody typed for them: name, synonym or another form of one. Several where tags share it, none where no
    /// tag is called so.
    pub fn tags(&self, word: &str) -> Vec<TagId> {
        let word = word.trim().to_lowercase();
        let ids = self.vocabulary.find(&word);
        if !ids.is_empty() {
            return ids.to_vec();
        }
        let parsed = self.parser.parse(&word);
        let mut phrases = parsed
            .heads
            .iter()
            .chain(&parsed.modifiers)
            .chain(&parsed.relations);
        let whole = phrases.find(|phrase| phrase.span.len() == word.len());
        let candidates = whole.map_or_else(Vec::new, |phrase| self.direct(phrase));
        candidates.iter().map(|candidate| candidate.tag).collect()
    }

    /// Names of tags near a word that is none.
    pub fn near(&self, word: &str, limit: usize) -> Vec<String> {
        let word = word.trim().to_lowercase();
        let names = self.vocabulary.iter().map(|tag| tag.name.as_str());
        spelling::near(&word, names, limit)
    }

    /// Tag names of several words that stand in the text as they are: "black and white", "merry-go-round".
    fn names(&self, text: &str) -> Vec<(Range<usize>, Vec<Candidate>)> {
        let tokens = token::tokens(text);
        let mut found = Vec::new();
        let mut at = 0;
        while at < tokens.len() {
            let longest = (2..=LONGEST.min(tokens.len() - at))
                .rev()
                .find_map(|count| {
                    let span = tokens[at].span.start..tokens[at + count - 1].span.end;
                    let words = tokens[at..at + count]
                        .iter()
                        .map(|token| token.word.as_str());
                    let name = words.collect::<Vec<_>>().join(" ").replace(" 's", "'s");
                    let tags = self.named(&name, How::Exact);
                    (!tags.is_empty()).then_some((count, span, tags))
                });
            match longest {
                Some((count, span, tags)) => {
                    found.push((span, tags));
                    at += count;
                }
                None => at += 1,
            }
        }
        found
    }

    fn named(&self, word: &str, how: How) -> Vec<Candidate> {
        let candidate = |&id: &TagId| {
            let own = self
                .vocabulary
                .get(id)
                .is_some_and(|tag| tag.is_called(word));
            Candidate {
                tag: id,
                how: if own { how } else { How::Synonym },
            }
        };
        self.vocabulary.find(word).iter().map(candidate).collect()
    }

    fn phrase(&self, phrase: &Phrase, strict: bool) -> Vec<Candidate> {
        let direct = self.direct(phrase);
        if !direct.is_empty() || strict {
            return direct;
        }
        self.broader(&phrase.lemma)
            .or_else(|| self.part(phrase))
            .or_else(|| self.corrected(&phrase.text.to_lowercase()))
            .unwrap_or_default()
    }

    /// Tags whose name or synonym the phrase is, in any form; those of the fitting kind first.
    fn direct(&self, phrase: &Phrase) -> Vec<Candidate> {
        let typed = phrase.text.to_lowercase();
        let verb = (phrase.role == Role::Verb).then(|| self.rules.verb_name(&phrase.lemma));
        let verbal = phrase.role == Role::Adjective && phrase.lemma.ends_with("ing");
        let base = verbal
            .then(|| super::lemma::verb(self.parser.lexicon(), &phrase.lemma))
            .flatten();
        let base = base.as_ref().map(|(base, _)| self.rules.verb_name(base));
        let readings = [
            Some((typed.as_str(), How::Exact)),
            verb.map(|name| (name, How::Form)),
            Some((phrase.lemma.as_str(), How::Form)),
            base.map(|name| (name, How::Form)),
        ];
        let mut tags = readings
            .into_iter()
            .flatten()
            .map(|(word, how)| self.named(word, how))
            .find(|tags| !tags.is_empty())
            .unwrap_or_default();
        tags.sort_by_key(|candidate| !self.fits(candidate.tag, phrase.role));
        tags
    }

    fn fits(&self, id: TagId, role: Role) -> bool {
        let kind = self.vocabulary.get(id).map(|tag| tag.kind);
        match role {
            Role::Head | Role::Noun => matches!(kind, Some(TagKind::Object | TagKind::Scene)),
            Role::Adjective => kind == Some(TagKind::Attribute),
            Role::Verb => kind == Some(TagKind::Action),
            Role::Preposition => false,
        }
    }

    /// The nearest kind above a noun that is a tag.
    fn broader(&self, noun: &str) -> Option<Vec<Candidate>> {
        let above = self.parser.lexicon().ancestors(noun);
        let stated = self.rules.above(noun).iter().copied();
        let id = stated
            .chain(above)
            .find_map(|name| self.vocabulary.find(self.rules.name(name)).first())?;
        Some(vec![Candidate {
            tag: *id,
            how: How::Broader,
        }])
    }

    /// The last word of a compound that is no tag itself.
    fn part(&self, phrase: &Phrase) -> Option<Vec<Candidate>> {
        let (_, last) = phrase.lemma.rsplit_once([' ', '-'])?;
        let tags: Vec<_> = self
            .vocabulary
            .find(last)
            .iter()
            .map(|&tag| Candidate {
                tag,
                how: How::Part,
            })
            .collect();
        (!tags.is_empty()).then_some(tags)
    }

    /// The most frequent tag one slip away from a word that is in no dictionary.
    fn corrected(&self, word: &str) -> Option<Vec<Candidate>> {
        let known = self.parser.lexicon().get(word).is_some();
        if known || word.chars().count() < SHORTEST_CORRECTED {
            return None;
        }
        let words = self
            .vocabulary
            .words()
            .filter(|(name, _)| spelling::one_slip(word, name));
        let id = words.flat_map(|(_, ids)| ids).min()?;
        Some(vec![Candidate {
            tag: *id,
            how: How::Spelling,
        }])
    }

    /// Adds the kinds of a tag: whoever asks for an animal is content with a dog.
    fn add_narrower(&self, tags: &mut Vec<Candidate>) {
        let Some(first) = tags
            .first()
            .filter(|candidate| candidate.how != How::Broader)
        else {
            return;
        };
        let kinds = self.narrower.get(&first.tag).into_iter().flatten();
        let new: Vec<_> = kinds
            .filter(|&&kind| tags.iter().all(|candidate| candidate.tag != kind))
            .copied()
            .collect();
        tags.extend(new.into_iter().map(|tag| Candidate {
            tag,
            how: How::Narrower,
        }));
    }
}

fn overlaps(a: &Range<usize>, b: &Range<usize>) -> bool {
    a.start < b.end && b.start < a.end
}

#[cfg(test)]
mod tests;
