//! Packs: immutable files with the image tokens of some images, mapped into memory.
//!
//! `[head 128 bytes][tokens of the images, one after the other][ids [n, 32]][vector numbers [n] u64][offsets [n + 1] u64]`, ids
//! rising. Tokens are by far the largest part of what is stored of an image and do not change when a file is renamed, so they
//! have files of their own, which are merged less often than segments.

use std::fs::File;
use std::io::{BufWriter, Seek, SeekFrom, Write};
use std::ops::Range;
use std::path::{Path, PathBuf};

use bytemuck::{Pod, Zeroable};
use memmap2::Mmap;

use crate::{Error, ImageId, Result, durable};

const VERSION: u32 = 1;
const MAGIC: [u8; 8] = *b"IMGTOK\0\x01";
const HEAD: usize = size_of::<Head>();

#[repr(C)]
#[derive(Debug, Clone, Copy, Pod, Zeroable)]
struct Head {
    magic: [u8; 8],
    version: u32,
    reserved: u32,
    entries: u64,
    /// Length of the tokens.
    data: u64,
    /// Length of the file.
    bytes: u64,
    more: [u64; 5],
    /// BLAKE3 of the tokens, of what comes after them, and of this head with zeros here; first 16 bytes each.
    data_check: [u8; 16],
    index_check: [u8; 16],
    check: [u8; 16],
}

impl Head {
    fn checksum(&self) -> [u8; 16] {
        let zeroed = Self {
            check: [0; 16],
            ..*self
        };
        short(&blake3::hash(bytemuck::bytes_of(&zeroed)))
    }
}

fn short(hash: &blake3::Hash) -> [u8; 16] {
    let mut check = [0; 16];
    check.copy_from_slice(&hash.as_bytes()[..16]);
    check
}

/// An open pack.
#[derive(Debug)]
pub(crate) struct Pack {
    path: PathBuf,
    map: Mmap,
    entries: usize,
    data: Range<usize>,
}

impl Pack {
    /// Maps a pack and checks its head.
    pub(crate) fn open(path: &Path) -> Result<Self> {
        let at = |source| Error::io(path, source);
        let damaged = |reason: &str| Error::damaged(path, reason);
        let file = File::open(path).map_err(at)?;
        // SAFETY: as for segments: written under another name, renamed when complete and never written to again.
        let map = unsafe { Mmap::map(&file) }.map_err(at)?;
        let mut head = Head::zeroed();
        let bytes = map.get(..HEAD).ok_or_else(|| damaged("it is too short"))?;
        bytemuck::bytes_of_mut(&mut head).copy_from_slice(bytes);
        if head.magic != MAGIC {
            return Err(damaged("it does not begin like a pack of image tokens"));
        }
        if head.version > VERSION {
            let (path, found) = (path.to_path_buf(), head.version);
            return Err(Error::NewerFormat {
                path,
                found,
                supported: VERSION,
            });
        }
        if head.check != head.checksum() {
            return Err(damaged("the checksum of its head does not fit"));
        }
        let index = head.entries.checked_mul(32 + 8 + 8);
        let all = index
            .and_then(|index| index.checked_add(8 + HEAD as u64))
            .and_then(|rest| rest.checked_add(head.data));
        if head.bytes != map.len() as u64 || all != Some(head.bytes) {
            return Err(damaged("its length does not fit"));
        }
        Ok(Self {
            path: path.to_path_buf(),
            entries: head.entries as usize,
            data: HEAD..HEAD + head.data as usize,
            map,
        })
    }

    /// Reads all of it and compares the checksums.
    pub(crate) fn verify(&self) -> Result<()> {
        let mut head = Head::zeroed();
        bytemuck::bytes_of_mut(&mut head).copy_from_slice(&self.map[..HEAD]);
        let parts = [
            (&self.map[self.data.clone()], head.data_check, "tokens"),
            (
                &self.map[self.data.end..],
                head.index_check,
                "list of images",
            ),
        ];
        for (bytes, check, what) in parts {
            if short(&blake3::hash(bytes)) != check {
                let reason = format!("the checksum of its {what} does not fit");
                return Err(Error::damaged(&self.path, reason));
            }
        }
        Ok(())
    }

    /// How many images it has.
    pub(crate) fn len(&self) -> usize {
        self.entries
    }

    pub(crate) fn id(&self, at: usize) -> ImageId {
        ImageId::from_bytes(self.ids()[at])
    }

    /// The number of the vector that was encoded together with these tokens.
    pub(crate) fn vector(&self, at: usize) -> u64 {
        self.number(32 * self.entries, at)
    }

    /// The place of an image.
    pub(crate) fn find(&self, id: &ImageId) -> Option<usize> {
        self.ids().binary_search(id.as_bytes()).ok()
    }

    /// The tokens at a place.
    pub(crate) fn tokens(&self, at: usize) -> Result<&[u8]> {
        let offset = |at| self.number(40 * self.entries, at) as usize;
        let bytes = self.map[self.data.clone()].get(offset(at)..offset(at + 1));
        bytes.ok_or_else(|| Error::damaged(&self.path, "its list of images does not fit"))
    }

    fn ids(&self) -> &[[u8; 32]] {
        self.map[self.data.end..][..32 * self.entries].as_chunks().0
    }

