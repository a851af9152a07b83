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

pub(crate) use pipeline::{Source, run};
#[cfg(feature = "watch")]
pub(crate) use watch::Watch;
