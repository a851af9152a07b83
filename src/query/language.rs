//! Reading a query with operators. A bare word is never an error; an operator that cannot be meant is, with its place.

use std::borrow::Cow;
use std::ops::Range;

use super::day::{Day, days};
use super::error::QueryError;
use super::request::Query;
use super::spelling::one_slip;
use super::syntax::{FIELDS, Field};

/// The greatest weight of a word.
const HEAVIEST: f32 = 100.0;

impl Query {
    /// Reads a query with operators, as [`OPERATORS`](super::OPERATORS) describes them. `today` is what "two weeks ago" counts from.
    ///
    /// # Errors
    /// [`QueryError::Syntax`] with the byte at which it stands.
    pub fn parse(text: &str, today: Day) -> Result<Self, QueryError> {
        let mut reader = Reader {
            text,
            at: 0,
            today,
            query: Self::new(""),
        };
        reader.read()?;
        Ok(reader.query)
    }
}

struct Reader<'a> {
    text: &'a str,
    /// The byte that is read next.
    at: usize,
    today: Day,
    query: Query,
}

/// How an operand is asked for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Sign {
    None,
    Must,
    Not,
}

fn wrong(at: usize, reason: impl Into<String>) -> QueryError {
    QueryError::Syntax {
        at,
        reason: reason.into(),
    }
}

impl<'a> Reader<'a> {
    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn skip_blanks(&mut self) {
        self.at = self.text.len() - self.rest().trim_start().len();
    }

    fn read(&mut self) -> Result<(), QueryError> {
        loop {
            self.skip_blanks();
            let start = self.at;
            let Some(first) = self.rest().chars().next() else {
                return Ok(());
            };
            let sign = match first {
                '+' => Sign::Must,
                '-' => Sign::Not,
                _ => Sign::None,
            };
            if sign != Sign::None {
                self.at += 1;
            }
            match self.rest().chars().next() {
                None => return Err(no_operand(start, first)),
                Some(next) if next.is_whitespace() => return Err(no_operand(start, first)),
                Some('(') => self.group(sign)?,
                Some(')') => return Err(closes_nothing(self.at)),
                Some('"') => {
                    let phrase = self.quoted()?;
                    self.operand(phrase, sign, true);
                }
                Some(_) => self.word(sign)?,
            }
        }
    }

