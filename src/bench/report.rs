//! What was measured of an index.

use std::fmt;
use std::time::Instant;

use serde::Serialize;

use super::nearest::NearestBench;

/// Median and 99th percentile, in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Latency {
    /// Half of the queries take less.
    pub p50_ms: f64,
    /// One in a hundred takes longer.
    pub p99_ms: f64,
}

impl Latency {
    pub(super) fn of(mut latencies: Vec<f64>) -> Self {
        latencies.sort_by(f64::total_cmp);
        let at = |share: f64| {
            let place = (share * latencies.len() as f64) as usize;
            let value = latencies.get(place.min(latencies.len().saturating_sub(1)));
            value.copied().unwrap_or_default()
        };
        Self {
            p50_ms: at(0.5),
            p99_ms: at(0.99),
        }
    }
}

/// Searches in which a graph, where there is one, is walked with so many candidates in view.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct WalkBench {
    /// How many.
    pub candidates: usize,
    /// Queries that are pictures.
    pub image_queries: NearestBench,
    /// Queries that are texts.
    pub text_queries: NearestBench,
}

/// What was measured of an index.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct IndexBench {
    /// Pictures.
    pub images: usize,
    /// Numbers of an embedding.
    pub dim: usize,
    /// Tags of the vocabulary.
    pub tags: usize,
    /// Queries of each kind.
    pub queries: usize,
    /// Seconds that storing took, durable in steps of 64 pictures.
    pub put_seconds: f64,
    /// Seconds that publishing took: segments and tag index.
    pub publish_seconds: f64,
    /// Seconds that the graph took, where there is one.
    pub link_seconds: f64,
    /// Milliseconds from opening the index to the first result.
    pub first_result_ms: f64,
    /// Queries that are pictures like those of the collection.
    pub image_queries: NearestBench,
    /// Queries that lie apart from all pictures, as sentences do.
    pub text_queries: NearestBench,
    /// The same with less and with more effort than is planned, fewest candidates first.
    pub walks: Vec<WalkBench>,
    /// Queries by three tags, frequent ones more often, a hundred results.
    pub tag_queries: Latency,
    /// Bytes that no file stands for which searching added to the process; absent where the system does not say.
    pub anonymous_bytes: Option<u64>,
    /// Bytes of embeddings, tag scores and facts.
    pub logical_bytes: u64,
    /// Bytes of the catalogue when everything was stored once.
    pub catalogue_bytes: u64,
    /// The same when everything was stored twice, as an index run over changed pictures does.
    pub catalogue_bytes_after_reindexing: u64,
    /// Seconds that storing again took.
    pub put_seconds_again: f64,
    /// Bytes of the whole index at the end.
    pub index_bytes: u64,
}

impl IndexBench {
    /// The fewest candidates with at least this recall, for one kind of queries.
    pub fn fewest(
        &self,
        recall: f64,
        kind: impl Fn(&WalkBench) -> NearestBench,
    ) -> Option<(usize, NearestBench)> {
        let walks = self.walks.iter().map(|walk| (walk.candidates, kind(walk)));
        walks.into_iter().find(|(_, bench)| bench.recall >= recall)
    }
}

pub(super) fn milliseconds(start: Instant) -> f64 {
    1e3 * start.elapsed().as_secs_f64()
}

impl fmt::Display for IndexBench {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (images, dim, tags) = (self.images, self.dim, self.tags);
        writeln!(
            f,
            "{images} pictures, {dim} numbers, {tags} tags; one thread"
        )?;
        writeln!(
            f,
            "stored in {:.1} s, published in {:.1} s, linked in {:.1} s, stored again in {:.1} s",
            self.put_seconds, self.publish_seconds, self.link_seconds, self.put_seconds_again
        )?;
        writeln!(f, "open to first result {:.2} ms", self.first_result_ms)?;
        if let Some(bytes) = self.anonymous_bytes {
            let each = bytes as f64 / 1e3 / images.max(1) as f64;
            writeln!(
                f,
                "anonymous memory of searching {:.1} MB, {each:.3} kB a picture",
                bytes as f64 / 1e6
            )?;
        }
        let ratio = |bytes: u64| bytes as f64 / self.logical_bytes.max(1) as f64;
        writeln!(
            f,
            "catalogue {:.2} times the data, {:.2} when all is stored again; whole index {:.1} MB",
            ratio(self.catalogue_bytes),
            ratio(self.catalogue_bytes_after_reindexing),
            self.index_bytes as f64 / 1e6
        )?;
        let Latency { p50_ms, p99_ms } = self.tag_queries;
        writeln!(
            f,
            "100 matches of 3 tags: p50 {p50_ms:.2} ms, p99 {p99_ms:.2} ms"
        )?;
        writeln!(
            f,
            "\n10 nearest by pictures            recall  queries/s   p50 ms   p99 ms"
        )?;
        table(f, self.image_queries, self, |walk| walk.image_queries)?;
        writeln!(f, "by texts")?;
        table(f, self.text_queries, self, |walk| walk.text_queries)
    }
}

/// As planned, then by candidates.
fn table(
    f: &mut fmt::Formatter<'_>,
    planned: NearestBench,
    bench: &IndexBench,
    kind: impl Fn(&WalkBench) -> NearestBench,
) -> fmt::Result {
    let walks = bench.walks.iter();
    let walks = walks.map(|walk| (format!("{} candidates", walk.candidates), kind(walk)));
    for (what, bench) in [("as planned".to_owned(), planned)]
        .into_iter()
        .chain(walks)
    {
        writeln!(
            f,
            "  {what:<28} {:>9.4} {:>10.0} {:>8.3} {:>8.3}",
            bench.recall, bench.queries_per_second, bench.latency.p50_ms, bench.latency.p99_ms
        )?;
    }
    Ok(())
}
