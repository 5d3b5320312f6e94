//! Changes to a file: some blind, some that know what numbers and lengths look like.

use fused_mlp::random::Stream;

/// Numbers at which readers go wrong.
const NUMBERS: [u64; 12] = [
    0,
    1,
    2,
    7,
    255,
    256,
    0x7fff_ffff,
    0x8000_0000,
    0xffff_ffff,
    0x7fff_ffff_ffff_ffff,
    0x8000_0000_0000_0000,
    u64::MAX,
];

/// The same as text.
const WORDS: [&str; 18] = [
    "0",
    "-1",
    "1e999",
    "NaN",
    "inf",
    "null",
    "true",
    "[]",
    "{}",
    "\"\"",
    "0.1",
    "1e-320",
    ",",
    "\n",
    "18446744073709551615",
    "4294967296",
    "-0.0",
    "\u{e9}",
];

/// Most bytes of a mutated file.
const MOST: usize = 1 << 16;

/// An integer uniform on 0..`bound`.
fn below(stream: &mut Stream, bound: usize) -> usize {
    stream.below(bound.max(1) as u32) as usize
}

/// One of the seeds with some changes.
pub fn mutated(seeds: &[Vec<u8>], stream: &mut Stream) -> Vec<u8> {
    let mut bytes = seeds[below(stream, seeds.len())].clone();
    for _ in 0..=below(stream, 5) {
        change(&mut bytes, seeds, stream);
        bytes.truncate(MOST);
    }
    bytes
}

fn change(bytes: &mut Vec<u8>, seeds: &[Vec<u8>], stream: &mut Stream) {
    let position = below(stream, bytes.len());
    match below(stream, 11) {
        0 => bytes.truncate(position),
        1 if !bytes.is_empty() => bytes[position] ^= 1 << below(stream, 8),
        2 if !bytes.is_empty() => bytes[position] = below(stream, 256) as u8,
        3 => {
            let number = NUMBERS[below(stream, NUMBERS.len())];
            let word = match below(stream, 4) {
                0 => number.to_le_bytes().to_vec(),
                1 => number.to_be_bytes().to_vec(),
                2 => (number as u32).to_le_bytes().to_vec(),
                _ => (number as u32).to_be_bytes().to_vec(),
            };
            overwrite(bytes, position, &word);
        }
        4 => {
            let end = (position + 1 + below(stream, 32)).min(bytes.len());
            bytes.drain(position..end);
        }
        5 => {
            let end = (position + 1 + below(stream, 64)).min(bytes.len());
            let copy = bytes[position..end].to_vec();
            let target = below(stream, bytes.len());
            bytes.splice(target..target, copy);
        }
        6 => {
            let noise: Vec<u8> = (0..=below(stream, 16))
                .map(|_| below(stream, 256) as u8)
                .collect();
            bytes.splice(position..position, noise);
        }
        7 => {
            let other = &seeds[below(stream, seeds.len())];
            let from = below(stream, other.len());
            bytes.truncate(position);
            bytes.extend(&other[from..]);
        }
        8 => replace_number(bytes, position, stream),
        9 => {
            let word = WORDS[below(stream, WORDS.len())];
            bytes.splice(position..position, word.bytes());
        }
        _ => {
            let word = WORDS[below(stream, WORDS.len())];
            overwrite(bytes, position, word.as_bytes());
        }
    }
}

fn overwrite(bytes: &mut [u8], position: usize, word: &[u8]) {
    for (byte, &new) in bytes[position..].iter_mut().zip(word) {
        *byte = new;
    }
}

/// Puts another number or word in the place of the next run of digits.
fn replace_number(bytes: &mut Vec<u8>, position: usize, stream: &mut Stream) {
    let is_digit = |byte: &u8| byte.is_ascii_digit();
    let Some(start) = bytes[position..].iter().position(is_digit) else {
        return;
    };
    let start = position + start;
    let length = bytes[start..]
        .iter()
        .take_while(|byte| is_digit(byte))
        .count();
    let text = if below(stream, 2) == 0 {
        NUMBERS[below(stream, NUMBERS.len())].to_string()
    } else {
        WORDS[below(stream, WORDS.len())].to_owned()
    };
    bytes.splice(start..start + length, text.bytes());
}
