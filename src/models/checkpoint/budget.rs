//! How much memory the description of a file may take.

/// What the description of even the smallest file may take: enough for some thousand tensors.
const FLOOR: u64 = 16 << 20;

/// A few bytes of a hostile file can describe a great deal; a description that outgrows the file itself is refused.
#[derive(Debug)]
pub(super) struct Budget {
    left: u64,
}

/// The budget is used up.
#[derive(Debug, thiserror::Error)]
#[error("its description would take more memory than the file itself")]
pub(super) struct Exceeded;

impl Budget {
    /// For a file of `len` bytes.
    pub(super) fn for_file(len: u64) -> Self {
        Self {
            left: len.max(FLOOR),
        }
    }

    /// Accounts for `bytes` that are about to be allocated.
    pub(super) fn take(&mut self, bytes: usize) -> Result<(), Exceeded> {
        self.left = self.left.checked_sub(bytes as u64).ok_or(Exceeded)?;
        Ok(())
    }
}
