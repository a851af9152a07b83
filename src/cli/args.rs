//! What was typed. Nothing here reads the environment: see [`Settings`](super::settings::Settings).

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{ColorChoice, CommandFactory, Parser, Subcommand, ValueEnum};

use super::{
    bench, caption, completions, doctor, eval, exchange, explain, forget, help, index,
    match_sentences, model, search, similar, status, tag, tags,
};

/// Find any picture with a sentence or a few keywords, and see why it matched
///
/// Everything stays on this machine. `imgsearch index PATH` once, then `imgsearch search WORDS`; without a command the
/// terminal interface opens.
#[derive(Debug, Parser)]
#[command(
    name = "imgsearch",
    version,
    max_term_width = 100,
    disable_help_subcommand = true,
    after_help = "Exit codes: 0 results, 1 no results, 2 error, 130 interrupted.\n\
                  `imgsearch help COMMAND` says more about a command, `imgsearch help query` about queries."
)]
pub(crate) struct Args {
    #[command(flatten)]
    pub(crate) globals: Globals,
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
}

/// What stands before a tag that is taken away once it is told from an option.
pub(crate) const MINUS: char = '\u{2212}';

impl Args {
    /// Reads what was typed. Behind `tag`, `-snow` is no row of options but takes a tag away, which no rule of clap's says.
    pub(crate) fn read(typed: impl IntoIterator<Item = OsString>) -> Result<Self, clap::Error> {
        let mut typed: Vec<OsString> = typed.into_iter().collect();
        let at = command_at(&typed);
        if typed.get(at).is_some_and(|command| command == "tag") {
            for operand in &mut typed[at + 1..] {
                let name = operand.to_str().and_then(|text| text.strip_prefix('-'));
                // Options of one letter are options.
                let is_tag = |name: &&str| !name.starts_with('-') && name.chars().nth(1).is_some();
                if let Some(name) = name.filter(is_tag) {
                    *operand = format!("{MINUS}{name}").into();
                }
            }
        }
        Self::try_parse_from(typed)
    }
}

/// Where the name of the command stands: it is the first that is neither an option nor the value of one.
fn command_at(typed: &[OsString]) -> usize {
    let command = Args::command();
    let takes_value = |option: &str| {
        let mut options = command.get_arguments();
        options.any(|known| known.get_long() == Some(option) && known.get_action().takes_values())
    };
    let mut at = 1;
    while let Some(option) = typed
        .get(at)
        .and_then(|text| text.to_str()?.strip_prefix('-'))
    {
        let has_value = option.strip_prefix('-').is_some_and(takes_value);
        at += 1 + usize::from(has_value);
    }
    at
}

/// Options of every command.
#[derive(Clone, Debug, Default, clap::Args)]
#[command(next_help_heading = "Options of every command")]
pub(crate) struct Globals {
    /// Folder of the index [default: imgsearch/ in the XDG data folder; env: IMGSEARCH_INDEX]
    #[arg(long, global = true, value_name = "DIR")]
    pub(crate) index: Option<PathBuf>,
    /// Settings file [default: imgsearch/config.toml in the XDG config folder]
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Model: a name that `imgsearch model list` shows, or the folder of a bundle [default: tag2text-mini, which is built in,
    /// or the one chosen with `imgsearch model use`]
    #[arg(long, global = true, value_name = "NAME|DIR")]
    pub(crate) model: Option<PathBuf>,
    /// Where the networks run
    #[arg(long, global = true, value_enum, value_name = "WHERE")]
    pub(crate) device: Option<Device>,
    /// Floats that a GPU computes with; the CPU always takes f32
    #[arg(long, global = true, value_enum, value_name = "FLOAT")]
    pub(crate) precision: Option<Precision>,
    /// Threads that work at once [default: one a core]
    #[arg(long, global = true, value_name = "N", value_parser = at_least_one)]
    pub(crate) threads: Option<usize>,
    /// When to use colours; NO_COLOR turns them off too
    #[arg(long, global = true, value_enum, value_name = "WHEN", default_value_t)]
    pub(crate) color: ColorChoice,
    /// Say nothing on stderr but errors
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub(crate) quiet: bool,
    /// Say more on stderr
    #[arg(short, long, global = true)]
    pub(crate) verbose: bool,
}

/// Where the networks run.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(crate) enum Device {
    /// A GPU where one works, else the CPU
    Auto,
    /// The CPU
    Cpu,
    /// A GPU, be it software; the CPU with a warning where none works
    Gpu,
}

