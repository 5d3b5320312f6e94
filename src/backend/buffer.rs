//! Buffers for vectors: aligned to cache lines, owned by one thread or shared by a team.
#![expect(
    unsafe_code,
    reason = "threads of a team write disjoint parts of one buffer between two barriers"
)]

use std::ops::{Deref, DerefMut, Range};

/// Alignment of every buffer: a cache line and an AVX-512 vector. Vectors that straddle two lines
/// take twice as long to load.
const ALIGNMENT: usize = 64;

/// Values in memory, the first of them at the start of a cache line.
#[derive(Debug)]
pub struct AlignedBuffer<T> {
    // Never grows, so it never moves.
    storage: Vec<T>,
    first: usize,
    len: usize,
}

impl<T: Copy> AlignedBuffer<T> {
    /// `len` times the same value.
    pub fn new(len: usize, value: T) -> Self {
        let spare = ALIGNMENT / size_of::<T>().max(1);
        let storage = vec![value; len + spare];
        let first = storage.as_ptr().align_offset(ALIGNMENT);
        assert!(
            first <= spare,
            "a type of {} bytes is aligned within {ALIGNMENT}",
            size_of::<T>()
        );
        Self {
            storage,
            first,
            len,
        }
    }
}

impl<T> Deref for AlignedBuffer<T> {
    type Target = [T];

    #[inline]
    fn deref(&self) -> &[T] {
        &self.storage[self.first..][..self.len]
    }
}

impl<T> DerefMut for AlignedBuffer<T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut [T] {
        &mut self.storage[self.first..][..self.len]
    }
}

/// An aligned buffer whose parts are lent to several threads.
#[derive(Debug)]
pub struct SharedBuffer<T> {
    start: *mut T,
    len: usize,
    // Only there to be freed: all accesses go through `start`.
    _owner: AlignedBuffer<T>,
}

// SAFETY: it owns plain values, and `part` and `part_mut` make their callers vouch for the order
// of the accesses.
unsafe impl<T: Send + Sync> Sync for SharedBuffer<T> {}
// SAFETY: the pointer is to memory that moves along with it.
unsafe impl<T: Send> Send for SharedBuffer<T> {}

impl<T: Copy> SharedBuffer<T> {
    pub fn new(len: usize, value: T) -> Self {
        let mut owner = AlignedBuffer::new(len, value);
        Self {
            start: owner.as_mut_ptr(),
            len,
            _owner: owner,
        }
    }

    /// A part to be read.
    ///
    /// # Panics
    /// If the range is not within the buffer.
    ///
    /// # Safety
    /// Nobody may write to the part while it is borrowed.
    #[inline]
    pub unsafe fn part(&self, range: Range<usize>) -> &[T] {
        assert!(range.start <= range.end && range.end <= self.len);
        // SAFETY: the range is within the allocation, which holds initialised values.
        unsafe { std::slice::from_raw_parts(self.start.add(range.start), range.len()) }
    }

    /// A part to be written.
    ///
    /// # Panics
    /// If the range is not within the buffer.
    ///
    /// # Safety
    /// Nobody else may read or write the part while it is borrowed.
    #[inline]
    #[expect(clippy::mut_from_ref, reason = "the caller vouches for exclusiveness")]
    pub unsafe fn part_mut(&self, range: Range<usize>) -> &mut [T] {
        assert!(range.start <= range.end && range.end <= self.len);
        // SAFETY: the range is within the allocation, which holds initialised values.
        unsafe { std::slice::from_raw_parts_mut(self.start.add(range.start), range.len()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buffers_start_at_cache_lines() {
        for len in [0, 1, 15, 16, 17, 1000] {
            assert_eq!(AlignedBuffer::new(len, 0f32).as_ptr() as usize % 64, 0);
            assert_eq!(AlignedBuffer::new(len, 0u8).as_ptr() as usize % 64, 0);
            assert_eq!(SharedBuffer::new(len, [0u64; 2]).start as usize % 64, 0);
            assert_eq!(AlignedBuffer::new(len, 1u8).len(), len);
        }
    }

    #[test]
    fn threads_write_disjoint_parts() {
        let buffer = SharedBuffer::new(64, 0u64);
        std::thread::scope(|scope| {
            for thread in 0..4 {
                let buffer = &buffer;
                scope.spawn(move || {
                    // SAFETY: each thread has its own 16 values.
                    let part = unsafe { buffer.part_mut(thread * 16..(thread + 1) * 16) };
                    part.fill(thread as u64);
                });
            }
        });
        // SAFETY: the threads have ended.
        let all = unsafe { buffer.part(0..64) };
        assert!((0..64).all(|index| all[index] == index as u64 / 16));
    }

    #[test]
    #[should_panic(expected = "range.end <= self.len")]
    fn a_part_beyond_the_end_is_refused() {
        let buffer = SharedBuffer::new(4, 0u8);
        // SAFETY: nobody writes.
        let _ = unsafe { buffer.part(2..5) };
    }
}
