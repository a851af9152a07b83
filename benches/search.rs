//! Searches over 10,000 pictures, or as many as `IMGSEARCH_BENCH_PICTURES` says, in a warm process, everything but the text encoder and
//! matching: both legs, fusion, records of 20 hits, filters and facets. With `IMGSEARCH_BENCH_VECTORS=FOLDER` the vectors are left there
//! for `rclip_search.py`.

mod collection;
mod stand_in;

use std::io::{self, Write};
use std::path::Path;
use std::{env, fs};

use criterion::{Criterion, criterion_group, criterion_main};
use imgsearch::Query;
use imgsearch_index::Reader;

fn search(c: &mut Criterion) {
    let pictures = collection::size();
    let folder = tempfile::tempdir().expect("folder");
    let path = |i| format!("/photos/{i}.jpg").into();
    collection::write(stand_in::ID, &[], folder.path(), pictures, path);
    if let Some(folder) = env::var_os("IMGSEARCH_BENCH_VECTORS") {
        leave_vectors(folder.as_ref(), pictures).expect("vectors");
    }
    let engine = stand_in::engine(folder.path());
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
    let named = Query::new("person 7 runs along the beach with a red ball");
    group.bench_function("with a name that is a keyword", |b| {
        b.iter(|| engine.search(&named).expect("searches"));
    });
    let asked = query.clone().keyword("person 7");
    group.bench_function("with a keyword asked for", |b| {
        b.iter(|| engine.search(&asked).expect("searches"));
    });
    group.bench_function("opening an index", |b| {
        b.iter(|| Reader::open(folder.path()).expect("opens"));
    });
    group.bench_function("opening an index and gathering its keywords", |b| {
        b.iter(|| {
            let reader = Reader::open(folder.path()).expect("opens");
            assert!(!reader.keywords().expect("gathers").is_empty());
        });
    });
}

fn leave_vectors(folder: &Path, pictures: usize) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    let mut file = io::BufWriter::new(fs::File::create(folder.join("vectors.f32"))?);
    for picture in 0..pictures {
        let embedding = collection::embedding(picture as u64);
        for x in embedding.as_slice() {
            file.write_all(&x.to_le_bytes())?;
        }
    }
    file.flush()?;
    fs::write(folder.join("dim.txt"), collection::DIM.to_string())
}

criterion_group!(benches, search);
criterion_main!(benches);
