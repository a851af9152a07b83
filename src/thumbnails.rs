//! Small pictures beside the index, for whoever shows what was found. Derived data: what is missing or damaged is made again.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

use imgsearch_index::ImageId;

use crate::media::{Limits, Picture, Squares, decode, jpeg};

/// The folder in that of the index.
const FOLDER: &str = "thumbnails";
/// Pixels along the longer edge.
pub(crate) const SIDE: u32 = 256;
/// Bytes of the checksum before each JPEG. Decoders make something of a damaged one too.
const CHECK: usize = 16;

/// The thumbnails of an index: a file each, named by the picture's id, so they stay true whatever model the index is for.
#[derive(Debug)]
pub(crate) struct Thumbnails {
    folder: PathBuf,
    /// Bytes that all of them may take.
    most: u64,
    /// Bytes that they take, once counted.
    used: Mutex<Option<u64>>,
}

impl Thumbnails {
    /// Those of the index in `index`, at most `most` bytes of them; nothing is opened yet.
    pub(crate) fn new(index: &Path, most: u64) -> Self {
        Self {
            folder: index.join(FOLDER),
            most,
            used: Mutex::default(),
        }
    }

    /// A thumbnail that is kept and whole.
    pub(crate) fn get(&self, id: &ImageId) -> Option<Picture> {
        let bytes = fs::read(self.path(id)).ok()?;
        let (check, jpeg) = bytes.split_at_checked(CHECK)?;
        if check != checksum(jpeg) {
            return None;
        }
        decode(jpeg, &Limits::default()).ok()
    }

    /// Keeps a thumbnail of a picture. What fails is only told to the log: the picture itself is there to make it of again.
    pub(crate) fn keep(&self, id: &ImageId, squares: &Squares) {
        if self.most == 0 {
            return;
        }
        let kept = squares.shrunk(SIDE).map(|small| self.write(id, &small));
        if let Some(Err(error)) = kept {
            tracing::debug!(%id, %error, "a thumbnail could not be kept");
        }
    }

    /// Forgets the thumbnails of pictures that are not wanted any more: whoever removes a picture does not expect to find it here.
    pub(crate) fn retain(&self, is_wanted: impl Fn(&ImageId) -> bool) {
        for (path, _, _) in self.all() {
            let id = path.file_name().and_then(|name| name.to_str());
            let id = id.and_then(|name| name.parse::<ImageId>().ok());
            if !id.is_some_and(|id| is_wanted(&id)) {
                let _ = fs::remove_file(path);
            }
        }
        *self.used.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    fn write(&self, id: &ImageId, small: &Picture) -> io::Result<()> {
        let image = jpeg(small)?;
        let bytes = [&checksum(&image)[..], &image].concat();
        // The folder of the index is not made: where it has gone, there is nothing to keep.
        match fs::create_dir(&self.folder) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
            _ => {}
        }
        // Others may read, or write the same one, at this moment.
        let unfinished = self.folder.join(format!("{id}.{}.tmp", std::process::id()));
        fs::write(&unfinished, &bytes)?;
        fs::rename(&unfinished, self.path(id))?;
        self.count(bytes.len() as u64);
        Ok(())
    }

    /// Counts what was added, and removes the oldest where that is too much.
    fn count(&self, added: u64) {
        let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        let now = match *used {
            Some(before) => before + added,
            None => self.all().iter().map(|(_, len, _)| len).sum(),
        };
        *used = Some(now);
        if now <= self.most {
            return;
        }
        let mut all = self.all();
        all.sort_by_key(|(_, _, made)| *made);
        let mut left: u64 = all.iter().map(|(_, len, _)| len).sum();
        // Some more than has to go, so that not every addition has to look for the oldest.
        let enough = self.most - self.most / 8;
        for (path, len, _) in all {
            if left <= enough {
                break;
            }
            if fs::remove_file(path).is_ok() {
                left -= len;
            }
        }
        *used = Some(left);
    }

