//! The binary itself, as a shell sees it: streams, exit codes, JSON, and input that is not what it should be.

mod evals;
mod filters;
mod imports;
mod indexing;
mod keywords;
mod language;
mod legs;
mod models;
mod owned;
#[cfg(feature = "pull")]
mod pulls;
mod refusals;
mod results;
mod sentences;
mod tagging;
#[cfg(all(unix, feature = "tui"))]
mod terminal;
mod upkeep;

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;

use serde_json::Value;
use tempfile::TempDir;

fn photos() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/photos")
}

/// A command that sees nothing of the user who runs the tests.
fn imgsearch(index: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_imgsearch"));
    command
        .env_clear()
        .env("HOME", index)
        .env("IMGSEARCH_INDEX", index)
        .args(["--device", "cpu"])
        .stdin(Stdio::null());
    command
}

fn run<S: AsRef<OsStr>>(index: &Path, args: &[S]) -> Output {
    imgsearch(index).args(args).output().unwrap()
}

fn code(output: &Output) -> i32 {
    output.status.code().unwrap()
}

fn out(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

/// Names of the files whose paths a search printed.
fn file_names(output: &Output) -> Vec<String> {
    let name = |path: &str| {
        let name = Path::new(path).file_name().unwrap();
        name.to_str().unwrap().to_owned()
    };
    out(output).lines().map(name).collect()
}

fn err(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn lines(output: &Output) -> Vec<Value> {
    out(output)
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

/// A bundle with the files of the built-in model, after a change of its manifest.
fn bundle(change: impl FnOnce(&mut Value)) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let builtin = Path::new(env!("CARGO_MANIFEST_DIR")).join("models/tag2text-mini");
    for entry in fs::read_dir(builtin).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), folder.path().join(entry.file_name())).unwrap();
    }
    let file = folder.path().join("manifest.json");
    let mut manifest = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
    change(&mut manifest);
    fs::write(&file, manifest.to_string()).unwrap();
    folder
}

/// A bundle like the built-in model, without image-text matching.
fn without_matching() -> TempDir {
    bundle(|manifest| {
        let manifest = manifest.as_object_mut().unwrap();
        manifest.remove("matcher");
        let files = manifest["files"].as_object_mut().unwrap();
        files.remove("matcher.safetensors");
    })
}

/// One error sentence, exit code 2, no result.
#[track_caller]
fn refused(output: &Output, sentence: &str) {
    let told = err(output);
    assert_eq!(code(output), 2, "{told}");
    assert!(
        told.starts_with("imgsearch: ") && told.contains(sentence),
        "{told}"
    );
    assert!(
        !told.contains("panicked") && !told.contains("RUST_BACKTRACE"),
        "{told}"
    );
    assert!(output.stdout.is_empty(), "{}", out(output));
}

/// The photographs, indexed once for all tests that only read.
fn index() -> &'static Path {
    static INDEX: OnceLock<TempDir> = OnceLock::new();
    INDEX
        .get_or_init(|| {
            let folder = tempfile::tempdir().unwrap();
            let indexed = run(folder.path(), &[OsStr::new("index"), photos().as_os_str()]);
            assert_eq!(code(&indexed), 0, "{}", err(&indexed));
            assert!(indexed.stdout.is_empty());
            assert!(
                err(&indexed).starts_with("added 8 in "),
                "{}",
                err(&indexed)
            );
            folder
        })
        .path()
}
