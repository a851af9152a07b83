//! The bytes of one image's facts, the same in the catalogue and in the segments.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use crate::{Correction, FileFacts, ImageFacts, ImageId, Keyword, Record, TagId};

/// Everything about an image that a search can show and a writer has to know, except its numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    /// Sorted by path, no path twice, at least one.
    pub(crate) files: Vec<FileFacts>,
    pub(crate) facts: ImageFacts,
    /// Sorted by name, no name twice.
    pub(crate) corrections: Vec<Correction>,
    /// In a segment: what its model said of the tags for which keywords and corrections count instead, as probability × 255.
    pub(crate) overruled: Vec<(TagId, u8)>,
}

impl Entry {
    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        put_len(out, self.files.len());
        for file in &self.files {
            put_bytes(out, path_bytes(&file.path));
            out.extend(file.len.to_le_bytes());
            out.extend(file.modified_ns.to_le_bytes());
        }
        out.extend(self.facts.width.to_le_bytes());
        out.extend(self.facts.height.to_le_bytes());
        put_bytes(out, self.facts.format.as_bytes());
        for text in [&self.facts.captured, &self.facts.camera] {
            out.push(u8::from(text.is_some()));
            put_bytes(out, text.as_deref().unwrap_or_default().as_bytes());
        }
        // The first format ends here, and what says no more is still of it.
        if self.has_words() {
            put_len(out, self.facts.keywords.len());
            for keyword in &self.facts.keywords {
                put_bytes(out, keyword.text.as_bytes());
                put_tags(out, &keyword.tags);
            }
            put_len(out, self.corrections.len());
            for correction in &self.corrections {
                put_bytes(out, correction.name.as_bytes());
                out.push(u8::from(correction.applies));
                put_tags(out, &correction.tags);
            }
            put_len(out, self.overruled.len());
            for (tag, byte) in &self.overruled {
                out.extend(tag.0.to_le_bytes());
                out.push(*byte);
            }
        }
    }

    /// Whether somebody but the model says something of it, which the first format could not hold.
    pub(crate) fn has_words(&self) -> bool {
        !self.facts.keywords.is_empty() || !self.corrections.is_empty()
    }

    /// The tags for which not the model counts, and whether they apply. A person has the last word.
    pub(crate) fn overrides(&self) -> BTreeMap<TagId, bool> {
        let keywords = self.facts.keywords.iter();
        let keywords = keywords.flat_map(|keyword| &keyword.tags);
        let corrections = self.corrections.iter();
        let corrections =
            corrections.flat_map(|said| said.tags.iter().map(|&tag| (tag, said.applies)));
        keywords
            .map(|&tag| (tag, true))
            .chain(corrections)
            .collect()
    }

    /// `None` when the bytes are not what [`Entry::encode`] wrote.
    pub(crate) fn decode(bytes: &[u8]) -> Option<Self> {
        let mut bytes = Bytes(bytes);
        let files = (0..bytes.u32()?)
            .map(|_| {
                Some(FileFacts {
                    path: path_from_bytes(bytes.block()?)?,
                    len: u64::from_le_bytes(bytes.array()?),
                    modified_ns: i64::from_le_bytes(bytes.array()?),
                })
            })
            .collect::<Option<Vec<_>>>()?;
        let mut entry = Self {
            files,
            facts: ImageFacts {
                width: bytes.u32()?,
                height: bytes.u32()?,
                format: bytes.text()?,
                captured: bytes.optional_text()?,
                camera: bytes.optional_text()?,
                keywords: Vec::new(),
            },
            corrections: Vec::new(),
            overruled: Vec::new(),
        };
        if !bytes.0.is_empty() {
            let keyword = |bytes: &mut Bytes<'_>| {
                let (text, tags) = (bytes.text()?, bytes.tags()?);
                Some(Keyword { text, tags })
            };
            entry.facts.keywords = bytes.list(keyword)?;
            entry.corrections = bytes.list(|bytes| {
                Some(Correction {
                    name: bytes.text()?,
                    applies: bytes.take(1)? == [1],
                    tags: bytes.tags()?,
                })
            })?;
            entry.overruled = bytes.list(|bytes| Some((TagId(bytes.u32()?), bytes.take(1)?[0])))?;
        }
        (bytes.0.is_empty() && !entry.files.is_empty()).then_some(entry)
    }

    /// The earliest modification among the files, nanoseconds since 1970.
    pub(crate) fn modified_ns(&self) -> i64 {
        self.files
            .iter()
            .map(|file| file.modified_ns)
            .min()
            .unwrap_or_default()
    }

    /// When the picture is from; nanoseconds since 1970.
    pub(crate) fn time_ns(&self) -> i64 {
        time_ns(&self.facts, self.modified_ns())
    }

    pub(crate) fn into_record(self, id: ImageId) -> Record {
        Record {
            id,
            modified_ns: self.modified_ns(),
            corrections: self.corrections,
            len: self.files.first().map_or(0, |file| file.len),
            paths: self.files.into_iter().map(|file| file.path).collect(),
            facts: self.facts,
        }
    }
}

