//! Finding the picture files below the paths that the user named.

mod sidecars;
mod skip;

use std::collections::{HashSet, VecDeque};
use std::fs::{self, Metadata};
use std::io;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use ignore::Match;
use ignore::gitignore::{Gitignore, GitignoreBuilder};
use imgsearch_index::FileFacts;
use walkdir::{DirEntry, WalkDir};

use sidecars::Sidecars;
pub use skip::WalkError;
pub(crate) use skip::{SkipReason, Skipped};

/// The file that says, in gitignore's syntax, what below its folder is not to be indexed.
pub(crate) const IGNORE_FILE: &str = ".imgsearchignore";

/// Extensions of picture files; those that cannot be decoded are here so that they are named and not passed over.
const EXTENSIONS: [&str; 33] = [
    "jpg", "jpeg", "jpe", "jfif", "jif", "mpo", "png", "apng", "webp", "gif", "bmp", "dib", "tif",
    "tiff", "ico", "pnm", "pbm", "pgm", "ppm", "pam", "tga", "qoi", "avif", "avifs", "heic",
    "heif", "hif", "heics", "heifs", "jxl", "jp2", "jpf", "jpx",
];

/// Folders of thumbnails, sources and system state that no one means by "my pictures".
const FOLDERS: [&str; 5] = [
    "@eaDir",
    ".git",
    "node_modules",
    "System Volume Information",
    "$RECYCLE.BIN",
];

/// Android's mark on folders whose pictures belong to an application and not to a gallery.
const NO_MEDIA: &str = ".nomedia";

/// How to walk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub(crate) struct WalkOptions {
    /// Also take files and folders whose name begins with a dot. Default: no.
    pub hidden: bool,
}

/// What was found below the roots.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub(crate) struct Walked {
    /// The roots as the index knows them: absolute, links resolved.
    pub roots: Vec<PathBuf>,
    /// The picture files, by path, each once; of one with a sidecar the time tells whether that has changed.
    pub files: Vec<FileFacts>,
    /// What could not be walked, by path.
    pub skipped: Vec<Skipped>,
}

/// Walks `roots`: the picture files in folders, and whatever files are named themselves. Links are followed, each folder
/// is entered once. `progress` gets the number of files found, for every entry looked at, and can break it off.
pub(crate) fn walk<P: AsRef<Path>>(
    roots: &[P],
    options: &WalkOptions,
    mut progress: impl FnMut(usize) -> ControlFlow<()>,
) -> Result<Walked, WalkError> {
    let mut walked = Walked {
        roots: resolve(roots)?,
        ..Walked::default()
    };
    let mut walker = Walker {
        options: *options,
        roots: walked.roots.iter().cloned().collect(),
        entered: HashSet::new(),
        links: VecDeque::new(),
        files: Vec::new(),
        sidecars: Sidecars::default(),
        skipped: Vec::new(),
        progress: &mut progress,
    };
    for root in &walked.roots {
        walker.root(root)?;
    }
    // Links last, so that a folder inside a root is known by its own path and not by that of a link to it.
    while let Some((link, target)) = walker.links.pop_front() {
        walker.folder(&link, &target)?;
    }
    let sidecars = walker.sidecars;
    (walked.files, walked.skipped) = (walker.files, walker.skipped);
    walked.files.iter_mut().for_each(|file| sidecars.mark(file));
    walked.files.sort_unstable_by(|a, b| a.path.cmp(&b.path));
    walked.files.dedup_by(|a, b| a.path == b.path);
    walked.skipped.sort_unstable_by(|a, b| a.path.cmp(&b.path));
    Ok(walked)
}

