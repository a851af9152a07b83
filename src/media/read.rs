//! Taking a file into memory.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use super::{Limits, MediaError};

/// The bytes of the file at `path`, unless there are more of them than `limits` leave room to decode.
pub fn read(path: &Path, limits: &Limits) -> Result<Vec<u8>, MediaError> {
    let io = |source| MediaError::Io {
        path: path.to_path_buf(),
        source,
    };
    let file = File::open(path).map_err(io)?;
    let len = file.metadata().map_err(io)?.len();
    if len > limits.max_alloc {
        return Err(MediaError::FileTooLarge {
            len,
            limit: limits.max_alloc,
        });
    }
    let mut bytes = Vec::with_capacity(len as usize + 1);
    // A file that is being written grows while it is read; the limit holds for it as well.
    file.take(limits.max_alloc + 1)
        .read_to_end(&mut bytes)
        .map_err(io)?;
    if bytes.len() as u64 > limits.max_alloc {
        return Err(MediaError::FileTooLarge {
            len: bytes.len() as u64,
            limit: limits.max_alloc,
        });
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_beyond_the_limit_is_not_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.jpg");
        std::fs::write(&path, [7; 100]).unwrap();
        assert_eq!(read(&path, &Limits::default()).unwrap(), [7; 100]);
        let tight = Limits {
            max_alloc: 99,
            ..Limits::default()
        };
        assert!(matches!(
            read(&path, &tight),
            Err(MediaError::FileTooLarge {
                len: 100,
                limit: 99
            })
        ));
    }

    #[test]
    fn a_missing_file_is_named() {
        let error = read("/no/such/picture.jpg".as_ref(), &Limits::default()).unwrap_err();
        assert!(matches!(error, MediaError::Io { path, .. } if path.ends_with("picture.jpg")));
    }
}
