//! `imgsearch doctor`: whether all of the index is what was written.

use std::borrow::Cow;

use anyhow::Result;
use imgsearch::{CatalogueState, Examination, Finding, Remedy, examine};
use indicatif::{HumanBytes, HumanCount};
use serde::Serialize;

use super::exit::Exit;
use super::output::{Output, harmless};
use super::settings::Settings;

/// Read all of the index and compare it with its checksums
///
/// Nothing is changed without `--repair`. Exit code 0 if the index is sound, 2 if something is left to do.
#[derive(Debug, clap::Args)]
pub(crate) struct DoctorArgs {
    /// Rebuild and restore what can be, then examine the index again
    #[arg(long)]
    repair: bool,
    /// Write a JSON object
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Report<'a> {
    sound: bool,
    images: u64,
    files: u64,
    bytes: u64,
    catalogue: &'static str,
    findings: Vec<Line<'a>>,
}

#[derive(Serialize)]
struct Line<'a> {
    path: Cow<'a, str>,
    problem: &'a str,
    remedy: &'static str,
}

/// Examines, repairs if that is wanted, and tells.
pub(crate) fn run(args: &DoctorArgs, settings: &Settings, output: &mut Output) -> Result<Exit> {
    let mut found = examine(&settings.index)?;
    if args.repair && !found.is_sound() {
        for finding in &found.findings {
            output.notice(format_args!("{}", sentence(finding)));
        }
        settings.engine()?.repair()?;
        found = examine(&settings.index)?;
    }
    if args.json {
        output.json(&report(&found))?;
    } else {
        for finding in &found.findings {
            output.line(format_args!("{}", sentence(finding)))?;
        }
    }
    // What nothing uses is no damage.
    let is_damaged = found.findings.iter().any(|f| f.remedy != Remedy::Remove);
    if let Some(unread) = unread(found.catalogue) {
        output.notice(format_args!("{unread}"));
    }
    let images = HumanCount(found.images);
    let bytes = HumanBytes(found.bytes);
    if found.findings.is_empty() {
        output.notice(format_args!(
            "sound: {images} pictures, {bytes} compared with their checksums"
        ));
    } else if !args.repair && is_damaged {
        output.notice(format_args!(
            "`imgsearch doctor --repair` does what can be done"
        ));
    }
    Ok(match is_damaged {
        true => Exit::Failed,
        false => Exit::Found,
    })
}

fn sentence(finding: &Finding) -> String {
    let advice = match finding.remedy {
        Remedy::Rebuild => "it can be rebuilt, nothing is lost",
        Remedy::Restore => "it can be restored from what is published",
        Remedy::Reindex => "index the pictures again",
        Remedy::Remove => "nothing uses it, it can be deleted",
        _ => "this program knows no remedy",
    };
    let (path, problem) = (harmless(&finding.path), &finding.problem);
    format!("{path}: {problem}; {advice}")
}

/// What to say of a catalogue that was not read.
fn unread(state: CatalogueState) -> Option<String> {
    match state {
        CatalogueState::InUse(Some(pid)) => Some(format!(
            "process {pid} is writing, so the catalogue was not read"
        )),
        CatalogueState::InUse(None) => {
            Some("another process is writing, so the catalogue was not read".to_owned())
        }
        CatalogueState::ReadOnly => {
            Some("the folder cannot be written to, so the catalogue was not read".to_owned())
        }
        _ => None,
    }
}

fn report(found: &Examination) -> Report<'_> {
    let findings = found.findings.iter().map(|finding| Line {
        path: finding.path.to_string_lossy(),
        problem: &finding.problem,
        remedy: match finding.remedy {
            Remedy::Rebuild => "rebuild",
            Remedy::Restore => "restore",
            Remedy::Reindex => "reindex",
            Remedy::Remove => "remove",
            _ => "none",
        },
    });
    Report {
        sound: found.is_sound(),
        images: found.images,
        files: found.files,
        bytes: found.bytes,
        catalogue: match found.catalogue {
            CatalogueState::Read => "read",
            CatalogueState::Damaged => "damaged",
            CatalogueState::InUse(_) => "in use",
            CatalogueState::ReadOnly => "read-only",
            _ => "unknown",
        },
        findings: findings.collect(),
    }
}
