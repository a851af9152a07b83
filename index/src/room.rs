//! Making sure that there is room on the disk before it is needed.

use std::fs::{self, File};
use std::io::{ErrorKind, Result};
use std::path::Path;

use fs4::fs_std::FileExt;

/// Asks for `bytes` on the disk of a folder and gives them back: an error of the kind `StorageFull`, or one that names a quota, when
/// they are not there.
///
/// Whoever writes next to this process may still take them in the moment before they are used.
pub(crate) fn ensure(dir: &Path, bytes: u64) -> Result<()> {
    let path = dir.join("room.tmp");
    let file = File::create(&path)?;
    let allocated = file.allocate(bytes);
    drop(file);
    fs::remove_file(&path)?;
    match allocated {
        // File systems that cannot promise room can still say how much there is.
        Err(error) if error.kind() == ErrorKind::Unsupported => {
            match fs4::available_space(dir)? < bytes {
                true => Err(ErrorKind::StorageFull.into()),
                false => Ok(()),
            }
        }
        allocated => allocated,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_no_disk_has_is_not_there() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        ensure(dir.path(), 1 << 20).expect("there is a megabyte");
        let error = ensure(dir.path(), 1 << 55).expect_err("nobody has that");
        assert!(
            matches!(
                error.kind(),
                ErrorKind::StorageFull | ErrorKind::FileTooLarge
            ),
            "{error:?}"
        );
        assert_eq!(dir.path().read_dir().expect("a folder").count(), 0);
    }
}
