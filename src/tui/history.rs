//! Queries of former days, a line each.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::Path;

/// Queries that are kept.
const MOST: usize = 1000;

/// Former queries, and the place in them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct History {
    /// Oldest first.
    queries: Vec<String>,
    /// Which one is in the query line, and what was typed before it came there.
    at: Option<(usize, String)>,
}

impl History {
    pub(super) fn new(queries: Vec<String>) -> Self {
        Self { queries, at: None }
    }

    /// Adds a query. Says whether it was not the last one anyway.
    pub(super) fn add(&mut self, query: &str) -> bool {
        self.at = None;
        let query = query.trim();
        if query.is_empty() || self.queries.last().is_some_and(|last| last == query) {
            return false;
        }
        self.queries.push(query.to_owned());
        true
    }

    /// The query before the one in the line, which holds `typed`.
    pub(super) fn older(&mut self, typed: &str) -> Option<String> {
        let (from, draft) = match self.at.take() {
            Some((at, draft)) => (at, draft),
            None => (self.queries.len(), typed.to_owned()),
        };
        // What stands in the line already would look as if nothing had happened.
        let mut before = self.queries[..from].iter();
        let found = before.rposition(|query| query != typed);
        self.at = Some((found.unwrap_or(from), draft)).filter(|(at, _)| *at < self.queries.len());
        found.map(|at| self.queries[at].clone())
    }

    /// The query after the one in the line, in the end what was typed.
    pub(super) fn newer(&mut self) -> Option<String> {
        let (at, draft) = self.at.take()?;
        match self.queries.get(at + 1) {
            Some(query) => {
                self.at = Some((at + 1, draft));
                Some(query.clone())
            }
            None => Some(draft),
        }
    }
}

/// Reads the queries that a file keeps; a file that is not there keeps none.
pub(super) fn load(path: &Path) -> Vec<String> {
    let bytes = fs::read(path).unwrap_or_default();
    let text = String::from_utf8_lossy(&bytes);
    let queries: Vec<String> = text.lines().map(super::text::typed).collect();
    let from = queries.len().saturating_sub(MOST);
    // Rarely, so that most sessions only add a line.
    if queries.len() > 2 * MOST {
        let kept = queries[from..].join("\n") + "\n";
        let _ = fs::write(path, kept);
    }
    queries[from..].to_vec()
}

/// Adds a query to a file, in one write so that other sessions can do the same.
pub(super) fn append(path: &Path, query: &str) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    open(path)?.write_all(format!("{query}\n").as_bytes())
}

fn open(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.append(true).create(true);
    // What somebody looks for is nobody else's business.
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_goes_back_and_returns_to_what_was_typed() {
        let mut history = History::new(vec!["a".to_owned(), "b".to_owned()]);
        assert_eq!(history.newer(), None);
        assert_eq!(history.older("typed").as_deref(), Some("b"));
        assert_eq!(history.older("b").as_deref(), Some("a"));
        assert_eq!(history.older("a"), None);
        assert_eq!(history.newer().as_deref(), Some("b"));
        assert_eq!(history.newer().as_deref(), Some("typed"));
        assert_eq!(history.newer(), None);
        assert!(history.add(" c ") && !history.add("c") && !history.add(" "));
        assert_eq!(history.older("c").as_deref(), Some("b"));
        assert_eq!(History::default().older("x"), None);
    }

    #[test]
    fn a_file_keeps_them_and_does_not_grow_for_ever() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state/history");
        assert!(load(&path).is_empty());
        append(&path, "a dog").unwrap();
        append(&path, "a \u{1b}[2J cat").unwrap();
        assert_eq!(load(&path), ["a dog", "a [2J cat"]);
        let many: String = (0..2500).map(|n| format!("{n}\n")).collect();
        fs::write(&path, many).unwrap();
        let queries = load(&path);
        assert_eq!((queries.len(), &*queries[0]), (1000, "1500"));
        assert_eq!(fs::read_to_string(&path).unwrap().lines().count(), 1000);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = fs::metadata(&path).unwrap().permissions().mode();
            assert_eq!(mode & 0o077, 0);
        }
    }
}
