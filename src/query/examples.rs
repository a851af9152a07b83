//! The parser against sentences that a person has read: `data/parser_examples.tsv`.

use super::{Lexicon, Mined, Parser, Phrase, assemble};

const EXAMPLES: &str = include_str!("../../data/parser_examples.tsv");

/// Right, found, and to be found.
#[derive(Debug, Default, Clone, Copy)]
struct Tally {
    right: usize,
    found: usize,
    wanted: usize,
}

impl Tally {
    fn add(&mut self, found: &[Phrase], wanted: &str) -> bool {
        let mut left: Vec<&str> = wanted.split(',').filter(|word| !word.is_empty()).collect();
        self.wanted += left.len();
        self.found += found.len();
        let before = self.right;
        let expected = left.len();
        for phrase in found {
            if let Some(at) = left.iter().position(|word| *word == phrase.lemma) {
                left.swap_remove(at);
                self.right += 1;
            }
        }
        self.right - before == expected && found.len() == expected
    }

    fn precision(self) -> f64 {
        self.right as f64 / self.found.max(1) as f64
    }

    fn recall(self) -> f64 {
        self.right as f64 / self.wanted.max(1) as f64
    }
}

#[test]
fn precision_and_recall_stay_where_they_were_measured() {
    let lexicon = Lexicon::english();
    let (vocabulary, _) = assemble(&lexicon, &Mined::default()).unwrap();
    let parser = Parser::new(lexicon).with_vocabulary(&vocabulary);
    let (mut heads, mut modifiers, mut relations) =
        (Tally::default(), Tally::default(), Tally::default());
    let mut sentences = 0;
    let mut wrong = Vec::new();
    for line in EXAMPLES.lines().filter(|line| !line.starts_with('#')) {
        let mut columns = line.split('\t');
        let mut next = || columns.next().unwrap_or_default();
        let parsed = parser.parse(next());
        let right = [
            heads.add(&parsed.heads, next()),
            modifiers.add(&parsed.modifiers, next()),
            relations.add(&parsed.relations, next()),
        ];
        if right.contains(&false) {
            wrong.push(line);
        }
        sentences += 1;
    }
    assert!(sentences >= 60);
    let report = format!(
        "heads {:.3}/{:.3} modifiers {:.3}/{:.3} relations {:.3}/{:.3}; not perfect:\n{}",
        heads.precision(),
        heads.recall(),
        modifiers.precision(),
        modifiers.recall(),
        relations.precision(),
        relations.recall(),
        wrong.join("\n"),
    );
    assert!(
        heads.precision() >= 0.98 && heads.recall() >= 0.98,
        "{report}"
    );
    assert!(
        modifiers.precision() >= 0.94 && modifiers.recall() >= 0.95,
        "{report}"
    );
    assert!(
        relations.precision() >= 0.98 && relations.recall() >= 0.98,
        "{report}"
    );
}
