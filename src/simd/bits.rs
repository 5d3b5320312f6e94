//! Transposition of 64 x 64 bits.

/// Bit j of word i becomes bit i of word j.
///
/// Bits that are 2^k apart in rows and in columns change places, for each k (H. S. Warren, "Hacker's
/// Delight", 2nd edition, section 7-3). Rows whose distance is 1, 2 or 4 are put into different chunks
/// first, so that each exchange works on whole chunks: vectors.
#[inline(always)]
pub(super) fn transpose(square: &mut [u64; 64]) {
    let mut chunks = [[0; 8]; 8];
    for i in 0..8 {
        for chunk in 0..8 {
            chunks[chunk][i] = square[8 * i + chunk];
        }
    }
    exchange::<1>(&mut chunks, 1, 0x5555_5555_5555_5555);
    exchange::<2>(&mut chunks, 2, 0x3333_3333_3333_3333);
    exchange::<4>(&mut chunks, 4, 0x0f0f_0f0f_0f0f_0f0f);
    flip(&mut chunks);
    exchange::<1>(&mut chunks, 8, 0x00ff_00ff_00ff_00ff);
    exchange::<2>(&mut chunks, 16, 0x0000_ffff_0000_ffff);
    exchange::<4>(&mut chunks, 32, 0x0000_0000_ffff_ffff);
    for chunk in 0..8 {
        for i in 0..8 {
            square[8 * chunk + i] = chunks[chunk][i];
        }
    }
}

/// 64 x 64 bits, eight words a chunk.
type BitSquare = [[u64; 8]; 8];

/// Exchanges the upper bits of each word, those that `lower` leaves out, with the lower bits of the
/// word DISTANCE chunks further on.
#[inline(always)]
fn exchange<const DISTANCE: usize>(square: &mut BitSquare, shift: u32, lower: u64) {
    for i in 0..8 {
        if i & DISTANCE == 0 {
            let (mut left, mut right) = (square[i], square[i + DISTANCE]);
            for word in 0..8 {
                let changed = ((left[word] >> shift) ^ right[word]) & lower;
                left[word] ^= changed << shift;
                right[word] ^= changed;
            }
            square[i] = left;
            square[i + DISTANCE] = right;
        }
    }
}

/// Exchanges words `[i][j]` and `[j][i]`. Not inlined, so that it is compiled for the base instruction
/// set: with wider vectors it would become gathers, which take several times as long as plain moves.
#[inline(never)]
fn flip(square: &mut BitSquare) {
    for i in 1..8 {
        let (above, rest) = square.split_at_mut(i);
        for (row, word) in above.iter_mut().zip(&mut rest[0]) {
            std::mem::swap(&mut row[i], word);
        }
    }
}
