//! The decode side of the pipeline: threads that turn files into pixels.

use std::collections::HashSet;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread::Scope;

use imgsearch_index::{FileFacts, ImageFacts, ImageId, Keyword};

use crate::media::{
    Input, Limits, MediaError, Squares, facts, kept_words, pixels, read, sidecar_words, squares,
};
use crate::thumbnails::Thumbnails;

/// Bytes of a file and pixels of a picture from which it is decoded alone: two large ones at once would break the memory
/// bound. A small file may hold a large picture, and a large file takes memory before its header is read.
const LARGE_FILE: u64 = 8 << 20;
const LARGE_PICTURE: u64 = 16_000_000;

/// A file to index.
#[derive(Clone, Debug)]
pub(crate) struct Job {
    pub(crate) file: FileFacts,
    /// The picture that this path was, if it was one.
    pub(crate) was: Option<ImageId>,
}

/// What became of a file.
pub(crate) enum Decoded {
    /// Its bytes are those of a picture that is known, or that an earlier file of this run holds; with the keywords in them.
    Known(Job, ImageId, Vec<String>),
    /// A picture to encode.
    Fresh(Job, ImageId, Box<(ImageFacts, Squares)>),
    /// No picture.
    Failed(Job, MediaError),
}

/// What the decode threads share.
pub(crate) struct Decoder<'a> {
    pub(crate) jobs: &'a [Job],
    pub(crate) known: &'a HashSet<ImageId>,
    pub(crate) limits: Limits,
    pub(crate) inputs: &'a [Input],
    pub(crate) thumbnails: &'a Thumbnails,
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
        inputs: &'a [Input],
        thumbnails: &'a Thumbnails,
        stop: &'a AtomicBool,
    ) -> Self {
        Self {
            jobs,
            known,
            limits,
            inputs,
            thumbnails,
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
        let mut alone = (job.file.len > LARGE_FILE).then(|| self.alone());
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
            return Decoded::Known(job, id, facts(&bytes).keywords);
        }
        // A header that names no size is as likely as any to belong to a picture that takes much.
        if alone.is_none() && pixels(&bytes).is_none_or(|pixels| pixels > LARGE_PICTURE) {
            alone = Some(self.alone());
        }
        let squares = match squares(&bytes, &self.limits, self.inputs) {
            Ok(squares) => squares,
            Err(error) => return Decoded::Failed(job, error),
        };
        drop(alone);
        // Of the square that is there anyway: to shrink the picture itself a second time would take as long as to decode it.
        self.thumbnails.keep(&id, &squares);
        let facts = image_facts(&job.file.path, &bytes, &squares);
        Decoded::Fresh(job, id, Box::new((facts, squares)))
    }

    fn alone(&self) -> MutexGuard<'_, ()> {
        self.large.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What is known of a picture from its bytes and the sidecars beside it.
pub(crate) fn image_facts(path: &Path, bytes: &[u8], squares: &Squares) -> ImageFacts {
    let read = facts(bytes);
    let (width, height) = squares.size();
    let keywords = kept_words(read.keywords.into_iter().chain(sidecar_words(path)));
    ImageFacts {
        width,
        height,
        format: squares
            .format()
            .map(|format| format.name().to_owned())
            .unwrap_or_default(),
        captured: read.captured,
        camera: read.camera,
        keywords: keywords.into_iter().map(unnamed).collect(),
    }
}

/// A keyword that was not looked up in any vocabulary yet.
fn unnamed(text: String) -> Keyword {
    Keyword {
        text,
        tags: Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::sync::mpsc::channel;
    use std::time::Duration;

    use super::*;
    use crate::media::ResizeFilter;

    /// A black picture of one bit a pixel.
    fn bmp(path: &Path, width: u32, height: u32) -> Job {
        let row = width.div_ceil(32) * 4;
        let mut bytes = b"BM\0\0\0\0\0\0\0\0\x3e\0\0\0\x28\0\0\0".to_vec();
        bytes.extend(width.to_le_bytes());
        bytes.extend(height.to_le_bytes());
        bytes.extend([1, 0, 1, 0]);
        bytes.resize(54, 0);
        bytes.extend([0, 0, 0, 0, 255, 255, 255, 0]);
        bytes.resize(62 + (row * height) as usize, 0);
        fs::write(path, &bytes).unwrap();
        Job {
            file: FileFacts {
                path: path.to_owned(),
                len: bytes.len() as u64,
                modified_ns: 0,
            },
            was: None,
        }
    }

    #[test]
    fn a_small_file_with_a_large_picture_waits_for_another_large_one() {
        let folder = tempfile::tempdir().unwrap();
        let small = bmp(&folder.path().join("small.bmp"), 40, 30);
        let large = bmp(&folder.path().join("large.bmp"), 4001, 4000);
        assert!(large.file.len < LARGE_FILE);
        let (known, stop) = (HashSet::new(), AtomicBool::new(false));
        let inputs = [Input {
            side: 4,
            filter: ResizeFilter::Bicubic,
        }];
        let thumbnails = Thumbnails::new(folder.path(), 1 << 20);
        let limits = Limits::default();
        let decoder = Decoder::new(&[], &known, limits, &inputs, &thumbnails, &stop);
        let (sender, receiver) = channel();
        std::thread::scope(|scope| {
            let other = decoder.alone();
            for job in [small, large] {
                let sender = sender.clone();
                let decoder = &decoder;
                scope.spawn(move || sender.send(decoder.one(job)).ok());
            }
            let size = |decoded| match decoded {
                Decoded::Fresh(_, _, picture) => picture.1.size(),
                _ => panic!("it is a picture"),
            };
            let first = receiver.recv_timeout(Duration::from_secs(60)).unwrap();
            assert_eq!(size(first), (40, 30));
            assert!(receiver.recv_timeout(Duration::from_millis(300)).is_err());
            drop(other);
            let second = receiver.recv_timeout(Duration::from_secs(60)).unwrap();
            assert_eq!(size(second), (4001, 4000));
        });
    }
}
