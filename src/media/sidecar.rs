//! What cataloguing programs write beside pictures instead of into them: `photo.jpg.xmp` (digiKam, darktable) and `photo.xmp`
//! (Lightroom).

use std::fs;
use std::panic::catch_unwind;
use std::path::{Path, PathBuf};

use super::packets::MOST;
use super::{Limits, read, xmp};

/// Where the sidecars of a picture are, if it has any.
pub(crate) fn sidecars(picture: &Path) -> impl Iterator<Item = PathBuf> {
    let both = |ending: &str| {
        let mut whole = picture.as_os_str().to_owned();
        whole.push(".");
        whole.push(ending);
        [PathBuf::from(whole), picture.with_extension(ending)]
    };
    ["xmp", "XMP"].into_iter().flat_map(both)
}

/// The keywords in the sidecars of a picture, as they stand there; one that cannot be read says nothing.
pub(crate) fn sidecar_words(picture: &Path) -> Vec<String> {
    let limits = Limits {
        max_alloc: MOST as u64,
        ..Limits::default()
    };
    // A pipe would be waited for.
    let is_file = |path: &PathBuf| fs::metadata(path).is_ok_and(|meta| meta.is_file());
    let files = sidecars(picture).filter(is_file);
    let packets = files.filter_map(|path| {
        let packet = read(&path, &limits);
        packet
            .inspect_err(|error| tracing::debug!(%error, "a sidecar cannot be read"))
            .ok()
    });
    // As in a picture, a parser that fails costs what it reads.
    let words = packets.filter_map(|packet| catch_unwind(|| xmp::keywords(&packet)).ok());
    words.flatten().collect()
}

#[cfg(test)]
mod tests {
    use super::super::keywords::tests::XMP;
    use super::*;

    #[test]
    fn both_ways_to_call_them_are_known() {
        let folder = tempfile::tempdir().unwrap();
        let picture = folder.path().join("a.b.jpg");
        assert!(sidecar_words(&picture).is_empty());
        let write = |name: &str, packet: &str| fs::write(folder.path().join(name), packet).unwrap();
        write("a.b.xmp", XMP);
        assert_eq!(sidecar_words(&picture).len(), 2);
        write("a.b.jpg.XMP", &XMP.replace("Beach", "Sea"));
        assert_eq!(sidecar_words(&picture).len(), 4);
        write("a.b.xmp", "no XML");
        write("a.xmp", XMP);
        assert_eq!(sidecar_words(&picture)[0], "Sea");
        write("a.b.jpg.XMP", &format!("{XMP}{}", " ".repeat(MOST)));
        assert!(sidecar_words(&picture).is_empty());
        fs::create_dir(folder.path().join("a.b.jpg.xmp")).unwrap();
        assert!(sidecar_words(&picture).is_empty());
    }
}
