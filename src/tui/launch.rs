//! Other programs: those that show pictures and folders.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc::Sender;
use std::thread;

use super::message::Msg;
use super::text::shown_path;

/// Opens a picture with the program that is meant for it.
pub(super) fn open(path: PathBuf, messages: Sender<Msg>) {
    let mut command = opener();
    command.arg(&path);
    run(command, path, messages);
}

/// Shows a picture in its folder.
pub(super) fn reveal(path: PathBuf, messages: Sender<Msg>) {
    let mut command = opener();
    if cfg!(target_os = "macos") {
        command.arg("-R").arg(&path);
    } else if cfg!(windows) {
        command.arg("/select,").arg(&path);
    } else {
        // Not every desktop can select a file in a folder.
        command.arg(path.parent().unwrap_or(Path::new("/")));
    }
    run(command, path, messages);
}

fn opener() -> Command {
    Command::new(if cfg!(target_os = "macos") {
        "open"
    } else if cfg!(windows) {
        "explorer"
    } else {
        "xdg-open"
    })
}

/// Runs a program on a thread that waits for it, and tells where it could not do what it should.
fn run(mut command: Command, path: PathBuf, messages: Sender<Msg>) {
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    thread::spawn(move || {
        let program = command.get_program().to_string_lossy().into_owned();
        let reason = match command.status() {
            // Windows' explorer says 1 whatever it did.
            Ok(status) if status.success() || cfg!(windows) => return,
            Ok(status) => format!("{program} ended with {status}"),
            Err(error) => format!("{program} cannot be run: {error}"),
        };
        let told = format!("{} was not opened: {reason}", shown_path(&path));
        let _ = messages.send(Msg::Notice(told));
    });
}
