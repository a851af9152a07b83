//! `imgsearch tag`: what people say of the tags of pictures.

use std::borrow::Cow;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use anyhow::{Result, anyhow};
use imgsearch::query::QueryError;
use imgsearch::{Annotations, Error, Image, TagEdit};
use serde::Serialize;

use super::args::MINUS;
use super::exit::Exit;
use super::output::{Output, Style};
use super::settings::Settings;

/// Correct the tags of pictures
///
/// `+beach` says that a tag applies, `-animal` that one and the kinds of it do not, and `=animal` takes back what was said of it. It counts in every search
/// from now on, instead of what the model recognises, which is kept beside it; it stays with the picture when its file is moved,
/// indexed again or indexed with another model. Without a tag, lists what was said, and the keywords in the files. `imgsearch tags`
/// shows what the model recognises as well.
#[derive(Debug, clap::Args)]
pub(crate) struct TagArgs {
    /// Indexed pictures, and what is said of all of them; of one tag the last word counts, and a name of several words stands in
    /// quotes
    #[arg(required = true, value_name = "FILE|+TAG|-TAG|=TAG")]
    operands: Vec<OsString>,
    /// Keep names that no tag of the model has; `keyword:NAME` finds them in a query
    #[arg(long)]
    keyword: bool,
    /// Write one JSON object a line
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Line<'a> {
    path: Cow<'a, str>,
    #[serde(flatten)]
    said: &'a Annotations,
}

/// Says what was typed, then writes what is said of each picture.
pub(crate) fn run(args: &TagArgs, settings: &Settings, output: &mut Output) -> Result<Exit> {
    let mut files: Vec<PathBuf> = Vec::new();
    let mut edits = Vec::new();
    for operand in &args.operands {
        match edit(operand) {
            Some(edit) => edits.push(edit.free(args.keyword)),
            None => files.push(operand.into()),
        }
    }
    if files.is_empty() {
        return Err(anyhow!(
            "no picture is named; a file whose name begins with + or = is written as ./+name"
        ));
    }
    let engine = settings.engine()?;
    if !edits.is_empty() {
        let changed = engine.tag_pictures(&files, &edits).map_err(hinted)?;
        let told = match changed {
            0 => "nothing changed; that was said already".to_owned(),
            1 => "1 picture changed".to_owned(),
            many => format!("{many} pictures changed"),
        };
        output.notice(format_args!("{told}"));
    }
    let mut exit = match edits.is_empty() {
        true => Exit::Nothing,
        false => Exit::Found,
    };
    for file in &files {
        let said = engine.annotations(Image::Path(file))?;
        if said != Annotations::default() {
            exit = Exit::Found;
        }
        if args.json {
            let path = file.to_string_lossy();
            output.json(&Line { path, said: &said })?;
        } else {
            text(file, &said, output)?;
        }
    }
    Ok(exit)
}

/// An operand that is no file.
fn edit(operand: &OsStr) -> Option<TagEdit> {
    let mut operand = operand.to_str()?.chars();
    let (sign, name) = (operand.next()?, operand.as_str());
    match sign {
        '+' => Some(TagEdit::add(name)),
        '-' | MINUS => Some(TagEdit::remove(name)),
        '=' => Some(TagEdit::retract(name)),
        _ => None,
    }
}

fn hinted(error: Error) -> anyhow::Error {
    match &error {
        Error::Query(QueryError::UnknownTag { .. }) => {
            anyhow!("{error} (--keyword keeps a name that no tag has)")
        }
        _ => error.into(),
    }
}

/// `path: beach (added), snow (removed), harbour (keyword)`.
fn text(file: &Path, said: &Annotations, output: &mut Output) -> Result<()> {
    let path = output.shown(file);
    output.styled(Style::Bold, path)?;
    output.write(":")?;
    for (at, (name, source)) in said.iter().enumerate() {
        output.write(if at == 0 { " " } else { ", " })?;
        output.write(name)?;
        output.styled(Style::Dim, format!(" ({source})"))?;
    }
    output.write("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signs_tell_tags_from_files() {
        let read = |text: &str| edit(OsStr::new(text));
        assert_eq!(read("+hot dog"), Some(TagEdit::add("hot dog")));
        assert_eq!(read("-snow"), Some(TagEdit::remove("snow")));
        assert_eq!(read("\u{2212}snow"), Some(TagEdit::remove("snow")));
        assert_eq!(read("=snow"), Some(TagEdit::retract("snow")));
        for file in ["a.jpg", "./+a.jpg", "", "ß"] {
            assert_eq!(read(file), None, "{file}");
        }
    }
}
