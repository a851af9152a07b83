//! Base forms: `mice` → `mouse`, `running` → `run`.

use super::closed::contains;
use super::lexicon::Lexicon;

/// Nouns whose plural no rule makes.
const NOUNS: &str = "\
    men=man women=woman children=child people=person mice=mouse feet=foot teeth=tooth
    geese=goose oxen=ox knives=knife wives=wife lives=life leaves=leaf wolves=wolf
    calves=calf halves=half shelves=shelf loaves=loaf thieves=thief hooves=hoof
    scarves=scarf elves=elf dice=die cacti=cactus fungi=fungus firemen=fireman
    policemen=policeman fishermen=fisherman snowmen=snowman kids=kid skis=ski taxis=taxi
    bikinis=bikini buses=bus busses=bus octopi=octopus passersby=passerby
    grandchildren=grandchild doggies=doggy puppies=puppy babies=baby movies=movie
    cookies=cookie ties=tie pies=pie huskies=husky hippies=hippie rookies=rookie
    smoothies=smoothie zombies=zombie shoes=shoe canoes=canoe toes=toe axes=axe hoes=hoe
    waves=wave caves=cave gloves=glove sleeves=sleeve stoves=stove doves=dove olives=olive
    graves=grave";

/// Words that end like plurals or are only used as plurals, and stay as they are.
const UNCHANGED: &str = "\
    sunglasses glasses pants shorts jeans trousers scissors binoculars goggles tights
    clothes grass glass dress tennis bus gas lens cactus octopus walrus class stairs series
    species pajamas pyjamas leggings overalls headphones fireworks gymnastics lacrosse
    harness mattress princess waitress actress hippopotamus rhinoceros christmas cross moss
    brass canvas chess boss pass press kiss mess hummus asparagus campus circus fungus
    platypus swiss chassis wilderness underpass overpass bass darkness fitness happiness
    business news maracas skis woods pliers tongs bagpipes suspenders";

/// Plurals that look like singulars, and words without a singular: a verb after them has no `-s`.
const ALIKE: &str = "\
    sheep deer cattle police fireworks pants shorts jeans clothes stairs goggles scissors
    sunglasses trunks headphones woods livestock wildlife";

/// Verb forms that no rule makes: past forms and participles.
const VERBS: &str = "\
    ran=run sat=sit stood=stand lay=lie laid=lay lying=lie lies=lie lain=lie dying=die
    tying=tie held=hold threw=throw thrown=throw caught=catch ate=eat eaten=eat swam=swim
    swum=swim rode=ride ridden=ride drove=drive driven=drive drew=draw drawn=draw
    drank=drink drunk=drink wore=wear worn=wear went=go gone=go took=take taken=take
    made=make got=get gotten=get gave=give given=give fell=fall fallen=fall flew=fly
    flown=fly blew=blow blown=blow grew=grow grown=grow knew=know known=know saw=see
    seen=see sang=sing sung=sing slept=sleep kept=keep left=leave led=lead fed=feed met=meet
    shot=shoot built=build bent=bend spent=spend sent=send bought=buy brought=bring
    fought=fight taught=teach thought=think told=tell sold=sell won=win hung=hang
    swung=swing stuck=stick struck=strike dug=dig spun=spin woven=weave wove=weave
    broke=break broken=break chose=choose chosen=choose spoke=speak spoken=speak wrote=write
    written=write rose=rise risen=rise hid=hide hidden=hide bit=bite bitten=bite shook=shake
    shaken=shake leapt=leap dove=dive knelt=kneel leant=lean lit=light slid=slide rung=ring
    rang=ring sprung=spring frozen=freeze froze=freeze stolen=steal stole=steal torn=tear
    tore=tear wound=wind lost=lose felt=feel heard=hear said=say read=read paid=pay
    shone=shine beaten=beat became=become came=come began=begin begun=begin bound=bind
    found=find ground=grind shaven=shave swept=sweep wept=weep crept=creep dealt=deal
    meant=mean understood=understand sought=seek clung=cling flung=fling slung=sling
    stung=sting strung=string sewn=sew mown=mow shown=show proven=prove forgot=forget
    overlooked=overlook does=do goes=go has=have set=set put=put cut=cut hit=hit let=let
    spread=spread skiing=ski skied=ski skis=ski skiis=ski using=use surfing=surf
    filming=film biking=bike hiking=hike kayaking=kayak canoeing=canoe playing=play
    laying=lie lays=lie";

fn irregular(table: &'static str, form: &str) -> Option<&'static str> {
    let mut pairs = table
        .split_ascii_whitespace()
        .filter_map(|pair| pair.split_once('='));
    pairs
        .find(|(listed, _)| *listed == form)
        .map(|(_, base)| base)
}

/// How a verb is inflected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// `run`
    Base,
    /// `runs`
    Third,
    /// `running`
    Ing,
    /// `ran`, `covered`: past tense or participle.
    Past,
}

/// The singular of a noun the lexicon knows, and whether the word was a plural.
pub(crate) fn noun(lexicon: &Lexicon, word: &str) -> Option<(String, bool)> {
    let known = |word: &str| lexicon.get(word).is_some_and(|entry| entry.is_noun());
    if let Some(singular) = irregular(NOUNS, word) {
        return Some((singular.to_owned(), true));
    }
    if contains(UNCHANGED, word) || contains(ALIKE, word) {
        return Some((word.to_owned(), contains(ALIKE, word)));
    }
    if word.ends_with('s') && !word.ends_with("ss") {
        let singular = singulars(word).into_iter().find(|word| known(word));
        if let Some(singular) = singular {
            return Some((singular, true));
        }
    }
    known(word).then(|| (word.to_owned(), false))
}

