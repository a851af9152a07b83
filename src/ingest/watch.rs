//! Waiting for changes below the folders that are indexed. The only file that names notify.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use notify::{Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher};

/// How long nothing must happen before changes are looked at: a file that is being copied is not whole before.
const QUIET: Duration = Duration::from_millis(1000);
/// How long they wait at most, for folders in which something always happens.
const LONGEST: Duration = Duration::from_secs(4);
/// How often a watch asks whether to go on.
const PATIENCE: Duration = Duration::from_millis(100);

/// Folders that cannot be watched.
#[derive(Debug, thiserror::Error)]
#[error("{} cannot be watched: {reason}", path.display())]
pub struct WatchError {
    /// The folder.
    pub path: PathBuf,
    /// Why.
    pub reason: String,
}

/// Folders that are being watched.
pub(crate) struct Watch {
    events: Receiver<notify::Result<Event>>,
    index: PathBuf,
    _watcher: RecommendedWatcher,
}

impl Watch {
    /// Watches from now on, also below folders that are made later. What happens in `index`, an absolute path without links, does
    /// not count.
    pub(crate) fn start<P: AsRef<Path>>(roots: &[P], index: &Path) -> Result<Self, WatchError> {
        let (sender, events) = mpsc::channel();
        let failed = |path: &Path, error: notify::Error| WatchError {
            path: path.to_path_buf(),
            reason: match error.kind {
                notify::ErrorKind::MaxFilesWatch => {
                    "the system watches no more folders; raise fs.inotify.max_user_watches"
                        .to_owned()
                }
                notify::ErrorKind::Io(error) => error.to_string(),
                other => format!("{other:?}"),
            },
        };
        let first = roots.first().map_or(Path::new(""), AsRef::as_ref);
        let mut watcher =
            notify::recommended_watcher(sender).map_err(|error| failed(first, error))?;
        for root in roots.iter().map(AsRef::as_ref) {
            // Without links, so that events are named as the index is.
            root.canonicalize()
                .map_err(notify::Error::io)
                .and_then(|real| watcher.watch(&real, RecursiveMode::Recursive))
                .map_err(|error| failed(root, error))?;
        }
        Ok(Self {
            events,
            index: index.to_path_buf(),
            _watcher: watcher,
        })
    }

    /// Waits for somebody else to be done.
    pub(crate) fn rest(&self, mut go_on: impl FnMut() -> ControlFlow<()>) -> ControlFlow<()> {
        let begin = Instant::now();
        while begin.elapsed() < QUIET {
            go_on()?;
            std::thread::sleep(PATIENCE);
        }
        ControlFlow::Continue(())
    }

    /// Waits until something has changed and it is quiet again. Breaks when `go_on` does.
    pub(crate) fn wait(&self, mut go_on: impl FnMut() -> ControlFlow<()>) -> ControlFlow<()> {
        let mut changes: Option<(Instant, Instant)> = None;
        loop {
            go_on()?;
            match self.events.recv_timeout(PATIENCE) {
                Ok(event) if self.matters(&event) => {
                    let now = Instant::now();
                    let first = changes.map_or(now, |(first, _)| first);
                    changes = Some((first, now));
                }
                Ok(_) | Err(RecvTimeoutError::Timeout) => {}
                // The watcher is held, so its thread has died: only looking for oneself is left.
                Err(RecvTimeoutError::Disconnected) => {
                    std::thread::sleep(PATIENCE);
                    changes.get_or_insert((Instant::now(), Instant::now()));
                }
            }
            let is_due = |(first, last): (Instant, Instant)| {
                last.elapsed() >= QUIET || first.elapsed() >= LONGEST
            };
            if changes.is_some_and(is_due) {
                return ControlFlow::Continue(());
            }
        }
    }

    /// Reading is no change, and neither is what the index itself does. An error may have hidden one.
    fn matters(&self, event: &notify::Result<Event>) -> bool {
        let Ok(event) = event else { return true };
        if event.need_rescan() {
            return true;
        }
        let is_foreign = |path: &PathBuf| !path.starts_with(&self.index);
        !matches!(event.kind, EventKind::Access(_)) && event.paths.iter().any(is_foreign)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn changes_are_told_when_it_is_quiet_and_reading_is_none() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().canonicalize().unwrap();
        let index = root.join("index");
        fs::create_dir(&index).unwrap();
        fs::write(root.join("a.jpg"), "a").unwrap();
        let watch = Watch::start(&[&root], &index).unwrap();
        fs::read(root.join("a.jpg")).unwrap();
        fs::write(index.join("own"), "").unwrap();
        let mut asked = 0;
        let stopped = watch.wait(|| {
            asked += 1;
            match asked {
                ..=20 => ControlFlow::Continue(()),
                _ => ControlFlow::Break(()),
            }
        });
        assert!(stopped.is_break(), "nothing has changed");
        let below = root.join("new");
        fs::create_dir(&below).unwrap();
        fs::write(below.join("b.jpg"), "b").unwrap();
        let begin = Instant::now();
        assert!(watch.wait(|| ControlFlow::Continue(())).is_continue());
        assert!(begin.elapsed() >= QUIET);
    }

    #[test]
    fn a_folder_that_is_not_there_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let missing = folder.path().join("missing");
        let error = Watch::start(&[&missing], folder.path()).err().unwrap();
        assert!(error.to_string().contains("missing cannot be watched"));
    }
}
