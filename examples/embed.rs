//! The whole library in fifteen lines: index a folder, ask for a picture, see why it matched.

#![expect(clippy::print_stdout, reason = "an example shows its results")]

use std::ops::ControlFlow;

use imgsearch::{Config, Engine, Query};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut args = std::env::args().skip(1);
    let (folder, words) = (
        args.next().ok_or("folder?")?,
        args.collect::<Vec<_>>().join(" "),
    );
    let index = std::env::temp_dir().join(format!("imgsearch-embed-{}", std::process::id()));
    let engine = Engine::open(&Config::new(&index))?;
    let report = engine.index_paths(&[folder], |_| ControlFlow::Continue(()))?;
    println!(
        "{} pictures, {} skipped",
        report.added,
        report.skipped.len()
    );
    for hit in engine.search(&Query::new(words).with_limit(3))? {
        let tags: Vec<&str> = hit
            .why
            .recognized()
            .iter()
            .map(|tag| tag.tag.as_str())
            .collect();
        println!(
            "{:.3} {} {}",
            hit.score,
            hit.paths[0].display(),
            tags.join(", ")
        );
    }
    Ok(std::fs::remove_dir_all(index)?)
}
