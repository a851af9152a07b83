//! A cursor over big-endian fields and nested boxes.

/// What is left to read of a box.
#[derive(Clone, Copy)]
pub(super) struct Bytes<'a>(pub(super) &'a [u8]);

/// Every way that a box can end too early.
pub(super) const SHORT: &str = "a box ends before its content";

impl<'a> Bytes<'a> {
    pub(super) fn take(&mut self, len: usize) -> Result<&'a [u8], &'static str> {
        let (taken, rest) = self.0.split_at_checked(len).ok_or(SHORT)?;
        self.0 = rest;
        Ok(taken)
    }

    /// A number of `len` bytes, 0 to 8; the container chooses such widths at run time.
    pub(super) fn number(&mut self, len: usize) -> Result<u64, &'static str> {
        Ok(self
            .take(len)?
            .iter()
            .fold(0, |number, byte| number << 8 | u64::from(*byte)))
    }

    pub(super) fn u8(&mut self) -> Result<u8, &'static str> {
        Ok(self.take(1)?[0])
    }

    pub(super) fn u16(&mut self) -> Result<u16, &'static str> {
        Ok(self.number(2)? as u16)
    }

    pub(super) fn u32(&mut self) -> Result<u32, &'static str> {
        Ok(self.number(4)? as u32)
    }

    pub(super) fn name(&mut self) -> Result<[u8; 4], &'static str> {
        Ok(self.u32()?.to_be_bytes())
    }

    /// The version and the flags that "full" boxes begin with.
    pub(super) fn version(&mut self) -> Result<(u8, u32), &'static str> {
        let word = self.u32()?;
        Ok(((word >> 24) as u8, word & 0x00ff_ffff))
    }

    /// The next box and its content, or `None` at the end.
    pub(super) fn next_box(&mut self) -> Result<Option<([u8; 4], Self)>, &'static str> {
        if self.0.is_empty() {
            return Ok(None);
        }
        let len = self.u32()?;
        let name = self.name()?;
        let content = match len {
            // To the end of the file.
            0 => self.0.len(),
            1 => usize::try_from(self.number(8)?)
                .ok()
                .and_then(|len| len.checked_sub(16))
                .ok_or(SHORT)?,
            len => (len as usize).checked_sub(8).ok_or(SHORT)?,
        };
        // A last box that claims more than there is comes from a download that broke off: what is there may do.
        let content = content.min(self.0.len());
        Ok(Some((name, Self(self.take(content)?))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn boxes_of_every_length_notation() {
        let mut bytes = Bytes(b"\0\0\0\x09freex\0\0\0\x01wide\0\0\0\0\0\0\0\x11y\0\0\0\0mdatrest");
        assert_eq!(
            bytes.next_box().unwrap().map(|(name, b)| (name, b.0)),
            Some((*b"free", b"x".as_slice()))
        );
        assert_eq!(
            bytes.next_box().unwrap().map(|(name, b)| (name, b.0)),
            Some((*b"wide", b"y".as_slice()))
        );
        assert_eq!(
            bytes.next_box().unwrap().map(|(name, b)| (name, b.0)),
            Some((*b"mdat", b"rest".as_slice()))
        );
        assert!(bytes.next_box().unwrap().is_none());
    }

    #[test]
    fn lengths_below_the_header_are_refused() {
        assert!(Bytes(b"\0\0\0\x07free").next_box().is_err());
        assert!(
            Bytes(b"\0\0\0\x01wide\0\0\0\0\0\0\0\x0f")
                .next_box()
                .is_err()
        );
        assert!(Bytes(b"\0\0").next_box().is_err());
    }
}
