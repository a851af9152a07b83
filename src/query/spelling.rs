//! Words that differ by one slip of the finger.

/// Whether one letter put in, left out, changed or swapped with its neighbour makes one word the other.
pub(crate) fn one_slip(a: &str, b: &str) -> bool {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let (short, long) = if a.len() <= b.len() {
        (&a, &b)
    } else {
        (&b, &a)
    };
    if long.len() - short.len() > 1 || a == b {
        return false;
    }
    let start = short.iter().zip(long).take_while(|(x, y)| x == y).count();
    let (short, long) = (&short[start..], &long[start..]);
    match long.len() - short.len() {
        1 => short == &long[1..],
        _ if short[1..] == long[1..] => true,
        _ => {
            short.len() > 1 && short[0] == long[1] && short[1] == long[0] && short[2..] == long[2..]
        }
    }
}

/// Names that somebody who typed `word` may have meant, nearest first, at most `limit`.
pub(crate) fn near<'a>(
    word: &str,
    names: impl Iterator<Item = &'a str>,
    limit: usize,
) -> Vec<String> {
    let mut found: Vec<(usize, &str)> = names
        .filter_map(|name| {
            let shared =
                word.len() >= 3 && (name.contains(word) || word.contains(name) && name.len() >= 3);
            let distance = distance(word, name);
            (distance <= 2 && distance < word.chars().count() || shared).then_some((distance, name))
        })
        .collect();
    found.sort_unstable();
    found.dedup();
    found
        .into_iter()
        .take(limit)
        .map(|(_, name)| name.to_owned())
        .collect()
}

/// Letters to put in, leave out or change to make one word the other.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut corner = row[0];
        row[0] = i + 1;
        for (j, &y) in b.iter().enumerate() {
            let change = corner + usize::from(x != y);
            corner = row[j + 1];
            row[j + 1] = change.min(corner + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_slip_is_one_slip() {
        for (a, b) in [
            ("beach", "baech"),
            ("beach", "bech"),
            ("beach", "beeach"),
            ("beach", "beash"),
        ] {
            assert!(one_slip(a, b) && one_slip(b, a), "{a} {b}");
        }
        for (a, b) in [
            ("beach", "beach"),
            ("beach", "peaches"),
            ("beach", "bach s"),
            ("", "ab"),
            ("abcd", "badc"),
        ] {
            assert!(!one_slip(a, b), "{a} {b}");
        }
    }

    #[test]
    fn near_names_come_nearest_first() {
        let names = ["dog", "hot dog", "frog", "cat", "doll"];
        assert_eq!(near("dgo", names.into_iter(), 2), ["dog"]);
        assert_eq!(
            near("dog", names.into_iter(), 9),
            ["dog", "doll", "frog", "hot dog"]
        );
        assert!(near("zzzzzz", names.into_iter(), 9).is_empty());
    }
}
