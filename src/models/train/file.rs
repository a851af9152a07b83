//! Training files: settings as TOML, whose mistakes are told with their line.

use std::fs;
use std::ops::Range;
use std::path::Path;

use toml::de::{DeTable, DeValue};

use super::{TrainError, TrainSettings};

impl TrainSettings {
    /// Every setting at its default, commented.
    pub const EXAMPLE: &'static str = include_str!("../../../examples/train.toml");

    /// Reads a training file; what it does not name keeps its default. Relative paths start from the folder of the file, but a
    /// base without a slash is the name of a model.
    ///
    /// # Errors
    /// When the file cannot be read, is no TOML, or names an unknown setting or a value that makes no sense.
    pub fn read(file: &Path) -> Result<Self, TrainError> {
        let text = fs::read_to_string(file).map_err(|source| TrainError::io(file, source))?;
        let mut settings = parse(&text).map_err(|(line, reason)| TrainError::File {
            path: file.to_owned(),
            line,
            reason,
        })?;
        let folder = file.parent().unwrap_or(Path::new(""));
        let base = settings.base.iter_mut();
        let paths = settings.data.iter_mut().chain(&mut settings.out);
        for path in paths.chain(&mut settings.tags) {
            *path = folder.join(&*path);
        }
        for base in base.filter(|base| base.components().count() > 1) {
            *base = folder.join(&*base);
        }
        Ok(settings)
    }
}

/// The settings, or the line of the mistake and what it is.
fn parse(text: &str) -> Result<TrainSettings, (usize, String)> {
    let line = |span: Option<Range<usize>>| {
        let start = span.map_or(0, |span| span.start.min(text.len()));
        text.as_bytes()[..start]
            .iter()
            .filter(|&&b| b == b'\n')
            .count()
            + 1
    };
    let settings: TrainSettings = toml::from_str(text).map_err(|error| {
        let reason = error.message().lines().collect::<Vec<_>>().join("; ");
        (line(error.span()), reason)
    })?;
    match settings.check() {
        Err(TrainError::Setting { setting, reason }) => {
            Err((line(place(text, setting)), format!("{setting} {reason}")))
        }
        Err(other) => Err((1, other.to_string())),
        Ok(()) => Ok(settings),
    }
}

/// Where the value of a setting stands: `alignment.batch` in the table of that name.
fn place(text: &str, setting: &str) -> Option<Range<usize>> {
    let root = DeTable::parse(text).ok()?;
    let mut keys = setting.split('.');
    let mut found = root.get_ref().get(keys.next()?)?;
    for key in keys {
        let DeValue::Table(table) = found.get_ref() else {
            return None;
        };
        found = table.get(key)?;
    }
    Some(found.span())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::PathBuf;

    #[test]
    fn the_example_states_every_default() {
        assert_eq!(
            parse(TrainSettings::EXAMPLE).unwrap(),
            TrainSettings::default()
        );
        let TomlTable(stated) = toml::from_str(TrainSettings::EXAMPLE).unwrap();
        let TomlTable(all) = toml::Table::try_from(TrainSettings::default())
            .map(TomlTable)
            .unwrap();
        for (key, value) in &all {
            assert!(stated.contains_key(key), "{key} is not stated");
            for inner in value.as_table().into_iter().flat_map(toml::Table::keys) {
                assert!(
                    stated[key].get(inner).is_some(),
                    "{key}.{inner} is not stated"
                );
            }
        }
        for optional in ["out", "base", "tags"] {
            assert!(
                TrainSettings::EXAMPLE.contains(&format!("\n# {optional} = ")),
                "{optional}"
            );
        }
    }

    #[derive(serde::Deserialize)]
    #[serde(transparent)]
    struct TomlTable(toml::Table);

    #[test]
    fn mistakes_are_told_with_their_line() {
        for (text, line, told) in [
            ("seed = 1\nsede = 2", 2, "unknown field `sede`"),
            (
                "seed = 1\n\n[alignment]\nbatches = 2",
                4,
                "unknown field `batches`",
            ),
            (
                "[tagging]\nepochs = \"many\"",
                2,
                "invalid type: string \"many\"",
            ),
            (
                "[tagging]\n# none\nepochs = 0",
                3,
                "tagging.epochs must be at least 1",
            ),
            (
                "views = 2\ntagging.dropout = 1.5",
                2,
                "tagging.dropout must be",
            ),
            ("views = -2", 1, "-2"),
            (
                "stages = [\"alignment\",\n \"taging\"]",
                2,
                "unknown variant `taging`",
            ),
            ("start = \"base\"\nstages = []", 2, "stages must name"),
            ("alignment.learning_rate = nan", 1, "must be more than 0"),
            ("seed = 1\nviews = ", 2, ""),
        ] {
            let (found, reason) = parse(text).unwrap_err();
            assert_eq!(found, line, "{text}: {reason}");
            assert!(
                reason.contains(told) && !reason.contains('\n'),
                "{text}: {reason}"
            );
        }
    }

    #[test]
    fn paths_start_from_the_file_and_names_of_models_stay() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("train.toml");
        let read = |text: &str| {
            fs::write(&file, text).unwrap();
            TrainSettings::read(&file).unwrap()
        };
        let found = read("data = [\"a.jsonl\", \"/b.jsonl\"]\nout = \"x/y\"\nbase = \"mine\"");
        assert_eq!(
            found.data,
            [folder.path().join("a.jsonl"), PathBuf::from("/b.jsonl")]
        );
        assert_eq!(found.folder(), folder.path().join("x/y"));
        assert_eq!(found.base, Some("mine".into()));
        let found = read("base = \"./mine\"\nname = \"n\"");
        assert_eq!(found.base, Some(folder.path().join("mine")));
        assert_eq!(found.folder(), Path::new("runs/n"));
    }
}
