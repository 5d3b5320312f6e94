//! Who owns what: the hidden layer is cut into leaves, and each thread owns some of them.
//!
//! The logits are sums over all hidden units, computed in parts: within a leaf one unit after the
//! other, then pairs of leaves, pairs of pairs and so on, up to the root of a binary tree. The tree
//! depends on the number of hidden units alone, so the bits depend on neither threads nor vectors.
//! A worker, of which a thread has one or more, adds up the largest subtrees it owns whole, and hands only their sums
//! to the others: two workers exchange two of them.

use crate::network::Shape;
use std::ops::Range;

/// Hidden units that are never separated: one AVX-512 vector, so that only the last thread's are
/// padded. 300 units are 19 vectors for any number of threads.
const GROUP: usize = 16;
/// Most leaves.
const MOST_LEAVES: usize = 64;

/// Nodes of the tree are numbered as in a heap: 1 is the root, the children of n are 2n and 2n + 1,
/// the leaves come last.
pub(crate) type Node = usize;

/// One instruction of a program for a machine with a stack of partial sums.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SumStep {
    /// Push the sum of a node.
    Push(Node),
    /// Replace the two uppermost sums by their sum, the lower one first.
    Add,
}

/// The summation tree of a hidden layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SumTree {
    hidden: usize,
    leaves: usize,
}

impl SumTree {
    pub(crate) fn new(hidden: usize) -> Self {
        let most = hidden.div_ceil(GROUP).clamp(1, MOST_LEAVES);
        Self {
            hidden,
            leaves: 1 << most.ilog2(),
        }
    }

    /// Number of nodes, the unused number 0 included.
    pub(crate) fn nodes(&self) -> usize {
        2 * self.leaves
    }

    /// The hidden units of the leaf that is `node`, if it is one.
    pub(crate) fn units_of_leaf(&self, node: Node) -> Option<Range<usize>> {
        let leaf = node.checked_sub(self.leaves)?;
        Some(self.first_unit(leaf)..self.first_unit(leaf + 1))
    }

    fn first_unit(&self, leaf: usize) -> usize {
        let groups = self.hidden.div_ceil(GROUP);
        (leaf * groups / self.leaves * GROUP).min(self.hidden)
    }

    /// The largest subtrees within a range of leaves, from left to right.
    fn cover(&self, leaves: &Range<usize>) -> Vec<Node> {
        let mut cover = Vec::new();
        self.add_cover(1, 0..self.leaves, leaves, &mut cover);
        cover
    }

    fn add_cover(
        &self,
        node: Node,
        below: Range<usize>,
        wanted: &Range<usize>,
        cover: &mut Vec<Node>,
    ) {
        if below.end <= wanted.start || wanted.end <= below.start {
            return;
        }
        if wanted.start <= below.start && below.end <= wanted.end {
            cover.push(node);
            return;
        }
        let middle = below.start.midpoint(below.end);
        self.add_cover(2 * node, below.start..middle, wanted, cover);
        self.add_cover(2 * node + 1, middle..below.end, wanted, cover);
    }

    /// How to add up `node` from nodes for which `is_known`.
    pub(crate) fn program(&self, node: Node, is_known: &dyn Fn(Node) -> bool) -> Vec<SumStep> {
        if is_known(node) {
            return vec![SumStep::Push(node)];
        }
        let mut program = self.program(2 * node, is_known);
        program.extend(self.program(2 * node + 1, is_known));
        program.push(SumStep::Add);
        program
    }
}

/// Workers that have units, at most.
pub fn most_workers(hidden: usize) -> usize {
    SumTree::new(hidden).leaves
}

/// Most bytes of W of a worker, if the tree has leaves as small: 128 units of MNIST. 256 units take as long where L2
/// has 2 MiB, 64 and 512 a tenth longer.
const PANEL: usize = 512 << 10;

/// Workers of each thread: as many as it takes for the weights of one to stay in the L2 of a core between their update
/// and the next forward pass. Each has its weights in a piece of memory of its own.
pub(crate) fn panels(shape: Shape, threads: usize) -> usize {
    let bytes = shape.inputs * shape.hidden.div_ceil(threads.max(1)) * size_of::<f32>();
    let leaves = most_workers(shape.hidden);
    // Powers of two, so that each worker has a whole subtree.
    let wanted = bytes.div_ceil(PANEL).next_power_of_two();
    wanted.min(leaves / threads.max(1)).max(1)
}

/// What one worker owns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Share {
    /// Hidden units, with all their weights. Empty where there are more workers than leaves.
    pub units: Range<usize>,
    /// Nodes of the sum tree that it adds up for all.
    pub nodes: Vec<Node>,
}

