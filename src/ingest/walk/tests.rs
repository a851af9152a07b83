use super::*;

struct Tree(tempfile::TempDir);

impl Tree {
    fn new(files: &[&str]) -> Self {
        let tree = Self(tempfile::tempdir().unwrap());
        for file in files {
            tree.write(file, "a picture, for all that the walk knows");
        }
        tree
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn write(&self, name: &str, content: &str) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    fn walk(&self, roots: &[&str], options: WalkOptions) -> Walked {
        let roots: Vec<PathBuf> = roots.iter().map(|root| self.path(root)).collect();
        walk(&roots, &options, |_| ControlFlow::Continue(())).unwrap()
    }

    /// Paths below the tree, joined by spaces.
    fn found(&self, roots: &[&str]) -> String {
        self.names(
            self.walk(roots, WalkOptions::default())
                .files
                .into_iter()
                .map(|file| file.path),
        )
    }

    fn names(&self, paths: impl Iterator<Item = PathBuf>) -> String {
        let base = self.0.path().canonicalize().unwrap();
        let name = |path: PathBuf| {
            path.strip_prefix(&base)
                .unwrap()
                .to_str()
                .unwrap()
                .to_owned()
        };
        paths.map(name).collect::<Vec<_>>().join(" ")
    }
}

#[test]
fn pictures_by_extension_in_order_of_path() {
    let tree = Tree::new(&[
        "b/2.JPG",
        "b/1.heic",
        "a.png",
        "notes.txt",
        "c.jpg.part",
        "no-extension",
        "b.webp",
    ]);
    assert_eq!(tree.found(&[""]), "a.png b/1.heic b/2.JPG b.webp");
    assert_eq!(tree.walk(&[""], WalkOptions::default()).files[0].len, 38);
}

#[test]
fn a_file_that_is_named_is_taken_whatever_it_is_called() {
    let tree = Tree::new(&["scan", ".hidden.jpg", "a.png"]);
    assert_eq!(
        tree.found(&["scan", ".hidden.jpg", "scan"]),
        ".hidden.jpg scan"
    );
}

#[test]
fn hidden_and_unwanted_folders() {
    let tree = Tree::new(&[
        ".a.jpg",
        ".cache/b.jpg",
        "@eaDir/c.jpg",
        ".git/d.jpg",
        "x/node_modules/e.jpg",
        "app/.nomedia",
        "app/f.jpg",
        "app/sub/g.jpg",
        "h.jpg",
    ]);
    assert_eq!(tree.found(&[""]), "h.jpg");
    let all = tree.walk(&[""], WalkOptions { hidden: true });
    assert_eq!(
        tree.names(all.files.into_iter().map(|file| file.path)),
        ".a.jpg .cache/b.jpg h.jpg"
    );
    assert_eq!(tree.found(&["app"]), "app/f.jpg app/sub/g.jpg");
}

#[test]
fn ignore_files_hold_for_their_folder_and_the_deeper_wins() {
    let tree = Tree::new(&[
        "a.png",
        "a.jpg",
        "raw/b.jpg",
        "x/a.png",
        "x/keep.png",
        "x/raw/c.jpg",
        ".secret/s.jpg",
    ]);
    tree.write(IGNORE_FILE, "*.png\n/raw/\n!.secret\n{unclosed\n");
    tree.write("x/.imgsearchignore", "!keep.png\n");
    let walked = tree.walk(&[""], WalkOptions::default());
    assert_eq!(
        tree.names(walked.files.into_iter().map(|f| f.path)),
        ".secret/s.jpg a.jpg x/keep.png x/raw/c.jpg"
    );
    let [skipped] = walked.skipped.as_slice() else {
        panic!("{:?}", walked.skipped)
    };
    assert!(
        matches!(skipped.reason, SkipReason::BadPattern(_)) && skipped.path.ends_with(IGNORE_FILE)
    );
}

#[test]
fn overlapping_roots_name_each_file_once() {
    let tree = Tree::new(&["a/1.jpg", "a/b/2.jpg", "a/.c/3.jpg"]);
    assert_eq!(
        tree.found(&["a/b", "a", "a/.c", "a/b/../b", "a/1.jpg"]),
        "a/.c/3.jpg a/1.jpg a/b/2.jpg"
    );
}

#[test]
fn a_missing_root_is_named() {
    let tree = Tree::new(&["a.jpg"]);
    let error = walk(
        &[tree.path("a.jpg"), tree.path("nowhere")],
        &WalkOptions::default(),
        |_| ControlFlow::Continue(()),
    );
    assert!(error.unwrap_err().to_string().contains("nowhere: "));
}

#[test]
fn the_caller_can_break_off() {
    let tree = Tree::new(&["a.jpg", "b.jpg", "c.jpg"]);
    let stop = |found| {
        if found == 2 {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    };
    let error = walk(&[tree.path("")], &WalkOptions::default(), stop).unwrap_err();
    assert!(matches!(error, WalkError::Cancelled { files: 2 }));
}

#[cfg(unix)]
#[test]
fn links_are_followed_once_and_loops_are_told() {
    use std::os::unix::fs::symlink;
    let tree = Tree::new(&["in/a.jpg", "in/real/b.jpg", "out/c.jpg", "out/deep/d.jpg"]);
    symlink(tree.path("out/c.jpg"), tree.path("in/file.jpg")).unwrap();
    symlink(tree.path("out"), tree.path("in/folder")).unwrap();
    symlink(tree.path("in/real"), tree.path("in/again")).unwrap();
    symlink("..", tree.path("in/real/up")).unwrap();
    symlink("nowhere.jpg", tree.path("in/broken.jpg")).unwrap();
    symlink(tree.path("in"), tree.path("out/deep/back")).unwrap();
    let walked = tree.walk(&["in"], WalkOptions::default());
    assert_eq!(
        tree.names(walked.files.into_iter().map(|file| file.path)),
        "in/a.jpg in/file.jpg in/folder/c.jpg in/folder/deep/d.jpg in/real/b.jpg"
    );
    let reasons: Vec<&SkipReason> = walked
        .skipped
        .iter()
        .map(|skipped| &skipped.reason)
        .collect();
    let inside = tree.path("in").canonicalize().unwrap();
    assert_eq!(
        reasons,
        [&SkipReason::BrokenLink, &SkipReason::Loop(inside)]
    );
}

#[cfg(unix)]
#[test]
fn a_locked_folder_is_told_and_the_rest_is_walked() {
    use std::os::unix::fs::PermissionsExt;
    let tree = Tree::new(&["a.jpg", "locked/b.jpg"]);
    let locked = tree.path("locked");
    fs::set_permissions(&locked, fs::Permissions::from_mode(0o0)).unwrap();
    // The superuser can read everything, and has nothing to test here.
    if fs::read_dir(&locked).is_err() {
        let walked = tree.walk(&[""], WalkOptions::default());
        assert_eq!(walked.files.len(), 1);
        assert!(matches!(
            walked.skipped[0].reason,
            SkipReason::Unreadable(_)
        ));
        assert!(walked.skipped[0].path.ends_with("locked"));
    }
    fs::set_permissions(&locked, fs::Permissions::from_mode(0o700)).unwrap();
}

#[cfg(target_os = "linux")]
#[test]
fn names_need_not_be_text() {
    use std::os::unix::ffi::OsStrExt;
    let tree = Tree::new(&[]);
    let name = std::ffi::OsStr::from_bytes(b"caf\xe9.jpg");
    fs::write(tree.0.path().join(name), "").unwrap();
    let walked = tree.walk(&[""], WalkOptions::default());
    assert_eq!(walked.files[0].path.file_name(), Some(name));
}

#[test]
fn a_sidecar_that_comes_changes_or_goes_makes_its_picture_a_changed_one() {
    let tree = Tree::new(&["p/a.jpg", "p/b.jpg"]);
    let facts = |roots: &[&str]| tree.walk(roots, WalkOptions::default()).files;
    let before = facts(&["p"]);
    tree.write("p/unrelated.xmp", "<x/>");
    assert_eq!(facts(&["p"]), before);
    let mut seen = vec![before.clone()];
    let mut change = |name: &str, content: Option<&str>| {
        match content {
            Some(content) => tree.write(name, content),
            None => fs::remove_file(tree.path(name)).unwrap(),
        }
        let now = facts(&["p"]);
        assert_eq!(now[1], before[1], "{name}");
        assert!(!seen.contains(&now), "{name}");
        assert_eq!(facts(&["p/a.jpg"])[0], now[0], "the same as of a root");
        assert_eq!(now[0].len, before[0].len);
        let apart = now[0].modified_ns.abs_diff(before[0].modified_ns);
        assert!(apart < 1_000_000, "{apart} ns");
        seen.push(now);
    };
    change("p/a.jpg.xmp", Some("<x/>"));
    change("p/a.jpg.xmp", Some("<x></x>"));
    change("p/a.XMP", Some("<x></x>"));
    change("p/a.jpg.xmp", None);
    fs::remove_file(tree.path("p/a.XMP")).unwrap();
    assert_eq!(facts(&["p"]), before);
}
