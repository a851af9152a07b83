//! The command line of imgsearch.

mod cli;
#[cfg(feature = "tui")]
mod tui;

fn main() -> std::process::ExitCode {
    cli::run()
}
