//! The two inner loops, in the widest instructions that this processor has.

/// Rows that are fetched from memory while one is computed.
const AHEAD: usize = 6;

/// Which instructions the inner loops use. Found out once per open index.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kernels {
    Portable,
    #[cfg(target_arch = "x86_64")]
    Avx2,
    #[cfg(target_arch = "x86_64")]
    Avx512,
}

impl Kernels {
    pub(crate) fn detect() -> Self {
        #[cfg(target_arch = "x86_64")]
        {
            if is_x86_feature_detected!("avx512f")
                && is_x86_feature_detected!("avx512bw")
                && is_x86_feature_detected!("avx512vnni")
            {
                return Self::Avx512;
            }
            if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
                return Self::Avx2;
            }
        }
        Self::Portable
    }

    /// The dot product of two vectors of the same length.
    #[inline]
    pub(crate) fn dot(self, a: &[f32], b: &[f32]) -> f32 {
        debug_assert_eq!(a.len(), b.len());
        match self {
            Self::Portable => dot_with(a, b, |x, y, sum| x * y + sum),
            // SAFETY: `detect` gives these out only where the processor has the features.
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => unsafe { x86::dot_avx2(a, b) },
            // SAFETY: as above.
            #[cfg(target_arch = "x86_64")]
            Self::Avx512 => unsafe { x86::dot_avx512(a, b) },
        }
    }

    /// The dot product of biased row codes and query codes of the same length (at most 2^16, where 2^16 * 255 *
    /// 128 still fits an i32).
    #[inline]
    pub(crate) fn dot_codes(self, row: &[u8], query: &[i8]) -> i32 {
        debug_assert_eq!(row.len(), query.len());
        match self {
            Self::Portable => dot_codes_portable(row, query),
            // SAFETY: `detect` gives these out only where the processor has the features.
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => unsafe { x86::dot_codes_avx2(row, query) },
            // SAFETY: as above.
            #[cfg(target_arch = "x86_64")]
            Self::Avx512 => unsafe { x86::dot_codes_avx512(row, query) },
        }
    }

    /// The dot products of rows that lie anywhere in memory with a query.
    pub(super) fn dot_scattered(self, rows: &[&[u8]], query: &[i8], out: &mut Vec<i32>) {
        debug_assert!(rows.iter().all(|row| row.len() == query.len()));
        match self {
            Self::Portable => dot_scattered_with(rows, query, out, dot_codes_portable),
            // SAFETY: `detect` gives these out only where the processor has the features.
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => unsafe { x86::dot_scattered_avx2(rows, query, out) },
            // SAFETY: as above.
            #[cfg(target_arch = "x86_64")]
            Self::Avx512 => unsafe { x86::dot_scattered_avx512(rows, query, out) },
        }
    }

    /// The dot products of a block of rows `[out.len(), query.len()]` with a query.
    pub(crate) fn dot_block(self, rows: &[u8], query: &[i8], out: &mut [i32]) {
        let rows = rows.chunks_exact(query.len());
        for (row, out) in rows.zip(out) {
            *out = self.dot_codes(row, query);
        }
    }
}

