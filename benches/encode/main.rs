//! Pictures and sentences through the networks, on the CPU.

mod builtin;
mod full_size;

use criterion::{criterion_group, criterion_main};
use imgsearch::Squares;
use imgsearch::media::{Input, Picture};

/// Noise as a picture: the cost does not depend on what it shows.
fn noise(inputs: &[Input], seed: u32) -> Squares {
    let side = inputs.iter().map(|input| input.side).max().unwrap_or(1);
    let value = |i: u32| (i.wrapping_mul(2_654_435_761) >> 24) as u8 ^ seed as u8;
    let data = (0..3 * side * side).map(value).collect();
    Squares::of(
        &Picture::from_rgb(side, side, data).expect("right size"),
        inputs,
    )
}

criterion_group!(benches, builtin::encode, full_size::encode);
criterion_main!(benches);
