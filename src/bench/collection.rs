//! Pictures that are made up: clustered embeddings and tags, as many as wanted.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};
use rayon::prelude::*;

/// Clusters of a collection, of which some are large and most are small.
const CLUSTERS: usize = 2000;
/// How much smaller the next cluster is, and how much rarer the next tag (Zipf's law).
const CLUSTER_SKEW: f64 = 0.7;
const TAG_SKEW: f64 = 1.0;
/// Directions in which pictures really differ; the rest is noise.
const LATENT: usize = 40;
/// How far pictures of a cluster lie apart, and how large the noise is.
const SPREAD: f32 = 0.45;
const NOISE: f32 = 0.03;
/// Tags of a picture.
pub(super) const TAGS_EACH: usize = 12;

/// How large a collection is.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct CollectionSize {
    /// Pictures.
    pub images: usize,
    /// Numbers of an embedding.
    pub dim: usize,
    /// Tags of the vocabulary.
    pub tags: usize,
    /// Queries of each kind.
    pub queries: usize,
}

impl Default for CollectionSize {
    fn default() -> Self {
        Self {
            images: 20_000,
            dim: 256,
            tags: 3429,
            queries: 1000,
        }
    }
}

/// A collection with queries: pictures like its own, and texts, which lie apart from all pictures as those of a model do.
#[derive(Clone, Debug)]
pub struct Collection {
    pub(super) size: CollectionSize,
    pub(super) vectors: Vec<f32>,
    pub(super) image_queries: Vec<f32>,
    pub(super) text_queries: Vec<f32>,
    pub(super) tags: Vec<[u32; TAGS_EACH]>,
    pub(super) tag_queries: Vec<[u32; 3]>,
}

impl Collection {
    /// Makes one; the same for the same size.
    pub fn new(size: CollectionSize) -> Self {
        let mut random = Random(ChaCha8Rng::seed_from_u64(7));
        let latent = LATENT.min(size.dim);
        let clusters = Zipf::new(CLUSTERS, CLUSTER_SKEW);
        // The first directions matter more than the last.
        let scale: Vec<f32> = (0..latent)
            .map(|at| (at as f32 + 1.0).powf(-0.25))
            .collect();
        let centres: Vec<f32> = (0..CLUSTERS * latent).map(|_| random.normal()).collect();
        let directions = orthonormal(latent, size.dim, &mut random);
        let point = |random: &mut Random| {
            let centre = clusters.draw(random) * latent;
            let mut vector: Vec<f32> = (0..size.dim).map(|_| NOISE * random.normal()).collect();
            for (at, direction) in directions.chunks_exact(size.dim).enumerate() {
                let along = scale[at] * (centres[centre + at] + SPREAD * random.normal());
                add(&mut vector, direction, along);
            }
            unit(vector)
        };
        let vectors = (0..size.images).flat_map(|_| point(&mut random)).collect();
        let image_queries = (0..size.queries).flat_map(|_| point(&mut random)).collect();
        let common = random.direction(size.dim);
        let text_queries = (0..size.queries).flat_map(|_| {
            let mut text: Vec<f32> = point(&mut random).iter().map(|x| 0.4 * x).collect();
            add(&mut text, &common, 0.7);
            add(&mut text, &random.direction(size.dim), 0.6);
            unit(text)
        });
        let text_queries = text_queries.collect();
        let names = Zipf::new(size.tags, TAG_SKEW);
        let tags = (0..size.images).map(|_| [0; TAGS_EACH].map(|_| names.draw(&mut random) as u32));
        let tags = tags.collect();
        let tag_queries = (0..size.queries).map(|_| [0; 3].map(|_| names.draw(&mut random) as u32));
        Self {
            size,
            vectors,
            image_queries,
            text_queries,
            tags,
            tag_queries: tag_queries.collect(),
        }
    }

    /// Embeddings of the pictures, `[images, dim]`.
    pub fn vectors(&self) -> &[f32] {
        &self.vectors
    }

    /// Queries that are pictures, `[queries, dim]`.
    pub fn image_queries(&self) -> &[f32] {
        &self.image_queries
    }

    /// Queries that are texts, `[queries, dim]`.
    pub fn text_queries(&self) -> &[f32] {
        &self.text_queries
    }