/// Floats that a GPU computes with.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(crate) enum Precision {
    /// 32 bits
    F32,
    /// 16 bits, in half the memory; f32 with a warning where the GPU has none
    F16,
}

/// What to do; the arguments of each say it in the help.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    #[cfg(feature = "tui")]
    Tui(super::tui::TuiArgs),
    #[cfg(not(feature = "tui"))]
    #[command(skip)]
    Usage,
    Index(index::IndexArgs),
    Search(search::SearchArgs),
    Similar(similar::SimilarArgs),
    Explain(explain::ExplainArgs),
    Tags(tags::TagsArgs),
    Tag(tag::TagArgs),
    Caption(caption::CaptionArgs),
    Match(match_sentences::MatchArgs),
    Status(status::StatusArgs),
    Doctor(doctor::DoctorArgs),
    Prune(forget::PruneArgs),
    Remove(forget::RemoveArgs),
    Export(exchange::ExportArgs),
    Import(exchange::ImportArgs),
    Model(model::ModelArgs),
    Eval(eval::EvalArgs),
    Bench(bench::BenchArgs),
    #[cfg(feature = "train")]
    Train(super::train::TrainArgs),
    Completions(completions::CompletionsArgs),
    Man(completions::ManArgs),
    Help(help::HelpArgs),
}

impl Default for Command {
    #[cfg(feature = "tui")]
    fn default() -> Self {
        Self::Tui(super::tui::TuiArgs::default())
    }

    #[cfg(not(feature = "tui"))]
    fn default() -> Self {
        Self::Usage
    }
}

impl Command {
    /// Whether it writes line by line; the terminal interface owns the whole screen.
    pub(crate) fn prints(&self) -> bool {
        #[cfg(feature = "tui")]
        if matches!(self, Self::Tui(_)) {
            return false;
        }
        true
    }
}

/// A count that makes sense.
pub(crate) fn at_least_one(text: &str) -> Result<usize, String> {
    // Nobody means more, and sizes are computed from it.
    const MOST: usize = 1_000_000;
    match text.parse() {
        Ok(0) => Err("must be at least 1".to_owned()),
        Ok(count) if count <= MOST => Ok(count),
        Ok(_) => Err(format!("the most is {MOST}")),
        Err(_) => Err("not a number".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_arguments_contradict_nothing() {
        Args::command().debug_assert();
    }

    #[test]
    fn options_may_follow_operands() {
        let typed = "imgsearch search a dog --index /i -n 3 on the beach --tag dog -q";
        let args = Args::try_parse_from(typed.split(' ')).unwrap();
        assert_eq!(args.globals.index.as_deref(), Some("/i".as_ref()));
        assert!(args.globals.quiet);
        let Some(Command::Search(search)) = args.command else {
            panic!()
        };
        assert_eq!(search.text(), "a dog on the beach");
    }

    #[test]
    fn a_minus_behind_tag_takes_tags_away() {
        let read = |typed: &str| Args::read(typed.split(' ').map(OsString::from));
        let args = read("imgsearch --index tag tag a.jpg +dog -snow --json -v -hut").unwrap();
        assert!(args.globals.verbose, "an option of one letter is an option");
        let Some(Command::Tag(tag)) = args.command else {
            panic!()
        };
        let tag = format!("{tag:?}");
        assert!(
            tag.contains("\u{2212}snow") && tag.contains("\u{2212}hut"),
            "{tag}"
        );
        let args = read("imgsearch tag a.jpg -snow --index /i").unwrap();
        assert_eq!(args.globals.index.as_deref(), Some("/i".as_ref()));
        let args = read("imgsearch search tag -n3 --index=/i").unwrap();
        assert_eq!(args.globals.index.as_deref(), Some("/i".as_ref()));
        assert!(read("imgsearch -q").unwrap().command.is_none());
    }

    #[test]
    fn counts_are_checked() {
        assert_eq!(at_least_one("7"), Ok(7));
        for bad in ["0", "-1", "many", "99999999999999999999"] {
            assert!(at_least_one(bad).is_err(), "{bad}");
        }
    }
}
