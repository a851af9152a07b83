//! Memory that a search over 10,000 pictures, or as many as `IMGSEARCH_BENCH_PICTURES` says, has allocated at most at once, beyond what was
//! there before: the first one of a process and later ones, with a model whose sentences cost nothing and, over at most 10,000, with the
//! built-in one.

mod collection;
mod matched;
mod stand_in;

use imgsearch::{Legs, Query};
use peak_alloc::PeakAlloc;

#[global_allocator]
static ALLOCATED: PeakAlloc = PeakAlloc;

#[expect(clippy::print_stdout, reason = "a bench is a program of its own")]
fn main() {
    // The test runner asks for what there is to run.
    if std::env::args().any(|arg| arg == "--list" || arg == "--test") {
        return;
    }
    let pictures = collection::size();
    let folder = tempfile::tempdir().expect("folder");
    let path = |i| format!("/photos/{i}.jpg").into();
    collection::write(stand_in::ID, &[], folder.path(), pictures, path);
    let engine = stand_in::engine(folder.path());
    let query = Query::new("two brown dogs run along the beach with a red ball");
    let asked = query.clone().keyword("person 7");
    let cut = query.clone().with_threshold(0.5);
    let search = |query| drop(engine.search(query).expect("searches"));
    let facets = |query| drop(engine.facets(query).expect("counts"));
    println!("{pictures} pictures");
    tell("the first search, opening included", || search(&query));
    tell("a later search", || search(&query));
    tell("with tags cut anew", || search(&cut));
    tell("with a keyword asked for", || search(&asked));
    tell("facets", || facets(&query));
    let dogs = Query::new("").must("dog");
    tell("facets of all with a tag", || facets(&dogs));

    let folder = tempfile::tempdir().expect("folder");
    let engine = matched::engine(folder.path(), pictures.min(10_000));
    let query = query.with_min_score(0.0);
    let search = |query| drop(engine.search(query).expect("searches"));
    search(&query);
    let unmatched = query.clone().with_legs(Legs::fast());
    tell("a later search, built-in model", || search(&unmatched));
    tell("a later search, 64 matched", || search(&query));
}

#[expect(clippy::print_stdout, reason = "a bench is a program of its own")]
fn tell(what: &str, run: impl FnOnce()) {
    let before = ALLOCATED.current_usage();
    ALLOCATED.reset_peak_usage();
    run();
    let most = ALLOCATED.peak_usage().saturating_sub(before);
    println!("{what}: {:.2} MB", most as f64 / 1e6);
}
