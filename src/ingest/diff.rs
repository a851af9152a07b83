//! What has changed on the disk since the index was written.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use imgsearch_index::{FileFacts, ImageId};

use super::walk::{SkipReason, Walked};

/// What has changed. A file that was moved is here twice, as new and as gone: that it is the same picture shows when its
/// bytes are hashed, and nothing of it is encoded again.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Changes {
    /// Files at paths that the index does not know.
    pub(crate) new: Vec<FileFacts>,
    /// Files whose length or time differs, with the picture they were.
    pub(crate) modified: Vec<(FileFacts, ImageId)>,
    /// How many are as the index knows them; these are never opened.
    pub(crate) unchanged: usize,
    /// Paths that no longer lead to an indexed file, with the picture they were.
    pub(crate) gone: Vec<(PathBuf, ImageId)>,
}

/// Compares what was `walked` with what the index knows. Paths outside the walked roots are left alone, and so are those
/// that could not be looked at this time: a folder without permission is not an empty folder.
pub(crate) fn diff(walked: Walked, known: &[(FileFacts, ImageId)]) -> Changes {
    let Walked {
        roots,
        files,
        skipped,
    } = walked;
    let mut unseen: HashMap<&Path, (&FileFacts, ImageId)> = known
        .iter()
        .filter(|(facts, _)| below_any(&facts.path, roots.iter()))
        .map(|(facts, id)| (facts.path.as_path(), (facts, *id)))
        .collect();
    let mut changes = Changes::default();
    for file in files {
        match unseen.remove(file.path.as_path()) {
            None => changes.new.push(file),
            Some((known, _)) if *known == file => changes.unchanged += 1,
            Some((_, id)) => changes.modified.push((file, id)),
        }
    }
    let unreadable = skipped
        .iter()
        .filter(|skipped| matches!(skipped.reason, SkipReason::Unreadable(_)));
    let unreadable: Vec<&Path> = unreadable.map(|skipped| skipped.path.as_path()).collect();
    let gone = unseen
        .into_iter()
        .filter(|(path, _)| !below_any(path, unreadable.iter()));
    changes.gone = gone
        .map(|(path, (_, id))| (path.to_path_buf(), id))
        .collect();
    changes.gone.sort_unstable();
    changes
}

fn below_any<P: AsRef<Path>>(path: &Path, mut folders: impl Iterator<Item = P>) -> bool {
    folders.any(|folder| path.starts_with(folder))
}

#[cfg(test)]
mod tests {
    use super::super::walk::Skipped;
    use super::*;

    fn file(path: &str, len: u64, modified_ns: i64) -> FileFacts {
        FileFacts {
            path: path.into(),
            len,
            modified_ns,
        }
    }

    fn walked(files: &[FileFacts], unreadable: &[&str]) -> Walked {
        let skip = |path: &&str| Skipped {
            path: path.into(),
            reason: SkipReason::Unreadable("denied".to_owned()),
        };
        let mut walked = Walked {
            roots: vec!["/p".into()],
            files: files.to_vec(),
            ..Walked::default()
        };
        walked.skipped = unreadable.iter().map(skip).collect();
        walked
    }

    #[test]
    fn new_modified_unchanged_and_gone() {
        let id = ImageId::of;
        let known = [
            (file("/p/same.jpg", 1, 1), id(b"same")),
            (file("/p/longer.jpg", 1, 1), id(b"longer")),
            (file("/p/later.jpg", 1, 1), id(b"later")),
            (file("/p/gone.jpg", 1, 1), id(b"gone")),
            (file("/elsewhere/a.jpg", 1, 1), id(b"elsewhere")),
            (
                file("/pp/a.jpg", 1, 1),
                id(b"a name that only begins like the root"),
            ),
        ];
        let files = [
            file("/p/same.jpg", 1, 1),
            file("/p/longer.jpg", 2, 1),
            file("/p/later.jpg", 1, 2),
            file("/p/x.jpg", 1, 1),
        ];
        let changes = diff(walked(&files, &[]), &known);
        assert_eq!(changes.new, [files[3].clone()]);
        assert_eq!(
            changes.modified,
            [
                (files[1].clone(), id(b"longer")),
                (files[2].clone(), id(b"later"))
            ]
        );
        assert_eq!(changes.unchanged, 1);
        assert_eq!(changes.gone, [("/p/gone.jpg".into(), id(b"gone"))]);
    }

    #[test]
    fn what_cannot_be_looked_at_is_not_gone() {
        let known = [
            (file("/p/locked/a.jpg", 1, 1), ImageId::of(b"a")),
            (file("/p/b.jpg", 1, 1), ImageId::of(b"b")),
            (file("/p/locked.jpg", 1, 1), ImageId::of(b"c")),
        ];
        let changes = diff(walked(&[], &["/p/locked", "/p/b.jpg"]), &known);
        assert_eq!(changes.gone, [("/p/locked.jpg".into(), ImageId::of(b"c"))]);
    }

    #[test]
    fn nothing_known_and_nothing_found() {
        assert_eq!(diff(Walked::default(), &[]), Changes::default());
    }
}
