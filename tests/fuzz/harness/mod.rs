//! A target under mutated seeds, and what watches it. The tests of the program have targets of their own.

mod corpus;
mod guard;
mod mutate;

use fused_mlp::random::{Purpose, Stream};
use guard::Watch;
use std::time::Instant;

/// Executions of a target where the environment does not tell.
const EXECUTIONS: u64 = 40_000;

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |text| text.parse().unwrap())
}

/// Runs a target on its seeds and on mutations of them, `share` times fewer than one that reads from memory.
pub fn fuzz(name: &str, share: u64, target: impl Fn(&[u8])) {
    let seeds = corpus::seeds(name);
    let executions = number("TEST_FUSED_MLP_FUZZ", EXECUTIONS) / share;
    let mut stream = Stream::new(
        number("TEST_FUSED_MLP_FUZZ_SEED", 1),
        Purpose::SyntheticTest,
    );
    let watch = Watch::default();
    let start = Instant::now();
    watch.during(|| {
        seeds.iter().for_each(|seed| watch.execute(seed, &target));
        for _ in 0..executions {
            watch.execute(&mutate::mutated(&seeds, &mut stream), &target);
        }
    });
    println!(
        "{name}: {executions} executions in {:.1} s",
        start.elapsed().as_secs_f64()
    );
}