    /// A number of the index, which begins anywhere and so may not be aligned.
    fn number(&self, from: usize, at: usize) -> u64 {
        let bytes = &self.map[self.data.end + from + 8 * at..];
        u64::from_le_bytes(*bytes.first_chunk().unwrap_or(&[0; 8]))
    }
}

/// Writes a pack in one pass.
pub(crate) struct Packer {
    path: PathBuf,
    unfinished: PathBuf,
    file: BufWriter<File>,
    hasher: blake3::Hasher,
    ids: Vec<ImageId>,
    vectors: Vec<u64>,
    offsets: Vec<u64>,
}

impl Packer {
    pub(crate) fn create(path: &Path) -> Result<Self> {
        let unfinished = durable::unfinished(path);
        let at = |source| Error::io(&unfinished, source);
        let mut file = BufWriter::new(File::create(&unfinished).map_err(at)?);
        file.write_all(&[0; HEAD]).map_err(at)?;
        Ok(Self {
            path: path.to_path_buf(),
            file,
            unfinished,
            hasher: blake3::Hasher::new(),
            ids: Vec::new(),
            vectors: Vec::new(),
            offsets: vec![0],
        })
    }

    /// Appends the tokens of an image; images come in the order of their ids.
    pub(crate) fn push(&mut self, id: ImageId, vector: u64, tokens: &[u8]) -> Result<()> {
        debug_assert!(self.ids.last().is_none_or(|last| *last < id));
        self.hasher.update(tokens);
        self.ids.push(id);
        self.vectors.push(vector);
        let end = self.offsets.last().copied().unwrap_or_default();
        self.offsets.push(end + tokens.len() as u64);
        self.write(tokens)
    }

    /// Writes the index and the head, syncs the file and gives it its name. `None`, and no file, when nothing was pushed.
    pub(crate) fn finish(mut self) -> Result<Option<Pack>> {
        if self.ids.is_empty() {
            std::fs::remove_file(&self.unfinished)
                .map_err(|source| Error::io(&self.unfinished, source))?;
            return Ok(None);
        }
        let mut index = Vec::with_capacity(48 * self.ids.len() + 8);
        self.ids.iter().for_each(|id| index.extend(id.as_bytes()));
        let numbers = self.vectors.iter().chain(&self.offsets);
        index.extend(numbers.flat_map(|number| number.to_le_bytes()));
        self.write(&index)?;
        let data = self.offsets.last().copied().unwrap_or_default();
        let mut head = Head {
            magic: MAGIC,
            version: VERSION,
            entries: self.ids.len() as u64,
            data,
            bytes: HEAD as u64 + data + index.len() as u64,
            data_check: short(&self.hasher.finalize()),
            index_check: short(&blake3::hash(&index)),
            ..Head::zeroed()
        };
        head.check = head.checksum();
        let at = |source| Error::io(&self.unfinished, source);
        self.file.seek(SeekFrom::Start(0)).map_err(at)?;
        self.file.write_all(bytemuck::bytes_of(&head)).map_err(at)?;
        self.file.flush().map_err(at)?;
        self.file.get_ref().sync_all().map_err(at)?;
        durable::rename(&self.unfinished, &self.path)?;
        Pack::open(&self.path).map(Some)
    }

    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        let written = self.file.write_all(bytes);
        written.map_err(|source| Error::io(&self.unfinished, source))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packed(dir: &Path) -> Pack {
        let mut ids = [1_u8, 2, 3].map(|seed| ImageId::of(&[seed]));
        ids.sort();
        let mut packer = Packer::create(&dir.join("a.pack")).expect("created");
        for (at, id) in ids.into_iter().enumerate() {
            packer
                .push(id, 10 + at as u64, &vec![at as u8; 5 * at])
                .expect("pushed");
        }
        packer
            .finish()
            .expect("finished")
            .expect("there is something in it")
    }

    #[test]
    fn tokens_are_found_by_image() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let pack = packed(dir.path());
        pack.verify().expect("it is whole");
        for at in 0..3 {
            assert_eq!(pack.find(&pack.id(at)), Some(at));
            assert_eq!(pack.vector(at), 10 + at as u64);
            assert_eq!(pack.tokens(at).expect("there"), vec![at as u8; 5 * at]);
        }
        assert_eq!(pack.find(&ImageId::of(b"another")), None);
        let empty = Packer::create(&dir.path().join("b.pack")).expect("created");
        assert!(empty.finish().expect("finished").is_none());
        assert_eq!(dir.path().read_dir().expect("a folder").count(), 1);
    }

    #[test]
    fn every_cut_and_flip_is_noticed() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        drop(packed(dir.path()));
        let path = dir.path().join("a.pack");
        let whole = std::fs::read(&path).expect("it is there");
        let is_whole = || Pack::open(&path).is_ok_and(|pack| pack.verify().is_ok());
        for at in 0..whole.len() {
            std::fs::write(&path, &whole[..at]).expect("it is cut");
            assert!(!is_whole(), "cut to {at}");
            let mut flipped = whole.clone();
            flipped[at] ^= 1;
            std::fs::write(&path, &flipped).expect("it is flipped");
            assert!(!is_whole(), "flipped at {at}");
        }
    }
}
