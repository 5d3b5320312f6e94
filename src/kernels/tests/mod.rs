//! Every kernel on every instruction set of this CPU.
//!
//! Each result is compared twice: bit for bit with a scalar loop that adds the terms in the
//! documented order, rounding as the instruction set does, and with the formula in f64, within the
//! largest error that rounding can cause. A NaN fails both.
//!
//! Outputs and scratch start as NaN (inputs have NaN in their padding), and stand between guards
//! that must stay as they are.

mod bounds;
mod case;
mod forward;
mod hidden_delta;
mod images;
mod logits;
mod output_update;
mod prepare;
mod softmax;
mod step;
mod support;
mod weight_update;

use super::INPUT_OF_BYTE;
use crate::reference;

#[test]
fn the_input_of_a_byte_is_its_255th_part() {
    for byte in 0..=255u8 {
        let expected = reference::pixel_to_input(byte) as f32;
        assert_eq!(INPUT_OF_BYTE[usize::from(byte)], expected, "{byte}");
    }
}
