//! From the table of published models to a bundle.

use std::fs;
use std::ops::ControlFlow;

use super::download::{Downloader, Remote};
use super::error::at;
use super::{Import, ModelInfo, ModelStore, PublishedModel, Result};
use crate::models::WeightType;

/// Where what is downloaded waits until it is a model.
const DOWNLOADS: &str = ".downloads";
/// What a mirror stands in for.
const HUGGING_FACE: &str = "https://huggingface.co";

/// How a model is fetched.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct PullOptions {
    /// What to call it. Default: its name in the table.
    pub name: Option<String>,
    /// How to store its weights. Default: in half precision.
    pub dtype: WeightType,
    /// A server with the files of huggingface.co under the same paths. Default: that itself.
    pub mirror: Option<String>,
    /// A proxy, such as `http://proxy:3128`. Default: none; the environment is not asked.
    pub proxy: Option<String>,
}

/// How far a model is on its way.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum PullProgress<'a> {
    /// A file is being fetched.
    Fetching {
        /// What it is: `weights`, `tags.txt`.
        file: &'a str,
        /// Bytes that are there.
        done: u64,
        /// Bytes that there will be, where that is known.
        total: Option<u64>,
    },
    /// Everything is there and becomes a bundle.
    Importing,
}

impl ModelStore {
    /// Downloads a model and makes a bundle of it. What was received is kept when that is cut short, and gone on from the next
    /// time; a file with another checksum than the table's is thrown away.
    ///
    /// # Errors
    /// When `progress` breaks, a file cannot be had or stored, or what was fetched is no such model.
    pub fn pull(
        &self,
        model: &PublishedModel,
        options: &PullOptions,
        mut progress: impl FnMut(PullProgress<'_>) -> ControlFlow<()>,
    ) -> Result<ModelInfo> {
        let name = options.name.as_deref().unwrap_or(&model.name);
        self.free(name)?;
        let folder = self.folder().join(DOWNLOADS).join(name);
        fs::create_dir_all(&folder).map_err(at(&folder))?;
        let downloader = Downloader::new(options.proxy.as_deref())?;
        let mut import = Import::new(model.kind, folder.join("weights"));
        import.name = Some(name.to_owned());
        import.dtype = options.dtype;
        for (file, remote) in model.files() {
            let url = match &options.mirror {
                Some(mirror) => mirrored(&remote.address, mirror),
                None => remote.address.clone(),
            };
            let wanted = Remote {
                url: &url,
                bytes: remote.bytes,
                sha256: remote.sha256.as_deref(),
            };
            let path = folder.join(file);
            downloader.fetch(wanted, &path, &mut |done, total| {
                let total = total.or(remote.size());
                progress(PullProgress::Fetching { file, done, total })
            })?;
            match file {
                "config.json" => import.config = Some(path),
                "tags.txt" => import.tags = Some(path),
                "thresholds.txt" => import.thresholds = Some(path),
                "vocab.txt" => import.vocab = Some(path),
                _ => {}
            }
        }
        if progress(PullProgress::Importing).is_break() {
            return Err(super::DownloadError::Cancelled.into());
        }
        let info = self.import(&import)?;
        fs::remove_dir_all(&folder).map_err(at(&folder))?;
        // Empty unless another model is on its way.
        let _ = fs::remove_dir(self.folder().join(DOWNLOADS));
        Ok(info)
    }
}

/// The address of a file of Hugging Face at a mirror; those of others stay as they are.
fn mirrored(address: &str, mirror: &str) -> String {
    match address.strip_prefix(HUGGING_FACE) {
        Some(path) => format!("{}{path}", mirror.trim_end_matches('/')),
        None => address.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mirror_stands_in_for_hugging_face_alone() {
        let mirror = "http://localhost:8000/";
        let found = mirrored("https://huggingface.co/a/resolve/main/b.pth", mirror);
        assert_eq!(found, "http://localhost:8000/a/resolve/main/b.pth");
        let list = "https://raw.githubusercontent.com/a/b/main/tags.txt";
        assert_eq!(mirrored(list, mirror), list);
    }
}
