//! How far a measurement is.

use std::ops::ControlFlow;

use super::EvalError;

/// How far a measurement is; what is given it may stop it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct EvalProgress {
    /// What is being done.
    pub what: &'static str,
    /// How much of it.
    pub done: usize,
    /// How much there is.
    pub total: usize,
}

/// Whoever is told.
pub(crate) struct Watch<'a>(&'a mut dyn FnMut(EvalProgress) -> ControlFlow<()>);

impl<'a> Watch<'a> {
    pub(crate) fn new(told: &'a mut dyn FnMut(EvalProgress) -> ControlFlow<()>) -> Self {
        Self(told)
    }

    /// Tells how far it is.
    ///
    /// # Errors
    /// [`EvalError::Cancelled`] when that is far enough.
    pub(crate) fn count(
        &mut self,
        what: &'static str,
        done: usize,
        total: usize,
    ) -> Result<(), EvalError> {
        match (self.0)(EvalProgress { what, done, total }) {
            ControlFlow::Continue(()) => Ok(()),
            ControlFlow::Break(()) => Err(EvalError::Cancelled),
        }
    }
}