/// The singular by spelling alone, for a word that no lexicon knows.
pub(crate) fn plain_singular(word: &str) -> &str {
    match word.strip_suffix('s') {
        Some(stem) if stem.len() > 2 && !stem.ends_with(['s', 'u', 'i']) => stem,
        _ => word,
    }
}

fn singulars(word: &str) -> Vec<String> {
    let mut found = Vec::new();
    let stem = word.strip_suffix('s').unwrap_or(word);
    if let Some(stem) = word.strip_suffix("ies") {
        found.push(format!("{stem}y"));
    }
    found.push(stem.to_owned());
    if let Some(stem) = word.strip_suffix("es") {
        found.push(stem.to_owned());
    }
    if let Some(stem) = word.strip_suffix("ves") {
        found.push(format!("{stem}f"));
        found.push(format!("{stem}fe"));
    }
    found
}

/// The base form of a verb the lexicon knows, and how the word was inflected.
pub(crate) fn verb(lexicon: &Lexicon, word: &str) -> Option<(String, Form)> {
    let known = |word: &str| lexicon.get(word).is_some_and(|entry| entry.is_verb());
    if let Some(base) = irregular(VERBS, word) {
        let kind = match word {
            form if form.ends_with("ing") => Form::Ing,
            form if form.ends_with('s') => Form::Third,
            _ => Form::Past,
        };
        return Some((base.to_owned(), kind));
    }
    let endings = [("ing", Form::Ing), ("ed", Form::Past)];
    for (ending, form) in endings {
        let Some(stem) = word.strip_suffix(ending).filter(|stem| stem.len() > 1) else {
            continue;
        };
        if let Some(base) = stems(stem).into_iter().find(|word| known(word)) {
            return Some((base, form));
        }
    }
    let third = word.ends_with('s') && !word.ends_with("ss");
    if let Some(base) = singulars(word)
        .into_iter()
        .find(|word| third && known(word))
    {
        return Some((base, Form::Third));
    }
    known(word).then(|| (word.to_owned(), Form::Base))
}

/// What may have stood before `-ing` or `-ed`: `runn` → `run`, `rid` → `ride`, `carri` → `carry`.
fn stems(stem: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut letters = stem.chars().rev();
    let (last, before) = (letters.next(), letters.next());
    let doubled =
        last == before && last.is_some_and(|c| c.is_ascii_alphabetic() && !"lsz".contains(c));
    if doubled {
        found.push(stem[..stem.len() - 1].to_owned());
    }
    if let Some(stem) = stem.strip_suffix('i') {
        found.push(format!("{stem}y"));
    }
    // "hoping" is more often `hope` than `hop`, but "jumping" has no `jumpe`: a known `-e` form wins
    // only after one consonant.
    let single = last.is_some_and(|c| !"aeiouwxy".contains(c))
        && before.is_some_and(|c| "aeiou".contains(c));
    let with_e = format!("{stem}e");
    if single {
        found.push(with_e);
        found.push(stem.to_owned());
    } else {
        found.push(stem.to_owned());
        found.push(with_e);
    }
    if last == before && last.is_some() && stem.is_ascii() {
        found.push(stem[..stem.len() - 1].to_owned());
    }
    found
}

/// The plain form of a comparative: `bigger` → `big`.
pub(crate) fn adjective(lexicon: &Lexicon, word: &str) -> Option<String> {
    let known = |word: &str| lexicon.get(word).is_some_and(|entry| entry.is_adjective());
    if known(word) {
        return Some(word.to_owned());
    }
    let stem = word
        .strip_suffix("est")
        .or_else(|| word.strip_suffix("er"))?;
    stems(stem).into_iter().find(|word| {
        known(word)
            && lexicon
                .get(word)
                .is_some_and(|entry| entry.mostly_adjective())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nouns_become_singular() {
        let lexicon = Lexicon::english();
        let of = |word| noun(&lexicon, word).map(|(lemma, _)| lemma);
        for (plural, singular) in [
            ("dogs", "dog"),
            ("mice", "mouse"),
            ("women", "woman"),
            ("beaches", "beach"),
            ("puppies", "puppy"),
            ("knives", "knife"),
            ("glass", "glass"),
            ("sunglasses", "sunglasses"),
            ("buses", "bus"),
            ("horses", "horse"),
            ("roofs", "roof"),
            ("benches", "bench"),
            ("potatoes", "potato"),
            ("bushes", "bush"),
            ("axes", "axe"),
        ] {
            assert_eq!(of(plural).as_deref(), Some(singular), "{plural}");
        }
    }

    #[test]
    fn verbs_find_their_base() {
        let lexicon = Lexicon::english();
        let of = |word| verb(&lexicon, word).map(|(lemma, _)| lemma);
        for (form, base) in [
            ("running", "run"),
            ("jumps", "jump"),
            ("riding", "ride"),
            ("carries", "carry"),
            ("carried", "carry"),
            ("catches", "catch"),
            ("covered", "cover"),
            ("lying", "lie"),
            ("sitting", "sit"),
            ("chasing", "chase"),
            ("rolling", "roll"),
            ("smiling", "smile"),
            ("wearing", "wear"),
            ("skiing", "ski"),
            ("dressed", "dress"),
            ("posing", "pose"),
            ("hopping", "hop"),
            ("swimming", "swim"),
            ("threw", "throw"),
            ("kissing", "kiss"),
        ] {
            assert_eq!(of(form).as_deref(), Some(base), "{form}");
        }
    }
}