/// The division of a hidden layer among threads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Plan {
    /// Order of the sums over hidden units.
    pub tree: SumTree,
    /// One share a worker.
    pub shares: Vec<Share>,
    /// How each thread adds up the logits from the nodes of all.
    pub combine: Vec<SumStep>,
}

impl Plan {
    pub(crate) fn new(hidden: usize, threads: usize) -> Self {
        let tree = SumTree::new(hidden);
        let owners = threads.min(tree.leaves);
        let shares: Vec<Share> = (0..threads)
            .map(|thread| {
                let first = |thread: usize| thread.min(owners) * tree.leaves / owners;
                let leaves = first(thread)..first(thread + 1);
                Share {
                    units: tree.first_unit(leaves.start)..tree.first_unit(leaves.end),
                    nodes: tree.cover(&leaves),
                }
            })
            .collect();
        let is_known = |node: Node| shares.iter().any(|share| share.nodes.contains(&node));
        let combine = tree.program(1, &is_known);
        Self {
            tree,
            shares,
            combine,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_unit_has_one_owner() {
        for hidden in (1..200).chain([300, 1000, 4096]) {
            for threads in [1, 2, 3, 5, 8, 16, 100] {
                let plan = Plan::new(hidden, threads);
                assert_eq!(plan.shares.len(), threads);
                let mut next = 0;
                for share in &plan.shares {
                    assert_eq!(share.units.start, next);
                    assert_eq!(share.units.is_empty(), share.nodes.is_empty());
                    next = share.units.end;
                }
                assert_eq!(next, hidden);
            }
        }
    }

    /// Expands a program into the leaves it adds, with brackets for each sum.
    fn brackets(tree: &SumTree, program: &[SumStep]) -> String {
        let mut stack: Vec<String> = Vec::new();
        for step in program {
            match *step {
                SumStep::Push(node) => {
                    let expanded = match tree.units_of_leaf(node) {
                        Some(units) => format!("{units:?}"),
                        None => {
                            let leaf = |node| tree.units_of_leaf(node).is_some();
                            brackets(tree, &tree.program(node, &leaf))
                        }
                    };
                    stack.push(expanded);
                }
                SumStep::Add => {
                    let right = stack.pop().unwrap();
                    let left = stack.pop().unwrap();
                    stack.push(format!("({left}+{right})"));
                }
            }
        }
        assert_eq!(stack.len(), 1);
        stack.remove(0)
    }

    #[test]
    fn sums_do_not_depend_on_the_threads() {
        for hidden in [1, 8, 17, 30, 300, 4096] {
            let one = Plan::new(hidden, 1);
            for threads in [2, 3, 4, 7, 8, 64, 100] {
                let plan = Plan::new(hidden, threads);
                assert_eq!(
                    brackets(&plan.tree, &plan.combine),
                    brackets(&one.tree, &one.combine),
                    "hidden {hidden}, threads {threads}"
                );
            }
        }
    }

    #[test]
    fn no_worker_more_has_units() {
        for (hidden, most) in [(1, 1), (100, 4), (300, 16), (1024, 64), (4096, 64)] {
            assert_eq!(most_workers(hidden), most);
            let empty = |shares| {
                let plan = Plan::new(hidden, shares);
                plan.shares.iter().any(|share| share.units.is_empty())
            };
            assert!(!empty(most) && empty(most + 1), "{hidden}");
        }
    }

    #[test]
    fn workers_of_large_networks_are_small_subtrees() {
        let of = |hidden, threads| {
            let shape = Shape {
                inputs: 784,
                hidden,
                classes: 10,
            };
            panels(shape, threads)
        };
        assert_eq!([of(300, 2), of(300, 1), of(1, 16)], [1, 2, 1]);
        assert_eq!([of(4096, 1), of(4096, 2), of(4096, 16)], [32, 16, 2]);
        assert_eq!([of(1 << 16, 2), of(1 << 16, 64), of(4096, 100)], [32, 1, 1]);
        let plan = Plan::new(4096, 2 * of(4096, 2));
        assert!(plan.shares.iter().all(|share| share.nodes.len() == 1));
    }

    #[test]
    fn two_threads_exchange_two_sums() {
        let plan = Plan::new(300, 2);
        assert_eq!(
            plan.combine,
            [SumStep::Push(2), SumStep::Push(3), SumStep::Add]
        );
        assert_eq!(plan.shares[0].units, 0..144);
        assert_eq!(plan.shares[1].units, 144..300);
    }
}
