//! One integration-test binary: the networks link slowly.

mod formats;
mod preprocess;
