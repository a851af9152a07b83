//! `imgsearch index`: bringing an index up to date.

use std::borrow::Cow;
#[cfg(feature = "watch")]
use std::cell::RefCell;
use std::io::{self, Read};
#[cfg(feature = "watch")]
use std::ops::ControlFlow;
use std::path::PathBuf;

use anyhow::{Context, Result, anyhow, bail};
use imgsearch::{IndexReport, path_from_bytes};
use indicatif::HumanCount;
use serde::Serialize;

use super::exit::Exit;
use super::interrupt::Interrupt;
use super::output::{Output, harmless};
use super::progress::Bar;
use super::settings::Settings;

/// Index pictures, and bring an index up to date
///
/// New and changed files are read, unchanged ones are not opened, moved ones are recognised by their bytes, missing ones
/// are forgotten. Pictures are only ever read. A file `.imgsearchignore` says, like a .gitignore, what to leave out.
#[derive(Debug, clap::Args)]
pub(crate) struct IndexArgs {
    /// Folders and files; `-` reads paths from stdin, one a line or ended by NUL bytes
    #[arg(required_unless_present = "rebuild", value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// Make the index anew, of all that is in it and of the paths; needed after a change of the model. Searches with the former
    /// model go on meanwhile
    #[arg(long)]
    rebuild: bool,
    /// Write the report as a JSON object
    #[arg(long)]
    json: bool,
    /// Go on until Ctrl-C, and index again whenever something below the paths has changed
    #[cfg(feature = "watch")]
    #[arg(long, conflicts_with = "rebuild")]
    watch: bool,
    /// Exit with 2 when a file was skipped
    #[arg(long)]
    fail_on_skip: bool,
}

#[derive(Serialize)]
struct Report<'a> {
    added: usize,
    updated: usize,
    moved: usize,
    removed: usize,
    unchanged: usize,
    skipped: Vec<Skipped<'a>>,
    cancelled: bool,
    seconds: f64,
}

#[derive(Serialize)]
struct Skipped<'a> {
    path: Cow<'a, str>,
    reason: &'a str,
}

/// Indexes and reports.
pub(crate) fn run(args: &IndexArgs, settings: &Settings, output: &mut Output) -> Result<Exit> {
    let roots = match args.paths.is_empty() {
        true => Vec::new(),
        false => roots(&args.paths)?,
    };
    let engine = settings.engine()?;
    output.detail(format_args!("indexing into {}", harmless(&settings.index)));
    let mut bar = Bar::new(settings, Interrupt::listen()?);
    #[cfg(feature = "watch")]
    if args.watch {
        return watch(&engine, &roots, bar, args.json, output);
    }
    let progress = |progress: &_| bar.index(progress);
    let report = match args.rebuild {
        true => engine.rebuild(&roots, progress),
        false => engine.index_paths(&roots, progress),
    };
    drop(bar);
    let report = report?;
    tell(&report, &roots, args.json, output)?;
    Ok(match report {
        IndexReport {
            cancelled: true, ..
        } => Exit::Interrupted,
        IndexReport { skipped, .. } if args.fail_on_skip && !skipped.is_empty() => Exit::Failed,
        _ => Exit::Found,
    })
}

/// Indexes and reports, again and again, until it is interrupted.
#[cfg(feature = "watch")]
fn watch(
    engine: &imgsearch::Engine,
    roots: &[PathBuf],
    bar: Bar,
    json: bool,
    output: &mut Output,
) -> Result<Exit> {
    // Both closures need them, one after the other.
    let (bar, told) = (RefCell::new(bar), RefCell::new(Ok(())));
    let mut is_first = true;
    let outcome = engine.watch_paths(
        roots,
        |progress| match *told.borrow() {
            Ok(()) => bar.borrow_mut().index(progress),
            Err(_) => ControlFlow::Break(()),
        },
        |report| {
            let changed = report.added + report.updated + report.moved + report.removed > 0;
            if is_first || changed {
                *told.borrow_mut() = bar.borrow().suspend(|| {
                    tell(report, roots, json, output)?;
                    output.flush()
                });
            }
            is_first = false;
        },
    );
    drop(bar);
    outcome?;
    told.into_inner()?;
    Ok(Exit::Interrupted)
}

