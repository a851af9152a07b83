//! Captioned pictures on disk: the JSON lines that `eval` and `train` read.

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

/// Which part of the data a picture belongs to.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Split {
    /// Weights may be fitted to it.
    #[default]
    Train,
    /// Only measured on.
    Val,
    /// Anything else, such as a test set kept aside.
    #[serde(other)]
    Other,
}

/// One line of the corpus.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct CaptionedPicture {
    /// The picture, absolute or relative to the working directory.
    pub path: PathBuf,
    /// Sentences that describe it; may be empty.
    pub captions: Vec<String>,
    /// Tags known to apply; may be empty.
    pub tags: Vec<String>,
    /// Train or validation.
    pub split: Split,
    /// Name of the collection it came from; empty when unknown.
    pub source: String,
}

/// A corpus that cannot be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CorpusError {
    /// The file cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// A line is not what is expected.
    #[error("{}, line {line}: {reason}", path.display())]
    Line {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// What is wrong with it.
        reason: String,
    },
    /// There is nothing in it to work with.
    #[error("{} holds {missing}", path.display())]
    Empty {
        /// The file.
        path: PathBuf,
        /// What it lacks.
        missing: &'static str,
    },
}

#[derive(Deserialize, Serialize)]
struct Line {
    image: PathBuf,
    #[serde(default)]
    captions: Vec<String>,
    #[serde(default)]
    tags: Vec<String>,
    #[serde(default)]
    split: Split,
    #[serde(default)]
    source: String,
}

/// Reads a corpus of one JSON object a line: `image` (absolute, or relative to the file's folder), `captions`, `tags`,
/// `split` (`train` or `val`) and `source`. Other fields are ignored.
///
/// # Errors
/// When the file cannot be read, a line does not parse, or there is no line at all.
pub fn read_corpus(path: &Path) -> Result<Vec<CaptionedPicture>, CorpusError> {
    let unreadable = |source| CorpusError::Read {
        path: path.to_owned(),
        source,
    };
    let folder = path.parent().unwrap_or(Path::new(""));
    let file = File::open(path).map_err(unreadable)?;
    let mut pictures = Vec::new();
    for (number, line) in BufReader::new(file).lines().enumerate() {
        let line = line.map_err(unreadable)?;
        if line.trim().is_empty() {
            continue;
        }
        let line: Line = serde_json::from_str(&line).map_err(|source| CorpusError::Line {
            path: path.to_owned(),
            line: number + 1,
            reason: source.to_string(),
        })?;
        pictures.push(CaptionedPicture {
            path: folder.join(line.image),
            captions: line.captions,
            tags: line.tags,
            split: line.split,
            source: line.source,
        });
    }
    if pictures.is_empty() {
        return Err(CorpusError::Empty {
            path: path.to_owned(),
            missing: "no pictures",
        });
    }
    Ok(pictures)
}

/// Writes pictures as [`read_corpus`] reads them, with absolute paths, whatever was in the file before.
///
/// # Errors
/// When the file cannot be written, or a path is not Unicode, which JSON wants.
pub fn write_corpus(path: &Path, pictures: &[&CaptionedPicture]) -> io::Result<()> {
    let mut lines = Vec::new();
    for picture in pictures {
        let line = Line {
            image: std::path::absolute(&picture.path)?,
            captions: picture.captions.clone(),
            tags: picture.tags.clone(),
            split: picture.split,
            source: picture.source.clone(),
        };
        serde_json::to_writer(&mut lines, &line)?;
        lines.push(b'\n');
    }
    fs::write(path, lines)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_relative_to_the_file_and_other_fields_are_ignored() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("data.jsonl");
        fs::write(
            &path,
            "{\"image\":\"a/b.jpg\",\"captions\":[\"x\"],\"width\":3,\"split\":\"val\"}\n\n",
        )
        .unwrap();
        let pictures = read_corpus(&path).unwrap();
        assert_eq!(pictures[0].path, folder.path().join("a/b.jpg"));
        assert_eq!(pictures[0].split, Split::Val);
    }

    #[test]
    fn what_is_written_is_read_again() {
        let folder = tempfile::tempdir().unwrap();
        let [one, two] = ["one", "two"].map(|name| folder.path().join(name));
        let line = "{\"image\":\"a/b.jpg\",\"captions\":[\"x\"],\"tags\":[\"y\"],\"split\":\"val\",\"source\":\"z\"}\n";
        fs::write(&one, line.repeat(2)).unwrap();
        let pictures = read_corpus(&one).unwrap();
        write_corpus(&two, &pictures.iter().collect::<Vec<_>>()).unwrap();
        let again = read_corpus(&two).unwrap();
        assert_eq!(format!("{again:?}"), format!("{pictures:?}"));
    }

    #[test]
    fn a_broken_line_is_named_by_its_number() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("data.jsonl");
        fs::write(&path, "{\"image\":\"a.jpg\"}\n{\"captions\":[]}\n").unwrap();
        assert!(matches!(
            read_corpus(&path),
            Err(CorpusError::Line { line: 2, .. })
        ));
    }
}