    /// The text between quotes, which are taken off.
    fn quoted(&mut self) -> Result<&'a str, QueryError> {
        let inside = &self.text[self.at + 1..];
        let end = inside.find('"').ok_or_else(|| {
            wrong(
                self.at,
                "this quote is not closed; write another after the words, or remove it",
            )
        })?;
        let empty = wrong(
            self.at,
            "there is nothing between these quotes; remove them",
        );
        self.at += end + 2;
        match inside[..end].trim() {
            "" => Err(empty),
            phrase => Ok(phrase),
        }
    }

    /// `(a OR b)`, or words in parentheses, which say nothing then.
    fn group(&mut self, sign: Sign) -> Result<(), QueryError> {
        let start = self.at;
        let inside = &self.text[start + 1..];
        let end = inside.find(')').ok_or_else(|| {
            wrong(
                start,
                "this parenthesis is not closed; write ) after the last word, or remove it",
            )
        })?;
        let inside = &inside[..end];
        if let Some(nested) = inside.find('(') {
            let reason = "groups do not stand in groups; write (a OR b) (c OR d) for both";
            return Err(wrong(start + 1 + nested, reason));
        }
        self.at = start + end + 2;
        let words: Vec<&str> = inside.split_whitespace().collect();
        let names = words.split(|word| matches!(*word, "OR" | "|"));
        let names: Vec<String> = names
            .map(|name| name.join(" ").trim_matches('"').trim().to_owned())
            .collect();
        if names.iter().any(String::is_empty) {
            let reason = "a name is missing here; write (dog OR cat), or remove the parentheses";
            return Err(wrong(start, reason));
        }
        match (names.len(), sign) {
            (1, Sign::None) => drop(self.append(inside.trim())),
            (_, Sign::Not) => self.query.must_not.extend(names),
            _ => self.query.must.push(names),
        }
        Ok(())
    }

    fn word(&mut self, sign: Sign) -> Result<(), QueryError> {
        let start = self.at;
        let end = self.rest().find(char::is_whitespace);
        let word = &self.rest()[..end.unwrap_or(self.rest().len())];
        if let Some((weight, rest)) = word.split_once('*')
            && let Ok(weight) = weight.parse::<f32>()
        {
            return self.weighted(weight, rest, sign);
        }
        if let Some((name, value)) = word.split_once(':') {
            let field = FIELDS.iter().find(|(field, _)| *field == name);
            if let Some(&(name, field)) = field {
                self.at += name.len() + 1;
                let value = match value.starts_with('"') {
                    true => self.quoted_value(field)?,
                    false => {
                        self.at += value.len();
                        value.into()
                    }
                };
                return self.field(name, field, &value, sign, start);
            }
            let near = FIELDS.iter().find(|(field, _)| one_slip(name, field));
            if let Some((near, _)) = near.filter(|_| !value.is_empty()) {
                let reason =
                    format!("nothing is called {name}: here; did you mean {near}:{value}?");
                return Err(wrong(start, reason));
            }
        }
        if let Some(close) = word.find(')').filter(|_| !word.contains('('))
            && word[..close].ends_with(char::is_alphanumeric)
        {
            return Err(closes_nothing(start + close));
        }
        self.at += word.len();
        self.operand(word, sign, false);
        Ok(())
    }

    /// A value in quotes; behind them may stand the probability that a tag must have.
    fn quoted_value(&mut self, field: Field) -> Result<Cow<'a, str>, QueryError> {
        let value = self.quoted()?;
        if field != Field::Tag || !self.rest().starts_with('>') {
            return Ok(value.into());
        }
        let end = self.rest().find(char::is_whitespace);
        let least = &self.rest()[..end.unwrap_or(self.rest().len())];
        self.at += least.len();
        Ok(format!("{value}{least}").into())
    }

    /// What stands behind `N*`.
    fn weighted(&mut self, weight: f32, rest: &'a str, sign: Sign) -> Result<(), QueryError> {
        let start = self.at;
        if !(weight > 0.0 && weight <= HEAVIEST) {
            let reason = format!("the weight of a word is above 0 and at most {HEAVIEST}");
            return Err(wrong(start, reason));
        }
        if sign == Sign::Not {
            let reason = "what is excluded does not count, be it little or much; remove the weight";
            return Err(wrong(start, reason));
        }
        let is_field = |(name, _): &(&str, Field)| {
            let after = rest.strip_prefix(name);
            after.is_some_and(|after| after.starts_with(':'))
        };
        if rest.starts_with(['(', '+', '-']) || FIELDS.iter().any(is_field) {
            let reason = "a weight stands before a word or a phrase in quotes, as in 2*beach; remove it here";
            return Err(wrong(start, reason));
        }
        self.at += self.rest().find('*').map_or(0, |star| star + 1);
        let word = match rest {
            "" => {
                return Err(wrong(
                    start,
                    "a word is missing after the weight, as in 2*beach",
                ));
            }
            rest if rest.starts_with('"') => self.quoted()?,
            rest => {
                self.at += rest.len();
                rest
            }
        };
        if sign == Sign::Must {
            self.query.must.push(vec![word.to_owned()]);
        }
        let span = self.append(word);
        self.query.weights.push((span, weight));
        Ok(())
    }

    /// A word or a phrase: asked for, required or excluded.
    fn operand(&mut self, words: &str, sign: Sign, literal: bool) {
        match sign {
            Sign::Must => {
                self.query.must.push(vec![words.to_owned()]);
                // What has to be there is asked for too.
                self.append(words);
            }
            Sign::Not => self.query.must_not.push(words.to_owned()),
            Sign::None => {
                let span = self.append(words);
                if literal {
                    self.query.literal.push(span);
                }
            }
        }
    }

    fn field(
        &mut self,
        name: &str,
        field: Field,
        value: &str,
        sign: Sign,
        at: usize,
    ) -> Result<(), QueryError> {
        if value.is_empty() {
            return Err(wrong(at, format!("a value is missing after {name}:")));
        }
        let is_not = sign == Sign::Not;
        if is_not && matches!(field, Field::Like | Field::After | Field::Before) {
            return Err(wrong(
                at,
                format!("{name}: cannot be excluded; remove the -"),
            ));
        }
        let today = self.today;
        let dates = |text: &str| {
            days(text, today).ok_or_else(|| {
                let reason = format!(
                    "{text:?} is no date; write 2023, 2023-05, 2023-05-17, or how long ago as in 2w"
                );
                wrong(at, reason)
            })
        };
        let query = &mut self.query;
        match field {
            Field::Tag => match value.split_once('>') {
                None if is_not => query.must_not.push(value.to_owned()),
                None => query.must.push(vec![value.to_owned()]),
                Some((tag, _)) if tag.trim().is_empty() => {
                    return Err(wrong(
                        at,
                        "a tag is missing before the >, as in tag:dog>0.8",
                    ));
                }
                Some((tag, least)) => {
                    let least = least.parse::<f32>().ok().filter(|p| (0.0..1.0).contains(p));
                    let least = least.ok_or_else(|| {
                        wrong(
                            at,
                            "a probability from 0 up to 1 follows the >, as in tag:dog>0.8",
                        )
                    })?;
                    query.above.push((tag.to_owned(), least, !is_not));
                }
            },
            Field::Keyword => query.keywords.push((value.to_owned(), !is_not)),
            Field::Like => query.like.push(value.into()),
            Field::After => query.since = query.since.max(Some(dates(value)?.0)),
            Field::Before => {
                let (day, _) = dates(value)?;
                query.before = Some(query.before.map_or(day, |before| before.min(day)));
            }
            Field::Year => {
                let year = Some(value).filter(|year| year.len() == 4);
                let year = year.and_then(|year| days(year, today));
                let year =
                    year.ok_or_else(|| wrong(at, "a year has four digits, as in year:2023"))?;
                query.years.push((year, !is_not));
            }
            Field::Camera => query.cameras.push((value.to_owned(), !is_not)),
            Field::Path => query.path_parts.push((value.to_owned(), !is_not)),
            Field::Type => query.formats.push((value.to_lowercase(), !is_not)),
        }
        Ok(())
    }

    /// Adds words to the text of the query; returns where they are in it.
    fn append(&mut self, words: &str) -> Range<usize> {
        let text = &mut self.query.text;
        if !text.is_empty() {
            text.push(' ');
        }
        let start = text.len();
        text.push_str(words);
        start..text.len()
    }
}

fn closes_nothing(at: usize) -> QueryError {
    wrong(
        at,
        "this parenthesis closes nothing; remove it, or open one before",
    )
}

fn no_operand(at: usize, operator: char) -> QueryError {
    let reason = format!(
        "a word is missing after {operator}; write {operator}dog without a blank, or remove it"
    );
    wrong(at, reason)
}

#[cfg(test)]
mod tests {
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
        let parsed =
            parse(r#"+dog -"hot dog" (cat OR sea lion) beach tag:person>0.8 -tag:car>0.5"#);
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
}
