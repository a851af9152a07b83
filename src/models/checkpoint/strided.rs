//! A tensor as PyTorch stores it: a view of a one-dimensional storage.

use std::ops::Range;

use super::MOST_DIMENSIONS;

/// Which elements of a storage a tensor consists of.
#[derive(Debug)]
pub(super) struct Strided {
    shape: Vec<usize>,
    /// Elements between neighbours, for each dimension.
    strides: Vec<usize>,
    /// Elements from the first to behind the last.
    span: Range<u64>,
    contiguous: bool,
}

impl Strided {
    /// A view of a storage of `available` elements; the error goes on from "tensor `x`".
    pub(super) fn new(
        offset: u64,
        shape: &[u64],
        strides: &[u64],
        available: u64,
    ) -> Result<Self, String> {
        if shape.len() != strides.len() || shape.len() > MOST_DIMENSIONS {
            return Err(format!(
                "has {} dimensions and {} strides, of up to {MOST_DIMENSIONS}",
                shape.len(),
                strides.len()
            ));
        }
        let outside = || format!("of shape {shape:?} is not within its {available} elements");
        // A tensor without elements may not be too large by its other dimensions either.
        let mut elements = Some(1u64);
        let mut last = Some(offset);
        let mut contiguous = true;
        for (&size, &stride) in shape.iter().zip(strides).rev() {
            contiguous &= size == 1 || Some(stride) == elements;
            elements = elements.and_then(|elements| elements.checked_mul(size.max(1)));
            let reach = size.saturating_sub(1).checked_mul(stride);
            last = last
                .zip(reach)
                .and_then(|(last, reach)| last.checked_add(reach));
        }
        let (elements, last) = elements.zip(last).ok_or_else(outside)?;
        let empty = shape.contains(&0);
        let end = if empty {
            offset
        } else {
            last.checked_add(1).ok_or_else(outside)?
        };
        // A view may repeat elements, up to more than any memory holds.
        if end > available || (elements > available && !empty) {
            return Err(outside());
        }
        let sizes = |numbers: &[u64]| -> Result<Vec<usize>, String> {
            let sizes = numbers.iter().map(|number| usize::try_from(*number));
            sizes.collect::<Result<_, _>>().map_err(|_| outside())
        };
        let shape = sizes(shape)?;
        let mut strides = sizes(strides)?;
        // A dimension of one has no neighbours, and its stride may be any number.
        for (stride, size) in strides.iter_mut().zip(&shape) {
            if *size == 1 {
                *stride = 0;
            }
        }
        Ok(Self {
            shape,
            strides,
            span: offset..end,
            contiguous: contiguous || empty,
        })
    }

    pub(super) fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// The part of the storage that holds all of its elements.
    pub(super) fn span(&self) -> Range<u64> {
        self.span.clone()
    }

    /// Puts the elements of its span, of `size` bytes each, into C order.
    pub(super) fn gather(&self, span: Vec<u8>, size: usize) -> Vec<u8> {
        if self.contiguous {
            return span;
        }
        let elements: usize = self.shape.iter().product();
        let mut gathered = Vec::with_capacity(elements * size);
        let mut index = vec![0; self.shape.len()];
        let mut position = 0;
        for _ in 0..elements {
            gathered.extend_from_slice(&span[position * size..][..size]);
            for dimension in (0..index.len()).rev() {
                index[dimension] += 1;
                position += self.strides[dimension];
                if index[dimension] < self.shape[dimension] {
                    break;
                }
                position -= self.strides[dimension] * self.shape[dimension];
                index[dimension] = 0;
            }
        }
        gathered
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gathered(offset: u64, shape: &[u64], strides: &[u64]) -> Vec<u8> {
        let view = Strided::new(offset, shape, strides, 12).unwrap();
        let storage: Vec<u8> = (0..12).collect();
        let span = view.span();
        view.gather(storage[span.start as usize..span.end as usize].to_vec(), 1)
    }

    #[test]
    fn views_are_put_into_c_order() {
        let all: Vec<u8> = (0..12).collect();
        assert_eq!(gathered(0, &[3, 4], &[4, 1]), all);
        assert_eq!(
            gathered(0, &[4, 3], &[1, 4]),
            [0, 4, 8, 1, 5, 9, 2, 6, 10, 3, 7, 11]
        );
        assert_eq!(gathered(1, &[2, 2], &[4, 2]), [1, 3, 5, 7]);
        assert_eq!(gathered(5, &[], &[]), [5]);
        assert_eq!(gathered(2, &[1, 3], &[99, 1]), [2, 3, 4]);
        assert_eq!(gathered(2, &[3, 1], &[2, u64::MAX]), [2, 4, 6]);
        assert_eq!(gathered(0, &[2, 3], &[0, 2]), [0, 2, 4, 0, 2, 4]);
        assert!(gathered(12, &[0, 3], &[3, 1]).is_empty());
    }

    #[test]
    fn a_view_beyond_its_storage_is_refused() {
        const HUGE: u64 = 1 << 60;
        for (offset, shape, strides) in [
            (0, &[13][..], &[1][..]),
            (1, &[12], &[1]),
            (0, &[2, 2], &[11, 1]),
            (HUGE, &[1], &[1]),
            (u64::MAX, &[2], &[1]),
            (0, &[HUGE], &[1]),
            (0, &[HUGE], &[0]),
            (0, &[HUGE, HUGE], &[0, 0]),
            (0, &[HUGE, HUGE, 0], &[0, 0, 0]),
            (0, &[2], &[u64::MAX]),
            (0, &[13], &[0]),
            (13, &[0], &[1]),
            (0, &[1, 2], &[1]),
            (0, &[1; 9], &[1; 9]),
        ] {
            assert!(
                Strided::new(offset, shape, strides, 12).is_err(),
                "{offset} {shape:?} {strides:?}"
            );
        }
    }
}