    /// The `k` pictures with the largest cosine of each query, found by comparing all.
    pub(super) fn nearest(&self, queries: &[f32], k: usize) -> Vec<Vec<u32>> {
        let dim = self.size.dim;
        let queries = queries.par_chunks_exact(dim);
        let nearest = queries.map(|query| {
            let mut cosines: Vec<(f32, u32)> = self
                .vectors
                .chunks_exact(dim)
                .zip(0..)
                .map(|(vector, image)| (dot(query, vector), image))
                .collect();
            let last = k.min(cosines.len()).saturating_sub(1);
            if last < cosines.len() {
                cosines.select_nth_unstable_by(last, |a, b| b.0.total_cmp(&a.0));
            }
            cosines.iter().take(k).map(|&(_, image)| image).collect()
        });
        nearest.collect()
    }
}

struct Random(ChaCha8Rng);

impl Random {
    /// From 0 up to 1, never 0.
    fn uniform(&mut self) -> f64 {
        (f64::from(self.0.next_u32()) + 0.5) / f64::from(u32::MAX)
    }

    /// From the normal distribution (Box and Muller).
    fn normal(&mut self) -> f32 {
        let (radius, turn) = (self.uniform(), self.uniform());
        ((-2.0 * radius.min(1.0).ln()).sqrt() * (std::f64::consts::TAU * turn).cos()) as f32
    }

    fn direction(&mut self, dim: usize) -> Vec<f32> {
        unit((0..dim).map(|_| self.normal()).collect())
    }
}

/// Numbers of which each is rarer than the one before.
struct Zipf(Vec<f64>);

impl Zipf {
    fn new(count: usize, skew: f64) -> Self {
        let mut sum = 0.0;
        let weights = (1..=count.max(1)).map(|rank| {
            sum += (rank as f64).powf(-skew);
            sum
        });
        Self(weights.collect())
    }

    fn draw(&self, random: &mut Random) -> usize {
        let all = self.0.last().copied().unwrap_or_default();
        let drawn = random.uniform() * all;
        let at = self.0.partition_point(|&sum| sum < drawn);
        at.min(self.0.len() - 1)
    }
}

/// `count` directions that are at right angles to each other, `[count, dim]` (Gram and Schmidt).
fn orthonormal(count: usize, dim: usize, random: &mut Random) -> Vec<f32> {
    let mut directions: Vec<f32> = Vec::with_capacity(count * dim);
    for _ in 0..count {
        let mut next = random.direction(dim);
        for other in directions.chunks_exact(dim) {
            let along = dot(&next, other);
            add(&mut next, other, -along);
        }
        directions.extend(unit(next));
    }
    directions
}

fn add(sum: &mut [f32], vector: &[f32], times: f32) {
    for (sum, x) in sum.iter_mut().zip(vector) {
        *sum += times * x;
    }
}

fn dot(a: &[f32], b: &[f32]) -> f32 {
    // Several sums, so that the compiler can use wide registers.
    let mut sums = [0.0; 16];
    let (a, b) = (a.chunks_exact(16), b.chunks_exact(16));
    let rest: f32 = a
        .remainder()
        .iter()
        .zip(b.remainder())
        .map(|(x, y)| x * y)
        .sum();
    for (a, b) in a.zip(b) {
        for (sum, (x, y)) in sums.iter_mut().zip(a.iter().zip(b)) {
            *sum += x * y;
        }
    }
    sums.iter().sum::<f32>() + rest
}

fn unit(mut vector: Vec<f32>) -> Vec<f32> {
    let norm = dot(&vector, &vector).sqrt().max(f32::MIN_POSITIVE);
    vector.iter_mut().for_each(|x| *x /= norm);
    vector
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_lie_apart_from_pictures_and_near_each_other() {
        let size = CollectionSize {
            images: 500,
            dim: 50,
            tags: 20,
            queries: 40,
        };
        let made = Collection::new(size);
        assert_eq!(made.vectors, Collection::new(size).vectors);
        let mean = |queries: &[f32]| {
            let nearest = made.nearest(queries, 1);
            let cosines = queries
                .chunks_exact(50)
                .zip(&nearest)
                .map(|(query, nearest)| {
                    dot(query, &made.vectors[nearest[0] as usize * 50..][..50])
                });
            cosines.sum::<f32>() / 40.0
        };
        let (images, texts) = (mean(&made.image_queries), mean(&made.text_queries));
        assert!(images > texts + 0.1, "{images} {texts}");
        let [a, b] = [0, 1].map(|at| &made.text_queries[at * 50..][..50]);
        assert!(dot(a, b) > 0.3);
        let first = made.tags.iter().flatten().filter(|&&tag| tag == 0).count();
        let last = made.tags.iter().flatten().filter(|&&tag| tag == 19).count();
        assert!(first > 8 * last, "{first} {last}");
    }
}
