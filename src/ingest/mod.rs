//! From folders to the index: walk, compare with what is known, decode, encode, store.

mod decode;
mod diff;
mod pipeline;
mod report;
mod walk;

pub use report::{IndexReport, Progress, SkippedFile};
pub use walk::WalkError;

pub(crate) use pipeline::run;
