//! `imgsearch prune` and `imgsearch remove`: files that the index is to forget.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::Result;
use imgsearch::MissingFile;
use indicatif::HumanCount;
use serde::Serialize;

use super::exit::Exit;
use super::output::{Output, harmless};
use super::settings::Settings;

/// Forget pictures whose files are gone
///
/// Shows them first; `--yes` forgets them. `imgsearch index` forgets the files that are gone below the paths it is given, this
/// command looks at all that were ever indexed.
#[derive(Debug, clap::Args)]
pub(crate) struct PruneArgs {
    /// Forget them
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    form: Form,
}

/// Forget pictures, without touching their files
///
/// Indexing their folders again brings them back.
#[derive(Debug, clap::Args)]
pub(crate) struct RemoveArgs {
    /// Files, and folders with all that is below them; they need not exist any more
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// Show what would be forgotten and forget nothing
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    form: Form,
}

/// How paths are written.
#[derive(Clone, Copy, Debug, clap::Args)]
struct Form {
    /// Write one JSON object a line
    #[arg(long, conflicts_with = "null")]
    json: bool,
    /// Write paths ended by NUL bytes (for xargs -0)
    #[arg(short = '0', long)]
    null: bool,
}

#[derive(Serialize)]
struct Line<'a> {
    path: Cow<'a, str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    gone: Option<Cow<'a, str>>,
    forgotten: bool,
}

/// Looks for files that are gone and forgets them if that is wanted.
pub(crate) fn prune(args: &PruneArgs, settings: &Settings, output: &mut Output) -> Result<Exit> {
    let engine = settings.engine()?;
    let missing = engine.missing_files()?;
    if missing.is_empty() {
        output.notice(format_args!("no indexed file is gone"));
        return Ok(Exit::Nothing);
    }
    if args.yes {
        let paths: Vec<PathBuf> = missing.iter().map(|file| file.path.clone()).collect();
        engine.forget_files(&paths)?;
    }
    for file in &missing {
        write(&file.path, Some(&file.gone), args.yes, args.form, output)?;
    }
    for (folder, count) in lost_folders(&missing) {
        let (folder, files) = (harmless(folder), files(count));
        output.notice(format_args!(
            "{files} went with the folder {folder}; is that on a disk that is not connected?"
        ));
    }
    let files = files(missing.len());
    let told = match args.yes {
        true => format!("forgot {files}"),
        false => format!("{files} would be forgotten; `imgsearch prune --yes` does it"),
    };
    output.notice(format_args!("{told}"));
    Ok(Exit::Found)
}

/// Forgets what was named.
pub(crate) fn remove(args: &RemoveArgs, settings: &Settings, output: &mut Output) -> Result<Exit> {
    let engine = settings.engine()?;
    let found = engine.files_below(&args.paths)?;
    if found.is_empty() {
        let paths: Vec<String> = args.paths.iter().map(|path| harmless(path)).collect();
        output.notice(format_args!("nothing in {} is indexed", paths.join(", ")));
        return Ok(Exit::Nothing);
    }
    if !args.dry_run {
        engine.forget_files(&found)?;
    }
    for path in &found {
        write(path, None, !args.dry_run, args.form, output)?;
    }
    let files = files(found.len());
    let told = match args.dry_run {
        true => format!("{files} would be forgotten"),
        false => format!("forgot {files}; nothing on the disk was touched"),
    };
    output.notice(format_args!("{told}"));
    Ok(Exit::Found)
}

/// Folders that are gone as a whole, with the number of files that were indexed there.
fn lost_folders(missing: &[MissingFile]) -> BTreeMap<&Path, usize> {
    let mut folders = BTreeMap::new();
    for file in missing.iter().filter(|file| file.gone != file.path) {
        *folders.entry(file.gone.as_path()).or_insert(0) += 1;
    }
    folders
}

fn files(count: usize) -> String {
    match count {
        1 => "1 file".to_owned(),
        many => format!("{} files", HumanCount(many as u64)),
    }
}

fn write(
    path: &Path,
    gone: Option<&Path>,
    forgotten: bool,
    form: Form,
    output: &mut Output,
) -> Result<()> {
    if form.json {
        return output.json(&Line {
            path: path.to_string_lossy(),
            gone: gone.map(Path::to_string_lossy),
            forgotten,
        });
    }
    if form.null {
        output.write(path.as_os_str().as_encoded_bytes())?;
        return output.write("\0");
    }
    let shown = output.shown(path);
    output.write(shown)?;
    output.write("\n")
}
