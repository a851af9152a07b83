//! Events of the library, as lines on stderr.

use std::fmt::{self, Write};

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};

use super::output;
use super::settings::Verbosity;

/// Shows warnings of the library, or everything it tells, or nothing.
pub(crate) fn listen(verbosity: Verbosity) {
    let most = match verbosity {
        Verbosity::Quiet => return,
        Verbosity::Normal => Level::WARN,
        Verbosity::Verbose => Level::DEBUG,
    };
    // Refused only where another one listens already, and then that one does the job.
    let _ = tracing::subscriber::set_global_default(Listener { most });
}

struct Listener {
    most: Level,
}

impl Subscriber for Listener {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        // The networks' libraries tell a great deal that helps nobody here.
        metadata.target().starts_with("imgsearch") && *metadata.level() <= self.most
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut line = Line::default();
        event.record(&mut line);
        output::say(format_args!("imgsearch: {}{}", line.message, line.fields));
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

#[derive(Default)]
struct Line {
    message: String,
    fields: String,
}

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let _ = if field.name() == "message" {
            write!(self.message, "{value:?}")
        } else {
            write!(self.fields, " {}={value:?}", field.name())
        };
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.record_debug(field, &format_args!("{value}"));
    }
}
