//! One index run: walk, compare, decode in threads, encode in batches, store, publish.

use std::collections::{HashMap, HashSet};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::RecvTimeoutError;
use std::time::{Duration, Instant};

use imgsearch_index::{ImageFacts, ImageId, Keyword, NewImage, TagId, Writer};

use super::decode::{Decoded, Decoder, Job};
use super::diff::{Changes, diff};
use super::report::{IndexReport, Progress, SkippedFile};
use super::walk::{WalkError, WalkOptions, walk};
use crate::config::IngestSettings;
use crate::encoder::{Encoder, ImageFeatures};
use crate::error::Result;
use crate::media::{Squares, kept_words, sidecar_words};
use crate::thumbnails::Thumbnails;

/// How often a run that waits for a slow picture asks whether to go on.
const PATIENCE: Duration = Duration::from_millis(100);

/// What pictures are made into.
pub(crate) struct Source<'a> {
    pub(crate) encoder: &'a dyn Encoder,
    pub(crate) thumbnails: &'a Thumbnails,
    /// The tags that a keyword names.
    pub(crate) tags_named: TagsNamed<'a>,
}

/// Finds the tags that a word names.
pub(crate) type TagsNamed<'a> = Box<dyn Fn(&str) -> Vec<TagId> + 'a>;

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
    copies: Vec<(Job, ImageId, Vec<String>)>,
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
            Decoded::Known(job, id, words) if self.stored.contains(&id) => {
                self.link(job, id, words)?;
            }
            Decoded::Known(job, id, words) => self.copies.push((job, id, words)),
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

    /// A file whose picture is stored already, with the keywords in it.
    fn link(&mut self, job: Job, id: ImageId, words: Vec<String>) -> Result<()> {
        self.done += 1;
        if job.was == Some(id) {
            self.writer.touch(job.file)?;
            match self.describe(id, words)? {
                true => self.report.updated += 1,
                false => self.report.unchanged += 1,
            }
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
        self.describe(id, words)?;
        Ok(())
    }

    /// Gives a picture the keywords in its file and in the sidecars of all files that it is. False where it has them already.
    fn describe(&mut self, id: ImageId, words: Vec<String>) -> Result<bool> {
        let known = self.writer.record(&id)?;
        let beside = known.paths.iter().flat_map(|path| sidecar_words(path));
        let words = kept_words(words.into_iter().chain(beside));
        let keywords = words.into_iter().map(|text| Keyword {
            tags: (self.source.tags_named)(&text),
            text,
        });
        let keywords: Vec<Keyword> = keywords.collect();
        let differs = keywords != known.facts.keywords;
        if differs {
            self.writer.describe(&id, keywords)?;
        }
        Ok(differs)
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
        for (job, id, words) in std::mem::take(&mut self.copies) {
            if self.stored.contains(&id) {
                self.link(job, id, words)?;
            } else {
                self.copies.push((job, id, words));
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
            for (job, _, _) in std::mem::take(&mut self.copies) {
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
