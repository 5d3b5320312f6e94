//! What the peers in Rust share: data, initial weights, recipes, order and the report.
//!
//! Usage of each peer: PEER DATA INITIAL.bin MODE SEED THREADS; MODE is `speed` (six epochs of plain SGD at
//! rate 0.1) or `race` (the recipe `fast` of fused-mlp, until 98 % of the test data are right).

use std::path::Path;
use std::time::Instant;

pub const INPUTS: usize = 784;
pub const HIDDEN: usize = 300;
pub const CLASSES: usize = 10;
pub const BATCH: usize = 100;
const WARM_UP_STEPS: f64 = 120.0;

pub struct Split {
    /// [N][784], byte / 255.
    pub images: Vec<f32>,
    pub labels: Vec<u8>,
}

pub struct Job {
    pub train: Split,
    pub test: Split,
    /// W [784][300], b, V [300][10] and c.
    pub initial: [Vec<f32>; 4],
    pub is_race: bool,
    pub momentum: f64,
    pub decay: f64,
    epochs: usize,
    random: u64,
}

fn split(folder: &Path, name: &str) -> Split {
    let read = |kind: &str, header: usize| {
        let file = folder.join(format!("{name}-{kind}-ubyte"));
        let bytes = std::fs::read(&file).unwrap_or_else(|e| panic!("{}: {e}", file.display()));
        bytes[header..].to_vec()
    };
    let images = read("images-idx3", 16);
    Split {
        images: images
            .into_iter()
            .map(|byte| f32::from(byte) / 255.0)
            .collect(),
        labels: read("labels-idx1", 8),
    }
}

impl Job {
    pub fn from_arguments() -> Self {
        let arguments: Vec<String> = std::env::args().collect();
        let [_, data, initial, mode, seed, _threads] = &arguments[..] else {
            panic!("usage: PEER DATA INITIAL.bin MODE SEED THREADS");
        };
        let bytes = std::fs::read(initial).expect("the initial weights");
        let (words, _) = bytes.as_chunks::<4>();
        let mut values = words.iter().map(|&word| f32::from_le_bytes(word));
        let sizes = [INPUTS * HIDDEN, HIDDEN, HIDDEN * CLASSES, CLASSES];
        let is_race = mode == "race";
        Self {
            train: split(Path::new(data), "train"),
            test: split(Path::new(data), "t10k"),
            initial: sizes.map(|size| values.by_ref().take(size).collect()),
            is_race,
            momentum: if is_race { 0.9 } else { 0.0 },
            decay: if is_race { 0.00003 } else { 0.0 },
            epochs: if is_race { 4 } else { 6 },
            random: seed.parse().expect("a seed"),
        }
    }

    /// splitmix64.
    fn next(&mut self) -> u64 {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.random ^ (self.random >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn order(&mut self) -> Vec<u32> {
        let mut order: Vec<u32> = (0..).take(self.train.labels.len()).collect();
        for last in (1..order.len()).rev() {
            let other = (u128::from(self.next()) * (last as u128 + 1)) >> 64;
            order.swap(last, other as usize);
        }
        order
    }

    fn rate(&self, step: usize, steps: usize) -> f64 {
        if !self.is_race {
            return 0.1;
        }
        let cosine = 0.5 * (1.0 + (std::f64::consts::PI * step as f64 / steps as f64).cos());
        1.4 * cosine * ((step + 1) as f64 / WARM_UP_STEPS).min(1.0)
    }

    /// Takes `step(batch, rate)` through the epochs; `classes` predicts the test images.
    pub fn run<N>(
        &mut self,
        mut network: N,
        mut step: impl FnMut(N, &[u32], f64) -> N,
        classes: impl Fn(&N) -> Vec<u32>,
    ) {
        let steps = self.train.labels.len() / BATCH;
        for epoch in 0..self.epochs {
            let start = Instant::now();
            let order = self.order();
            for (index, batch) in order.chunks_exact(BATCH).enumerate() {
                let rate = self.rate(epoch * steps + index, self.epochs * steps);
                network = step(network, batch, rate);
            }
            let seconds = start.elapsed().as_secs_f64();
            let found = classes(&network);
            let right = found
                .iter()
                .zip(&self.test.labels)
                .filter(|&(&a, &b)| a == u32::from(b));
            let accuracy = right.count() as f64 / found.len() as f64;
            println!("epoch {seconds:.6} {accuracy:.4}");
            if self.is_race && accuracy >= 0.98 {
                return;
            }
        }
    }
}
