//! Look-up by halving in a text that is a sorted list: opening it costs nothing, and nothing is copied.

use std::cmp::Ordering;

/// The entry whose key is `word`. Entries stand in the order of the bytes of their keys, parted by one or more bytes for
/// which `parts` holds; these are ASCII.
pub(crate) fn find<'a>(
    list: &'a str,
    word: &str,
    parts: impl Fn(u8) -> bool,
    key: impl Fn(&'a str) -> &'a str,
) -> Option<&'a str> {
    let bytes = list.as_bytes();
    let (mut low, mut high) = (0, bytes.len());
    while low < high {
        let middle = low + (high - low) / 2;
        let Some(gap) = bytes[middle..high].iter().position(|&byte| !parts(byte)) else {
            high = middle;
            continue;
        };
        let inside = middle + gap;
        let start = bytes[low..inside]
            .iter()
            .rposition(|&byte| parts(byte))
            .map_or(low, |at| low + at + 1);
        let end = bytes[inside..high]
            .iter()
            .position(|&byte| parts(byte))
            .map_or(high, |at| inside + at);
        let entry = &list[start..end];
        match key(entry).cmp(word) {
            Ordering::Equal => return Some(entry),
            Ordering::Less => low = end,
            Ordering::Greater => high = start,
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_entry_is_found_and_nothing_else() {
        let list = "'s\n    a an   apple\n\n b  been=be zoo ";
        let blank = |byte: u8| byte.is_ascii_whitespace();
        let key = |entry| str::split_once(entry, '=').map_or(entry, |(key, _)| key);
        for entry in list.split_ascii_whitespace() {
            assert_eq!(find(list, key(entry), blank, key), Some(entry));
        }
        for word in ["", "'", "ab", "apples", "been=be", "zz", " "] {
            assert_eq!(find(list, word, blank, key), None, "{word:?}");
        }
        assert_eq!(find("", "a", blank, key), None);
        assert_eq!(find("   ", "a", blank, key), None);
    }
}
