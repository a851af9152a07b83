//! One integration-test binary: the networks link slowly.

mod allocations;
mod checkpoint;
mod cli;
mod formats;
mod library;
mod preprocess;
#[cfg(feature = "train")]
mod training;

#[global_allocator]
static ALLOCATOR: allocations::Counting = allocations::Counting;
