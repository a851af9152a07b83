//! The command line: what was typed ([`args`]), what is meant ([`settings`]), a file for each command, and the only
//! place that writes ([`output`]). A client of the public API like any other.

mod args;
mod bench;
mod caption;
mod completions;
mod doctor;
mod eval;
mod exchange;
mod exit;
mod explain;
mod forget;
mod help;
mod hits;
mod index;
mod interrupt;
mod log;
mod match_sentences;
#[cfg(feature = "train")]
mod mining;
mod model;
mod output;
mod panics;
mod parsing;
mod progress;
mod search;
mod settings;
mod similar;
mod status;
mod tag;
mod tags;
#[cfg(feature = "train")]
mod train;
#[cfg(feature = "train")]
mod training;
#[cfg(feature = "tui")]
mod tui;

use std::process::ExitCode;

use args::{Args, Command};
use exit::Exit;
use output::{Closed, Output};
use settings::Settings;

/// Runs the command that was typed. Whatever happens, it ends in an exit code and at most one error sentence.
pub(crate) fn run() -> ExitCode {
    panics::guard(|| match Args::read(std::env::args_os()) {
        Ok(args) => match dispatch(args) {
            Ok(exit) => exit,
            // Whoever reads the results has seen enough: `imgsearch search cat | head -1`.
            Err(error) if error.is::<Closed>() => Exit::Found,
            Err(error) => {
                output::error(format_args!("{error}{}", hint(&error)));
                Exit::Failed
            }
        },
        Err(refusal) => output::usage(&refusal),
    })
    .into()
}

/// Which command helps, where the library can only say what is wrong.
fn hint(error: &anyhow::Error) -> &'static str {
    use imgsearch::IndexError;
    let index = match error.downcast_ref() {
        Some(imgsearch::Error::Index(error)) => Some(error),
        _ => error.downcast_ref::<IndexError>(),
    };
    match index {
        Some(IndexError::ModelMismatch { .. }) => " (`imgsearch index --rebuild` does the first)",
        Some(IndexError::Damaged { .. }) => " (`imgsearch doctor` says more)",
        _ => "",
    }
}

fn dispatch(args: Args) -> anyhow::Result<Exit> {
    let command = match args.command {
        Some(Command::Completions(args)) => return completions::completions(&args),
        Some(Command::Man(args)) => return completions::man(&args),
        Some(command) => command,
        None => Command::default(),
    };
    let settings = Settings::resolve(&args.globals)?;
    settings.limit_threads()?;
    let mut output = Output::new(&settings);
    if command.prints() {
        log::listen(settings.verbosity);
    }
    let exit = match command {
        #[cfg(feature = "tui")]
        Command::Tui(args) => tui::run(&args, &settings, &mut output),
        #[cfg(not(feature = "tui"))]
        Command::Usage => Err(anyhow::anyhow!(
            "no command was given; `imgsearch --help` lists them"
        )),
        Command::Index(args) => index::run(&args, &settings, &mut output),
        Command::Search(args) => search::run(&args, &settings, &mut output),
        Command::Similar(args) => similar::run(&args, &settings, &mut output),
        Command::Explain(args) => explain::run(&args, &settings, &mut output),
        Command::Tags(args) => tags::run(&args, &settings, &mut output),
        Command::Tag(args) => tag::run(&args, &settings, &mut output),
        Command::Caption(args) => caption::run(&args, &settings, &mut output),
        Command::Match(args) => match_sentences::run(&args, &settings, &mut output),
        Command::Model(args) => model::run(&args, &settings, &mut output),
        Command::Status(args) => status::run(&args, &settings, &mut output),
        Command::Doctor(args) => doctor::run(&args, &settings, &mut output),
        Command::Prune(args) => forget::prune(&args, &settings, &mut output),
        Command::Remove(args) => forget::remove(&args, &settings, &mut output),
        Command::Export(args) => exchange::export(&args, &settings, &mut output),
        Command::Import(args) => exchange::import(&args, &settings, &mut output),
        Command::Eval(args) => eval::run(&args, &settings, &mut output),
        Command::Bench(args) => bench::run(&args, &settings, &mut output),
        #[cfg(feature = "train")]
        Command::Train(args) => train::run(&args, &settings, &mut output),
        Command::Completions(args) => completions::completions(&args),
        Command::Man(args) => completions::man(&args),
        Command::Help(args) => help::run(&args, &mut output),
    }?;
    output.flush()?;
    Ok(exit)
}
