//! The only place that writes: results on stdout, everything else on stderr.

use std::fmt::Arguments;
use std::io::{self, BufWriter, ErrorKind, Stdout, Write};
use std::path::Path;

use anyhow::{Result, anyhow};
use serde::Serialize;

use super::exit::Exit;
use super::settings::{Settings, Verbosity};

/// Nobody reads the results any more. No error: the run ends quietly.
#[derive(Debug, thiserror::Error)]
#[error("the reader of the results has gone")]
pub(crate) struct Closed;

/// Where results and notices go.
///
/// Stdout is not locked for the whole run: the terminal interface draws on it, and gives it back from any thread.
pub(crate) struct Output {
    results: BufWriter<Stdout>,
    colour: bool,
    to_terminal: bool,
    verbosity: Verbosity,
}

/// How something is shown on a terminal.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Style {
    Dim,
    Bold,
    Green,
}

impl Output {
    /// Results on stdout, as the settings want them.
    pub(crate) fn new(settings: &Settings) -> Self {
        Self {
            results: BufWriter::new(io::stdout()),
            colour: settings.colour,
            to_terminal: settings.to_terminal,
            verbosity: settings.verbosity,
        }
    }

    /// Writes part of a result as it is.
    pub(crate) fn write(&mut self, bytes: impl AsRef<[u8]>) -> Result<()> {
        written(self.results.write_all(bytes.as_ref()))
    }

    /// Writes a line of results.
    pub(crate) fn line(&mut self, line: Arguments<'_>) -> Result<()> {
        written(writeln!(self.results, "{line}"))
    }

    /// Writes part of a result, in a style where colours are wanted.
    pub(crate) fn styled(&mut self, style: Style, bytes: impl AsRef<[u8]>) -> Result<()> {
        if !self.colour {
            return self.write(bytes);
        }
        self.write(match style {
            Style::Dim => "\x1b[2m",
            Style::Bold => "\x1b[1m",
            Style::Green => "\x1b[32m",
        })?;
        self.write(bytes)?;
        self.write("\x1b[0m")
    }

    /// A path as it is shown: for programs every byte as it is, for a terminal without characters that would command it.
    pub(crate) fn shown(&self, path: &Path) -> Vec<u8> {
        if self.to_terminal {
            harmless(path).into_bytes()
        } else {
            path.as_os_str().as_encoded_bytes().to_vec()
        }
    }

    /// Writes one JSON object on a line.
    pub(crate) fn json(&mut self, value: &impl Serialize) -> Result<()> {
        let mut line = serde_json::to_vec(value)?;
        line.push(b'\n');
        self.write(line)
    }

    /// Hands on what was written so far.
    pub(crate) fn flush(&mut self) -> Result<()> {
        written(self.results.flush())
    }

    /// Says something on stderr, unless nothing but errors is wanted.
    pub(crate) fn notice(&self, text: Arguments<'_>) {
        if self.verbosity > Verbosity::Quiet {
            say(text);
        }
    }

    /// Says how something was done, for those who want to know.
    pub(crate) fn detail(&self, text: Arguments<'_>) {
        if self.verbosity > Verbosity::Normal {
            say(text);
        }
    }
}

/// A path without characters that would command a terminal, as text.
pub(crate) fn harmless(path: &Path) -> String {
    let mut text = String::new();
    for c in path.to_string_lossy().chars() {
        if c.is_control() {
            text.extend(c.escape_default());
        } else {
            text.push(c);
        }
    }
    text
}

/// Reports what went wrong.
pub(crate) fn error(text: Arguments<'_>) {
    say(format_args!("imgsearch: {}", text.to_string().trim_end()));
}

/// Says something on stderr. Where stderr is closed there is nobody to tell.
pub(crate) fn say(text: Arguments<'_>) {
    let _ = writeln!(io::stderr().lock(), "{text}");
}

/// Answers arguments that do not parse, and requests for help.
pub(crate) fn usage(refusal: &clap::Error) -> Exit {
    if !refusal.use_stderr() {
        let _ = refusal.print();
        return Exit::Found;
    }
    let text = refusal.render().to_string();
    error(format_args!("{}", text.trim_start_matches("error: ")));
    Exit::Failed
}

fn written(outcome: io::Result<()>) -> Result<()> {
    outcome.map_err(|error| match error.kind() {
        ErrorKind::BrokenPipe => Closed.into(),
        _ => anyhow!("cannot write the results: {error}"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_name_does_not_command_the_terminal() {
        assert_eq!(
            harmless(Path::new("a\x1b[2Jé\n.jpg")),
            "a\\u{1b}[2Jé\\n.jpg"
        );
    }

    #[test]
    fn a_closed_pipe_is_told_from_a_full_disk() {
        let error = |kind: ErrorKind| written(Err(kind.into())).unwrap_err();
        assert!(error(ErrorKind::BrokenPipe).is::<Closed>());
        let full = error(ErrorKind::StorageFull);
        assert!(!full.is::<Closed>() && full.to_string().contains("cannot write"));
    }
}
