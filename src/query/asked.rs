//! What a query asks of the facts of a picture, told as the query language writes it.

use imgsearch_index::{FactTest, Record};

use super::day::Day;

/// A test as the language writes it, with the `-` of one that must fail.
pub(crate) fn written(test: &FactTest, is_wanted: bool) -> String {
    let value = |name: &str, text: &str| match text.contains(char::is_whitespace) {
        true => format!("{name}:\"{text}\""),
        false => format!("{name}:{text}"),
    };
    let test = match test {
        FactTest::Camera(text) => value("camera", text),
        FactTest::Path(text) => value("path", text),
        FactTest::Format(text) => value("type", &text.to_lowercase()),
        FactTest::Keyword(text) => value("keyword", text),
        &FactTest::TakenIn(from, i64::MAX) => format!("after:{}", Day::of_ns(from)),
        &FactTest::TakenIn(i64::MIN, to) => format!("before:{}", Day::of_ns(to)),
        // No operator but this one has both ends.
        &FactTest::TakenIn(from, _) => format!("year:{}", Day::of_ns(from).in_year()),
        _ => return String::new(),
    };
    match is_wanted {
        true => test,
        false => format!("-{test}"),
    }
}

/// What a picture has of that which a test is about: its camera, its paths.
pub(crate) fn found(test: &FactTest, record: &Record) -> Vec<String> {
    let facts = &record.facts;
    match test {
        FactTest::Camera(_) => facts.camera.clone().into_iter().collect(),
        FactTest::Path(_) => {
            let paths = record.paths.iter();
            paths.map(|path| path.display().to_string()).collect()
        }
        FactTest::Format(_) => vec![facts.format.to_lowercase()],
        FactTest::Keyword(_) => {
            let keywords = facts.keywords.iter().map(|keyword| &keyword.text);
            let said = record.corrections.iter().filter(|said| said.applies);
            keywords
                .chain(said.map(|said| &said.name))
                .cloned()
                .collect()
        }
        FactTest::TakenIn(..) => vec![Day::of_ns(record.time_ns()).to_string()],
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::query::fixtures::vocabulary;
    use crate::query::{Query, Resolver};

    #[test]
    fn what_is_asked_is_written_as_it_can_be_typed() {
        let typed = "-camera:\"canon eos\" -type:png -year:2021 after:2019-05-17 before:2024-01-01 keyword:Oma path:holiday";
        let today = Day::new(2024, 5, 17).unwrap();
        let resolver = Resolver::new(&vocabulary());
        let facts = |typed: &str| {
            let query = Query::parse(typed, today).unwrap();
            query.prepare(&resolver).unwrap().facts
        };
        let tests = facts(typed);
        assert_eq!(tests.len(), 7);
        let told: Vec<String> = tests
            .iter()
            .map(|(test, is_wanted)| written(test, *is_wanted))
            .collect();
        let mut words: Vec<&str> = told.iter().map(String::as_str).collect();
        words.sort_unstable();
        assert_eq!(words.join(" "), typed);
        assert_eq!(facts(&told.join(" ")), tests);
    }
}
