//! The operators of a query: one table, from which the help is written and by which queries are read.

/// An operator that stands before a value: `year:2023`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Field {
    Tag,
    Keyword,
    Like,
    After,
    Before,
    Year,
    Camera,
    Path,
    Type,
}

/// What can be written, how, and what it means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Operator {
    /// How it is written.
    pub form: &'static str,
    /// What it means.
    pub meaning: &'static str,
    /// A query with it.
    pub example: &'static str,
}

const fn operator(form: &'static str, meaning: &'static str, example: &'static str) -> Operator {
    Operator {
        form,
        meaning,
        example,
    }
}

/// Every operator of the query language. A query without any is a sentence or a few keywords.
pub const OPERATORS: [Operator; 15] = [
    operator("+WORD", "only pictures that show it", "+dog on a beach"),
    operator("-WORD", "no picture that shows it", "beach -person"),
    operator(
        "\"WORDS\"",
        "taken as they are: no kinds of them, no other spelling",
        "\"hot dog\" on a plate",
    ),
    operator(
        "(A OR B)",
        "only pictures that show one of them",
        "(dog OR cat) in the snow",
    ),
    operator(
        "N*WORD",
        "counts N times as much among the tags",
        "2*beach sunset",
    ),
    operator(
        "tag:NAME",
        "only pictures in which this tag is recognised, or that are tagged so",
        "tag:dog running",
    ),
    operator(
        "tag:NAME>P",
        "only pictures in which its probability is above P",
        "tag:dog>0.8",
    ),
    operator(
        "keyword:WORD",
        "only pictures with this keyword in the file, or tagged so by you",
        "harbour keyword:\"aunt grete\"",
    ),
    operator(
        "like:FILE",
        "pictures like this one",
        "like:beach.jpg at night",
    ),
    operator(
        "after:DATE",
        "taken on this day or later; 2023, 2023-05, 2023-05-17, or how long ago: 10d, 2w, 3m, 1y",
        "snow after:2w",
    ),
    operator("before:DATE", "taken before this day", "snow before:2020"),
    operator("year:YEAR", "taken in this year", "birthday year:2021"),
    operator(
        "camera:TEXT",
        "taken with a camera of this name",
        "portrait camera:nikon",
    ),
    operator(
        "path:TEXT",
        "with this text in the path",
        "boat path:holiday",
    ),
    operator(
        "type:FORMAT",
        "of this format: jpeg, png, webp, gif, tiff, bmp, avif",
        "screenshot type:png",
    ),
];

/// The fields by name.
pub(crate) const FIELDS: [(&str, Field); 9] = [
    ("tag", Field::Tag),
    ("keyword", Field::Keyword),
    ("like", Field::Like),
    ("after", Field::After),
    ("before", Field::Before),
    ("year", Field::Year),
    ("camera", Field::Camera),
    ("path", Field::Path),
    ("type", Field::Type),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::query::{Day, Query};

    #[test]
    fn every_field_is_explained_and_every_example_can_be_read() {
        for (name, _) in FIELDS {
            let form = format!("{name}:");
            assert!(
                OPERATORS
                    .iter()
                    .any(|operator| operator.form.starts_with(&form)),
                "{name}"
            );
        }
        let today = Day::new(2024, 5, 17).unwrap();
        for operator in OPERATORS {
            let query = Query::parse(operator.example, today);
            assert_ne!(query.unwrap(), Query::new(operator.example), "{operator:?}");
        }
    }
}
