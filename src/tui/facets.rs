//! The tags of the pictures that were found: a row of them to choose from, and how one gets into the query.

use ratatui::layout::Rect;

use super::text;

/// Cells between two facets.
const GAP: u16 = 2;

/// A tag with the number of pictures of the answer that show it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Facet {
    /// The tag.
    pub(super) tag: String,
    /// Pictures.
    pub(super) images: u64,
}

/// A facet on the screen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    /// Its place among the facets.
    pub(super) at: usize,
    /// Where it is.
    pub(super) area: Rect,
}

/// What a query says of a tag.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stance {
    /// It must be there.
    Wanted,
    /// It must not.
    Excluded,
}

impl From<imgsearch::Facet> for Facet {
    fn from(facet: imgsearch::Facet) -> Self {
        Self {
            tag: facet.tag,
            images: facet.images,
        }
    }
}

impl Facet {
    /// As it is shown.
    pub(super) fn label(&self) -> String {
        let images = text::grouped(usize::try_from(self.images).unwrap_or(usize::MAX));
        format!("{} {images}", text::shown(&self.tag))
    }
}

/// The facets that have room in an area, from one on that leaves the chosen one within sight.
pub(super) fn places(facets: &[Facet], chosen: usize, area: Rect) -> Vec<Place> {
    let mut first = 0;
    loop {
        let places = from(facets, first, area);
        let is_seen = places.last().is_none_or(|last| last.at >= chosen);
        if is_seen || first >= chosen {
            return places;
        }
        first += 1;
    }
}

fn from(facets: &[Facet], first: usize, area: Rect) -> Vec<Place> {
    let mut x = area.x;
    let mut places = Vec::new();
    for (at, facet) in facets.iter().enumerate().skip(first) {
        let width = text::width(&facet.label()) as u16;
        if area.is_empty() || x.saturating_add(width) > area.right() {
            break;
        }
        let area = Rect {
            x,
            width,
            height: 1,
            ..area
        };
        places.push(Place { at, area });
        x += width + GAP;
    }
    places
}

/// What a query line says of a tag, if anything.
pub(super) fn stance(query: &str, tag: &str) -> Option<Stance> {
    let wanted = term(tag, Stance::Wanted);
    let excluded = term(tag, Stance::Excluded);
    match (find(query, &wanted), find(query, &excluded)) {
        (Some(_), _) => Some(Stance::Wanted),
        (_, Some(_)) => Some(Stance::Excluded),
        _ => None,
    }
}

/// A query line that takes a stance on a tag, or none where it took that one before.
pub(super) fn taken(query: &str, tag: &str, stance: Stance) -> String {
    let other = match stance {
        Stance::Wanted => Stance::Excluded,
        Stance::Excluded => Stance::Wanted,
    };
    let query = without(query, &term(tag, other));
    let term = term(tag, stance);
    match find(&query, &term) {
        Some(_) => without(&query, &term),
        None if query.trim().is_empty() => term,
        None => format!("{} {term}", query.trim_end()),
    }
}

fn term(tag: &str, stance: Stance) -> String {
    let sign = match stance {
        Stance::Wanted => "",
        Stance::Excluded => "-",
    };
    match tag.contains(char::is_whitespace) {
        true => format!("{sign}tag:\"{tag}\""),
        false => format!("{sign}tag:{tag}"),
    }
}

/// Where a term stands by itself.
fn find(query: &str, term: &str) -> Option<usize> {
    let mut places = query.match_indices(term).map(|(at, _)| at);
    places.find(|&at| {
        let before = query[..at].chars().next_back();
        let after = query[at + term.len()..].chars().next();
        before.is_none_or(char::is_whitespace) && after.is_none_or(char::is_whitespace)
    })
}

fn without(query: &str, term: &str) -> String {
    match find(query, term) {
        Some(at) => {
            let (before, after) = (
                query[..at].trim_end(),
                query[at + term.len()..].trim_start(),
            );
            let gap = if before.is_empty() || after.is_empty() {
                ""
            } else {
                " "
            };
            format!("{before}{gap}{after}")
        }
        None => query.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_key_adds_another_excludes_and_the_same_again_takes_it_back() {
        use Stance::*;
        let step = |query: &str, tag, stance| taken(query, tag, stance);
        assert_eq!(step("a dog ", "beach", Wanted), "a dog tag:beach");
        assert_eq!(step("", "hot dog", Excluded), "-tag:\"hot dog\"");
        assert_eq!(step("a tag:beach b", "beach", Wanted), "a b");
        assert_eq!(step("tag:beach dog", "beach", Excluded), "dog -tag:beach");
        assert_eq!(step("-tag:dog", "dog", Wanted), "tag:dog");
        assert_eq!(step("tag:dogsled", "dog", Wanted), "tag:dogsled tag:dog");
        assert_eq!(stance("x -tag:dog", "dog"), Some(Excluded));
        assert_eq!(stance("tag:\"hot dog\"", "hot dog"), Some(Wanted));
        assert_eq!(stance("tag:hot", "dog"), None);
    }

    #[test]
    fn the_chosen_facet_is_within_sight() {
        let facet = |n: usize| Facet {
            tag: format!("tag{n}"),
            images: 10,
        };
        let facets: Vec<_> = (0..10).map(facet).collect();
        let area = Rect::new(3, 1, 30, 1);
        let seen = |chosen| -> Vec<usize> {
            let places = places(&facets, chosen, area);
            assert!(
                places
                    .iter()
                    .all(|place| place.area.right() <= area.right())
            );
            places.iter().map(|place| place.at).collect()
        };
        assert_eq!(seen(0), [0, 1, 2]);
        assert_eq!(seen(2), [0, 1, 2]);
        assert_eq!(seen(5), [3, 4, 5]);
        assert_eq!(places(&facets, 1, Rect::new(0, 0, 3, 1)), []);
        assert_eq!(places(&[], 0, area), []);
    }
}
