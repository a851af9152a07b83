//! From folders to the index: walk, compare with what is known, decode, encode, store.

mod decode;
mod diff;
mod pipeline;
mod report;
mod walk;
#[cfg(feature = "watch")]
mod watch;

pub use report::{IndexReport, Progress, SkippedFile};
pub use walk::WalkError;
#[cfg(feature = "watch")]
pub use watch::WatchError;

pub(crate) use decode::image_facts;
pub(crate) use pipeline::{Source, run};
pub(crate) use walk::file_facts;
#[cfg(feature = "watch")]
pub(crate) use watch::Watch;
