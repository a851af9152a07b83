//! A disk that becomes full: a sentence that says so, and with room made again nothing is missing.

use std::fs::File;
use std::io::{ErrorKind, Write};
use std::path::Path;
use std::process::Command;

use imgsearch_index::{Error, Writer};

use crate::{assert_has, folder, image, open, read, schema};

/// Where the writer that is to fill a disk works, and how many bytes each commit is left.
const FOLDER: &str = "IMGSEARCH_FULL_FOLDER";
const LEFT: &str = "IMGSEARCH_FULL_LEFT";
/// A file that says how many images were stored there.
const STORED: &str = "stored";
/// Enough for some changes: the catalogue wants some megabytes before it begins with one.
const DISK: &str = "20m";
/// Mounts a disk of `$0` over the folder `$1`, where only the command after it sees it, which runs twice: sled may keep the catalogue for
/// itself in a process in which it failed.
const MOUNT: &str = r#"mount -t tmpfs -o "size=$0" none "$1" && shift && "$@" && exec "$@""#;

#[test]
#[expect(clippy::print_stdout, reason = "what was not tried is said")]
fn a_full_disk_loses_nothing_that_was_stored() {
    let dir = folder();
    // Disks that are full at different moments: within a segment, the tokens, the tag index, and not before the catalogue wants more.
    for left in [
        "0", "20000", "60000", "150000", "250000", "300000", "400000", "20000000",
    ] {
        let on_disk = |command: &mut Command| {
            let status = command.status();
            status.is_ok_and(|status| status.success())
        };
        let mounted = |program: &str| {
            let mut command = Command::new("unshare");
            command.args(["-rm", "sh", "-c", MOUNT, DISK]);
            command.arg(dir.path()).arg(program);
            command
        };
        if !on_disk(&mut mounted("true")) {
            println!("skipped: this system lets nobody mount a small disk");
            return;
        }
        let program = std::env::current_exe().expect("this program");
        let program = program.to_str().expect("it is text");
        let mut filling = mounted(program);
        filling
            .args(["--exact", "full::a_writer_on_a_small_disk", "--ignored"])
            .env(FOLDER, dir.path())
            .env(LEFT, left);
        assert!(on_disk(&mut filling), "with {left} bytes left");
    }
}

/// Not a test by itself: what the one above does on each disk.
#[test]
#[ignore = "started by the test beside it"]
fn a_writer_on_a_small_disk() {
    let Some(dir) = std::env::var_os(FOLDER) else {
        return;
    };
    let dir = Path::new(&dir);
    let (index, room) = (dir.join("index"), dir.join("room"));
    if let Ok(count) = std::fs::read_to_string(dir.join(STORED)) {
        return check(&index, count.parse().expect("it is a number"));
    }
    std::fs::write(&room, vec![1; 2 << 20]).expect("there is room");
    let left = std::env::var(LEFT).expect("it is told how much is left");
    let left = left.parse().expect("it is a number");
    let mut stored = 0;
    let error = fill(&index, &mut stored, left);
    let told = error.to_string();
    match &error {
        Error::Io { source, .. } if source.kind() == ErrorKind::StorageFull => {
            assert!(told.contains("make room"), "{told}");
        }
        _ => assert!(told.contains("there may be no room left"), "{error:?}"),
    }
    std::fs::remove_file(room).expect("it is removed");
    let _ = std::fs::remove_file(dir.join("ballast"));
    std::fs::write(dir.join(STORED), stored.to_string()).expect("there is room");
}

/// With room again, all that was stored is there.
fn check(index: &Path, stored: u64) {
    drop(open(index));
    let reader = read(index);
    // The batch that failed is there as a whole or not at all.
    let has_more = reader.len() as u64 > stored;
    let stored = if has_more { stored + BATCH } else { stored };
    assert_has(&reader, 0..stored);
}

const BATCH: u64 = 32;

/// Stores until that fails, with no more than some bytes left at each commit.
fn fill(index: &Path, stored: &mut u64, left: u64) -> Error {
    let ballast = index.with_file_name("ballast");
    let mut writer = match Writer::open(index, &schema()) {
        Ok(writer) => writer,
        Err(error) => return error,
    };
    for first in (0..).step_by(BATCH as usize) {
        let batch = first..first + BATCH;
        if let Err(error) = writer.put(batch.map(image).collect()) {
            return error;
        }
        *stored = first + BATCH;
        if first % (4 * BATCH) == 0 {
            occupy(&ballast, left);
            if let Err(error) = writer.commit() {
                return error;
            }
            std::fs::remove_file(&ballast).expect("it is removed");
        }
    }
    unreachable!("disks are finite")
}

/// Fills the disk but for some bytes.
fn occupy(ballast: &Path, left: u64) {
    let mut file = File::create(ballast).expect("there is room for its name");
    let mut len = 0;
    while let Ok(written @ 1..) = file.write(&[1; 1 << 16]) {
        len += written as u64;
    }
    file.set_len(len.saturating_sub(left)).expect("it is cut");
}
