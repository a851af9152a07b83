//! What is meant: arguments, environment, settings file and defaults made into one. The only file of the command line
//! that asks for the environment, the home folder or whether something is a terminal.

use std::ffi::OsString;
use std::io::{self, ErrorKind, IsTerminal};
use std::path::{Path, PathBuf};
use std::{env, fs};

use anyhow::{Result, anyhow, bail};
use clap::ColorChoice;
use etcetera::BaseStrategy;
use imgsearch::store::{BUILTIN, ModelStore};
use imgsearch::{Config, DeviceChoice, Engine, ModelSource, Precision};

use super::args::{self, Device, Globals};

/// Folder of the installed models, in the XDG data folder: beside the index, so that removing the index keeps them.
const MODELS: &str = "imgsearch-models";

/// Queries of the terminal interface, in the XDG state folder.
const HISTORY: &str = "imgsearch-history";

/// How much is said on stderr.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) enum Verbosity {
    /// Errors.
    Quiet,
    /// Also progress and notices.
    Normal,
    /// Also how it was done.
    Verbose,
}

/// What a whole-screen interface has to draw on.
#[derive(Clone, Copy, Debug)]
#[cfg_attr(
    not(feature = "tui"),
    expect(dead_code, reason = "only the terminal interface asks")
)]
pub(crate) struct Screen {
    /// Whether there is one.
    pub(crate) present: bool,
    /// Whether it is coloured.
    pub(crate) colour: bool,
}

/// What is meant.
#[derive(Debug)]
pub(crate) struct Settings {
    /// Folder of the index.
    pub(crate) index: PathBuf,
    /// Where the networks run, if that was said.
    pub(crate) device: Option<DeviceChoice>,
    /// In which precision, if that was said.
    pub(crate) precision: Option<Precision>,
    /// Whether results are coloured.
    pub(crate) colour: bool,
    /// Whether results go to a terminal.
    pub(crate) to_terminal: bool,
    /// The terminal that a whole-screen interface may take; it draws on stderr where stdout is a pipe.
    pub(crate) screen: Screen,
    /// The home folder.
    #[cfg_attr(
        not(feature = "tui"),
        expect(dead_code, reason = "only the terminal interface asks")
    )]
    pub(crate) home: Option<PathBuf>,
    /// The file that keeps queries of the terminal interface.
    #[cfg_attr(
        not(feature = "tui"),
        expect(dead_code, reason = "only the terminal interface asks")
    )]
    pub(crate) history: Option<PathBuf>,
    /// Whether a progress bar is drawn.
    pub(crate) progress: bool,
    /// How much is said on stderr.
    pub(crate) verbosity: Verbosity,
    /// Whether somebody is there to answer a question.
    #[cfg_attr(
        not(feature = "pull"),
        expect(dead_code, reason = "only downloads ask")
    )]
    pub(crate) interactive: bool,
    threads: Option<usize>,
    model: Option<PathBuf>,
    store: Option<ModelStore>,
    file: File,
}

/// The settings file.
#[derive(Debug)]
enum File {
    /// Named by the user: it must be there.
    Named(PathBuf),
    /// Where it would be.
    Default(PathBuf),
    /// No home folder, no default place.
    Nowhere,
}