impl Record {
    /// What would be shown of an image if this were its only file.
    #[must_use]
    pub fn of_file(id: ImageId, file: FileFacts, facts: ImageFacts) -> Self {
        let entry = Entry {
            files: vec![file],
            facts,
            corrections: Vec::new(),
            overruled: Vec::new(),
        };
        entry.into_record(id)
    }

    /// When the picture is from: the civil time of the capture if there is a legible one (read as if it were UTC), else the
    /// modification; nanoseconds since 1970.
    #[must_use]
    pub fn time_ns(&self) -> i64 {
        time_ns(&self.facts, self.modified_ns)
    }
}

fn time_ns(facts: &ImageFacts, modified_ns: i64) -> i64 {
    let captured = facts.captured.as_deref().and_then(civil_ns);
    captured.unwrap_or(modified_ns)
}

/// What a person says of a word, which is in lower case here and in any there.
pub(crate) fn said_of<'a>(corrections: &'a [Correction], word: &str) -> Option<&'a Correction> {
    let mut said = corrections.iter();
    said.find(|said| said.name.to_lowercase() == word)
}

/// The raw bytes of a path: on unix exactly what the kernel uses, so that no name is out of reach.
pub(crate) fn path_bytes(path: &Path) -> &[u8] {
    path.as_os_str().as_encoded_bytes()
}

/// The path of raw bytes, as the kernel has them on unix and UTF-8 elsewhere; `None` where they are no path.
#[must_use]
pub fn path_from_bytes(bytes: &[u8]) -> Option<PathBuf> {
    #[cfg(unix)]
    let name: Option<&OsStr> = Some(std::os::unix::ffi::OsStrExt::from_bytes(bytes));
    #[cfg(not(unix))]
    let name: Option<&OsStr> = std::str::from_utf8(bytes).ok().map(OsStr::new);
    name.map(PathBuf::from)
}

/// `2024-05-01T12:30:00` as nanoseconds since 1970, fractions and zones ignored.
fn civil_ns(text: &str) -> Option<i64> {
    let part = |range: std::ops::Range<usize>| text.get(range)?.parse::<i64>().ok();
    let (year, month, day) = (part(0..4)?, part(5..7)?, part(8..10)?);
    if !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    let time = |range| part(range).unwrap_or(0).clamp(0, 59);
    let seconds = part(11..13).unwrap_or(0).clamp(0, 23) * 3600 + time(14..16) * 60 + time(17..19);
    // Years that begin in March put the leap day last, so that days before a month follow one formula.
    let (year, month) = if month > 2 {
        (year, month - 3)
    } else {
        (year - 1, month + 9)
    };
    let days = year * 365 + year.div_euclid(4) - year.div_euclid(100)
        + year.div_euclid(400)
        + (153 * month + 2) / 5
        + day
        - 1
        - 719_468;
    (days * 86_400 + seconds).checked_mul(1_000_000_000)
}

fn put_len(out: &mut Vec<u8>, len: usize) {
    out.extend(u32::try_from(len).unwrap_or(u32::MAX).to_le_bytes());
}

fn put_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    put_len(out, bytes.len());
    out.extend(bytes);
}

fn put_tags(out: &mut Vec<u8>, tags: &[TagId]) {
    put_len(out, tags.len());
    out.extend(tags.iter().flat_map(|tag| tag.0.to_le_bytes()));
}

