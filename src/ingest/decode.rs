//! The decode side of the pipeline: threads that turn files into pixels.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Mutex, PoisonError};
use std::thread::Scope;

use imgsearch_index::{FileFacts, ImageFacts, ImageId};

use crate::media::{Limits, MediaError, Pixels, ResizeFilter, decode, facts, read, resize};

/// Bytes of a file from which its picture is decoded alone: two large ones at once would break the memory bound.
const LARGE_FILE: u64 = 8 << 20;

/// A file to index.
#[derive(Clone, Debug)]
pub(crate) struct Job {
    pub(crate) file: FileFacts,
    /// The picture that this path was, if it was one.
    pub(crate) was: Option<ImageId>,
}

/// What became of a file.
pub(crate) enum Decoded {
    /// Its bytes are those of a picture that is known, or that an earlier file of this run holds.
    Known(Job, ImageId),
    /// A picture to encode.
    Fresh(Job, ImageId, Box<(ImageFacts, Pixels)>),
    /// No picture.
    Failed(Job, MediaError),
}

/// What the decode threads share.
pub(crate) struct Decoder<'a> {
    pub(crate) jobs: &'a [Job],
    pub(crate) known: &'a HashSet<ImageId>,
    pub(crate) limits: Limits,
    pub(crate) side: u32,
    pub(crate) stop: &'a AtomicBool,
    next: AtomicUsize,
    claimed: Mutex<HashSet<ImageId>>,
    large: Mutex<()>,
}

impl<'a> Decoder<'a> {
    pub(crate) fn new(
        jobs: &'a [Job],
        known: &'a HashSet<ImageId>,
        limits: Limits,
        side: u32,
        stop: &'a AtomicBool,
    ) -> Self {
        Self {
            jobs,
            known,
            limits,
            side,
            stop,
            next: AtomicUsize::new(0),
            claimed: Mutex::default(),
            large: Mutex::default(),
        }
    }

    /// Starts the threads. The channel's capacity bounds what is held in memory between decoding and encoding.
    pub(crate) fn start<'scope>(
        &'scope self,
        scope: &'scope Scope<'scope, '_>,
        threads: usize,
        capacity: usize,
    ) -> Receiver<Decoded> {
        let (sender, receiver) = sync_channel(capacity);
        for _ in 0..threads {
            let sender = sender.clone();
            scope.spawn(move || self.run(&sender));
        }
        receiver
    }

    fn run(&self, sender: &SyncSender<Decoded>) {
        while !self.stop.load(Ordering::Relaxed) {
            let Some(job) = self.jobs.get(self.next.fetch_add(1, Ordering::Relaxed)) else {
                return;
            };
            // The receiver hangs up when the run is stopped.
            if sender.send(self.one(job.clone())).is_err() {
                return;
            }
        }
    }

    fn one(&self, job: Job) -> Decoded {
        let alone = (job.file.len > LARGE_FILE)
            .then(|| self.large.lock().unwrap_or_else(PoisonError::into_inner));
        let bytes = match read(&job.file.path, &self.limits) {
            Ok(bytes) => bytes,
            Err(error) => return Decoded::Failed(job, error),
        };
        let id = ImageId::of(&bytes);
        let first = !self.known.contains(&id)
            && self
                .claimed
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .insert(id);
        if !first {
            return Decoded::Known(job, id);
        }
        let picture = match decode(&bytes, &self.limits) {
            Ok(picture) => picture,
            Err(error) => return Decoded::Failed(job, error),
        };
        let read = facts(&bytes);
        let facts = ImageFacts {
            width: picture.width(),
            height: picture.height(),
            format: picture
                .format()
                .map(|format| format.name().to_owned())
                .unwrap_or_default(),
            captured: read.captured,
            camera: read.camera,
        };
        let pixels = resize(&picture, self.side, ResizeFilter::Bicubic);
        drop(alone);
        Decoded::Fresh(job, id, Box::new((facts, pixels)))
    }
}
