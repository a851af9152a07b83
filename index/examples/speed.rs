//! How fast an index of clustered random vectors is: `speed [images] [dim] [tags]`, default 10000 256 3000.
//!
//! Latencies are wall-clock medians of 200 queries from one caller; the scan uses the threads of rayon.
#![expect(clippy::print_stdout, reason = "a program to be read")]

use std::error::Error;
use std::time::Instant;

use imgsearch_index::{
    Embedding, FileFacts, Filter, ImageFacts, ImageId, NewImage, Options, Reader, Schema, TagId,
    Writer,
};

fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args().skip(1).map(|arg| arg.parse::<usize>());
    let mut next = |default| args.next().unwrap_or(Ok(default));
    let (images, dim, tags) = (next(10_000)?, next(256)?, next(3000)?);
    let graph_from = next(usize::MAX)?;
    let dir = tempfile::tempdir()?;
    let schema = Schema {
        model: "speed".into(),
        dim,
        tags,
        thresholds: vec![0.5; tags],
    };
    let mut random = random(7);
    let centres: Vec<f32> = (0..200 * dim).map(|_| random()).collect();
    let vector = |random: &mut dyn FnMut() -> f32| {
        let centre = (random().abs() * 199.0) as usize * dim;
        Embedding::new(
            centres[centre..][..dim]
                .iter()
                .map(|x| x + 0.6 * random())
                .collect(),
        )
    };

    let mut options = Options::default();
    options.graph_from = graph_from;
    let start = Instant::now();
    let mut writer = Writer::open_with(dir.path(), &schema, options)?;
    let (mut put, mut commit) = (0.0, 0.0);
    for batch in (0..images).step_by(64) {
        let images = (batch..images.min(batch + 64)).map(|number| {
            let mut tag_scores = vec![0.01; tags];
            for _ in 0..12 {
                // Squared twice, so that a few tags are common and most are rare.
                let tag = random().powi(4) * (tags - 1) as f32;
                tag_scores[tag as usize] = 0.5 + random().abs() / 2.0;
            }
            Ok(NewImage {
                id: ImageId::of(&number.to_le_bytes()),
                files: vec![FileFacts {
                    path: format!("photos/2024/05/IMG_{number:07}.jpg").into(),
                    len: 4_000_000,
                    modified_ns: number as i64,
                }],
                facts: ImageFacts {
                    format: "jpeg".into(),
                    ..ImageFacts::default()
                },
                embedding: vector(&mut random)?,
                tag_scores,
            })
        });
        let images = images.collect::<Result<Vec<_>, imgsearch_index::Error>>()?;
        let start = Instant::now();
        writer.put(images)?;
        put += start.elapsed().as_secs_f64();
        if batch / 64 % 16 == 15 {
            let start = Instant::now();
            writer.commit()?;
            commit += start.elapsed().as_secs_f64();
        }
    }
    let start_last = Instant::now();
    writer.commit()?;
    commit += start_last.elapsed().as_secs_f64();
    drop(writer);
    println!("{images} images, {dim} numbers, {tags} tags");
    println!(
        "stored in {:.1} s, of which put {put:.1}, commit {commit:.1}",
        start.elapsed().as_secs_f64()
    );
    println!("peak memory {}", memory("VmHWM:"));

    let start = Instant::now();
    let writer = Writer::open(dir.path(), &schema)?;
    println!("open to write {:.1} ms", ms(start));
    let start = Instant::now();
    let files = writer.files()?.len();
    println!("list {files} files {:.1} ms", ms(start));
    drop(writer);
    let start = Instant::now();
    let reader = Reader::open(dir.path())?;
    println!("open to read {:.2} ms", ms(start));

    let all = Filter::default();
    let common = Filter {
        must: vec![vec![TagId(0)]],
        ..Filter::default()
    };
    let rare = Filter {
        must: vec![vec![TagId(tags as u32 / 3)]],
        ..Filter::default()
    };
    for (name, filter) in [
        ("all", &all),
        ("a common tag", &common),
        ("a rare tag", &rare),
    ] {
        let times = (0..200).map(|_| {
            let query = vector(&mut random)?;
            let start = Instant::now();
            reader.nearest(&query, 10, filter)?;
            Ok(ms(start))
        });
        println!(
            "10 nearest among {name}: {:.3} ms",
            median(times.collect::<Result<_, imgsearch_index::Error>>()?)
        );
    }
    let times = (0..200).map(|_| {
        let tags = [0; 3].map(|_| (TagId((random().powi(4) * (tags - 1) as f32) as u32), 1.0));
        let start = Instant::now();
        let found = reader.match_tags(&tags, 100, &all)?;
        found
            .iter()
            .try_for_each(|(doc, _)| reader.record(*doc).map(drop))?;
        Ok(ms(start))
    });
    println!(
        "100 matches of 3 tags with records: {:.3} ms",
        median(times.collect::<Result<_, imgsearch_index::Error>>()?)
    );
    let start = Instant::now();
    reader.tag_counts()?;
    println!("tag counts {:.2} ms", ms(start));
    println!(
        "on disk {:.1} MB, of which catalogue {:.1}",
        reader.bytes_on_disk() as f64 / 1e6,
        size(&dir.path().join("catalogue")) as f64 / 1e6
    );
    Ok(())
}

fn ms(since: Instant) -> f64 {
    since.elapsed().as_secs_f64() * 1e3
}

fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}

fn size(dir: &std::path::Path) -> u64 {
    let entries = dir.read_dir().into_iter().flatten().flatten();
    entries
        .map(|entry| {
            if entry.path().is_dir() {
                size(&entry.path())
            } else {
                entry.metadata().map_or(0, |m| m.len())
            }
        })
        .sum()
}

fn memory(line: &str) -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    status
        .lines()
        .find_map(|l| l.strip_prefix(line))
        .unwrap_or("unknown")
        .trim()
        .to_owned()
}

fn random(mut state: u64) -> impl FnMut() -> f32 {
    move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 40) as f32 / (1 << 23) as f32 - 1.0
    }
}
