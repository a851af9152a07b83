//! A disk that becomes full: a sentence that says so, and with room made again nothing is missing.

use std::collections::BTreeSet;
use std::io::ErrorKind;
use std::path::Path;
use std::process::Command;

use imgsearch_index::{Error, Writer};

use crate::{assert_has, folder, image, open, read, schema};

/// Where the writer that is to fill a disk works.
const FOLDER: &str = "IMGSEARCH_FULL_FOLDER";
/// Mounts a disk of `$0` over the folder `$1`, where only the command after it sees it.
const MOUNT: &str = r#"mount -t tmpfs -o "size=$0" none "$1" && shift && exec "$@""#;

#[test]
#[expect(clippy::print_stdout, reason = "what was not tried is said")]
fn a_full_disk_loses_nothing_that_was_stored() {
    let dir = folder();
    // Disks that are full at different moments: within the catalogue, a segment, the tag index.
    for size in [
        "2200k", "2900k", "3300k", "3800k", "4700k", "5200k", "6100k",
    ] {
        let on_disk = |command: &mut Command| {
            let status = command.status();
            status.is_ok_and(|status| status.success())
        };
        let mounted = |program: &str| {
            let mut command = Command::new("unshare");
            command.args(["-rm", "sh", "-c", MOUNT, size]);
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
            .env(FOLDER, dir.path());
        assert!(on_disk(&mut filling), "on a disk of {size}");
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
    std::fs::write(&room, vec![1; 2 << 20]).expect("there is room");
    let mut stored = BTreeSet::new();
    let error = fill(&index, &mut stored);
    let told = error.to_string();
    match &error {
        Error::Io { source, .. } if source.kind() == ErrorKind::StorageFull => {
            assert!(told.contains("make room"), "{told}");
        }
        _ => assert!(told.contains("there may be no room left"), "{error:?}"),
    }
    std::fs::remove_file(room).expect("it is removed");
    drop(open(&index));
    let reader = read(&index);
    // The batch that failed is there as a whole or not at all.
    let next: Vec<u64> = (stored.len() as u64..).take(BATCH as usize).collect();
    if reader.len() > stored.len() {
        stored.extend(next);
    }
    assert_has(&reader, stored);
}

const BATCH: u64 = 32;

/// Stores until that fails.
fn fill(index: &Path, stored: &mut BTreeSet<u64>) -> Error {
    let mut writer = match Writer::open(index, &schema()) {
        Ok(writer) => writer,
        Err(error) => return error,
    };
    for first in (0..).step_by(BATCH as usize) {
        let batch = first..first + BATCH;
        if let Err(error) = writer.put(batch.clone().map(image).collect()) {
            return error;
        }
        stored.extend(batch);
        if first % (4 * BATCH) == 0
            && let Err(error) = writer.commit()
        {
            return error;
        }
    }
    unreachable!("disks are finite")
}
