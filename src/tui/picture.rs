//! A picture as the screen shows it.

use std::path::{Path, PathBuf};

use imgsearch::{Explanation, Hit, ImageId};

use super::message::Subject;

/// A found picture.
///
/// Not the library's `Hit`, so that the screens can be tested without an index.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Picture {
    /// Which one.
    pub(super) id: ImageId,
    /// Where it is; never empty.
    pub(super) paths: Vec<PathBuf>,
    /// Pictures of the same shot that stand behind it.
    pub(super) stack: Vec<PathBuf>,
    /// When it was taken, as `YYYY-MM-DDThh:mm:ss`.
    pub(super) captured: Option<String>,
    /// What it was taken with.
    pub(super) camera: Option<String>,
    /// Width and height in pixels.
    pub(super) size: (u32, u32),
    /// The score and what it is made of.
    pub(super) why: Explanation,
    /// Places that it has risen since the first answer.
    pub(super) rise: isize,
}

impl Picture {
    /// Its first path.
    pub(super) fn path(&self) -> &Path {
        self.paths.first().map_or(Path::new(""), PathBuf::as_path)
    }

    /// What it is called in its folder.
    pub(super) fn name(&self) -> &Path {
        let path = self.path();
        path.file_name().map_or(path, Path::new)
    }

    /// It, as something to find more out about.
    pub(super) fn subject(&self) -> Subject {
        Subject {
            id: self.id,
            path: self.path().to_owned(),
        }
    }
}

impl From<Hit> for Picture {
    fn from(hit: Hit) -> Self {
        Self {
            id: hit.id,
            paths: hit.paths,
            stack: hit.stack,
            captured: hit.captured,
            camera: hit.camera,
            size: hit.size,
            why: hit.why,
            rise: 0,
        }
    }
}
