//! A writer that is killed at any moment: what it reported as done is there afterwards, once, and nothing else is.
//!
//! `IMGSEARCH_KILLS=100 cargo test -p imgsearch-index kill` is the long form; the short one kills a few times.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use imgsearch_index::{Correction, Reader, TagId};

use crate::{assert_has, folder, id, image, open, random, read};

/// Where the writer that is to be killed works, and after which of its steps it goes on.
const FOLDER: &str = "IMGSEARCH_KILL_FOLDER";
const FROM: &str = "IMGSEARCH_KILL_FROM";
/// How often it is killed.
const KILLS: &str = "IMGSEARCH_KILLS";
const FEW: u64 = 6;
/// A kill comes this many microseconds after the first step at the latest: by then some steps are done.
const LATEST: f32 = 150_000.0;

/// What a writer does, without end.
#[derive(Clone, Copy)]
enum Step {
    Put(u64),
    Remove(u64),
    Correct(u64),
    Commit,
}

fn step(number: u64) -> Step {
    let (round, within) = (number / 6, number % 6);
    match within {
        0 => Step::Put(8 * round),
        // Of an image that is never removed.
        1 => Step::Correct(8 * round + 1),
        2 => Step::Put(8 * round + 4),
        3 => Step::Commit,
        // Of a segment that may be merged already, and of the one that was just written.
        4 => Step::Remove(match round % 2 {
            0 => 8 * (round / 2),
            _ => 8 * round + 5,
        }),
        _ => Step::Commit,
    }
}

/// The images after so many steps.
fn state(steps: u64) -> BTreeSet<u64> {
    let mut images = BTreeSet::new();
    for number in 0..steps {
        match step(number) {
            Step::Put(first) => images.extend(first..first + 4),
            Step::Remove(image) => drop(images.remove(&image)),
            Step::Correct(_) | Step::Commit => {}
        }
    }
    images
}

/// What is said of an image in the step that corrects it.
fn correction() -> Correction {
    Correction {
        name: "tag 2".into(),
        applies: true,
        tags: vec![TagId(2)],
    }
}

/// Asserts that images are corrected as they are after so many steps.
fn assert_corrected(reader: &Reader, steps: u64) {
    for seed in state(steps) {
        let is_corrected = (0..steps).any(|n| matches!(step(n), Step::Correct(at) if at == seed));
        let doc = reader.find(&id(seed)).expect("it is there");
        let said = reader.record(doc).expect("a record").corrections;
        let expected = if is_corrected {
            vec![correction()]
        } else {
            vec![]
        };
        assert_eq!(said, expected, "image {seed} after {steps} steps");
    }
}

/// Not a test by itself: the writer that another one kills.
#[test]
#[ignore = "started by the test beside it"]
#[expect(clippy::print_stdout, reason = "it reports to whoever kills it")]
fn a_writer_to_be_killed() {
    let Some(dir) = std::env::var_os(FOLDER) else {
        return;
    };
    let from = std::env::var(FROM).expect("it is set");
    let from: u64 = from.parse().expect("it is a number");
    let mut writer = open(Path::new(&dir));
    for number in from.. {
        match step(number) {
            Step::Put(first) => writer.put((first..first + 4).map(image).collect()),
            Step::Remove(image) => writer.remove(&[id(image)]).map(drop),
            Step::Correct(image) => writer.correct(vec![(id(image), vec![correction()])]),
            Step::Commit => writer.commit().map(drop),
        }
        .expect("it is stored");
        println!("step {number} is done");
    }
}

/// Starts a writer and kills it; returns how many steps it has reported.
fn killed(dir: &Path, from: u64, after: Duration) -> u64 {
    let mut child = Command::new(std::env::current_exe().expect("this program"))
        .args([
            "--exact",
            "kill::a_writer_to_be_killed",
            "--ignored",
            "--nocapture",
        ])
        .env(FOLDER, dir)
        .env(FROM, from.to_string())
        .stdout(Stdio::piped())
        .spawn()
        .expect("it starts");
    let mut reported = from;
    let mut take = |line: String| {
        let number = line
            .strip_prefix("step ")
            .and_then(|rest| rest.strip_suffix(" is done"));
        if let Some(number) = number {
            assert_eq!(number.parse(), Ok(reported), "steps are reported in turn");
            reported += 1;
        }
    };
    let lines = BufReader::new(child.stdout.take().expect("it is piped")).lines();
    let mut lines = lines.map_while(Result::ok);
    lines
        .by_ref()
        .find(|line| line.starts_with("step "))
        .map(&mut take)
        .expect("it does something");
    std::thread::sleep(after);
    child.kill().expect("it is killed");
    lines.for_each(take);
    child.wait().expect("it ends");
    reported
}

#[test]
fn what_was_reported_survives_a_kill() {
    let kills = std::env::var(KILLS)
        .ok()
        .and_then(|kills| kills.parse().ok());
    let dir = folder();
    drop(open(dir.path()));
    let mut moments = random(11).map(|x| Duration::from_micros((x.abs() * LATEST) as u64));
    let mut steps = 0;
    for _ in 0..kills.unwrap_or(FEW) {
        let reported = killed(dir.path(), steps, moments.next().expect("there is no end"));
        // A reader sees what was committed last, or what a commit that was not reported any more made of it.
        let reader = Reader::open(dir.path()).expect("it opens");
        let commits =
            (steps..=reported).filter(|&n| n == steps || matches!(step(n - 1), Step::Commit));
        let mut seen: Vec<u64> = commits.collect();
        seen.reverse();
        seen.truncate(1);
        if matches!(step(reported), Step::Commit) {
            seen.push(reported + 1);
        }
        let fits = |n: &&u64| {
            let state = state(**n);
            state.len() == reader.len()
                && state.iter().all(|&image| reader.find(&id(image)).is_some())
        };
        let at = seen
            .iter()
            .find(fits)
            .expect("it shows a state that was committed");
        assert_has(&reader, state(*at));
        assert_corrected(&reader, *at);
        // The step after the last that was reported is done as a whole or not at all.
        let writer = open(dir.path());
        let is_done = match step(reported) {
            Step::Put(first) => writer.contains(&id(first)),
            Step::Remove(image) => writer.contains(&id(image)).map(|known| !known),
            Step::Correct(image) => writer.corrections(&id(image)).map(|said| !said.is_empty()),
            Step::Commit => Ok(true),
        };
        steps = reported + u64::from(is_done.expect("it is asked"));
        drop(writer);
        assert_has(&read(dir.path()), state(steps));
        assert_corrected(&read(dir.path()), steps);
    }
    assert!(
        steps > 5 * kills.unwrap_or(FEW) / 2,
        "only {steps} steps were done"
    );
}
