//! The bytes of one image's facts, the same in the catalogue and in the segments.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use crate::{FileFacts, ImageFacts, ImageId, Record};

/// Everything about an image that a search can show and a writer has to know, except its numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    /// Sorted by path, no path twice, at least one.
    pub(crate) files: Vec<FileFacts>,
    pub(crate) facts: ImageFacts,
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
        let facts = ImageFacts {
            width: bytes.u32()?,
            height: bytes.u32()?,
            format: bytes.text()?,
            captured: bytes.optional_text()?,
            camera: bytes.optional_text()?,
        };
        (bytes.0.is_empty() && !files.is_empty()).then_some(Self { files, facts })
    }

    /// The earliest modification among the files, nanoseconds since 1970.
    pub(crate) fn modified_ns(&self) -> i64 {
        self.files
            .iter()
            .map(|file| file.modified_ns)
            .min()
            .unwrap_or_default()
    }

    /// When the picture is from, for ordering: the civil time of the capture if there is a legible one (read as
    /// if it were UTC), else the modification; nanoseconds since 1970.
    pub(crate) fn time_ns(&self) -> i64 {
        self.facts
            .captured
            .as_deref()
            .and_then(civil_ns)
            .unwrap_or_else(|| self.modified_ns())
    }

    pub(crate) fn into_record(self, id: ImageId) -> Record {
        Record {
            id,
            modified_ns: self.modified_ns(),
            len: self.files.first().map_or(0, |file| file.len),
            paths: self.files.into_iter().map(|file| file.path).collect(),
            facts: self.facts,
        }
    }
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
            },
        }
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
