//! Loops over floats that the compiler turns into wide instructions.

/// Numbers that a loop keeps apart while it sums or compares: what fills the registers of every instruction set here.
pub(super) const LANES: usize = 32;

/// Defines a function that is compiled for AVX-512, for AVX2 and for the baseline, and runs the widest the processor has.
macro_rules! vectorised {
    ($(#[$attribute:meta])* $visibility:vis fn $name:ident($($argument:ident: $type:ty),* $(,)?) $body:block) => {
        $(#[$attribute])*
        $visibility fn $name($($argument: $type),*) {
            #[inline(always)]
            fn generic($($argument: $type),*) $body

            #[cfg(target_arch = "x86_64")]
            {
                #[target_feature(enable = "avx512f,fma")]
                fn avx512($($argument: $type),*) {
                    generic($($argument),*)
                }
                #[target_feature(enable = "avx2,fma")]
                fn avx2($($argument: $type),*) {
                    generic($($argument),*)
                }
                let fma = is_x86_feature_detected!("fma");
                if fma && is_x86_feature_detected!("avx512f") {
                    // SAFETY: the features were detected just above.
                    return unsafe { avx512($($argument),*) };
                }
                if fma && is_x86_feature_detected!("avx2") {
                    // SAFETY: the features were detected just above.
                    return unsafe { avx2($($argument),*) };
                }
            }
            generic($($argument),*)
        }
    };
}
pub(super) use vectorised;

/// `e^x` for `x <= 0`, relative error below 1.5e-7 down to e^-87, which stands for everything below: 2^n times a polynomial
/// of the rest.
#[inline(always)]
pub(super) fn exp(x: f32) -> f32 {
    // Adding 1.5 · 2^23 rounds to the nearest integer and leaves it in the low bits.
    const MAGIC: f32 = 12_582_912.0;
    // ln 2 in two parts, the first of so few bits that its product with n is exact.
    const LN_2: [f32; 2] = [0.693_359_4, -2.121_944_4e-4];
    let x = x.max(-87.0);
    let shifted = x * std::f32::consts::LOG2_E + MAGIC;
    let n = shifted - MAGIC;
    let r = (x - n * LN_2[0]) - n * LN_2[1];
    // The polynomial of degree 6 with the smallest relative error on |r| <= ln 2 / 2, 3e-9.
    let p = 1.0
        + r * (1.0
            + r * (0.499_999_94
                + r * (0.166_665_21 + r * (0.041_668_39 + r * (0.008_368_75 + r * 0.001_381_45)))));
    let power = f32::from_bits((shifted.to_bits() << 23).wrapping_add(1.0f32.to_bits()));
    p * power
}

/// Sum of all lanes, half of them at a time: one after the other they would take longer than a short row.
#[inline(always)]
fn total(mut lanes: [f32; LANES]) -> f32 {
    let mut half = LANES / 2;
    while half > 0 {
        let (low, high) = lanes.split_at_mut(half);
        for (low, high) in low.iter_mut().zip(high) {
            *low += *high;
        }
        half /= 2;
    }
    lanes[0]
}

/// Sum of `f` of every value, in as many partial sums as there are lanes.
#[inline(always)]
pub(super) fn sum(values: &[f32], f: impl Fn(f32) -> f32) -> f32 {
    let mut sums = [0.0; LANES];
    let (chunks, rest) = values.as_chunks::<LANES>();
    for chunk in chunks {
        for (sum, value) in sums.iter_mut().zip(chunk) {
            *sum += f(*value);
        }
    }
    for (sum, value) in sums.iter_mut().zip(rest) {
        *sum += f(*value);
    }
    total(sums)
}

/// Sum of the products of two rows.
#[inline(always)]
pub(super) fn dot(a: &[f32], b: &[f32]) -> f32 {
    let mut sums = [0.0; LANES];
    let (a, a_rest) = a.as_chunks::<LANES>();
    let (b, b_rest) = b.as_chunks::<LANES>();
    for (a, b) in a.iter().zip(b) {
        for ((sum, a), b) in sums.iter_mut().zip(a).zip(b) {
            *sum += a * b;
        }
    }
    for ((sum, a), b) in sums.iter_mut().zip(a_rest).zip(b_rest) {
        *sum += a * b;
    }
    total(sums)
}

/// The greatest value.
#[inline(always)]
pub(super) fn greatest(values: &[f32]) -> f32 {
    // `f32::max` minds NaN, which costs the loop its vector instructions.
    let max = |a: f32, b: f32| if a > b { a } else { b };
    let mut found = [f32::NEG_INFINITY; LANES];
    let (chunks, rest) = values.as_chunks::<LANES>();
    for chunk in chunks {
        for (found, value) in found.iter_mut().zip(chunk) {
            *found = max(*value, *found);
        }
    }
    for (found, value) in found.iter_mut().zip(rest) {
        *found = max(*value, *found);
    }
    found.into_iter().fold(f32::NEG_INFINITY, max)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_exponential_is_exact_to_two_units() {
        for step in 0..870_000 {
            let x = -(step as f32) / 10_000.0;
            let exact = f64::from(x).exp();
            let error = (f64::from(exp(x)) / exact - 1.0).abs();
            assert!(error < 1.5e-7, "{x}: {error:e}");
        }
        assert!((0.0..1e-37).contains(&exp(f32::NEG_INFINITY)));
    }

    #[test]
    fn sums_and_maxima_mind_the_rest() {
        for count in [1, 31, 32, 33, 100] {
            let values: Vec<f32> = (0..count).map(|i| (i * 7 % count) as f32 - 50.0).collect();
            assert_eq!(sum(&values, |x| x), values.iter().sum::<f32>());
            assert_eq!(greatest(&values), count as f32 - 51.0);
            let squares = values.iter().map(|x| x * x).sum::<f32>();
            assert_eq!(dot(&values, &values), squares);
        }
    }
}