/// Says what a run did.
fn tell(report: &IndexReport, roots: &[PathBuf], as_json: bool, output: &mut Output) -> Result<()> {
    let mut report = report.clone();
    // Threads find them in any order; a report that can be compared with the last one is worth more.
    report.skipped.sort_by(|a, b| a.path.cmp(&b.path));
    for skipped in &report.skipped {
        let (path, reason) = (harmless(&skipped.path), &skipped.reason);
        output.notice(format_args!("skipped {path}: {reason}"));
    }
    output.notice(format_args!("{}", summary(&report, roots)));
    if as_json {
        output.json(&json(&report))?;
    }
    Ok(())
}

/// The paths that were named, those on stdin included.
fn roots(paths: &[PathBuf]) -> Result<Vec<PathBuf>> {
    let mut roots: Vec<PathBuf> = Vec::new();
    for path in paths {
        if path.as_os_str() != "-" {
            roots.push(path.clone());
            continue;
        }
        let mut list = Vec::new();
        io::stdin()
            .lock()
            .read_to_end(&mut list)
            .map_err(|error| anyhow!("cannot read paths from stdin: {error}"))?;
        roots.extend(listed(&list)?);
    }
    if roots.is_empty() {
        bail!("no path was read from stdin; pipe one a line, as `find` prints them");
    }
    Ok(roots)
}

fn listed(list: &[u8]) -> Result<Vec<PathBuf>> {
    let end = if list.contains(&0) { 0 } else { b'\n' };
    list.split(|&byte| byte == end)
        .filter(|path| !path.is_empty())
        .map(path)
        .collect()
}

fn path(bytes: &[u8]) -> Result<PathBuf> {
    // Lines end with a carriage return on Windows.
    let bytes = match cfg!(windows) {
        true => bytes.strip_suffix(b"\r").unwrap_or(bytes),
        false => bytes,
    };
    path_from_bytes(bytes).context("a path on stdin is not UTF-8")
}

/// The report in a sentence.
fn summary(report: &IndexReport, roots: &[PathBuf]) -> String {
    let told: Vec<String> = report
        .counts()
        .map(|(what, count)| format!("{what} {}", HumanCount(count as u64)))
        .collect();
    let seconds = report.elapsed.as_secs_f64();
    match (told.is_empty(), report.cancelled) {
        (true, true) => "stopped before anything was done".to_owned(),
        (true, false) if roots.is_empty() => "none of the indexed files is there".to_owned(),
        (true, false) => {
            let roots: Vec<String> = roots.iter().map(|root| harmless(root)).collect();
            format!("no pictures found in {}", roots.join(", "))
        }
        (false, true) => format!(
            "stopped; {} in {seconds:.1} s, which is kept",
            told.join(", ")
        ),
        (false, false) => format!("{} in {seconds:.1} s", told.join(", ")),
    }
}

fn json(report: &IndexReport) -> Report<'_> {
    let skipped = report.skipped.iter().map(|skipped| Skipped {
        path: skipped.path.to_string_lossy(),
        reason: &skipped.reason,
    });
    Report {
        added: report.added,
        updated: report.updated,
        moved: report.moved,
        removed: report.removed,
        unchanged: report.unchanged,
        skipped: skipped.collect(),
        cancelled: report.cancelled,
        seconds: report.elapsed.as_secs_f64(),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn paths_are_read_by_line_or_by_nul() {
        let paths = |list: &[u8]| listed(list).unwrap();
        assert_eq!(paths(b"a b\n\nc"), [Path::new("a b"), Path::new("c")]);
        assert_eq!(paths(b"a\nb\0c\0"), [Path::new("a\nb"), Path::new("c")]);
        assert!(paths(b"\n").is_empty());
    }

    #[test]
    fn an_empty_folder_is_named() {
        let report = IndexReport::default();
        let told = summary(&report, &["photos".into()]);
        assert_eq!(told, "no pictures found in photos");
    }
}
