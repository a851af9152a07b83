//! How a run ended.

use std::process::ExitCode;

/// How a run ended, as scripts see it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Exit {
    /// It did what was asked and found something.
    Found,
    /// It did what was asked and found nothing.
    Nothing,
    /// It could not do what was asked.
    Failed,
    /// It was stopped; what was done is kept.
    Interrupted,
}

impl Exit {
    /// The number the shell sees.
    pub(crate) fn code(self) -> u8 {
        match self {
            Self::Found => 0,
            Self::Nothing => 1,
            Self::Failed => 2,
            Self::Interrupted => 130,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        exit.code().into()
    }
}
