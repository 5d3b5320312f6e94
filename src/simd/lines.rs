//! Lines of 32 bytes, with AVX2.
#![expect(
    unsafe_code,
    reason = "intrinsics, for tiers that have proved their detection"
)]

use std::arch::x86_64::*;

/// As [`Vector::interpolate`](super::Vector::interpolate).
///
/// Places are 16 bits each. The halves of a register are worked on as such: what is unpacked from bytes into two
/// registers is packed again in its old order.
///
/// # Safety
/// AVX2 must have been detected.
#[inline(always)]
pub(super) unsafe fn interpolate(
    (line, mask): (&[u8; 32], &[u8; 32]),
    (along, across, field, factor): (&[i16; 32], i16, &[i8; 32], i16),
) -> [u8; 32] {
    // SAFETY: the caller vouches for detection; the arrays are as large as what is loaded and stored.
    unsafe {
        let line = _mm256_and_si256(load(line.as_ptr()), load(mask.as_ptr()));
        // A third of the lines of a digit.
        if _mm256_testz_si256(line, line) != 0 {
            return [0; 32];
        }
        // Where pixel j of the line is the one to the right, pixel j of these is the one to the left.
        let before = _mm256_permute2x128_si256::<0x08>(line, line);
        let before = _mm256_alignr_epi8::<15>(line, before);

        let (first, second) = (load(along.as_ptr()), load(along.as_ptr().add(16)));
        let across = _mm256_set1_epi16(across + 64);
        let lower = _mm256_add_epi16(_mm256_permute2x128_si256::<0x20>(first, second), across);
        let upper = _mm256_add_epi16(_mm256_permute2x128_si256::<0x31>(first, second), across);
        let (field, zero) = (load(field.as_ptr()), _mm256_setzero_si256());
        // Both factors times 2^8, of which the upper half is the product.
        let factor = _mm256_set1_epi16(factor << 8);
        let elastic = _mm256_mulhi_epi16(_mm256_unpacklo_epi8(zero, field), factor);
        let lower = _mm256_add_epi16(lower, elastic);
        let elastic = _mm256_mulhi_epi16(_mm256_unpackhi_epi8(zero, field), factor);
        let upper = _mm256_add_epi16(upper, elastic);

        // A byte of 128 and more gives 0 in place of a pixel, so what is not within 0 to 15 is made as large.
        let (k, l) = (_mm256_srai_epi16::<6>(lower), _mm256_srai_epi16::<6>(upper));
        let right = _mm256_packs_epi16(k, l);
        let most = _mm256_set1_epi8(0x70);
        let low = _mm256_adds_epu8(right, most);
        let high = _mm256_adds_epu8(_mm256_xor_si256(right, _mm256_set1_epi8(0x10)), most);
        let left = pixels(before, low, high);
        let right = pixels(line, low, high);

        let lower = mean(_mm256_unpacklo_epi8(left, right), lower);
        let upper = mean(_mm256_unpackhi_epi8(left, right), upper);
        let mut result = [0; 32];
        _mm256_storeu_si256(
            result.as_mut_ptr().cast(),
            _mm256_packus_epi16(lower, upper),
        );
        result
    }
}

/// 32 bytes from an address on.
///
/// # Safety
/// AVX2 must have been detected, and the bytes be readable.
#[inline(always)]
unsafe fn load<T>(source: *const T) -> __m256i {
    // SAFETY: the caller vouches for it.
    unsafe { _mm256_loadu_si256(source.cast()) }
}

/// Bytes of a line by their numbers: in its first half those that `low` has below 128, in its second those of `high`.
///
/// # Safety
/// AVX2 must have been detected.
#[inline(always)]
unsafe fn pixels(line: __m256i, low: __m256i, high: __m256i) -> __m256i {
    // SAFETY: the caller vouches for detection.
    unsafe {
        let first = _mm256_permute4x64_epi64::<0b01_00_01_00>(line);
        let second = _mm256_permute4x64_epi64::<0b11_10_11_10>(line);
        let (first, second) = (
            _mm256_shuffle_epi8(first, low),
            _mm256_shuffle_epi8(second, high),
        );
        _mm256_or_si256(first, second)
    }
}

/// Means of pairs of pixels, weighted by 64 - f and f with f = place mod 64, rounded.
///
/// # Safety
/// AVX2 must have been detected.
#[inline(always)]
unsafe fn mean(pairs: __m256i, places: __m256i) -> __m256i {
    // SAFETY: the caller vouches for detection.
    unsafe {
        let f = _mm256_and_si256(places, _mm256_set1_epi16(63));
        // 255 f + 64 is 64 - f in the lower byte and f in the upper one.
        let weights = _mm256_mullo_epi16(f, _mm256_set1_epi16(255));
        let weights = _mm256_add_epi16(weights, _mm256_set1_epi16(64));
        // (sum 2^9 + 2^14) / 2^15 is (sum + 32) / 64.
        _mm256_mulhrs_epi16(_mm256_maddubs_epi16(pairs, weights), _mm256_set1_epi16(512))
    }
}

/// As [`Vector::transpose_tile`](super::Vector::transpose_tile).
///
/// # Safety
/// AVX2 must have been detected.
#[inline(always)]
pub(super) unsafe fn transpose_tile(tile: &[[u8; 32]; 32]) -> [[u8; 32]; 32] {
    let mut target = [[0; 32]; 32];
    // SAFETY: the caller vouches for detection; a line is as large as a register.
    unsafe {
        let mut halves = [[_mm256_setzero_si256(); 16]; 2];
        for half in 0..2 {
            let mut rows: [__m256i; 16] = array_of!(r < 16 => load(tile[16 * half + r].as_ptr()));
            // Four perfect shuffles of the bytes of 16 rows exchange rows and columns, in each half of the
            // registers.
            for _ in 0..4 {
                let mut shuffled = [_mm256_setzero_si256(); 16];
                for r in 0..8 {
                    shuffled[2 * r] = _mm256_unpacklo_epi8(rows[r], rows[r + 8]);
                    shuffled[2 * r + 1] = _mm256_unpackhi_epi8(rows[r], rows[r + 8]);
                }
                rows = shuffled;
            }
            halves[half] = rows;
        }
        let [upper, lower] = halves;
        for c in 0..16 {
            let left = _mm256_permute2x128_si256::<0x20>(upper[c], lower[c]);
            let right = _mm256_permute2x128_si256::<0x31>(upper[c], lower[c]);
            _mm256_storeu_si256(target[c].as_mut_ptr().cast(), left);
            _mm256_storeu_si256(target[c + 16].as_mut_ptr().cast(), right);
        }
    }
    target
}
