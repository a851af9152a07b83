//! The command line of imgsearch.

mod cli;
mod tui;

fn main() -> std::process::ExitCode {
    cli::run()
}