/// Absolute paths without links. Of a file only the folder is resolved: a link to a file is a file with its own name.
fn resolve<P: AsRef<Path>>(roots: &[P]) -> Result<Vec<PathBuf>, WalkError> {
    let one = |root: &Path| -> io::Result<PathBuf> {
        let whole = root.canonicalize()?;
        match (root.parent(), root.file_name()) {
            (Some(parent), Some(name)) if !whole.is_dir() => {
                let parent = if parent.as_os_str().is_empty() {
                    Path::new(".")
                } else {
                    parent
                };
                Ok(parent.canonicalize()?.join(name))
            }
            _ => Ok(whole),
        }
    };
    let mut resolved = Vec::with_capacity(roots.len());
    for root in roots.iter().map(AsRef::as_ref) {
        resolved.push(one(root).map_err(|source| WalkError::Root {
            path: root.to_path_buf(),
            source,
        })?);
    }
    resolved.sort_unstable();
    resolved.dedup();
    Ok(resolved)
}

struct Walker<'a> {
    options: WalkOptions,
    roots: HashSet<PathBuf>,
    /// Real paths of the folders entered.
    entered: HashSet<PathBuf>,
    /// Links to folders, and what they point to.
    links: VecDeque<(PathBuf, PathBuf)>,
    files: Vec<FileFacts>,
    sidecars: Sidecars,
    skipped: Vec<Skipped>,
    progress: &'a mut dyn FnMut(usize) -> ControlFlow<()>,
}

