//! The progress bar, drawn on stderr where that is a terminal; the closures that the library reports to.

use std::fmt;
use std::ops::ControlFlow;

use imgsearch::Progress;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};

use super::interrupt::Interrupt;
use super::output;
use super::settings::{Settings, Verbosity};

const SEARCHING: &str = "{spinner} {prefix} {human_pos} found";
const COUNTED: &str = "{prefix} [{wide_bar}] {human_pos}/{human_len} {rate} ETA {eta}{msg}";
#[cfg(feature = "pull")]
const RECEIVED: &str =
    "{prefix} [{wide_bar}] {binary_bytes}/{binary_total_bytes} {binary_bytes_per_sec} ETA {eta}";
const WAITING: &str = "{spinner} {prefix}";

/// A progress bar that asks after every report whether to go on.
pub(crate) struct Bar {
    bar: ProgressBar,
    interrupt: Interrupt,
    verbosity: Verbosity,
    stage: String,
    told: bool,
}

impl Bar {
    /// A bar as the settings want it.
    pub(crate) fn new(settings: &Settings, interrupt: Interrupt) -> Self {
        let target = if settings.progress {
            ProgressDrawTarget::stderr()
        } else {
            ProgressDrawTarget::hidden()
        };
        Self {
            bar: ProgressBar::with_draw_target(None, target),
            interrupt,
            verbosity: settings.verbosity,
            stage: String::new(),
            told: false,
        }
    }

    /// Shows how far an index run is.
    pub(crate) fn index(&mut self, progress: &Progress) -> ControlFlow<()> {
        match progress {
            Progress::Walking { found } => {
                self.stage("looking for pictures:", SEARCHING, None);
                self.bar.set_position(*found as u64);
            }
            Progress::Encoding {
                done,
                total,
                skipped,
            } => {
                self.stage("indexing", COUNTED, Some((*done, *total)));
                self.bar.set_message(match skipped {
                    0 => String::new(),
                    skipped => format!(", skipped {skipped}"),
                });
                self.bar.set_position(*done as u64);
            }
            Progress::Publishing => self.stage("publishing", WAITING, None),
            Progress::Linking { done, total } => return self.count("linking", *done, *total),
            Progress::Watching => self.stage("watching for changes", WAITING, None),
            _ => {}
        }
        self.go_on()
    }

    /// Shows how many of a known number are done.
    pub(crate) fn count(&mut self, what: &str, done: usize, total: usize) -> ControlFlow<()> {
        self.stage(what, COUNTED, Some((done, total)));
        self.bar.set_position(done as u64);
        self.go_on()
    }

    /// Shows how far a model is on its way here.
    #[cfg(feature = "pull")]
    pub(crate) fn pull(&mut self, progress: imgsearch::store::PullProgress<'_>) -> ControlFlow<()> {
        use imgsearch::store::PullProgress as Pull;
        match progress {
            Pull::Fetching { file, done, total } => {
                let counted = total.map(|total| (done as usize, total as usize));
                self.stage(&format!("fetching {file}"), RECEIVED, counted);
                self.bar.set_position(done);
            }
            Pull::Importing => self.stage("importing", WAITING, None),
            _ => {}
        }
        self.go_on()
    }

    /// Shows how far a training run is.
    #[cfg(feature = "train")]
    pub(crate) fn train(
        &mut self,
        progress: &imgsearch::models::train::Progress,
    ) -> ControlFlow<()> {
        use imgsearch::models::train::Progress as Training;
        match progress {
            Training::Features { what, done, total } => return self.count(what, *done, *total),
            Training::Step {
                stage,
                epoch,
                epochs,
                done,
                total,
                loss,
            } => {
                self.stage(stage, COUNTED, Some((*done, *total)));
                self.bar
                    .set_message(format!(", epoch {epoch}/{epochs}, loss {loss:.4}"));
                self.bar.set_position(*done as u64);
            }
            other => {
                if let Some(sentence) = super::training::sentence(other) {
                    self.say(&sentence);
                }
            }
        }
        self.go_on()
    }

    /// Does something that writes, with the bar out of its way.
    #[cfg(feature = "watch")]
    pub(crate) fn suspend<T>(&self, write: impl FnOnce() -> T) -> T {
        self.bar.suspend(write)
    }

    /// Says something above the bar.
    fn say(&self, text: &str) {
        if self.verbosity > Verbosity::Quiet {
            self.bar.suspend(|| output::say(format_args!("{text}")));
        }
    }

    fn stage(&mut self, name: &str, template: &str, counted: Option<(usize, usize)>) {
        if let Some((_, total)) = counted {
            self.bar.set_length(total as u64);
        }
        if self.stage == name {
            return;
        }
        name.clone_into(&mut self.stage);
        let style = ProgressStyle::with_template(template)
            .unwrap_or_else(|_| ProgressStyle::default_bar())
            .with_key(
                "rate",
                |state: &ProgressState, text: &mut dyn fmt::Write| {
                    let _ = write!(text, "{:.1}/s", state.per_sec());
                },
            )
            .progress_chars("=> ");
        self.bar.set_style(style);
        self.bar.set_prefix(self.stage.clone());
        self.bar.set_message(String::new());
        // What an earlier run has done is no measure of speed.
        self.bar
            .set_position(counted.map_or(0, |(done, _)| done as u64));
        self.bar.reset_eta();
    }

    fn go_on(&mut self) -> ControlFlow<()> {
        // The spinner turns and the time left is counted down also while nothing is reported as done.
        self.bar.tick();
        let flow = self.interrupt.check();
        if flow.is_break() && !self.told {
            self.told = true;
            self.say("stopping; what is done is kept (Ctrl-C again to stop at once)");
        }
        flow
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
