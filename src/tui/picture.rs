//! A picture as the screen shows it.

use std::path::PathBuf;

use imgsearch::{Explanation, Hit};

/// A found picture.
///
/// Not the library's `Hit`, so that the screens can be tested without an index.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Picture {
    /// Where it is; never empty.
    pub(super) paths: Vec<PathBuf>,
    /// When it was taken, as `YYYY-MM-DDThh:mm:ss`.
    pub(super) captured: Option<String>,
    /// What it was taken with.
    pub(super) camera: Option<String>,
    /// Width and height in pixels.
    pub(super) size: (u32, u32),
    /// The score and what it is made of.
    pub(super) why: Explanation,
}

impl From<Hit> for Picture {
    fn from(hit: Hit) -> Self {
        Self {
            paths: hit.paths,
            captured: hit.captured,
            camera: hit.camera,
            size: hit.size,
            why: hit.why,
        }
    }
}
