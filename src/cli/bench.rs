//! `imgsearch bench index`: how fast an index is on this machine, beside others where they are installed.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};
use clap::Subcommand;
use imgsearch::bench::{Collection, CollectionSize, IndexBench, bench_index};
use serde::{Deserialize, Serialize};

use super::args::at_least_one;
use super::exit::Exit;
use super::interrupt::Interrupt;
use super::output::Output;
use super::progress::Bar;
use super::settings::Settings;

/// Measures the peers.
const PEERS: &str = include_str!("../../benches/ann_peers.py");
/// The recall with which engines are compared, here and in the program for the peers.
const WANTED: f64 = 0.99;

/// Measure on made-up collections
#[derive(Debug, clap::Args)]
pub(crate) struct BenchArgs {
    #[command(subcommand)]
    command: BenchCommand,
}

#[derive(Debug, Subcommand)]
enum BenchCommand {
    Index(IndexArgs),
}

/// Recall, speed and memory of an index
///
/// Clustered embeddings and tags are made up, stored and searched on one thread; where Python has hnswlib or faiss, they search the
/// same vectors.
#[derive(Debug, clap::Args)]
struct IndexArgs {
    /// Pictures
    #[arg(long, value_name = "N", default_value = "20000", value_parser = at_least_one)]
    images: usize,
    /// Numbers of an embedding
    #[arg(long, value_name = "N", default_value = "256", value_parser = at_least_one)]
    dim: usize,
    /// Tags of the vocabulary
    #[arg(long, value_name = "N", default_value = "3429", value_parser = at_least_one)]
    tags: usize,
    /// Queries of each kind
    #[arg(long, value_name = "N", default_value = "1000", value_parser = at_least_one)]
    queries: usize,
    /// The Python that measures hnswlib and faiss
    #[arg(long, value_name = "PROGRAM", default_value = "python3")]
    python: String,
    /// Write a JSON object
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Report {
    #[serde(flatten)]
    own: IndexBench,
    peers: Vec<Peer>,
}

/// A line of the Python program.
#[derive(Deserialize, Serialize)]
struct Peer {
    engine: String,
    #[serde(default)]
    missing: bool,
    #[serde(default)]
    queries: String,
    #[serde(default)]
    candidates: usize,
    #[serde(default)]
    recall: f64,
    #[serde(default)]
    queries_per_second: f64,
    #[serde(default)]
    build_seconds: f64,
}

/// Measures and writes what was measured.
pub(crate) fn run(args: &BenchArgs, settings: &Settings, output: &mut Output) -> Result<Exit> {
    let BenchCommand::Index(args) = &args.command;
    let mut size = CollectionSize::default();
    (size.images, size.dim) = (args.images, args.dim);
    (size.tags, size.queries) = (args.tags, args.queries);
    let mut bar = Bar::new(settings, Interrupt::listen()?);
    let _ = bar.count("making up pictures", 0, size.images);
    let collection = Collection::new(size);
    let folder = settings
        .scratch()
        .join(format!("imgsearch-bench-{}", std::process::id()));
    let measured = measure(&collection, &folder, args, &mut bar);
    let _ = fs::remove_dir_all(&folder);
    drop(bar);
    let Some(report) = measured? else {
        output.notice(format_args!("stopped; nothing was measured"));
        return Ok(Exit::Interrupted);
    };
    if args.json {
        output.json(&report)?;
        return Ok(Exit::Found);
    }
    output.write(report.own.to_string())?;
    for peer in &report.peers {
        if peer.missing {
            output.notice(format_args!(
                "{} is not installed for {}",
                peer.engine, args.python
            ));
            continue;
        }
        let own = report
            .own
            .fewest(WANTED, |walk| match peer.queries.as_str() {
                "pictures" => walk.image_queries,
                _ => walk.text_queries,
            });
        let times = own.map_or(f64::NAN, |(_, own)| {
            own.queries_per_second / peer.queries_per_second
        });
        output.line(format_args!(
            "{:<16} {:>9.4} {:>10.0}   by {}, {} candidates; here {:.2} times as many with {}",
            peer.engine,
            peer.recall,
            peer.queries_per_second,
            peer.queries,
            peer.candidates,
            times,
            own.map_or(0, |(candidates, _)| candidates)
        ))?;
    }
    Ok(Exit::Found)
}

fn measure(
    collection: &Collection,
    folder: &Path,
    args: &IndexArgs,
    bar: &mut Bar,
) -> Result<Option<Report>> {
    let index = folder.join("index");
    fs::create_dir_all(&index).with_context(|| format!("cannot write to {}", folder.display()))?;
    let Some(own) = bench_index(collection, &index, |what, done, all| {
        bar.count(what, done, all)
    })?
    else {
        return Ok(None);
    };
    let _ = bar.count("measuring others", 0, 1);
    let peers = peers(collection, folder, args)?;
    Ok(Some(Report { own, peers }))
}

/// What others do with the same vectors; nothing where there is no such Python.
fn peers(collection: &Collection, folder: &Path, args: &IndexArgs) -> Result<Vec<Peer>> {
    for (name, rows) in [
        ("vectors.f32", collection.vectors()),
        ("pictures.f32", collection.image_queries()),
        ("texts.f32", collection.text_queries()),
    ] {
        let mut file = std::io::BufWriter::new(fs::File::create(folder.join(name))?);
        for x in rows {
            file.write_all(&x.to_le_bytes())?;
        }
        file.flush()?;
    }
    fs::write(folder.join("dim.txt"), args.dim.to_string())?;
    let run = Command::new(&args.python)
        .arg("-c")
        .arg(PEERS)
        .arg(folder)
        .output();
    let told = match run {
        Ok(run) => String::from_utf8_lossy(&run.stdout).into_owned(),
        Err(_) => String::new(),
    };
    let peers: Vec<Peer> = told
        .lines()
        .filter_map(|line| serde_json::from_str(line).ok())
        .collect();
    if !peers.is_empty() {
        return Ok(peers);
    }
    let missing = |engine: &str| Peer {
        engine: engine.to_owned(),
        missing: true,
        queries: String::new(),
        candidates: 0,
        recall: 0.0,
        queries_per_second: 0.0,
        build_seconds: 0.0,
    };
    Ok(["hnswlib", "faiss"].map(missing).into())
}