impl Settings {
    /// Makes of what was typed what is meant.
    pub(crate) fn resolve(typed: &Globals) -> Result<Self> {
        let folders = etcetera::choose_base_strategy().ok();
        let index = match (&typed.index, variable("IMGSEARCH_INDEX"), &folders) {
            (Some(index), _, _) => index.clone(),
            (None, Some(index), _) => index.into(),
            (None, None, Some(folders)) => folders.data_dir().join("imgsearch"),
            (None, None, None) => {
                bail!("no home folder is known; name the folder of the index with --index")
            }
        };
        let file = match (&typed.config, &folders) {
            (Some(file), _) => File::Named(file.clone()),
            (None, Some(folders)) => {
                File::Default(folders.config_dir().join("imgsearch/config.toml"))
            }
            (None, None) => File::Nowhere,
        };
        let to_terminal = io::stdout().is_terminal();
        let verbosity = match (typed.quiet, typed.verbose) {
            (true, _) => Verbosity::Quiet,
            (_, true) => Verbosity::Verbose,
            _ => Verbosity::Normal,
        };
        Ok(Self {
            index,
            device: typed.device.map(choice),
            precision: typed.precision.map(precision),
            colour: coloured(typed.color, to_terminal),
            to_terminal,
            screen: Screen {
                present: to_terminal || io::stderr().is_terminal(),
                colour: coloured(typed.color, true),
            },
            home: folders
                .as_ref()
                .map(|folders| folders.home_dir().to_owned()),
            history: folders.as_ref().map(|folders| {
                let folder = folders.state_dir().unwrap_or_else(|| folders.data_dir());
                folder.join(HISTORY)
            }),
            progress: verbosity > Verbosity::Quiet && io::stderr().is_terminal(),
            verbosity,
            interactive: io::stdin().is_terminal() && io::stderr().is_terminal(),
            threads: typed.threads,
            model: typed.model.clone(),
            store: folders.map(|folders| ModelStore::new(folders.data_dir().join(MODELS))),
            file,
        })
    }

    /// Opens the engine that all of this describes.
    pub(crate) fn engine(&self) -> Result<Engine> {
        Ok(Engine::open(&self.config()?)?)
    }

    /// What the library is to be told.
    pub(crate) fn config(&self) -> Result<Config> {
        let mut settings = match self.file_text()? {
            Some((path, text)) => imgsearch::Settings::from_toml(&text)
                .map_err(|error| anyhow!("{}: {error}", path.display()))?,
            None => imgsearch::Settings::default(),
        };
        settings.device = self.device.unwrap_or(settings.device);
        settings.precision = self.precision.unwrap_or(settings.precision);
        settings.ingest.threads = self.threads.unwrap_or(settings.ingest.threads);
        Ok(Config::new(&self.index)
            .with_model(self.model()?)
            .with_settings(settings))
    }

    /// A folder for what is needed for a moment only.
    pub(crate) fn scratch(&self) -> PathBuf {
        env::temp_dir()
    }

    /// Where models are installed.
    pub(crate) fn store(&self) -> Result<&ModelStore> {
        self.store.as_ref().ok_or_else(|| {
            anyhow!("no home folder is known, so models have no place; set XDG_DATA_HOME")
        })
    }

    /// The proxy for downloads, by the names that other programs know.
    #[cfg(feature = "pull")]
    pub(crate) fn proxy(&self) -> Option<String> {
        ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"]
            .into_iter()
            .find_map(variable)
            .map(|proxy| proxy.to_string_lossy().into_owned())
    }

    /// The mirror of Hugging Face, by the name that its own programs know.
    #[cfg(feature = "pull")]
    pub(crate) fn mirror(&self) -> Option<String> {
        variable("HF_ENDPOINT").map(|mirror| mirror.to_string_lossy().into_owned())
    }

    /// The model to use.
    fn model(&self) -> Result<ModelSource> {
        match (&self.model, &self.store) {
            (Some(named), _) => self.named_model(named),
            (None, None) => Ok(ModelSource::Builtin),
            (None, Some(store)) => {
                let name = store.default_name()?;
                store.source(&name).map_err(|error| {
                    anyhow!("{error}; choose another one with `imgsearch model use NAME`")
                })
            }
        }
    }

    /// The model that a name or a folder stands for; names come first.
    pub(crate) fn named_model(&self, named: &Path) -> Result<ModelSource> {
        let name = named.to_str().unwrap_or_default();
        if name == BUILTIN {
            return Ok(ModelSource::Builtin);
        }
        let installed = self.store.as_ref().map(|store| store.source(name));
        match installed {
            Some(Ok(source)) => Ok(source),
            _ if named.is_dir() => Ok(ModelSource::Folder(named.to_owned())),
            Some(Err(error)) => bail!("{error}; there is no such folder either"),
            None => bail!(
                "no model is called {name}, nor is there such a folder; the built-in one is {BUILTIN}"
            ),
        }
    }

