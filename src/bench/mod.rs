//! How fast and how exact an index is, on a collection that is made up.

mod collection;
mod nearest;
mod report;

use std::ops::ControlFlow;
use std::path::Path;
use std::time::Instant;

use imgsearch_index::{
    Effort, Embedding, FileFacts, Filter, ImageFacts, ImageId, NewImage, Reader, Schema, TagId,
    Writer,
};

use crate::error::{Error, Result};
use collection::TAGS_EACH;
pub use collection::{Collection, CollectionSize};
pub use nearest::NearestBench;
use nearest::Queries;
use report::milliseconds;
pub use report::{IndexBench, Latency, WalkBench};

/// Results of a query by tags.
const MATCHES: usize = 100;
/// Candidates in view of the walks that are tried, as the program for the peers tries them.
const CANDIDATES: [usize; 21] = [
    10, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 256, 320, 384, 512, 640, 768, 1024,
];
/// Pictures that are stored in one step, as an index run does.
const BATCH: usize = 64;
/// Probability of a tag that is not there.
const ABSENT: f32 = 0.01;

/// Stores a collection in the empty folder `dir`, searches it on one thread and stores all of it again.
///
/// `progress` gets what is being done, with how much of how much; when it breaks, nothing is measured.
///
/// # Errors
/// When storing or searching fails. `None` when `progress` broke.
pub fn bench_index(
    collection: &Collection,
    dir: &Path,
    mut progress: impl FnMut(&str, usize, usize) -> ControlFlow<()>,
) -> Result<Option<IndexBench>> {
    let size = collection.size;
    let schema = Schema {
        model: "made up".to_owned(),
        dim: size.dim,
        tags: size.tags,
        thresholds: vec![0.5; size.tags],
    };
    let Some(stored) = store(collection, dir, &schema, "storing", &mut progress)? else {
        return Ok(None);
    };
    let link_seconds = link(dir, &schema, &mut progress)?;
    let catalogue = dir.join("catalogue");
    let catalogue_bytes = imgsearch_index::size_on_disk(&catalogue);
    // One thread, as the peers have, and as many searches at once would leave to each.
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build();
    let pool = pool.map_err(|error| Error::Bench(error.to_string()))?;
    let pictures = Queries::new(collection, &collection.image_queries)?;
    let texts = Queries::new(collection, &collection.text_queries)?;
    let before = anonymous_memory();
    let first_result_ms = pool.install(|| texts.first_result(dir))?;
    let reader = Reader::open(dir)?;
    let ask = |effort| -> Result<_> {
        pool.install(|| Ok((pictures.ask(&reader, effort)?, texts.ask(&reader, effort)?)))
    };
    let (image_queries, text_queries) = ask(Effort::Planned)?;
    let searching = anonymous_memory().zip(before);
    let mut walks = Vec::new();
    for (done, candidates) in CANDIDATES.into_iter().enumerate() {
        if progress("searching", done, CANDIDATES.len()).is_break() {
            return Ok(None);
        }
        let (image_queries, text_queries) = ask(Effort::Candidates(candidates))?;
        walks.push(WalkBench {
            candidates,
            image_queries,
            text_queries,
        });
    }
    let tag_queries = pool.install(|| matches(collection, &reader))?;
    drop(reader);
    let again = store(collection, dir, &schema, "storing again", &mut progress)?;
    Ok(again.map(|again| IndexBench {
        images: size.images,
        dim: size.dim,
        tags: size.tags,
        queries: size.queries,
        put_seconds: stored.0,
        publish_seconds: stored.1,
        link_seconds,
        first_result_ms,
        image_queries,
        text_queries,
        walks,
        tag_queries,
        anonymous_bytes: searching.map(|(after, before)| after.saturating_sub(before)),
        logical_bytes: logical(collection),
        catalogue_bytes,
        catalogue_bytes_after_reindexing: imgsearch_index::size_on_disk(&catalogue),
        put_seconds_again: again.0,
        index_bytes: imgsearch_index::size_on_disk(dir),
    }))
}

