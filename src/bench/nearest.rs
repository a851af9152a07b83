//! Searches by embedding: how many of the nearest they find, and how many there are a second.

use std::collections::HashMap;
use std::time::Instant;

use imgsearch_index::{Effort, Embedding, Filter, ImageId, Reader};
use serde::Serialize;

use super::collection::Collection;
use super::report::{Latency, milliseconds};
use super::{embedding, id};
use crate::error::Result;

/// Results of a query.
const NEAREST: usize = 10;
/// Times that all queries are asked.
pub(super) const PASSES: usize = 3;

/// Searches for the ten nearest pictures, on one thread.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct NearestBench {
    /// Share of the ten nearest that were found.
    pub recall: f64,
    /// Median of three passes over all queries.
    pub queries_per_second: f64,
    /// Of single queries.
    pub latency: Latency,
}

/// Queries of one kind with their right answers.
pub(super) struct Queries {
    embeddings: Vec<Embedding>,
    truth: Vec<Vec<u32>>,
    numbers: HashMap<ImageId, u32>,
}

impl Queries {
    pub(super) fn new(collection: &Collection, queries: &[f32]) -> Result<Self> {
        let embeddings = queries.chunks_exact(collection.size.dim).map(embedding);
        let numbers = (0..collection.size.images).map(|image| (id(image), image as u32));
        Ok(Self {
            embeddings: embeddings.collect::<Result<_>>()?,
            truth: collection.nearest(queries, NEAREST),
            numbers: numbers.collect(),
        })
    }

    /// Asks all of them, on the threads of the pool that this is called in.
    pub(super) fn ask(&self, reader: &Reader, effort: Effort) -> Result<NearestBench> {
        let all = Filter::default();
        let mut answers = Vec::new();
        let mut seconds = Vec::new();
        let mut latencies = Vec::new();
        for _ in 0..PASSES {
            let pass = Instant::now();
            answers.clear();
            for query in &self.embeddings {
                let start = Instant::now();
                answers.push(reader.nearest_with(query, NEAREST, &all, effort)?);
                latencies.push(milliseconds(start));
            }
            seconds.push(pass.elapsed().as_secs_f64());
        }
        let (mut found, mut expected) = (0, 0);
        for (answer, truth) in answers.iter().zip(&self.truth) {
            expected += truth.len();
            for (doc, _) in answer {
                let image = self.numbers.get(&reader.record(*doc)?.id);
                found += usize::from(image.is_some_and(|image| truth.contains(image)));
            }
        }
        Ok(NearestBench {
            recall: found as f64 / expected.max(1) as f64,
            queries_per_second: self.embeddings.len() as f64 / super::median(seconds),
            latency: Latency::of(latencies),
        })
    }

    /// Opens an index and asks the first query; in milliseconds.
    pub(super) fn first_result(&self, dir: &std::path::Path) -> Result<f64> {
        let opened = (0..PASSES).map(|_| {
            let start = Instant::now();
            let reader = Reader::open(dir)?;
            if let Some(query) = self.embeddings.first() {
                reader.nearest(query, NEAREST, &Filter::default())?;
            }
            Ok(milliseconds(start))
        });
        Ok(super::median(opened.collect::<Result<_>>()?))
    }
}
