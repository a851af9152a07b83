//! A collection of as many pictures as a bench wants, without any network. Embeddings are clustered noise, tags follow a Zipf law, every
//! tenth picture has one of a thousand names for a keyword: the cost depends on their number, not on what they mean.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use imgsearch::{Embedding, Vocabulary};
use imgsearch_index::{FileFacts, ImageFacts, ImageId, Keyword, NewImage, Schema, Writer};

const PICTURES: &str = "IMGSEARCH_BENCH_PICTURES";
/// The width of its embeddings.
pub(crate) const DIM: usize = 256;

/// Pictures: 10,000, or as many as `IMGSEARCH_BENCH_PICTURES` says.
pub(crate) fn size() -> usize {
    let pictures = std::env::var(PICTURES).map_or(Ok(10_000), |pictures| pictures.parse());
    pictures.expect("a number of pictures")
}

/// Stores them in a folder for a model, each with the path that `path` gives it and with these tokens, and publishes them.
pub(crate) fn write(
    model: &str,
    tokens: &[u8],
    folder: &Path,
    pictures: usize,
    path: impl Fn(usize) -> PathBuf,
) {
    let thresholds: Vec<f32> = vocabulary().iter().map(|tag| tag.threshold).collect();
    let schema = Schema {
        model: model.to_owned(),
        dim: DIM,
        tags: thresholds.len(),
        thresholds,
    };
    let mut writer = Writer::open(folder, &schema).expect("writer");
    for batch in (0..pictures).collect::<Vec<_>>().chunks(500) {
        let images = batch.iter().map(|&i| {
            let scores = (0..schema.tags).map(|tag| {
                let frequent = 8.0 / (8.0 + tag as f32);
                let drawn = noise((i * 7919 + tag) as u64).abs();
                if drawn < frequent { 0.97 } else { 0.02 }
            });
            NewImage {
                id: ImageId::of(&i.to_le_bytes()),
                files: vec![FileFacts {
                    path: path(i),
                    len: 1,
                    modified_ns: i as i64,
                }],
                facts: ImageFacts {
                    keywords: keywords(i),
                    ..ImageFacts::default()
                },
                embedding: embedding(i as u64),
                tag_scores: scores.collect(),
                tokens: tokens.to_vec(),
                corrections: None,
            }
        });
        writer.put(images.collect()).expect("put");
    }
    writer
        .settle(|_, _| ControlFlow::Continue(()))
        .expect("settled");
}

fn keywords(picture: usize) -> Vec<Keyword> {
    let name = picture.is_multiple_of(10).then(|| Keyword {
        text: format!("Person {}", picture / 10 % 1000),
        tags: Vec::new(),
    });
    name.into_iter().collect()
}

/// The tags of the built-in model.
pub(crate) fn vocabulary() -> Vocabulary {
    let tags = include_str!("../../models/tag2text-mini/tags.jsonl");
    Vocabulary::from_json_lines(tags).expect("tags")
}

/// Deterministic noise in [-1, 1).
pub(crate) fn noise(seed: u64) -> f32 {
    let mut z = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    ((z >> 40) as f32) / (1u64 << 23) as f32 - 1.0
}

/// The embedding of a picture.
pub(crate) fn embedding(seed: u64) -> Embedding {
    let cluster = seed % 200;
    let vector = (0..DIM as u64)
        .map(|i| noise(cluster * 1000 + i) + 0.7 * noise(seed * 1_000_003 + i))
        .collect();
    Embedding::new(vector).expect("finite")
}
