//! The closed word classes of English, and the nouns that say nothing about a picture.

use super::{sorted, token};

/// The class of a function word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Class {
    /// a, the, this, some, his
    Determiner,
    /// two, several
    Number,
    /// on, under, in front of
    Preposition,
    /// and, or, while
    Conjunction,
    /// he, someone, each
    Pronoun,
    /// is, was, has, can
    Auxiliary,
    /// to
    To,
    /// who, which, that
    Relative,
    /// very, together
    Adverb,
    /// not, no
    Negation,
    /// , . ;
    Mark,
}

impl Class {
    /// Whether its words have no place in a row of keywords.
    pub(crate) fn makes_sentence(self) -> bool {
        match self {
            Self::Determiner
            | Self::Preposition
            | Self::Pronoun
            | Self::Auxiliary
            | Self::To
            | Self::Relative => true,
            Self::Number | Self::Conjunction | Self::Adverb | Self::Negation | Self::Mark => false,
        }
    }
}

// All lists are sorted: words are looked up by halving.

const PLAIN: &str = "\
    adult big dark dead elderly fat female good great hot huge large light little
    long male middle-aged native new old older open short small strong tall thin
    tiny wild young younger";

const COLOURS: &str = "\
    beige black blond blonde blue brown brunette cream gold golden gray green grey
    khaki lavender magenta maroon navy orange pink purple red silver tan teal
    turquoise violet white yellow";

const DETERMINERS: &str = "\
    's a all an another any both each either every half her his its mid my our some such
    the their these this those your";
const NUMBERS: &str = "\
    assorted certain different dozen eight eleven few first five four last lone lots
    many more most much multiple next nine numerous one other own same second seven
    several single six ten third three twelve two various";
const PREPOSITIONS: &str = "\
    aboard about above across after against along alongside amid amidst among amongst
    around at atop before behind below beneath beside besides between beyond by down
    during for from in inside into like midst near nearby of off on onto out outside
    over past through throughout toward towards under underneath until up upon via with
    within without";
const CONJUNCTIONS: &str = "\
    & although and as because but if nor or so than though when where while whilst";
const PRONOUNS: &str = "\
    another's anyone anything everyone everything he here hers herself him himself i it
    itself me mine myself none nothing oneself others ours she somebody someone
    something theirs them themselves there they us we what whom you";
const AUXILIARIES: &str = "\
    're am appear appears are aren't be been being can could did do does doing get gets
    getting had has have having is isn't may might must seem seems should was were will
    would";
const ADVERBS: &str = "\
    again ahead airborne all almost alone already also apart aside away back backwards
    both downhill downwards else even far forward forwards high homeward indoors instead
    just maybe mid-air midair most now often once only onward outdoors overhead
    partially perhaps please quite ready really right sideways so somewhere still then
    together too uphill upside upward upwards very well";
const NEGATIONS: &str = "\
    n't neither never no not";

/// Nouns that only frame others: "a group of people" is about people.
const LIGHT: &str = "\
    amount assortment back bank bit body bottom bunch center centre close-up closeup
    cluster collection color colour corner couple edge end family flock front group half
    handful herd image inside kind line lot middle mix mixture mouthful number outside
    pack pair part patch pattern photo photograph pic picture piece pile plenty portion
    range rear row scene school section series set sheet shot side slice snapshot sort
    stack style team top trio type variety view";

/// Nouns that name nothing one can see.
const EMPTY: &str = "\
    action air amount area attempt attention back background bit bottom bunch case
    center centre close-up closeup color colour day direction distance ease edge end
    example foreground form front group half image inside item kind left look lot lots
    mid middle midst moment motion name number object one order other outside pair part
    person's photo photograph pic piece place plenty position process purpose rear rest
    right section set shape shot side size snapshot something sort spot stuff thing time
    top try turn type use variety view way while";

/// Whether a sorted list of words parted by blanks has a word.
pub(crate) fn contains(list: &str, word: &str) -> bool {
    sorted::find(list, word, |byte| byte.is_ascii_whitespace(), |entry| entry).is_some()
}

/// The class of a function word, where it has one.
pub(crate) fn class(word: &str) -> Option<Class> {
    let listed = |list: &str| contains(list, word);
    Some(match word {
        "to" | "in order to" => Class::To,
        "as well as" => Class::Conjunction,
        word if word.contains(' ') => {
            return token::is_fixed(word).then_some(Class::Preposition);
        }
        "who" | "which" | "that" | "whose" => Class::Relative,
        word if !word.chars().any(char::is_alphanumeric) && word != "&" => Class::Mark,
        word if word.chars().all(|c| c.is_ascii_digit()) => Class::Number,
        _ if listed(DETERMINERS) => Class::Determiner,
        _ if listed(NUMBERS) => Class::Number,
        _ if listed(PREPOSITIONS) => Class::Preposition,
        _ if listed(CONJUNCTIONS) => Class::Conjunction,
        _ if listed(PRONOUNS) => Class::Pronoun,
        _ if listed(AUXILIARIES) => Class::Auxiliary,
        _ if listed(NEGATIONS) => Class::Negation,
        _ if listed(ADVERBS) => Class::Adverb,
        _ => return None,
    })
}

/// Whether a noun only frames the noun after "of".
pub(crate) fn is_light(noun: &str) -> bool {
    contains(LIGHT, noun)
}

/// Whether a noun says nothing about what a picture shows.
pub(crate) fn is_empty(noun: &str) -> bool {
    contains(EMPTY, noun)
}

/// Colour words; they modify even where no noun follows ("a man in black").
pub(crate) fn is_colour(word: &str) -> bool {
    contains(COLOURS, word)
}

/// Sizes and ages: never the first half of a compound that names a person.
pub(crate) fn is_plain_adjective(word: &str) -> bool {
    is_colour(word) || contains(PLAIN, word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_sorted() {
        for list in [
            DETERMINERS,
            NUMBERS,
            PREPOSITIONS,
            CONJUNCTIONS,
            PRONOUNS,
            AUXILIARIES,
            ADVERBS,
            NEGATIONS,
            LIGHT,
            EMPTY,
            COLOURS,
            PLAIN,
        ] {
            let words = list.split_ascii_whitespace();
            assert!(words.is_sorted_by(|a, b| a < b), "{list}");
        }
    }

    #[test]
    fn classes_do_not_swallow_content_words() {
        for word in ["dog", "red", "running", "kitchen", "woman"] {
            assert_eq!(class(word), None, "{word}");
        }
        assert_eq!(class("in front of"), Some(Class::Preposition));
        assert_eq!(class("12"), Some(Class::Number));
        assert_eq!(class("…"), Some(Class::Mark));
    }
}
