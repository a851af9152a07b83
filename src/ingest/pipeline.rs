//! One index run: walk, compare, decode in threads, encode in batches, store, publish.

use std::collections::{HashMap, HashSet};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::RecvTimeoutError;
use std::time::{Duration, Instant};

use imgsearch_index::{ImageFacts, ImageId, NewImage, Writer};

use super::decode::{Decoded, Decoder, Job};
use super::diff::{Changes, diff};
use super::report::{IndexReport, Progress, SkippedFile};
use super::walk::{WalkError, WalkOptions, walk};
use crate::config::IngestSettings;
use crate::encoder::{Encoder, ImageFeatures};
use crate::error::Result;
use crate::media::Squares;
use crate::thumbnails::Thumbnails;

/// How often a run that waits for a slow picture asks whether to go on.
const PATIENCE: Duration = Duration::from_millis(100);

/// What pictures are made into.
pub(crate) struct Source<'a> {
    pub(crate) encoder: &'a dyn Encoder,
    pub(crate) thumbnails: &'a Thumbnails,
}

/// A picture that waits for its batch.
struct Waiting {
    job: Job,
    id: ImageId,
    facts: ImageFacts,
    squares: Squares,
}

/// The state of a run.
struct Run<'a, P, A> {
    writer: &'a mut Writer,
    source: &'a Source<'a>,
    annotate: A,
    settings: &'a IngestSettings,
    progress: P,
    report: IndexReport,
    /// Pictures whose path went, by id: where their bytes turn up again they were moved.
    gone: HashMap<ImageId, Vec<PathBuf>>,
    waiting: Vec<Waiting>,
    /// Copies of pictures that still wait for their batch.
    copies: Vec<(Job, ImageId)>,
    stored: HashSet<ImageId>,
    published: Instant,
    done: usize,
    total: usize,
}

/// Brings the index up to date with what is below `roots`.
///
/// The writer is opened after the walk: a mistyped root must not leave an empty index behind. One for another model takes the place
/// of the present index when all is done. `annotate` says of each picture what is known of it beside its pixels, before it is stored.
pub(crate) fn run<R: AsRef<Path>>(
    open: impl FnOnce() -> Result<Writer>,
    source: &Source<'_>,
    annotate: impl Fn(&mut NewImage),
    settings: &IngestSettings,
    roots: &[R],
    mut progress: impl FnMut(&Progress) -> ControlFlow<()>,
) -> Result<IndexReport> {
    let start = Instant::now();
    let options = WalkOptions {
        hidden: settings.hidden,
    };
    let walked = match walk(roots, &options, |found| {
        progress(&Progress::Walking { found })
    }) {
        Ok(walked) => walked,
        Err(WalkError::Cancelled { .. }) => {
            return Ok(IndexReport {
                cancelled: true,
                elapsed: start.elapsed(),
                ..IndexReport::default()
            });
        }
        Err(error) => return Err(error.into()),
    };
    let skipped = walked
        .skipped
        .iter()
        .map(|skipped| SkippedFile {
            path: skipped.path.clone(),
            reason: skipped.reason.to_string(),
        })
        .collect();
    let mut writer = open()?;
    let known = writer.files()?;
    let changes = diff(walked, &known);
    let known: HashSet<ImageId> = known.into_iter().map(|(_, id)| id).collect();
    let jobs = jobs(&changes);
    let mut gone: HashMap<ImageId, Vec<PathBuf>> = HashMap::new();
    for (path, id) in changes.gone {
        gone.entry(id).or_default().push(path);
    }
    let mut run = Run {
        writer: &mut writer,
        source,
        annotate,
        settings,
        progress,
        report: IndexReport {
            unchanged: changes.unchanged,
            skipped,
            ..IndexReport::default()
        },
        gone,
        waiting: Vec::new(),
        copies: Vec::new(),
        stored: known.clone(),
        published: Instant::now(),
        done: 0,
        total: jobs.len(),
    };
    let outcome = run.encode(&jobs, &known);
    // Whatever stopped the run, what was stored is published.
    run.finish(outcome.is_ok())?;
    outcome?;
    let (mut report, mut progress) = (run.report, run.progress);
    if !report.cancelled {
        let mut writer = writer.promote()?;
        writer.settle(|done, total| progress(&Progress::Linking { done, total }))?;
    }
    report.elapsed = start.elapsed();
    Ok(report)
}

fn jobs(changes: &Changes) -> Vec<Job> {
    let new = changes.new.iter().map(|file| (file, None));
    let modified = changes.modified.iter().map(|(file, id)| (file, Some(*id)));
    new.chain(modified)
        .map(|(file, was)| Job {
            file: file.clone(),
            was,
        })
        .collect()
}

