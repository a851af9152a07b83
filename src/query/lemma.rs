//! Base forms: `mice` → `mouse`, `running` → `run`.

use super::closed::contains;
use super::lexicon::Lexicon;
use super::sorted;

/// Nouns whose plural no rule makes.
const NOUNS: &str = "\
    axes=axe babies=baby bikinis=bikini buses=bus busses=bus cacti=cactus calves=calf
    canoes=canoe caves=cave children=child cookies=cookie dice=die doggies=doggy
    doves=dove elves=elf feet=foot firemen=fireman fishermen=fisherman fungi=fungus
    geese=goose gloves=glove grandchildren=grandchild graves=grave halves=half
    hippies=hippie hoes=hoe hooves=hoof huskies=husky kids=kid knives=knife leaves=leaf
    lives=life loaves=loaf men=man mice=mouse movies=movie octopi=octopus olives=olive
    oxen=ox passersby=passerby people=person pies=pie policemen=policeman puppies=puppy
    rookies=rookie scarves=scarf shelves=shelf shoes=shoe skis=ski sleeves=sleeve
    smoothies=smoothie snowmen=snowman stoves=stove taxis=taxi teeth=tooth thieves=thief
    ties=tie toes=toe waves=wave wives=wife wolves=wolf women=woman zombies=zombie";

/// Words that end like plurals or are only used as plurals, and stay as they are.
const UNCHANGED: &str = "\
    actress asparagus bagpipes bass binoculars boss brass bus business cactus campus
    canvas chassis chess christmas circus class clothes cross darkness dress fireworks
    fitness fungus gas glass glasses goggles grass gymnastics happiness harness
    headphones hippopotamus hummus jeans kiss lacrosse leggings lens maracas mattress
    mess moss news octopus overalls overpass pajamas pants pass platypus pliers press
    princess pyjamas rhinoceros scissors series shorts skis species stairs sunglasses
    suspenders swiss tennis tights tongs trousers underpass waitress walrus wilderness
    woods";

/// Plurals that look like singulars, and words without a singular: a verb after them has no `-s`.
const ALIKE: &str = "\
    cattle clothes deer fireworks goggles headphones jeans livestock pants police
    scissors sheep shorts stairs sunglasses trunks wildlife woods";

/// Verb forms that no rule makes: past forms and participles.
const VERBS: &str = "\
    ate=eat beaten=beat became=become began=begin begun=begin bent=bend biking=bike
    bit=bite bitten=bite blew=blow blown=blow bought=buy bound=bind broke=break
    broken=break brought=bring built=build came=come canoeing=canoe caught=catch
    chose=choose chosen=choose clung=cling crept=creep cut=cut dealt=deal does=do
    dove=dive drank=drink drawn=draw drew=draw driven=drive drove=drive drunk=drink
    dug=dig dying=die eaten=eat fallen=fall fed=feed fell=fall felt=feel filming=film
    flew=fly flown=fly flung=fling forgot=forget fought=fight found=find froze=freeze
    frozen=freeze gave=give given=give goes=go gone=go got=get gotten=get grew=grow
    ground=grind grown=grow has=have heard=hear held=hold hid=hide hidden=hide
    hiking=hike hit=hit hung=hang kayaking=kayak kept=keep knelt=kneel knew=know
    known=know laid=lay lain=lie lay=lie laying=lie lays=lie leant=lean leapt=leap
    led=lead left=leave let=let lies=lie lit=light lost=lose lying=lie made=make
    meant=mean met=meet mown=mow overlooked=overlook paid=pay playing=play proven=prove
    put=put ran=run rang=ring read=read ridden=ride risen=rise rode=ride rose=rise
    rung=ring said=say sang=sing sat=sit saw=see seen=see sent=send set=set sewn=sew
    shaken=shake shaven=shave shone=shine shook=shake shot=shoot shown=show skied=ski
    skiing=ski skiis=ski skis=ski slept=sleep slid=slide slung=sling sold=sell
    sought=seek spent=spend spoke=speak spoken=speak spread=spread sprung=spring
    spun=spin stole=steal stolen=steal stood=stand struck=strike strung=string
    stuck=stick stung=sting sung=sing surfing=surf swam=swim swept=sweep swum=swim
    swung=swing taken=take taught=teach thought=think threw=throw thrown=throw told=tell
    took=take tore=tear torn=tear tying=tie understood=understand using=use went=go
    wept=weep won=win wore=wear worn=wear wound=wind wove=weave woven=weave
    written=write wrote=write";

fn irregular(table: &'static str, form: &str) -> Option<&'static str> {
    let key = |pair: &'static str| pair.split('=').next().unwrap_or_default();
    let pair = sorted::find(table, form, |byte| byte.is_ascii_whitespace(), key)?;
    pair.split_once('=').map(|(_, base)| base)
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

/// Whether two vowels stand before the last consonant: `wading` is `wade`, `reading` is `read`.
fn doubled_vowel(stem: &str) -> bool {
    let mut letters = stem.chars().rev().skip(1);
    letters.next().is_some_and(|c| "aeiou".contains(c))
        && letters.next().is_some_and(|c| "aeiou".contains(c))
}

/// Whether a word is the plural of something that has no singular: no verb, though "pants" and "shorts" could be forms of one.
pub(crate) fn is_alike(word: &str) -> bool {
    contains(ALIKE, word)
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

/// The base form of a verb on `-ing` that no lexicon knows as a verb, by the noun that it may come from (`rollerblade`) or
/// by spelling alone: `juggl` → `juggle`.
pub(crate) fn plain_verb(lexicon: &Lexicon, stem: &str) -> String {
    let nouns = [format!("{stem}e"), stem.to_owned()];
    if let Some(noun) = nouns.into_iter().find(|noun| lexicon.get(noun).is_some()) {
        return noun;
    }
    let vowel = |c: char| "aeiouwy".contains(c);
    let mut letters = stem.chars().rev();
    match (letters.next(), letters.next()) {
        (Some(last), Some(before))
            if last == before && !"lsz".contains(last) && last.is_ascii() =>
        {
            stem[..stem.len() - 1].to_owned()
        }
        (Some('l'), Some(before)) if !vowel(before) && before != 'l' => format!("{stem}e"),
        (Some('c' | 'v' | 'u'), _) => format!("{stem}e"),
        (Some('d' | 't' | 'z' | 'g'), Some('a' | 'e' | 'i' | 'o' | 'u'))
            if !doubled_vowel(stem) =>
        {
            format!("{stem}e")
        }
        _ => stem.to_owned(),
    }
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
    let is = |word: &str, most: bool| {
        lexicon.get(word).is_some_and(|entry| match most {
            true => entry.mostly_adjective(),
            false => entry.is_adjective(),
        })
    };
    // The lexicon lists some comparatives: "younger".
    let stem = word.strip_suffix("est").or_else(|| word.strip_suffix("er"));
    let plain = stem.and_then(|stem| stems(stem).into_iter().find(|word| is(word, true)));
    plain.or_else(|| is(word, false).then(|| word.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_sorted() {
        for list in [NOUNS, UNCHANGED, ALIKE, VERBS] {
            let keys = list
                .split_ascii_whitespace()
                .map(|pair| pair.split('=').next().unwrap());
            assert!(keys.is_sorted_by(|a, b| a < b), "{list}");
        }
    }

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
