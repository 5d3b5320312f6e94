//! What the threads tell each other: each one's parts of the logits, once a block.
#![expect(
    unsafe_code,
    reason = "threads of a team write disjoint parts of one buffer between two barriers"
)]

use super::plan::{Node, Plan, SumStep};
use crate::backend::SharedBuffer;
use crate::kernels::logits::AddParts;
use crate::simd::Isa;

/// A part is read after the barrier of its block, so a thread may still read those of block i when
/// another, a barrier ahead at most, writes those of block i + 1.
const COPIES: usize = 2;

/// The parts of the logits that threads hand to each other. It is all that they exchange in a step
/// besides the prepared samples.
#[derive(Debug)]
pub(crate) struct Exchange {
    parts: SharedBuffer<f32>,
    /// Place of each node's part, for those that are exchanged.
    places: Vec<Option<usize>>,
    count: usize,
    capacity: usize,
}

impl Exchange {
    /// For the nodes of a plan; a part has up to `capacity` values, a multiple of 16.
    pub(crate) fn new(plan: &Plan, capacity: usize) -> Self {
        let mut places = vec![None; plan.tree.nodes()];
        let nodes = plan.shares.iter().flat_map(|share| &share.nodes);
        let mut count = 0;
        for &node in nodes {
            places[node] = Some(count);
            count += 1;
        }
        Self {
            parts: SharedBuffer::new(COPIES * count * capacity, 0.0),
            places,
            count,
            capacity,
        }
    }

    fn range(&self, block: usize, node: Node, len: usize) -> std::ops::Range<usize> {
        let place = self.places[node].expect("only the nodes of shares are exchanged");
        assert!(len <= self.capacity);
        let start = (block % COPIES * self.count + place) * self.capacity;
        start..start + len
    }

    /// The part of `node` for block `block`, to be read.
    ///
    /// # Safety
    /// It must have been written before the barrier of the block, and may be read until that of the
    /// next.
    pub(crate) unsafe fn part(&self, block: usize, node: Node, len: usize) -> &[f32] {
        // SAFETY: the caller vouches for it.
        unsafe { self.parts.part(self.range(block, node, len)) }
    }

    /// The part of `node` for block `block`, to be written.
    ///
    /// # Safety
    /// Only the node's owner may write it, between the barriers of the block before and of this.
    #[expect(clippy::mut_from_ref, reason = "the caller vouches for exclusiveness")]
    pub(crate) unsafe fn part_mut(&self, block: usize, node: Node, len: usize) -> &mut [f32] {
        // SAFETY: the caller vouches for it.
        unsafe { self.parts.part_mut(self.range(block, node, len)) }
    }
}

/// Runs a program of sums. `push` writes the part of a node, or adds it to what is there if it is
/// told so; the sum ends up in `target`. The stack's other entries are the pieces of `spare`, each as
/// long as `target`.
pub(crate) fn add_up(
    isa: Isa,
    program: &[SumStep],
    target: &mut [f32],
    spare: &mut [f32],
    mut push: impl FnMut(Node, &mut [f32], bool),
) {
    let len = target.len();
    let mut height = 0;
    let mut steps = program.iter().peekable();
    while let Some(step) = steps.next() {
        match *step {
            // A node that is added to the sum below it at once needs no entry of its own.
            SumStep::Push(node) if steps.next_if_eq(&&SumStep::Add).is_some() => match height {
                1 => push(node, target, true),
                _ => push(node, &mut spare[(height - 2) * len..][..len], true),
            },
            SumStep::Push(node) => {
                match height {
                    0 => push(node, target, false),
                    _ => push(node, &mut spare[(height - 1) * len..][..len], false),
                }
                height += 1;
            }
            SumStep::Add => {
                height -= 1;
                let (below, top) = spare.split_at_mut((height - 1) * len);
                let left = match height {
                    1 => &mut *target,
                    _ => &mut below[(height - 2) * len..],
                };
                let right = &top[..len];
                isa.run_rounding_once(AddParts { left, right });
            }
        }
    }
}

/// Entries that the stack of a program needs besides its target.
pub(crate) fn spare_entries(program: &[SumStep]) -> usize {
    let mut height = 0usize;
    let mut highest = 1;
    for step in program {
        match step {
            SumStep::Push(_) => height += 1,
            SumStep::Add => height -= 1,
        }
        highest = highest.max(height);
    }
    highest - 1
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simd::IsaRequest;

    #[test]
    fn programs_add_every_leaf_once() {
        let isa = Isa::select(IsaRequest::Auto).unwrap();
        for (hidden, threads) in [(1, 1), (300, 1), (300, 2), (300, 3), (300, 16), (4096, 5)] {
            let plan = Plan::new(hidden, threads);
            let mut spare = vec![f32::NAN; spare_entries(&plan.combine) * 16];
            let mut target = vec![f32::NAN; 16];
            let mut pushed = Vec::new();
            add_up(
                isa,
                &plan.combine,
                &mut target,
                &mut spare,
                |node, part, is_added| {
                    pushed.push(node);
                    for value in part {
                        *value = node as f32 + if is_added { *value } else { 0.0 };
                    }
                },
            );
            let owned: Vec<Node> = plan
                .shares
                .iter()
                .flat_map(|share| share.nodes.clone())
                .collect();
            assert_eq!(pushed, owned);
            let sum: usize = owned.iter().sum();
            assert_eq!(target, vec![sum as f32; 16]);
        }
    }
}