impl Walker<'_> {
    fn skip(&mut self, path: &Path, reason: SkipReason) {
        self.skipped.push(Skipped {
            path: path.to_path_buf(),
            reason,
        });
    }

    fn unreadable(&mut self, path: &Path, error: impl ToString) {
        self.skip(path, SkipReason::Unreadable(error.to_string()));
    }

    fn root(&mut self, root: &Path) -> Result<(), WalkError> {
        match fs::metadata(root) {
            Ok(metadata) if metadata.is_dir() => self.folder(root, root)?,
            Ok(metadata) if metadata.is_file() => {
                self.files.push(file_facts(root, &metadata));
                for path in crate::media::sidecars(root) {
                    self.sidecar(&path);
                }
            }
            Ok(_) => self.skip(root, SkipReason::NotAFile),
            Err(error) => self.unreadable(root, error),
        }
        Ok(())
    }

    /// Walks the folder called `named` which really is `real`; links below it are noted and not entered.
    fn folder(&mut self, named: &Path, real: &Path) -> Result<(), WalkError> {
        // Of each folder on the way down, its ignore file and how deep it is.
        let mut rules: Vec<(usize, Gitignore)> = Vec::new();
        let mut entries = WalkDir::new(named)
            .follow_root_links(true)
            .sort_by_file_name()
            .into_iter();
        while let Some(entry) = entries.next() {
            if (self.progress)(self.files.len()).is_break() {
                return Err(WalkError::Cancelled {
                    files: self.files.len(),
                });
            }
            let entry = match entry {
                Ok(entry) => entry,
                Err(error) => {
                    let path = error.path().unwrap_or(named).to_path_buf();
                    let reason = error
                        .io_error()
                        .map_or_else(|| error.to_string(), ToString::to_string);
                    self.unreadable(&path, reason);
                    continue;
                }
            };
            rules.truncate(rules.partition_point(|(depth, _)| *depth < entry.depth()));
            let is_folder = entry.file_type().is_dir() || entry.depth() == 0;
            if entry.depth() > 0 && self.excluded(&entry, is_folder, &rules) {
                if is_folder {
                    entries.skip_current_dir();
                }
                continue;
            }
            if !is_folder {
                self.leaf(&entry);
                continue;
            }
            let below = entry.path().strip_prefix(named).unwrap_or(Path::new(""));
            let real = if below.as_os_str().is_empty() {
                real.to_path_buf()
            } else {
                real.join(below)
            };
            // A root inside another is walked by its own right, whatever the outer one's rules say of it.
            let is_inner_root = entry.depth() > 0 && self.roots.contains(&real);
            let unwanted = entry.depth() > 0 && entry.path().join(NO_MEDIA).exists();
            if is_inner_root || unwanted || !self.entered.insert(real) {
                entries.skip_current_dir();
                continue;
            }
            if let Some(own) = self.rules_of(entry.path()) {
                rules.push((entry.depth(), own));
            }
        }
        Ok(())
    }

    fn excluded(&self, entry: &DirEntry, is_folder: bool, rules: &[(usize, Gitignore)]) -> bool {
        if FOLDERS.iter().any(|name| entry.file_name() == *name) {
            return true;
        }
        // The deepest file that has an opinion decides, and can also ask for what is hidden.
        for (_, rules) in rules.iter().rev() {
            match rules.matched(entry.path(), is_folder) {
                Match::Ignore(_) => return true,
                Match::Whitelist(_) => return false,
                Match::None => {}
            }
        }
        !self.options.hidden && entry.file_name().as_encoded_bytes().starts_with(b".")
    }

    fn rules_of(&mut self, folder: &Path) -> Option<Gitignore> {
        let path = folder.join(IGNORE_FILE);
        if !path.is_file() {
            return None;
        }
        let mut builder = GitignoreBuilder::new(folder);
        if let Some(error) = builder.add(&path) {
            let reason = if error.is_io() {
                SkipReason::Unreadable(error.to_string())
            } else {
                SkipReason::BadPattern(error.to_string())
            };
            self.skip(&path, reason);
        }
        builder.build().ok()
    }

    /// A file or a link.
    fn leaf(&mut self, entry: &DirEntry) {
        let path = entry.path();
        let is_link = entry.path_is_symlink();
        if Sidecars::looks_like_one(path) {
            self.sidecar(path);
        }
        if !is_link && !looks_like_a_picture(path) {
            return;
        }
        match fs::metadata(path) {
            Ok(metadata) if metadata.is_dir() => self.link(path),
            Ok(metadata) if metadata.is_file() && looks_like_a_picture(path) => {
                self.files.push(file_facts(path, &metadata));
            }
            Ok(_) => {}
            Err(_) if !looks_like_a_picture(path) => {}
            Err(error) if is_link && error.kind() == io::ErrorKind::NotFound => {
                self.skip(path, SkipReason::BrokenLink)
            }
            Err(error) => self.unreadable(path, error),
        }
    }

    fn sidecar(&mut self, path: &Path) {
        if let Ok(metadata) = fs::metadata(path)
            && metadata.is_file()
        {
            self.sidecars.add(path, &metadata);
        }
    }

    fn link(&mut self, link: &Path) {
        let place = link
            .parent()
            .map_or_else(|| Ok(PathBuf::new()), Path::canonicalize);
        match (link.canonicalize(), place) {
            (Ok(target), Ok(place)) if place.starts_with(&target) => {
                self.skip(link, SkipReason::Loop(target))
            }
            (Ok(target), Ok(_)) => self.links.push_back((link.to_path_buf(), target)),
            (Err(error), _) | (_, Err(error)) => self.unreadable(link, error),
        }
    }
}

fn looks_like_a_picture(path: &Path) -> bool {
    let extension = path.extension().and_then(|extension| extension.to_str());
    extension.is_some_and(|extension| {
        EXTENSIONS
            .iter()
            .any(|known| known.eq_ignore_ascii_case(extension))
    })
}

/// A file as the index knows it, apart from the sidecars beside it.
pub(crate) fn file_facts(path: &Path, metadata: &Metadata) -> FileFacts {
    FileFacts {
        path: path.to_path_buf(),
        len: metadata.len(),
        modified_ns: modified_ns(metadata),
    }
}

/// Nanoseconds since 1970, negative before; 0 where the file system keeps no times.
fn modified_ns(metadata: &Metadata) -> i64 {
    let nanos = |span: std::time::Duration| i64::try_from(span.as_nanos()).unwrap_or(i64::MAX);
    match metadata
        .modified()
        .map(|time| time.duration_since(UNIX_EPOCH))
    {
        Ok(Ok(after)) => nanos(after),
        Ok(Err(before)) => -nanos(before.duration()),
        Err(_) => 0,
    }
}

#[cfg(test)]
mod tests;