impl<P: FnMut(&Progress) -> ControlFlow<()>, A: Fn(&mut NewImage)> Run<'_, P, A> {
    /// Decodes and encodes every job.
    fn encode(&mut self, jobs: &[Job], known: &HashSet<ImageId>) -> Result<()> {
        let threads = match self.settings.threads {
            0 => std::thread::available_parallelism().map_or(1, usize::from),
            threads => threads,
        };
        let stop = AtomicBool::new(false);
        let decoder = Decoder::new(
            jobs,
            known,
            self.settings.limits(),
            self.source.encoder.inputs(),
            self.source.thumbnails,
            &stop,
        );
        std::thread::scope(|scope| {
            let decoded = decoder.start(scope, threads, self.settings.batch);
            let outcome = loop {
                if self.tell().is_break() {
                    self.report.cancelled = true;
                    break Ok(());
                }
                let step = match decoded.recv_timeout(PATIENCE) {
                    Ok(decoded) => self.take(decoded),
                    Err(RecvTimeoutError::Timeout) => Ok(()),
                    Err(RecvTimeoutError::Disconnected) => break self.flush(),
                };
                if let Err(error) = step.and_then(|()| self.publish_if_due()) {
                    break Err(error);
                }
            };
            // Threads that wait for room in the channel are released when the receiver goes.
            stop.store(true, Ordering::Relaxed);
            drop(decoded);
            outcome
        })
    }

    fn tell(&mut self) -> ControlFlow<()> {
        (self.progress)(&Progress::Encoding {
            done: self.done,
            total: self.total,
            skipped: self.report.skipped.len(),
        })
    }

    fn take(&mut self, decoded: Decoded) -> Result<()> {
        match decoded {
            Decoded::Fresh(job, id, picture) => {
                let (facts, squares) = *picture;
                self.waiting.push(Waiting {
                    job,
                    id,
                    facts,
                    squares,
                });
                if self.waiting.len() >= self.settings.batch {
                    self.flush()?;
                }
            }
            Decoded::Known(job, id) if self.stored.contains(&id) => self.link(job, id)?,
            Decoded::Known(job, id) => self.copies.push((job, id)),
            Decoded::Failed(job, reason) => {
                self.done += 1;
                // A file that no longer decodes must not be found as the picture it was.
                if job.was.is_some() {
                    self.writer.remove_file(&job.file.path)?;
                }
                self.skip(job.file.path, reason.to_string());
            }
        }
        Ok(())
    }

    fn skip(&mut self, path: PathBuf, reason: String) {
        self.report.skipped.push(SkippedFile { path, reason });
    }

    /// A file whose picture is stored already.
    fn link(&mut self, job: Job, id: ImageId) -> Result<()> {
        self.done += 1;
        if job.was == Some(id) {
            self.writer.touch(job.file)?;
            self.report.unchanged += 1;
            return Ok(());
        }
        self.writer.add_file(&id, job.file)?;
        if job.was.is_some() {
            self.report.updated += 1;
        } else if let Some(old) = self.gone.get_mut(&id).and_then(Vec::pop) {
            self.writer.remove_file(&old)?;
            self.report.moved += 1;
        } else {
            self.report.added += 1;
        }
        Ok(())
    }

    /// Encodes and stores what waits.
    fn flush(&mut self) -> Result<()> {
        let batch = std::mem::take(&mut self.waiting);
        let mut pictures = Vec::with_capacity(batch.len());
        let mut rest = Vec::with_capacity(batch.len());
        for waiting in batch {
            pictures.push(waiting.squares);
            rest.push((waiting.job, waiting.id, waiting.facts));
        }
        let features = self.features(&pictures)?;
        let mut images = Vec::with_capacity(rest.len());
        let (mut added, mut updated) = (0, 0);
        for ((job, id, facts), (features, tokens)) in rest.into_iter().zip(features) {
            match job.was {
                Some(_) => updated += 1,
                None => added += 1,
            }
            self.stored.insert(id);
            let mut image = NewImage {
                id,
                files: vec![job.file],
                facts,
                embedding: features.embedding,
                tag_scores: features.tag_scores,
                tokens,
                corrections: None,
            };
            (self.annotate)(&mut image);
            images.push(image);
        }
        let stored = images.len();
        if stored > 0 {
            self.writer.put(images)?;
        }
        // Counted only now: what is reported as done is durable.
        self.done += stored;
        self.report.added += added;
        self.report.updated += updated;
        for (job, id) in std::mem::take(&mut self.copies) {
            if self.stored.contains(&id) {
                self.link(job, id)?;
            } else {
                self.copies.push((job, id));
            }
        }
        Ok(())
    }

    /// What the encoder makes of pictures, with what sentences are matched with where it is to be kept.
    fn features(&self, pictures: &[Squares]) -> Result<Vec<(ImageFeatures, Vec<u8>)>> {
        if !self.source.encoder.matches() {
            let features = self.source.encoder.images(pictures)?.into_iter();
            return Ok(features.map(|features| (features, Vec::new())).collect());
        }
        let most = self.settings.max_token_kib << 10;
        let features = self
            .source
            .encoder
            .images_with_tokens(pictures)?
            .into_iter();
        let packed = features.map(|(features, tokens)| {
            let packed = tokens.pack();
            let is_kept = packed.len() <= most;
            (features, if is_kept { packed } else { Vec::new() })
        });
        Ok(packed.collect())
    }

    fn publish_if_due(&mut self) -> Result<()> {
        if self.published.elapsed() >= Duration::from_secs(self.settings.publish_seconds) {
            self.writer.commit()?;
            self.published = Instant::now();
        }
        Ok(())
    }

    /// Forgets what is gone and publishes. A run that was cut short forgets nothing: what it did not come to may turn up
    /// as the new place of a missing picture.
    fn finish(&mut self, complete: bool) -> Result<()> {
        if complete && !self.report.cancelled {
            // The first of several copies did not decode, so none of them does.
            for (job, _) in std::mem::take(&mut self.copies) {
                self.done += 1;
                self.skip(
                    job.file.path,
                    "a copy of a file that is no picture".to_owned(),
                );
            }
            for path in self.gone.values().flatten() {
                self.writer.remove_file(path)?;
                self.report.removed += 1;
            }
        }
        let _ = (self.progress)(&Progress::Publishing);
        self.writer.commit()?;
        Ok(())
    }
}