    /// The file that `--config` names, if it was given.
    pub(crate) fn named_config(&self) -> Option<&Path> {
        match &self.file {
            File::Named(path) => Some(path),
            _ => None,
        }
    }

    fn file_text(&self) -> Result<Option<(&Path, String)>> {
        let (path, must_exist) = match &self.file {
            File::Named(path) => (path, true),
            File::Default(path) => (path, false),
            File::Nowhere => return Ok(None),
        };
        match fs::read_to_string(path) {
            Ok(text) => Ok(Some((path, text))),
            Err(error) if !must_exist && absent(&error) => Ok(None),
            Err(error) => bail!("cannot read the settings file {}: {error}", path.display()),
        }
    }

    /// Holds the networks to the number of threads that was asked for.
    pub(crate) fn limit_threads(&self) -> Result<()> {
        let Some(threads) = self.threads else {
            return Ok(());
        };
        rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .build_global()
            .map_err(|error| anyhow!("cannot start {threads} threads: {error}"))
    }
}

fn coloured(choice: ColorChoice, terminal: bool) -> bool {
    let dumb = || variable("TERM").is_some_and(|term| term == "dumb");
    match choice {
        ColorChoice::Always => true,
        ColorChoice::Never => false,
        ColorChoice::Auto => terminal && variable("NO_COLOR").is_none() && !dumb(),
    }
}

fn choice(device: Device) -> DeviceChoice {
    match device {
        Device::Auto => DeviceChoice::Auto,
        Device::Cpu => DeviceChoice::Cpu,
        Device::Gpu => DeviceChoice::Gpu,
    }
}

fn precision(typed: args::Precision) -> Precision {
    match typed {
        args::Precision::F32 => Precision::F32,
        args::Precision::F16 => Precision::F16,
    }
}

fn absent(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory)
}

/// An empty variable counts as none, as for NO_COLOR and the XDG folders.
fn variable(name: &str) -> Option<OsString> {
    env::var_os(name).filter(|value| !value.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_is_a_name_or_a_folder() {
        let folder = tempfile::tempdir().unwrap();
        let mut settings = Settings::resolve(&Globals::default()).unwrap();
        let store = ModelStore::new(folder.path().join("models"));
        settings.store = Some(store.clone());
        let model = |named: &Path| settings.named_model(named);
        assert_eq!(model(Path::new(BUILTIN)).unwrap(), ModelSource::Builtin);
        let found = model(folder.path()).unwrap();
        assert_eq!(found, ModelSource::Folder(folder.path().to_owned()));
        let error = model(&folder.path().join("none")).unwrap_err().to_string();
        assert!(error.contains(BUILTIN), "{error}");
        store.compose("two", BUILTIN, BUILTIN).unwrap();
        let installed = ModelSource::Folder(store.folder().join("two"));
        assert_eq!(model(Path::new("two")).unwrap(), installed);
        assert_eq!(settings.model().unwrap(), ModelSource::Builtin);
        store.set_default("two").unwrap();
        assert_eq!(settings.model().unwrap(), installed);
    }

    #[test]
    fn what_is_typed_wins() {
        let typed = Globals {
            index: Some("i".into()),
            config: Some("missing.toml".into()),
            color: ColorChoice::Always,
            quiet: true,
            ..Globals::default()
        };
        let settings = Settings::resolve(&typed).unwrap();
        assert_eq!(settings.index, Path::new("i"));
        assert!(settings.colour && !settings.progress);
        let error = settings.engine().unwrap_err().to_string();
        assert!(error.contains("missing.toml"), "{error}");
    }
}