    /// Path, bytes and time of all there are.
    fn all(&self) -> Vec<(PathBuf, u64, SystemTime)> {
        let entries = fs::read_dir(&self.folder).into_iter().flatten().flatten();
        let facts = entries.filter_map(|entry| {
            let meta = entry.metadata().ok()?;
            let made = meta.modified().unwrap_or(SystemTime::UNIX_EPOCH);
            Some((entry.path(), meta.len(), made))
        });
        facts.collect()
    }

    fn path(&self, id: &ImageId) -> PathBuf {
        self.folder.join(id.to_string())
    }
}

fn checksum(bytes: &[u8]) -> [u8; CHECK] {
    let hash = *blake3::hash(bytes).as_bytes();
    std::array::from_fn(|i| hash[i])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::{Input, ResizeFilter};

    fn squares(width: u32, height: u32) -> Squares {
        let rgb = (0..width * height * 3).map(|i| (i * 37 % 251) as u8);
        let picture = Picture::from_rgb(width, height, rgb.collect()).unwrap();
        let input = Input {
            side: 64,
            filter: ResizeFilter::Bilinear,
        };
        Squares::of(&picture, &[input])
    }

    fn id(number: u8) -> ImageId {
        ImageId::of(&[number])
    }

    #[test]
    fn what_is_kept_comes_back_small_and_in_its_shape() {
        let folder = tempfile::tempdir().unwrap();
        let thumbnails = Thumbnails::new(folder.path(), 1 << 20);
        assert!(thumbnails.get(&id(1)).is_none());
        thumbnails.keep(&id(1), &squares(400, 100));
        thumbnails.keep(&id(2), &squares(20, 30));
        let size = |number| {
            let small = thumbnails.get(&id(number)).unwrap();
            (small.width(), small.height())
        };
        assert_eq!((size(1), size(2)), ((64, 16), (20, 30)));
    }

    #[test]
    fn a_damaged_one_is_none_and_is_made_again() {
        let folder = tempfile::tempdir().unwrap();
        let thumbnails = Thumbnails::new(folder.path(), 1 << 20);
        thumbnails.keep(&id(1), &squares(40, 40));
        let path = thumbnails.path(&id(1));
        let whole = fs::read(&path).unwrap();
        let mut changed = whole.clone();
        changed[whole.len() / 2] ^= 1;
        for damaged in [&whole[..whole.len() / 2], &changed, b"", b"short"] {
            fs::write(&path, damaged).unwrap();
            assert!(thumbnails.get(&id(1)).is_none(), "{}", damaged.len());
        }
        thumbnails.keep(&id(1), &squares(40, 40));
        assert!(thumbnails.get(&id(1)).is_some());
    }

    #[test]
    fn they_take_no_more_room_than_they_may_and_the_newest_stay() {
        let folder = tempfile::tempdir().unwrap();
        let one = Thumbnails::new(folder.path(), 1 << 20);
        one.keep(&id(0), &squares(64, 64));
        let len = fs::metadata(one.path(&id(0))).unwrap().len();
        let thumbnails = Thumbnails::new(folder.path(), 8 * len);
        for number in 1..30 {
            thumbnails.keep(&id(number), &squares(64, 64));
            let used: u64 = thumbnails.all().iter().map(|(_, len, _)| len).sum();
            assert!(used <= 8 * len, "{used} of {}", 8 * len);
            assert!(thumbnails.get(&id(number)).is_some());
        }
        let none = Thumbnails::new(&folder.path().join("none"), 0);
        none.keep(&id(1), &squares(64, 64));
        assert!(!none.folder.exists());
    }

    #[test]
    fn those_of_forgotten_pictures_go() {
        let folder = tempfile::tempdir().unwrap();
        let thumbnails = Thumbnails::new(folder.path(), 1 << 20);
        for number in [1, 2] {
            thumbnails.keep(&id(number), &squares(9, 9));
        }
        fs::write(thumbnails.folder.join("left.over.tmp"), "x").unwrap();
        thumbnails.retain(|wanted| *wanted == id(2));
        assert!(thumbnails.get(&id(1)).is_none() && thumbnails.get(&id(2)).is_some());
        assert_eq!(thumbnails.all().len(), 1);
    }
}
