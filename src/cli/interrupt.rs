//! Ctrl-C: once to stop with what was done kept, twice to stop at once.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Result, anyhow};

use super::exit::Exit;

/// Whether the user asked to stop.
#[derive(Clone, Debug)]
pub(crate) struct Interrupt {
    requested: Arc<AtomicBool>,
}

impl Interrupt {
    /// Listens for Ctrl-C (and requests to terminate) from now on.
    pub(crate) fn listen() -> Result<Self> {
        let requested = Arc::new(AtomicBool::new(false));
        let flag = Arc::clone(&requested);
        ctrlc::set_handler(move || {
            if flag.swap(true, Ordering::Relaxed) {
                now();
            }
        })
        .map_err(|error| anyhow!("cannot listen for Ctrl-C: {error}"))?;
        Ok(Self { requested })
    }

    /// Whether to go on.
    pub(crate) fn check(&self) -> ControlFlow<()> {
        if self.requested.load(Ordering::Relaxed) {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    }
}

#[expect(
    clippy::exit,
    reason = "the user asked twice: whatever is running is not waited for"
)]
fn now() {
    std::process::exit(Exit::Interrupted.code().into());
}
