use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::path::Path;

use crate::{Error, Result};

/// The right to write into an index folder. The operating system takes it back when the process ends, however
/// it ends, so a file that was left behind locks nobody out.
#[derive(Debug)]
pub(crate) struct Lock {
    file: File,
}

impl Drop for Lock {
    /// Closing the file is not enough: a process that is being started elsewhere in this one holds a copy of it for a moment.
    fn drop(&mut self) {
        let _ = self.file.unlock();
    }
}

impl Lock {
    pub(crate) fn take(dir: &Path) -> Result<Self> {
        let path = dir.join("LOCK");
        let refused = |source: io::Error| match source.kind() {
            io::ErrorKind::PermissionDenied => Error::ReadOnly {
                path: dir.to_path_buf(),
            },
            _ => Error::io(&path, source),
        };
        let mut file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .read(true)
            .write(true)
            .open(&path)
            .map_err(refused)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut text = String::new();
                // Only the message gets poorer when the holder cannot be read.
                let _ = file.read_to_string(&mut text);
                return Err(Error::Busy {
                    dir: dir.to_path_buf(),
                    pid: text.trim().parse().ok(),
                });
            }
            Err(TryLockError::Error(source)) => return Err(refused(source)),
        }
        file.rewind().map_err(refused)?;
        file.set_len(0).map_err(refused)?;
        writeln!(file, "{}", std::process::id()).map_err(refused)?;
        Ok(Self { file })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_is_told_who_the_first_is() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let first = Lock::take(dir.path()).expect("nobody holds it");
        let second = Lock::take(dir.path()).expect_err("it is held");
        assert!(matches!(second, Error::Busy { pid: Some(pid), .. } if pid == std::process::id()));
        drop(first);
        Lock::take(dir.path()).expect("a file that was left behind locks nobody out");
    }
}