/// Stores all pictures; the seconds of storing and of publishing, `None` when `progress` broke.
fn store(
    collection: &Collection,
    dir: &Path,
    schema: &Schema,
    what: &str,
    progress: &mut impl FnMut(&str, usize, usize) -> ControlFlow<()>,
) -> Result<Option<(f64, f64)>> {
    let mut writer = Writer::open(dir, schema)?;
    let size = collection.size;
    let start = Instant::now();
    for first in (0..size.images).step_by(BATCH) {
        if progress(what, first, size.images).is_break() {
            return Ok(None);
        }
        let batch = first..size.images.min(first + BATCH);
        let images = batch.map(|image| picture(collection, image));
        writer.put(images.collect::<Result<_>>()?)?;
    }
    let put = start.elapsed().as_secs_f64();
    let start = Instant::now();
    if progress("publishing", 0, 1).is_break() {
        return Ok(None);
    }
    writer.commit()?;
    Ok(Some((put, start.elapsed().as_secs_f64())))
}

/// Links what is stored; the seconds that it took.
fn link(
    dir: &Path,
    schema: &Schema,
    progress: &mut impl FnMut(&str, usize, usize) -> ControlFlow<()>,
) -> Result<f64> {
    let start = Instant::now();
    let mut writer = Writer::open(dir, schema)?;
    writer.settle(|done, all| progress("linking", done, all))?;
    Ok(start.elapsed().as_secs_f64())
}

fn picture(collection: &Collection, image: usize) -> Result<NewImage> {
    let size = collection.size;
    let mut tag_scores = vec![ABSENT; size.tags];
    for (at, &tag) in collection.tags[image].iter().enumerate() {
        tag_scores[tag as usize] = 1.0 - 0.5 * at as f32 / TAGS_EACH as f32;
    }
    Ok(NewImage {
        id: id(image),
        files: vec![FileFacts {
            path: format!("/photos/{:03}/IMG_{image:07}.jpg", image / 1000).into(),
            len: 4_000_000,
            modified_ns: image as i64,
        }],
        facts: ImageFacts {
            width: 4000,
            height: 3000,
            format: "jpeg".to_owned(),
            captured: Some("2024-05-01T12:30:00".to_owned()),
            camera: Some("Camera".to_owned()),
            keywords: Vec::new(),
        },
        embedding: embedding(&collection.vectors[image * size.dim..][..size.dim])?,
        tag_scores,
        tokens: Vec::new(),
        corrections: None,
    })
}

fn id(image: usize) -> ImageId {
    ImageId::of(&image.to_le_bytes())
}

fn embedding(vector: &[f32]) -> Result<Embedding> {
    Ok(Embedding::new(vector.to_vec())?)
}

/// What a picture takes that is stored once: embedding, tag scores, and some two hundred bytes of facts.
fn logical(collection: &Collection) -> u64 {
    const FACTS: usize = 200;
    let size = collection.size;
    (size.images * (4 * size.dim + 2 * size.tags + FACTS)) as u64
}

fn matches(collection: &Collection, reader: &Reader) -> Result<Latency> {
    let all = Filter::default();
    let mut latencies = Vec::new();
    for tags in &collection.tag_queries {
        let tags = tags.map(|tag| (TagId(tag), 1.0));
        let start = Instant::now();
        reader.match_tags(&tags, MATCHES, &all)?;
        latencies.push(milliseconds(start));
    }
    Ok(Latency::of(latencies))
}

/// Bytes of this process that no file stands for, where the system says so.
fn anonymous_memory() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("RssAnon:"))?;
    let kilobytes: u64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
    Some(1024 * kilobytes)
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_small_collection_is_found_exactly() {
        let mut size = CollectionSize::default();
        (size.images, size.dim, size.tags, size.queries) = (300, 32, 40, 20);
        let collection = Collection::new(size);
        let dir = tempfile::tempdir().unwrap();
        let go_on = |_: &str, _, _| ControlFlow::Continue(());
        let bench = bench_index(&collection, dir.path(), go_on)
            .unwrap()
            .unwrap();
        assert_eq!(
            (bench.image_queries.recall, bench.text_queries.recall),
            (1.0, 1.0)
        );
        assert_eq!(bench.walks.len(), CANDIDATES.len());
        let (candidates, first) = bench.fewest(0.99, |walk| walk.text_queries).unwrap();
        assert_eq!((candidates, first.recall), (10, 1.0));
        assert!(bench.text_queries.queries_per_second > 0.0 && bench.first_result_ms > 0.0);
        assert!(bench.index_bytes > bench.catalogue_bytes_after_reindexing);
        let table = bench.to_string();
        assert!(
            table.starts_with("300 pictures, 32 numbers, 40 tags"),
            "{table}"
        );
        let dir = tempfile::tempdir().unwrap();
        let stop = |_: &str, _, _| ControlFlow::Break(());
        assert!(
            bench_index(&collection, dir.path(), stop)
                .unwrap()
                .is_none()
        );
    }
}