/// Has bytes that are about to be read fetched while something else is computed.
#[inline(always)]
pub(super) fn prefetch(bytes: &[u8]) {
    #[cfg(target_arch = "x86_64")]
    for line in bytes.chunks(64) {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        // SAFETY: it is a hint, which reads nothing that the program sees.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(line.as_ptr().cast()) }
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = bytes;
}

/// Sums in many independent lanes, which is what lets the compiler use wide registers: it may not reorder the
/// additions of floats on its own.
#[inline(always)]
fn dot_with(a: &[f32], b: &[f32], multiply_add: impl Fn(f32, f32, f32) -> f32) -> f32 {
    const LANES: usize = 64;
    let mut sums = [0.0; LANES];
    let (a_blocks, a_rest) = a.as_chunks::<LANES>();
    let (b_blocks, b_rest) = b.as_chunks::<LANES>();
    for (a, b) in a_blocks.iter().zip(b_blocks) {
        for lane in 0..LANES {
            sums[lane] = multiply_add(a[lane], b[lane], sums[lane]);
        }
    }
    let mut width = LANES / 2;
    while width > 0 {
        for lane in 0..width {
            sums[lane] += sums[lane + width];
        }
        width /= 2;
    }
    a_rest
        .iter()
        .zip(b_rest)
        .fold(sums[0], |sum, (&x, &y)| multiply_add(x, y, sum))
}

/// Fetches rows from memory while those before them are computed.
#[inline(always)]
fn dot_scattered_with(
    rows: &[&[u8]],
    query: &[i8],
    out: &mut Vec<i32>,
    dot: impl Fn(&[u8], &[i8]) -> i32,
) {
    out.clear();
    rows.iter().take(AHEAD).for_each(|row| prefetch(row));
    for (at, row) in rows.iter().enumerate() {
        rows.get(at + AHEAD)
            .into_iter()
            .for_each(|row| prefetch(row));
        out.push(dot(row, query));
    }
}

#[inline(always)]
fn dot_codes_portable(row: &[u8], query: &[i8]) -> i32 {
    row.iter()
        .zip(query)
        .map(|(&x, &y)| i32::from(x) * i32::from(y))
        .sum()
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use std::arch::x86_64::{
        __m256i, _mm_loadu_si128, _mm256_add_epi32, _mm256_cvtepi8_epi16, _mm256_cvtepu8_epi16,
        _mm256_madd_epi16, _mm256_setzero_si256, _mm512_add_epi32, _mm512_dpbusd_epi32,
        _mm512_loadu_si512, _mm512_reduce_add_epi32, _mm512_setzero_si512,
    };

    use super::{dot_codes_portable, dot_scattered_with, dot_with};

    #[target_feature(enable = "avx2,fma")]
    pub(super) fn dot_avx2(a: &[f32], b: &[f32]) -> f32 {
        dot_with(a, b, f32::mul_add)
    }

    #[target_feature(enable = "avx512f")]
    pub(super) fn dot_avx512(a: &[f32], b: &[f32]) -> f32 {
        dot_with(a, b, f32::mul_add)
    }

    #[target_feature(enable = "avx2,fma")]
    pub(super) fn dot_scattered_avx2(rows: &[&[u8]], query: &[i8], out: &mut Vec<i32>) {
        dot_scattered_with(rows, query, out, |row, query| dot_codes_avx2(row, query));
    }

    #[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
    pub(super) fn dot_scattered_avx512(rows: &[&[u8]], query: &[i8], out: &mut Vec<i32>) {
        dot_scattered_with(rows, query, out, |row, query| dot_codes_avx512(row, query));
    }

    #[inline]
    #[target_feature(enable = "avx2,fma")]
    pub(super) fn dot_codes_avx2(row: &[u8], query: &[i8]) -> i32 {
        let (rows, row_rest) = row.as_chunks::<16>();
        let (queries, query_rest) = query.as_chunks::<16>();
        let mut sums = _mm256_setzero_si256();
        for (row, query) in rows.iter().zip(queries) {
            // SAFETY: both point to 16 bytes, and these loads need no alignment.
            let (x, y) = unsafe {
                (
                    _mm_loadu_si128(row.as_ptr().cast()),
                    _mm_loadu_si128(query.as_ptr().cast()),
                )
            };
            let products = _mm256_madd_epi16(_mm256_cvtepu8_epi16(x), _mm256_cvtepi8_epi16(y));
            sums = _mm256_add_epi32(sums, products);
        }
        // SAFETY: both are 32 bytes without padding.
        let sums: [i32; 8] = unsafe { std::mem::transmute::<__m256i, _>(sums) };
        sums.iter().sum::<i32>() + dot_codes_portable(row_rest, query_rest)
    }

    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
    pub(super) fn dot_codes_avx512(row: &[u8], query: &[i8]) -> i32 {
        let (rows, row_rest) = row.as_chunks::<64>();
        let (queries, query_rest) = query.as_chunks::<64>();
        // Two sums, because the instruction takes longer than it takes to start the next one.
        let mut sums = [_mm512_setzero_si512(); 2];
        for (at, (row, query)) in rows.iter().zip(queries).enumerate() {
            // SAFETY: both point to 64 bytes, and these loads need no alignment.
            let (x, y) = unsafe {
                (
                    _mm512_loadu_si512(row.as_ptr().cast()),
                    _mm512_loadu_si512(query.as_ptr().cast()),
                )
            };
            sums[at % 2] = _mm512_dpbusd_epi32(sums[at % 2], x, y);
        }
        _mm512_reduce_add_epi32(_mm512_add_epi32(sums[0], sums[1]))
            + dot_codes_portable(row_rest, query_rest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn available() -> Vec<Kernels> {
        let mut all = vec![Kernels::Portable];
        #[cfg(target_arch = "x86_64")]
        {
            if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
                all.push(Kernels::Avx2);
            }
            if Kernels::detect() == Kernels::Avx512 {
                all.push(Kernels::Avx512);
            }
        }
        all
    }

    #[test]
    fn all_kernels_agree_at_every_length() {
        for len in (0..200).chain([256, 511, 1024]) {
            let a: Vec<f32> = (0..len)
                .map(|i| ((i * 37 % 101) as f32 - 50.0) / 50.0)
                .collect();
            let b: Vec<f32> = (0..len)
                .map(|i| ((i * 53 % 97) as f32 - 48.0) / 48.0)
                .collect();
            let row: Vec<u8> = (0..len).map(|i| (i * 91 % 256) as u8).collect();
            let query: Vec<i8> = (0..len).map(|i| (i * 67 % 255 - 127) as i8).collect();
            let dot: f64 = a
                .iter()
                .zip(&b)
                .map(|(&x, &y)| f64::from(x) * f64::from(y))
                .sum();
            let codes = dot_codes_portable(&row, &query);
            for kernels in available() {
                assert!(
                    (f64::from(kernels.dot(&a, &b)) - dot).abs() < 1e-4,
                    "{kernels:?} {len}"
                );
                assert_eq!(kernels.dot_codes(&row, &query), codes, "{kernels:?} {len}");
                let mut scattered = vec![7];
                kernels.dot_scattered(&[row.as_slice(); 9], &query, &mut scattered);
                assert_eq!(scattered, [codes; 9], "{kernels:?} {len}");
            }
        }
    }
}
