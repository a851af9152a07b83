//! `imgsearch help`: about a command, or about the query language.

use std::fmt::Write;

use anyhow::{Result, bail};
use clap::CommandFactory;
use imgsearch::query::OPERATORS;

use super::args::Args;
use super::exit::Exit;
use super::output::Output;

/// Say more about a command, or about the query language
///
/// `imgsearch help query` lists the operators of a query.
#[derive(Debug, clap::Args)]
pub(crate) struct HelpArgs {
    /// Commands, or `query`
    #[arg(value_name = "COMMAND|query")]
    topic: Vec<String>,
}

/// Writes what is to be said.
pub(crate) fn run(args: &HelpArgs, output: &mut Output) -> Result<Exit> {
    if args.topic == ["query"] {
        output.write(operators())?;
        return Ok(Exit::Found);
    }
    let mut whole = Args::command();
    whole.build();
    let mut command = &mut whole;
    for name in &args.topic {
        command = match command.find_subcommand_mut(name) {
            Some(command) => command,
            None => bail!("there is no command {name}; `imgsearch --help` lists them"),
        };
    }
    output.write(command.render_long_help().to_string())?;
    Ok(Exit::Found)
}

/// The query language, from the table by which it is read.
fn operators() -> String {
    let width = OPERATORS.iter().map(|operator| operator.form.len()).max();
    let width = width.unwrap_or(0);
    let mut text = String::from(
        "A query is a sentence or a few keywords: a dog on the beach. These may stand in it:\n\n",
    );
    for operator in OPERATORS {
        let (form, meaning, example) = (operator.form, operator.meaning, operator.example);
        let _ = writeln!(text, "  {form:<width$}  {meaning}");
        let _ = writeln!(text, "  {:width$}    imgsearch search '{example}'", "");
    }
    text.push_str(
        "\nWords are tags in any form (dogs is dog), by another word (puppy), by kinds (animal finds dog) and with a slip of the\n\
         keyboard; --strict and quotes leave the last two out, and --explain-query tells what each word was taken for.\n\
         Keywords of pictures that are no tags, such as names, are found by their very words, with + and - too.\n\
         \"no people\" and \"without a hat\" leave the word out of the query; -person leaves out the pictures. A query that\n\
         begins with - stands in quotes behind --: imgsearch search -- '-person beach'.\n",
    );
    text
}
