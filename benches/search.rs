//! Searches over 10,000 pictures, or as many as `IMGSEARCH_BENCH_PICTURES` says, in a warm process, everything but the text encoder and
//! matching: both legs, fusion, records of 20 hits, filters and facets. Embeddings are clustered noise, tags follow a Zipf law: the cost depends on their number, not on what they mean.

use std::ops::ControlFlow;
use std::sync::Arc;

use criterion::{Criterion, criterion_group, criterion_main};
use imgsearch::models::ModelError;
use imgsearch::{
    Config, Embedding, Encoder, Engine, ImageFeatures, Input, Query, Squares, Vocabulary,
};
use imgsearch_index::{FileFacts, ImageFacts, ImageId, NewImage, Schema, Writer};

const PICTURES: &str = "IMGSEARCH_BENCH_PICTURES";
const DIM: usize = 256;

/// Deterministic noise in [-1, 1).
fn noise(seed: u64) -> f32 {
    let mut z = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    ((z >> 40) as f32) / (1u64 << 23) as f32 - 1.0
}

fn embedding(seed: u64) -> Embedding {
    let cluster = seed % 200;
    let vector = (0..DIM as u64)
        .map(|i| noise(cluster * 1000 + i) + 0.7 * noise(seed * 1_000_003 + i))
        .collect();
    Embedding::new(vector).expect("finite")
}

/// A model whose sentences cost nothing.
struct Stand(Vocabulary);

impl Encoder for Stand {
    fn id(&self) -> &str {
        "stand-in"
    }
    fn dim(&self) -> usize {
        DIM
    }
    fn vocabulary(&self) -> &Vocabulary {
        &self.0
    }
    fn inputs(&self) -> &[Input] {
        &[]
    }
    fn images(&self, _: &[Squares]) -> Result<Vec<ImageFeatures>, ModelError> {
        Ok(Vec::new())
    }
    fn text(&self, sentence: &str) -> Result<Embedding, ModelError> {
        Ok(embedding(sentence.len() as u64))
    }
}

fn search(c: &mut Criterion) {
    let tags = include_str!("../models/tag2text-mini/tags.jsonl");
    let vocabulary = Vocabulary::from_json_lines(tags).expect("tags");
    let thresholds: Vec<f32> = vocabulary.iter().map(|tag| tag.threshold).collect();
    let folder = tempfile::tempdir().expect("folder");
    let schema = Schema {
        model: "stand-in".to_owned(),
        dim: DIM,
        tags: thresholds.len(),
        thresholds,
    };
    let pictures = std::env::var(PICTURES).map_or(Ok(10_000), |pictures| pictures.parse());
    let pictures: usize = pictures.expect("a number of pictures");
    let mut writer = Writer::open(folder.path(), &schema).expect("writer");
    for batch in (0..pictures).collect::<Vec<_>>().chunks(500) {
        let images = batch.iter().map(|&i| {
            let scores = (0..schema.tags)
                .map(|tag| {
                    let frequent = 8.0 / (8.0 + tag as f32);
                    let drawn = noise((i * 7919 + tag) as u64).abs();
                    if drawn < frequent { 0.97 } else { 0.02 }
                })
                .collect();
            NewImage {
                id: ImageId::of(&i.to_le_bytes()),
                files: vec![FileFacts {
                    path: format!("/photos/{i}.jpg").into(),
                    len: 1,
                    modified_ns: i as i64,
                }],
                facts: ImageFacts::default(),
                embedding: embedding(i as u64),
                tag_scores: scores,
                tokens: Vec::new(),
                corrections: None,
            }
        });
        writer.put(images.collect()).expect("put");
    }
    writer
        .settle(|_, _| ControlFlow::Continue(()))
        .expect("settled");
    drop(writer);
    let engine = Engine::with_encoder(&Config::new(folder.path()), Arc::new(Stand(vocabulary)))
        .expect("engine");
    let query = Query::new("two brown dogs run along the beach with a red ball");
    let mut group = c.benchmark_group(format!("search/{pictures}"));
    group.bench_function("without text encoder", |b| {
        b.iter(|| engine.search(&query).expect("searches"));
    });
    let dogs = query.clone().must("dog").path("7");
    group.bench_function("with a tag and a part of the path", |b| {
        b.iter(|| engine.search(&dogs).expect("searches"));
    });
    group.bench_function("facets", |b| {
        b.iter(|| engine.facets(&query).expect("counts"));
    });
    let all_dogs = Query::new("").must("dog");
    group.bench_function("facets of all with a tag", |b| {
        b.iter(|| engine.facets(&all_dogs).expect("counts"));
    });
    let cut = query.clone().with_threshold(0.5);
    group.bench_function("tags cut anew", |b| {
        b.iter(|| engine.search(&cut).expect("searches"));
    });
}

criterion_group!(benches, search);
criterion_main!(benches);
