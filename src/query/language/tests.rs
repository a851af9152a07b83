use proptest::prelude::*;

use super::*;

fn parse(text: &str) -> Result<Query, QueryError> {
    Query::parse(text, Day::new(2024, 5, 17).unwrap())
}

fn day(year: i16, month: i8, day: i8) -> Day {
    Day::new(year, month, day).unwrap()
}

#[test]
fn a_sentence_is_a_sentence() {
    for text in [
        "a black-and-white dog, running (fast)",
        "what's that? note: a dog",
        "3:30 pm at http://example.org",
        "rock'n'roll 24*7x",
    ] {
        let plain = text.replace(['(', ')'], "");
        let parsed = parse(text).unwrap();
        if !text.contains('*') {
            assert_eq!(parsed, Query::new(plain), "{text}");
        }
    }
}

#[test]
fn operators_become_what_setters_make() {
    let parsed = parse(r#"+dog -"hot dog" (cat OR sea lion) beach tag:person>0.8 -tag:car>0.5"#);
    let expected = Query::new("dog beach")
        .must("dog")
        .must_not("hot dog")
        .must_one_of(["cat", "sea lion"])
        .above("person", 0.8)
        .not_above("car", 0.5);
    assert_eq!(parsed.unwrap(), expected);
    let parsed =
        parse("after:2023-05 before:2w year:2024 camera:\"Canon EOS\" -path:old type:PNG snow");
    let expected = Query::new("snow")
        .since(day(2023, 5, 1))
        .before(day(2024, 5, 3))
        .year(2024)
        .camera("Canon EOS")
        .not_path("old")
        .format("png");
    assert_eq!(parsed.unwrap(), expected);
    let parsed = parse("keyword:boat -keyword:\"New York\"");
    let expected = Query::new("").keyword("boat").not_keyword("New York");
    assert_eq!(parsed.unwrap(), expected);
    let parsed = parse("like:a.jpg like:\"my b.jpg\" 2*beach 0.5*\"red sand\" -(dog | cat)");
    let expected = Query::new("")
        .like("a.jpg")
        .like("my b.jpg")
        .word("beach", 2.0)
        .word("red sand", 0.5)
        .must_not("dog")
        .must_not("cat");
    assert_eq!(parsed.unwrap(), expected);
    let parsed = parse("tag:\"hot dog\">0.8 -tag:\"red car\">0.5 +2*beach");
    let expected = Query::new("")
        .above("hot dog", 0.8)
        .not_above("red car", 0.5)
        .must("beach")
        .word("beach", 2.0);
    assert_eq!(parsed.unwrap(), expected);
}

#[test]
fn bad_operators_are_told_with_their_place() {
    for (text, at, mend) in [
        ("dog (cat OR bird", 4, "not closed"),
        ("dog) cat", 3, "closes nothing"),
        ("dog ) cat", 4, "closes nothing"),
        ("dog \"cat", 4, "not closed"),
        ("dog \"\" cat", 4, "nothing between"),
        ("(dog OR )", 0, "(dog OR cat)"),
        ("(a (b OR c))", 3, "groups"),
        ("dog + cat", 4, "+dog"),
        ("dog -", 4, "-dog"),
        ("dog tag:", 4, "after tag:"),
        ("after:yesterday", 0, "no date"),
        ("year:23", 0, "four digits"),
        ("ß after:2023-02-30", 3, "no date"),
        ("tag:dog>2", 0, "0.8"),
        ("-after:2023", 1, "cannot be excluded"),
        ("2* beach", 0, "2*beach"),
        ("0*beach", 0, "above 0"),
        ("dog -2*beach", 5, "remove the weight"),
        ("-tag:>0.5", 1, "before the >"),
        ("2*(dog OR cat)", 0, "before a word"),
        ("2*tag:dog", 0, "before a word"),
        ("tag:\"hot dog\">x", 0, "0.8"),
        ("tga:dog", 0, "did you mean tag:dog"),
    ] {
        match parse(text) {
            Err(QueryError::Syntax { at: found, reason }) => {
                assert_eq!(found, at, "{text}: {reason}");
                assert!(reason.contains(mend), "{text}: {reason}");
            }
            other => panic!("{text}: {other:?}"),
        }
    }
}

proptest! {
    #[test]
    fn whatever_is_typed_is_read_or_refused(pieces in prop::collection::vec(r#"(\+|-|\(|\)|"| |OR|\||tag:|after:|like:|2\*|:|>0.5|dog|ß|2w|[a-z]{1,3})"#, 0..14)) {
        let text = pieces.concat();
        match parse(&text) {
            Ok(query) => {
                for (span, _) in &query.weights {
                    prop_assert!(query.text.get(span.clone()).is_some());
                }
            }
            Err(QueryError::Syntax { at, .. }) => prop_assert!(text.is_char_boundary(at)),
            Err(other) => prop_assert!(false, "{other}"),
        }
    }
}
