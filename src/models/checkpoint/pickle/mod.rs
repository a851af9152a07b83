//! The part of Python's pickle format that describes a state dict.
//!
//! A pickle is a program for a stack machine that may call any function. This machine knows the instructions that build
//! numbers, strings and containers, and the few names that stand for tensors; it calls nothing, and whatever is not on
//! its lists ends it with an error. Values lie in one arena and refer to each other by index, so that a deeply nested
//! or self-referring pickle costs no recursion, and a repeated one no copies.

mod cursor;
mod global;
mod machine;
mod op;
mod value;

pub(super) use global::Global;
pub(super) use value::{Pickle, Value, ValueId};

/// Why a pickle was refused.
#[derive(Debug, thiserror::Error)]
pub(super) enum PickleError {
    /// It asks for something beyond the list.
    #[error("{0}")]
    Forbidden(String),
    /// It makes no sense.
    #[error("{0}")]
    Broken(String),
}

type Result<T, E = PickleError> = std::result::Result<T, E>;

fn broken(reason: impl Into<String>) -> PickleError {
    PickleError::Broken(reason.into())
}

fn not_text() -> PickleError {
    broken("a name in its pickle is no text")
}
