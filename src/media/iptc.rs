//! Keywords in IPTC-IIM, the older of the two ways in which programs write them.
//!
//! `[0x1c, record, data set, length u16, data]` over and over; a length with its highest bit set says in how many bytes the length
//! follows.

/// Record and data set of the character set that the others are in.
const CHARACTERS: (u8, u8) = (1, 90);
/// That of a keyword.
const KEYWORD: (u8, u8) = (2, 25);
/// The escape sequence for UTF-8.
const UTF8: &[u8] = b"\x1b%G";

/// The keywords in some records, in their order.
pub(super) fn keywords(records: &[u8]) -> Vec<String> {
    let mut rest = records;
    let mut is_utf8 = false;
    let mut found = Vec::new();
    while let Some(record) = Record::first(rest) {
        match record.name {
            CHARACTERS => is_utf8 = record.data == UTF8,
            KEYWORD => found.push(text(record.data, is_utf8)),
            _ => {}
        }
        rest = record.after;
    }
    found
}

struct Record<'a> {
    /// Record and data set.
    name: (u8, u8),
    data: &'a [u8],
    after: &'a [u8],
}

impl<'a> Record<'a> {
    fn first(bytes: &'a [u8]) -> Option<Self> {
        let (&[0x1c, record, set, high, low], mut rest) = bytes.split_first_chunk()? else {
            return None;
        };
        let mut len = usize::from(u16::from_be_bytes([high, low]));
        if len & 0x8000 != 0 {
            let (digits, after) = rest.split_at_checked(len & 0x7fff)?;
            let &[a, b, c, d] = digits else { return None };
            len = u32::from_be_bytes([a, b, c, d]) as usize;
            rest = after;
        }
        let (data, after) = rest.split_at_checked(len)?;
        Some(Self {
            name: (record, set),
            data,
            after,
        })
    }
}

/// Many programs write UTF-8 and do not say so; what is none is Latin-1.
fn text(data: &[u8], is_utf8: bool) -> String {
    match std::str::from_utf8(data) {
        Ok(text) => text.to_owned(),
        Err(_) if is_utf8 => String::from_utf8_lossy(data).into_owned(),
        Err(_) => data.iter().copied().map(char::from).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(record: u8, set: u8, data: &[u8]) -> Vec<u8> {
        let len = (data.len() as u16).to_be_bytes();
        [&[0x1c, record, set], &len[..], data].concat()
    }

    #[test]
    fn keywords_are_read_in_every_character_set() {
        let plain = [
            set(2, 5, b"title"),
            set(2, 25, b"beach"),
            set(2, 25, b"K\xf6ln"),
        ]
        .concat();
        assert_eq!(keywords(&plain), ["beach", "Köln"]);
        let said = [
            set(1, 90, UTF8),
            set(2, 25, "Köln".as_bytes()),
            set(2, 25, b"\xf6"),
        ]
        .concat();
        assert_eq!(keywords(&said), ["Köln", "\u{fffd}"]);
        assert_eq!(keywords(&set(2, 25, "Köln".as_bytes())), ["Köln"]);
    }

    #[test]
    fn long_records_and_cut_ones() {
        let long = [
            &b"\x1c\x02\x19\x80\x04\0\0\0\x05"[..],
            b"beach",
            &set(2, 25, b"sea"),
        ]
        .concat();
        assert_eq!(keywords(&long), ["beach", "sea"]);
        for cut in 0..long.len() {
            assert!(keywords(&long[..cut]).len() < 2, "cut to {cut}");
        }
        assert!(keywords(b"\x1c\x02\x19\xff\xff").is_empty());
        assert!(keywords(b"\x1c\x02\x19\x80\x04\xff\xff\xff\xffx").is_empty());
    }
}
