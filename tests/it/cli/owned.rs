//! An index of one's own, over photographs that a test may change.

use super::*;

/// Photographs of one's own, indexed.
pub(super) struct Owned {
    pub(super) folder: TempDir,
    pub(super) pictures: PathBuf,
    pub(super) index: PathBuf,
}

impl Owned {
    pub(super) fn new(names: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().canonicalize().unwrap();
        let (pictures, index) = (root.join("pictures"), root.join("index"));
        fs::create_dir(&pictures).unwrap();
        for name in names {
            fs::copy(photos().join(name), pictures.join(name)).unwrap();
        }
        let owned = Self {
            folder,
            pictures,
            index,
        };
        let indexed = owned.run(&["index", owned.pictures.to_str().unwrap()]);
        assert_eq!(code(&indexed), 0, "{}", err(&indexed));
        owned
    }

    pub(super) fn run(&self, args: &[&str]) -> Output {
        imgsearch(&self.index)
            .current_dir(self.folder.path())
            .args(args)
            .output()
            .unwrap()
    }

    pub(super) fn found(&self, query: &str) -> Vec<String> {
        let found = self.run(&["search", "--paths-only", "--min-score", "0", query]);
        out(&found).lines().map(str::to_owned).collect()
    }

    pub(super) fn path(&self, name: &str) -> String {
        self.pictures.join(name).to_str().unwrap().to_owned()
    }

    /// Names of the files that a query brings.
    pub(super) fn names(&self, args: &[&str]) -> Vec<String> {
        let output = self.run(&[&["search", "--paths-only"], args].concat());
        assert!(code(&output) < 2, "{args:?}: {}", err(&output));
        let mut names = file_names(&output);
        names.sort_unstable();
        names
    }

    #[track_caller]
    pub(super) fn done(&self, args: &[&str]) -> Output {
        let output = self.run(args);
        assert_eq!(code(&output), 0, "{args:?}: {}", err(&output));
        output
    }
}