struct Bytes<'a>(&'a [u8]);

impl<'a> Bytes<'a> {
    fn take(&mut self, len: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(len)?;
        self.0 = rest;
        Some(taken)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.take(N)?.try_into().ok()
    }

    fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_le_bytes)
    }

    fn block(&mut self) -> Option<&'a [u8]> {
        let len = self.u32()?;
        self.take(len as usize)
    }

    fn list<T>(&mut self, item: impl Fn(&mut Self) -> Option<T>) -> Option<Vec<T>> {
        (0..self.u32()?).map(|_| item(self)).collect()
    }

    fn tags(&mut self) -> Option<Vec<TagId>> {
        self.list(|bytes| bytes.u32().map(TagId))
    }

    fn text(&mut self) -> Option<String> {
        String::from_utf8(self.block()?.to_vec()).ok()
    }

    fn optional_text(&mut self) -> Option<Option<String>> {
        let there = self.take(1)? == [1];
        let text = self.text()?;
        Some(there.then_some(text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry() -> Entry {
        let file = |path: &str, modified_ns| FileFacts {
            path: path.into(),
            len: 9,
            modified_ns,
        };
        Entry {
            files: vec![file("a/ä.jpg", 7), file("b.jpg", -3)],
            facts: ImageFacts {
                width: 4000,
                height: 3000,
                format: "jpeg".into(),
                captured: Some("2024-05-01T12:30:00".into()),
                camera: None,
                keywords: Vec::new(),
            },
            corrections: Vec::new(),
            overruled: Vec::new(),
        }
    }

    fn with_words() -> Entry {
        let keyword = |text: &str, tags: &[u32]| Keyword {
            text: text.into(),
            tags: tags.iter().copied().map(TagId).collect(),
        };
        let correction = |name: &str, applies, tag| Correction {
            name: name.into(),
            applies,
            tags: vec![TagId(tag)],
        };
        let mut entry = entry();
        entry.facts.keywords = vec![keyword("Oma Grete", &[]), keyword("orange", &[7, 8])];
        entry.corrections = vec![correction("dog", true, 1), correction("orange", false, 8)];
        entry.overruled = vec![(TagId(1), 3), (TagId(7), 250), (TagId(8), 0)];
        entry
    }

    #[test]
    fn entries_round_trip_and_every_cut_is_noticed() {
        let mut bytes = Vec::new();
        entry().encode(&mut bytes);
        assert_eq!(Entry::decode(&bytes), Some(entry()));
        for len in 0..bytes.len() {
            assert_eq!(Entry::decode(&bytes[..len]), None, "cut to {len}");
        }
        bytes.push(0);
        assert_eq!(Entry::decode(&bytes), None);
    }

    #[test]
    fn words_are_what_the_first_format_lacks() {
        let (mut plain, mut bytes) = (Vec::new(), Vec::new());
        entry().encode(&mut plain);
        with_words().encode(&mut bytes);
        assert_eq!(bytes[..plain.len()], plain);
        assert_eq!(Entry::decode(&bytes), Some(with_words()));
        for len in (0..bytes.len()).filter(|len| *len != plain.len()) {
            assert_eq!(Entry::decode(&bytes[..len]), None, "cut to {len}");
        }
        bytes.push(0);
        assert_eq!(Entry::decode(&bytes), None);
    }

    #[test]
    fn a_person_has_the_last_word() {
        let overrides: Vec<_> = with_words().overrides().into_iter().collect();
        let expected = [(1, true), (7, true), (8, false)];
        assert_eq!(
            overrides,
            expected.map(|(tag, applies)| (TagId(tag), applies))
        );
    }

    #[test]
    fn the_time_is_the_capture_if_legible_else_the_earliest_modification() {
        let mut entry = entry();
        assert_eq!(entry.time_ns(), 1_714_566_600_000_000_000);
        entry.facts.captured = Some("1970-01-01T00:00:01".into());
        assert_eq!(entry.time_ns(), 1_000_000_000);
        for illegible in [
            "",
            "0000:00:00",
            "2024-13-01T00:00:00",
            "yesterday, I think",
        ] {
            entry.facts.captured = Some(illegible.into());
            assert_eq!(entry.time_ns(), -3, "{illegible}");
        }
    }
}
