//! Indexing from within: a thread that tells how far it is, while searches go on.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::Sender;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use imgsearch::{Engine, IndexReport, Progress};

use super::message::{Indexing, Msg};
use super::painter::guarded;
use super::text::{grouped, shown_path};

/// How often searches look for what was published meanwhile.
const REFRESH: Duration = Duration::from_secs(6);

/// An index run.
#[derive(Debug)]
pub(super) struct Indexer {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<()>,
}

impl Indexer {
    /// Starts one over a folder.
    pub(super) fn start(engine: Engine, folder: PathBuf, messages: Sender<Msg>) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let thread = thread::spawn(move || {
            let over = match guarded(|| run(&engine, &folder, &stopped, &messages)) {
                Ok(report) => summary(&report, &folder),
                Err(reason) => format!("not indexed: {reason}"),
            };
            let _ = messages.send(Msg::Indexing(Indexing::Over(over)));
        });
        Self { stop, thread }
    }

    /// Stops it; what was done is kept.
    pub(super) fn stop(&self) {
        self.stop.store(true, Ordering::Relaxed);
    }

    /// Waits until it has stopped.
    pub(super) fn finish(self) {
        self.stop();
        let _ = self.thread.join();
    }
}

fn run(
    engine: &Engine,
    folder: &Path,
    stop: &AtomicBool,
    messages: &Sender<Msg>,
) -> Result<IndexReport, String> {
    let mut said = String::new();
    let mut refreshed = Instant::now();
    let report = engine.index_paths(&[folder], |progress| {
        let now = told(progress);
        let mut is_heard = true;
        if now != said {
            is_heard = messages
                .send(Msg::Indexing(Indexing::Running(now.clone())))
                .is_ok();
            said = now;
        }
        if refreshed.elapsed() >= REFRESH {
            refreshed = Instant::now();
            is_heard &= messages.send(Msg::Indexing(Indexing::Published)).is_ok();
        }
        match stop.load(Ordering::Relaxed) || !is_heard {
            true => ControlFlow::Break(()),
            false => ControlFlow::Continue(()),
        }
    });
    report.map_err(|error| error.to_string())
}

fn told(progress: &Progress) -> String {
    match progress {
        Progress::Walking { found } => format!("looking for pictures: {}", grouped(*found)),
        Progress::Encoding {
            done,
            total,
            skipped,
        } => {
            let (done, total) = (grouped(*done), grouped(*total));
            match skipped {
                0 => format!("indexing {done} of {total}"),
                skipped => format!("indexing {done} of {total}, {} skipped", grouped(*skipped)),
            }
        }
        Progress::Publishing => "publishing".to_owned(),
        Progress::Linking { done, total } => {
            format!("linking {} of {}", grouped(*done), grouped(*total))
        }
        _ => "indexing".to_owned(),
    }
}

fn summary(report: &IndexReport, folder: &Path) -> String {
    let mut told: Vec<_> = report
        .counts()
        .map(|(what, count)| format!("{what} {}", grouped(count)))
        .collect();
    // One of those that were skipped says what the matter is.
    if let Some(first) = report.skipped.first() {
        let name = shown_path(first.path.file_name().map_or(&first.path, Path::new));
        told.push(format!("as {name}: {}", first.reason));
    }
    let end = if report.cancelled { "stopped; " } else { "" };
    match told.is_empty() {
        true if report.cancelled => "stopped before anything was done".to_owned(),
        true => format!("no pictures found in {}", shown_path(folder)),
        false => format!("{end}{}", told.join(", ")),
    }
}
