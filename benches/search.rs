//! Searches over 10,000 pictures, or as many as `IMGSEARCH_BENCH_PICTURES` says, in a warm process, everything but the text encoder and
//! matching: both legs, fusion, records of 20 hits, filters and facets.

mod collection;

use std::ops::ControlFlow;

use criterion::{Criterion, criterion_group, criterion_main};
use imgsearch::Query;

fn search(c: &mut Criterion) {
    let pictures = collection::size();
    let folder = tempfile::tempdir().expect("folder");
    let path = |i| format!("/photos/{i}.jpg").into();
    let mut writer = collection::write(folder.path(), pictures, path);
    writer
        .settle(|_, _| ControlFlow::Continue(()))
        .expect("settled");
    drop(writer);
    let engine = collection::engine(folder.path());
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
