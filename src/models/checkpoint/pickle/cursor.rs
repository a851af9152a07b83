//! The bytes of a pickle, read from front to back.

use std::ops::Range;

use super::value::text;
use super::{PickleError, Result, broken, not_text};

pub(super) struct Cursor<'p> {
    bytes: &'p [u8],
    position: usize,
}

impl<'p> Cursor<'p> {
    /// Starts at the front. Places in the bytes are kept in 32 bits, so there may be no more of them.
    pub(super) fn new(bytes: &'p [u8]) -> Result<Self> {
        if u32::try_from(bytes.len()).is_err() {
            return Err(broken("its description is longer than 4 GiB"));
        }
        Ok(Self { bytes, position: 0 })
    }

    /// How many bytes were read.
    pub(super) fn position(&self) -> usize {
        self.position
    }

    pub(super) fn byte(&mut self) -> Result<u8> {
        let [byte] = self.array()?;
        Ok(byte)
    }

    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N]> {
        let part = self
            .bytes
            .get(self.position..)
            .and_then(<[u8]>::first_chunk);
        let array = *part.ok_or_else(truncated)?;
        self.position += N;
        Ok(array)
    }

    pub(super) fn take(&mut self, len: u64) -> Result<&'p [u8]> {
        let Range { start, end } = self.skip(len)?;
        Ok(&self.bytes[start as usize..end as usize])
    }

    /// Where the next `len` bytes are.
    pub(super) fn skip(&mut self, len: u64) -> Result<Range<u32>> {
        let start = self.position;
        let end = usize::try_from(len)
            .ok()
            .and_then(|len| start.checked_add(len))
            .filter(|end| *end <= self.bytes.len())
            .ok_or_else(truncated)?;
        self.position = end;
        Ok(start as u32..end as u32)
    }

    /// Text up to the end of the line.
    pub(super) fn line(&mut self) -> Result<&'p str> {
        let rest = &self.bytes[self.position..];
        let len = rest
            .iter()
            .position(|byte| *byte == b'\n')
            .ok_or_else(truncated)?;
        let line = self.position as u32..(self.position + len) as u32;
        self.position += len + 1;
        self.text(&line)
    }

    /// The text at a place.
    pub(super) fn text(&self, range: &Range<u32>) -> Result<&'p str> {
        text(self.bytes, range).ok_or_else(not_text)
    }
}

fn truncated() -> PickleError {
    broken("its pickle ends too early")
}
