//! Matrix products on plain memory.

use std::mem::MaybeUninit;

/// A matrix in a slice: element `(r, c)` is at `r * row_stride + c * column_stride`.
#[derive(Clone, Copy, Debug)]
pub(super) struct View<'a> {
    values: &'a [f32],
    rows: usize,
    columns: usize,
    row_stride: usize,
    column_stride: usize,
}

impl<'a> View<'a> {
    /// Rows of `columns` values that begin `stride` apart.
    pub(super) fn new(values: &'a [f32], rows: usize, columns: usize, stride: usize) -> Self {
        let end = rows
            .checked_sub(1)
            .map_or(0, |last| last * stride + columns);
        assert!(end <= values.len(), "{end} values of {}", values.len());
        Self {
            values,
            rows,
            columns,
            row_stride: stride,
            column_stride: 1,
        }
    }

    /// Rows that follow one another.
    pub(super) fn packed(values: &'a [f32], columns: usize) -> Self {
        Self::new(values, values.len() / columns, columns, columns)
    }

    pub(super) fn rows(self) -> usize {
        self.rows
    }

    pub(super) fn columns(self) -> usize {
        self.columns
    }

    /// `count` of its rows.
    pub(super) fn slice(self, first: usize, count: usize) -> Self {
        assert!(
            first + count <= self.rows,
            "{first} + {count} of {} rows",
            self.rows
        );
        Self {
            values: &self.values[first * self.row_stride..],
            rows: count,
            ..self
        }
    }

    /// Rows and columns exchanged.
    pub(super) fn transposed(self) -> Self {
        Self {
            rows: self.columns,
            columns: self.rows,
            row_stride: self.column_stride,
            column_stride: self.row_stride,
            ..self
        }
    }
}

/// `out = scale * lhs * rhs`, with the rows of `out` one after the other.
pub(super) fn multiply<'o>(
    lhs: View<'_>,
    rhs: View<'_>,
    scale: f32,
    out: &'o mut [MaybeUninit<f32>],
) -> &'o mut [f32] {
    assert_eq!(out.len(), lhs.rows * rhs.columns, "size of a product");
    // SAFETY: `out` has a place for every element of the product, and none is read.
    unsafe { run(lhs, rhs, 0.0, scale, out.as_mut_ptr().cast(), rhs.columns) };
    // SAFETY: the product wrote every element.
    unsafe { out.assume_init_mut() }
}

/// Writes `lhs * rhs` to some columns of `out`, from `first` on; the rows of `out` are `stride` apart.
pub(super) fn multiply_columns(
    lhs: View<'_>,
    rhs: View<'_>,
    out: &mut [MaybeUninit<f32>],
    stride: usize,
    first: usize,
) {
    if lhs.rows == 0 {
        return;
    }
    assert_columns(lhs, rhs, out.len(), stride, first);
    // SAFETY: every element of the product has a place in `out`, and none is read.
    unsafe { run(lhs, rhs, 0.0, 1.0, out[first..].as_mut_ptr().cast(), stride) };
}

/// Adds `lhs * rhs` to some columns of `out`, from `first` on; the rows of `out` are `stride` apart.
pub(super) fn multiply_add(
    lhs: View<'_>,
    rhs: View<'_>,
    out: &mut [f32],
    stride: usize,
    first: usize,
) {
    if lhs.rows == 0 {
        return;
    }
    assert_columns(lhs, rhs, out.len(), stride, first);
    // SAFETY: every element of the product has an initialised place in `out`.
    unsafe { run(lhs, rhs, 1.0, 1.0, out[first..].as_mut_ptr(), stride) }
}

fn assert_columns(lhs: View<'_>, rhs: View<'_>, size: usize, stride: usize, first: usize) {
    assert!(
        first + rhs.columns <= stride && lhs.rows * stride <= size,
        "{} columns from {first} of {stride}, {} rows of {size} values",
        rhs.columns,
        lhs.rows,
    );
}

/// `out = keep * out + scale * lhs * rhs`, with the rows of `out` `stride` apart; `out` is not read when `keep` is 0.
///
/// # Safety
/// `out` points to `lhs.rows` rows of `rhs.columns` places, initialised unless `keep` is 0.
#[cfg(feature = "cpu")]
unsafe fn run(lhs: View<'_>, rhs: View<'_>, keep: f32, scale: f32, out: *mut f32, stride: usize) {
    assert_eq!(lhs.columns, rhs.rows, "inner sizes of a product");
    // SAFETY: views lie inside their slices by construction, and the caller vouches for `out`.
    unsafe {
        gemm::gemm(
            lhs.rows,
            rhs.columns,
            lhs.columns,
            out,
            1,
            stride as isize,
            keep != 0.0,
            lhs.values.as_ptr(),
            lhs.column_stride as isize,
            lhs.row_stride as isize,
            rhs.values.as_ptr(),
            rhs.column_stride as isize,
            rhs.row_stride as isize,
            keep,
            scale,
            false,
            false,
            false,
            gemm::Parallelism::None,
        );
    }
}

#[cfg(not(feature = "cpu"))]
unsafe fn run(_: View<'_>, _: View<'_>, _: f32, _: f32, _: *mut f32, _: usize) {
    unreachable!("nothing is on the host in a build without the CPU backend")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn views_are_multiplied_through_their_strides() {
        let (rows, inner, columns) = (5, 7, 3);
        let a: Vec<f32> = (0..rows * 10).map(|i| (i * 37 % 11) as f32).collect();
        let b: Vec<f32> = (0..columns * 9).map(|i| (i * 53 % 13) as f32).collect();
        let lhs = View::new(&a, rows, inner, 10);
        // Stored with rows and columns exchanged.
        let rhs = View::new(&b, columns, inner, 9).transposed();
        let mut out = vec![MaybeUninit::uninit(); rows * columns];
        let out = multiply(lhs, rhs, 2.0, &mut out);
        let dot =
            |r: usize, c: usize| -> f32 { (0..inner).map(|k| a[r * 10 + k] * b[c * 9 + k]).sum() };
        for r in 0..rows {
            for c in 0..columns {
                assert_eq!(out[r * columns + c], 2.0 * dot(r, c), "{r}, {c}");
            }
        }
        let mut wide = vec![1.0; rows * 6];
        multiply_add(lhs, rhs, &mut wide, 6, 2);
        for (at, value) in wide.iter().enumerate() {
            let (row, column) = (at / 6, at % 6);
            let inside = (2..5).contains(&column);
            let added = if inside { dot(row, column - 2) } else { 0.0 };
            assert_eq!(*value, 1.0 + added);
        }
    }

    #[test]
    #[should_panic(expected = "31 values of 30")]
    fn a_view_lies_inside_its_slice() {
        View::new(&[0.0; 30], 4, 4, 9);
    }
}
