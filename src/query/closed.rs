//! The closed word classes of English, and the nouns that say nothing about a picture.

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

const DETERMINERS: &str = "\
    a an the this these those his her its their my your our some any each every all both
    another either 's such half";
const NUMBERS: &str = "\
    one two three four five six seven eight nine ten eleven twelve dozen many several few
    other more most numerous various multiple first second third single different own same
    much lone lots certain assorted";
const PREPOSITIONS: &str = "\
    on in at of with by near over under through into onto from for across behind beside
    besides between among along around against above below beneath inside outside off down
    up toward towards past without underneath within alongside amongst atop amid beyond
    during after before about upon like nearby midst throughout via aboard until out";
const CONJUNCTIONS: &str = "\
    and or but while as when because although though if than so whilst nor & where";
const PRONOUNS: &str = "\
    he she it they i you we him them me us himself herself itself themselves someone
    somebody anyone something everyone others there here what nothing anything none hers
    theirs mine ours whom oneself myself everything another's";
const AUXILIARIES: &str = "\
    is are was were be been being am has have had having does do did doing can could will
    would may might must should seems appears seem appear 're isn't aren't getting gets get";
const ADVERBS: &str = "\
    very together away back too also just now then only still almost apart forward alone
    ahead aside both upside outdoors indoors downhill uphill high upward upwards downwards
    forwards backwards well maybe ready partially quite right even else again already often
    perhaps somewhere once midair mid-air airborne sideways overhead onward homeward far so
    all really most please instead";
const NEGATIONS: &str = "\
    not no never n't neither";

/// Nouns that only frame others: "a group of people" is about people.
const LIGHT: &str = "\
    group pair couple bunch set piece kind type sort lot number variety series row line pile
    stack cluster collection front back side top bottom middle edge end center centre corner
    part photo photograph picture image view shot close-up closeup scene snapshot pic rear
    inside outside portion section half mouthful bit handful assortment plenty herd pack
    flock body style pattern color colour amount mix mixture patch sheet slice team trio
    family range bank";

/// Nouns that name nothing one can see.
const EMPTY: &str = "\
    front back side top bottom middle edge end center centre background foreground distance
    left right way day time thing stuff one area photo photograph image shot closeup
    close-up view pic snapshot rear inside outside part piece kind type sort lot bit
    direction motion action position other something midst pair group bunch set number
    variety attention look order color colour shape size form name place spot ease lots half
    rest example amount process attempt turn try use case moment mid air plenty while
    purpose person's object item section";

/// Whether a list of words parted by blanks has a word.
pub(crate) fn contains(list: &str, word: &str) -> bool {
    list.split_ascii_whitespace().any(|listed| listed == word)
}

/// The class of a function word, where it has one.
pub(crate) fn class(word: &str) -> Option<Class> {
    let listed = |list: &str| contains(list, word);
    Some(match word {
        "to" => Class::To,
        "as well as" => Class::Conjunction,
        // The tokeniser joins only prepositions of several words.
        word if word.contains(' ') => Class::Preposition,
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
    const COLOURS: &str = "\
        red orange yellow green blue purple pink black white grey gray brown tan beige gold
        golden silver maroon turquoise teal navy violet cream blond blonde brunette khaki
        magenta lavender";
    contains(COLOURS, word)
}

/// Sizes and ages: never the first half of a compound that names a person.
pub(crate) fn is_plain_adjective(word: &str) -> bool {
    const PLAIN: &str = "\
        little small big large young old elderly tall short long fat thin older younger huge
        tiny dark light good great wild new middle-aged adult male female native open hot
        dead strong";
    is_colour(word) || contains(PLAIN, word)
}

#[cfg(test)]
mod tests {
    use super::*;

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
