//! The product of two matrices, with every length checked before `matrixmultiply` is called.
#![expect(unsafe_code, reason = "`matrixmultiply::sgemm` takes raw pointers")]

/// A matrix that is read, row-major or the transpose of one.
///
/// Invariant: `values` has at least `rows * columns` elements, and element (i, j) is
/// `values[i * row_stride + j * column_stride]`, where the strides are (`columns`, 1) or
/// (1, `rows`).
#[derive(Clone, Copy)]
pub(super) struct Matrix<'a> {
    values: &'a [f32],
    rows: usize,
    columns: usize,
    row_stride: usize,
    column_stride: usize,
}

impl<'a> Matrix<'a> {
    /// The rows of `columns` values that `values` consists of.
    ///
    /// # Panics
    /// If `columns` is 0 or the rows are not whole.
    pub(super) fn new(values: &'a [f32], columns: usize) -> Self {
        assert!(
            columns > 0 && values.len().is_multiple_of(columns),
            "a matrix consists of whole rows"
        );
        Self {
            values,
            rows: values.len() / columns,
            columns,
            row_stride: columns,
            column_stride: 1,
        }
    }

    /// The same values with rows and columns exchanged.
    pub(super) fn transposed(self) -> Self {
        Self {
            rows: self.columns,
            columns: self.rows,
            row_stride: self.column_stride,
            column_stride: self.row_stride,
            ..self
        }
    }

    /// Number of rows.
    pub(super) fn rows(&self) -> usize {
        self.rows
    }
}

/// C <- factor A B + kept C.
///
/// `a` (A) is `[m, k]`, `b` (B) `[k, n]`, `c` (C) `[m, n]`, row-major. With `kept` = 0, C is not
/// read.
///
/// # Panics
/// If the sizes do not fit together.
pub(super) fn product(factor: f32, a: Matrix<'_>, b: Matrix<'_>, kept: f32, c: &mut [f32]) {
    assert_eq!(a.columns, b.rows, "A is [m, k] and B [k, n]");
    assert_eq!(c.len(), a.rows * b.columns, "C is [m, n]");
    // A slice has at most isize::MAX bytes, so every stride and offset fits an isize.
    let strides = |matrix: &Matrix<'_>| (matrix.row_stride as isize, matrix.column_stride as isize);
    let ((row_a, column_a), (row_b, column_b)) = (strides(&a), strides(&b));
    // SAFETY: the invariant of `Matrix` says that every element (i, j) of A and B lies in their
    // slices; C has m n elements with strides (n, 1), so all are in its slice and none is another;
    // C is borrowed mutably, so it overlaps neither A nor B.
    unsafe {
        matrixmultiply::sgemm(
            a.rows,
            a.columns,
            b.columns,
            factor,
            a.values.as_ptr(),
            row_a,
            column_a,
            b.values.as_ptr(),
            row_b,
            column_b,
            kept,
            c.as_mut_ptr(),
            b.columns as isize,
            1,
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A is [2, 3], B [3, 2], A B = [[4, 5], [13, 14]].
    #[test]
    fn products_are_those_computed_by_hand() {
        let a = [0.0, 1.0, 2.0, 3.0, 4.0, 5.0];
        let b = [1.0, 0.0, 0.0, 1.0, 2.0, 2.0];
        let mut c = [f32::NAN; 4];
        product(1.0, Matrix::new(&a, 3), Matrix::new(&b, 2), 0.0, &mut c);
        assert_eq!(c, [4.0, 5.0, 13.0, 14.0]);
        product(-2.0, Matrix::new(&a, 3), Matrix::new(&b, 2), 3.0, &mut c);
        assert_eq!(c, [4.0, 5.0, 13.0, 14.0]);

        let a_transposed = [0.0, 3.0, 1.0, 4.0, 2.0, 5.0];
        let b_transposed = [1.0, 0.0, 2.0, 0.0, 1.0, 2.0];
        let a = Matrix::new(&a_transposed, 2).transposed();
        let b = Matrix::new(&b_transposed, 3).transposed();
        assert_eq!((a.rows(), b.rows()), (2, 3));
        product(1.0, a, b, 0.0, &mut c);
        assert_eq!(c, [4.0, 5.0, 13.0, 14.0]);
    }

    #[test]
    #[should_panic(expected = "A is [m, k] and B [k, n]")]
    fn inner_sizes_must_be_equal() {
        let a = Matrix::new(&[0.0; 6], 3);
        product(1.0, a, a, 0.0, &mut [0.0; 4]);
    }

    #[test]
    #[should_panic(expected = "C is [m, n]")]
    fn result_must_have_its_size() {
        let a = Matrix::new(&[0.0; 6], 3);
        product(1.0, a, a.transposed(), 0.0, &mut [0.0; 3]);
    }
}
