//! Searches with the built-in model over 10,000 pictures, or as many as `IMGSEARCH_BENCH_PICTURES` says, in a warm process: text encoder, both
//! legs, and the first 64 matched with the sentence.

mod collection;
mod matched;

use criterion::{Criterion, criterion_group, criterion_main};
use imgsearch::{Legs, Query};

fn rerank(c: &mut Criterion) {
    let pictures = collection::size();
    let folder = tempfile::tempdir().expect("folder");
    let engine = matched::engine(folder.path(), pictures);
    // The numbers mean nothing, and of nothing that is shown the answer would be empty.
    let query =
        Query::new("two brown dogs run along the beach with a red ball").with_min_score(0.0);
    let first = engine.search(&query).expect("searches").remove(0);
    assert!(first.why.itm.is_some());
    let mut group = c.benchmark_group(format!("rerank/{pictures}"));
    group.sample_size(20);
    group.bench_function("64 matched", |b| {
        b.iter(|| engine.search(&query).expect("searches"));
    });
    let unmatched = query.clone().with_legs(Legs::fast());
    group.bench_function("none matched", |b| {
        b.iter(|| engine.search(&unmatched).expect("searches"));
    });
}

criterion_group!(benches, rerank);
criterion_main!(benches);
