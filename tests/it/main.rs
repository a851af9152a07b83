//! One integration-test binary: the networks link slowly.

mod cli;
mod formats;
mod library;
mod preprocess;
