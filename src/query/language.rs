//! Reading a query with operators. A bare word is never an error; an operator that cannot be meant is, with its place.

use std::borrow::Cow;
use std::ops::Range;

use super::day::Day;
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
                let added =
                    self.query
                        .add_field((name, field), &value, sign == Sign::Not, self.today);
                return added.map_err(|reason| wrong(start, reason));
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
mod tests;
