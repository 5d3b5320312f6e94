//! Any number of threads, whatever it changes to, gives the same bits.

use super::*;
use crate::backend::PassControl;
use crate::random::{Purpose, Stream};
use crate::simd::IsaRequest;

/// Losses and parameters after two passes of 403 samples, with so many workers a thread.
fn trained(
    pace: Pace,
    panels: usize,
    precision: Precision,
    (batch_size, coarse): (usize, bool),
) -> (Vec<u64>, Parameters) {
    let shape = Shape {
        inputs: 60,
        hidden: 150,
        classes: 4,
    };
    let optimizer = Optimizer {
        momentum: 0.9,
        nesterov: true,
        weight_decay: 1e-4,
    };
    let mut stream = Stream::new(5, Purpose::Shuffle);
    let mut bytes = |len: usize, bound: u32| -> Vec<u8> {
        (0..len).map(|_| stream.below(bound) as u8).collect()
    };
    let (images, labels) = (bytes(403 * shape.inputs, 256), bytes(403, 4));
    let parameters = Parameters::initialise(shape, 3);
    let isa = Isa::select(IsaRequest::Auto).unwrap();
    let cut = (pace.threads(), panels);
    let mut engine = Engine::in_panels(&parameters, optimizer, cut, isa, precision).unwrap();
    engine.pace = pace;
    let order: Vec<u32> = (0..403).collect();
    let mut losses = Vec::new();
    for _ in 0..2 {
        let pass = TrainingPass {
            samples: Samples::new(&images, &labels, shape.inputs).with_columns(10),
            order: &order,
            batch_size,
            learning_rates: &vec![0.05; 403_usize.div_ceil(batch_size)],
            control: &PassControl::default(),
            seen: None,
            skip: 0.0,
            augmented: None,
            coarse,
        };
        let results = engine.train(&pass).unwrap();
        assert_eq!(results.iter().map(|it| it.samples).sum::<usize>(), 403);
        losses.extend(results.iter().map(|it| it.loss.to_bits()));
    }
    (losses, engine.parameters())
}

#[test]
fn the_number_of_threads_may_change_after_every_minibatch() {
    for precision in Precision::ALL {
        for size in [10, 100, 150]
            .into_iter()
            .flat_map(|size| [(size, false), (size, true)])
        {
            let expected = trained(Pace::new(1), 1, precision, size);
            for (threads, panels) in [(1, 8), (2, 1), (2, 3), (3, 2), (5, 1), (5, 3)] {
                let found = trained(Pace::restless(threads), panels, precision, size);
                let what = format!("{precision}, {size:?}, {threads} threads of {panels}");
                assert_eq!(found.0, expected.0, "{what}");
                assert!(found.1 == expected.1, "{what}");
            }
        }
    }
}
