//! Features of the encoders, computed once and kept on disk.

use std::fs::{self, File, OpenOptions};
use std::io::{Read, Write};
use std::ops::{ControlFlow, Range};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use half::f16;
use half::slice::HalfFloatSliceExt;

use super::TrainError;
use super::progress::Progress;

/// Fixed-size records of half-precision values, appended in order. A record that a kill cut short is dropped on opening.
#[derive(Debug)]
pub(crate) struct FeatureCache {
    path: PathBuf,
    file: File,
    width: usize,
    len: usize,
}

impl FeatureCache {
    /// Opens or creates the cache for records of `width` values.
    pub(crate) fn open(path: &Path, width: usize) -> Result<Self, TrainError> {
        let failed = |source| TrainError::io(path, source);
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).map_err(failed)?;
        }
        let file = OpenOptions::new()
            .read(true)
            .append(true)
            .create(true)
            .open(path)
            .map_err(failed)?;
        let record = (width * size_of::<f16>()) as u64;
        let len = file.metadata().map_err(failed)?.len() / record;
        file.set_len(len * record).map_err(failed)?;
        Ok(Self {
            path: path.to_owned(),
            file,
            width,
            len: len as usize,
        })
    }

    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// Values a record.
    pub(crate) fn width(&self) -> usize {
        self.width
    }

    /// Drops the records from `len` on.
    pub(crate) fn truncate(&mut self, len: usize) -> Result<(), TrainError> {
        self.len = self.len.min(len);
        self.file
            .set_len((self.len * self.width * size_of::<f16>()) as u64)
            .map_err(|source| TrainError::io(&self.path, source))
    }

    /// Drops a batch that is not complete, unless it is the last of `total` records: computed in another company, its records
    /// might differ in the last place from those of an uninterrupted run.
    pub(crate) fn keep_batches(&mut self, batch: usize, total: usize) -> Result<(), TrainError> {
        if self.len < total {
            self.truncate(self.len / batch * batch)?;
        }
        Ok(())
    }

    /// Appends whole records.
    pub(crate) fn append(&mut self, values: &[f32]) -> Result<(), TrainError> {
        let mut halves = vec![f16::ZERO; values.len()];
        halves.convert_from_f32_slice(values);
        self.file
            .write_all(bytemuck::cast_slice(&halves))
            .map_err(|source| TrainError::io(&self.path, source))?;
        self.len += values.len() / self.width;
        Ok(())
    }

    /// Reads records into `out`.
    pub(crate) fn read(&self, records: Range<usize>, out: &mut [f32]) -> Result<(), TrainError> {
        let mut halves = vec![f16::ZERO; records.len() * self.width];
        let offset = (records.start * self.width * size_of::<f16>()) as u64;
        self.file
            .read_exact_at(bytemuck::cast_slice_mut(&mut halves), offset)
            .map_err(|source| TrainError::io(&self.path, source))?;
        halves.convert_to_f32_slice(out);
        Ok(())
    }

    /// Every record, in order.
    pub(crate) fn read_all(&self) -> Result<Vec<f32>, TrainError> {
        let mut out = vec![0.0; self.len * self.width];
        for (index, record) in out.chunks_exact_mut(self.width).enumerate() {
            self.read(index..index + 1, record)?;
        }
        Ok(out)
    }

    /// Appends records in batches until there are `total`, going on where an earlier run stopped. `compute` turns a range
    /// of record numbers into values.
    pub(crate) fn fill(
        &mut self,
        total: usize,
        batch: usize,
        what: &'static str,
        progress: &mut dyn FnMut(&Progress) -> ControlFlow<()>,
        mut compute: impl FnMut(Range<usize>) -> Result<Vec<f32>, TrainError>,
    ) -> Result<(), TrainError> {
        while self.len < total {
            let range = self.len..(self.len + batch).min(total);
            let values = compute(range)?;
            self.append(&values)?;
            let seen = Progress::Features {
                what,
                done: self.len,
                total,
            };
            if progress(&seen).is_break() {
                return Err(TrainError::Cancelled);
            }
        }
        Ok(())
    }
}

/// Ties a folder of caches to what they were computed from: another corpus or model in the same folder is refused.
pub(crate) fn claim(folder: &Path, fingerprint: &str) -> Result<(), TrainError> {
    let path = folder.join("fingerprint");
    let failed = |source| TrainError::io(&path, source);
    fs::create_dir_all(folder).map_err(failed)?;
    let mut found = String::new();
    match File::open(&path) {
        Ok(mut file) => {
            file.read_to_string(&mut found).map_err(failed)?;
            if found.trim() == fingerprint {
                Ok(())
            } else {
                Err(TrainError::OtherCache {
                    folder: folder.to_owned(),
                })
            }
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            fs::write(&path, fingerprint).map_err(failed)
        }
        Err(error) => Err(failed(error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_cut_short_is_computed_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("features");
        let mut cache = FeatureCache::open(&path, 4).unwrap();
        cache
            .append(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0])
            .unwrap();
        drop(cache);
        OpenOptions::new()
            .write(true)
            .open(&path)
            .unwrap()
            .set_len(13)
            .unwrap();
        let mut cache = FeatureCache::open(&path, 4).unwrap();
        assert_eq!(cache.len(), 1);
        let mut asked = Vec::new();
        cache
            .fill(3, 2, "x", &mut |_| ControlFlow::Continue(()), |range| {
                asked.push(range.clone());
                Ok(range.flat_map(|i| [i as f32; 4]).collect())
            })
            .unwrap();
        assert_eq!(asked, vec![1..3; 1]);
        assert_eq!(
            cache.read_all().unwrap()[4..],
            [1., 1., 1., 1., 2., 2., 2., 2.]
        );
    }

    #[test]
    fn batches_are_computed_as_a_whole() {
        let folder = tempfile::tempdir().unwrap();
        let mut cache = FeatureCache::open(&folder.path().join("features"), 1).unwrap();
        cache.append(&[0.0; 7]).unwrap();
        cache.keep_batches(3, 7).unwrap();
        assert_eq!(cache.len(), 7, "the last batch may be smaller");
        cache.keep_batches(3, 9).unwrap();
        assert_eq!(cache.len(), 6);
    }

    #[test]
    fn a_cache_of_other_data_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        claim(folder.path(), "a").unwrap();
        claim(folder.path(), "a").unwrap();
        assert!(matches!(
            claim(folder.path(), "b"),
            Err(TrainError::OtherCache { .. })
        ));
    }
}
