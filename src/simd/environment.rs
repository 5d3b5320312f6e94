//! The floating-point environment of a thread.
#![expect(unsafe_code, reason = "its register is read and written")]

use std::arch::asm;

/// Gives this thread the environment that Rust assumes: rounding to the nearest, denormal numbers kept, no
/// traps. A new thread inherits that of the thread which makes it, and libraries are known to set denormal
/// numbers to zero in it, which would change bits of a training.
pub(crate) fn set_standard() {
    #[cfg(target_arch = "x86_64")]
    {
        /// All exceptions masked, nothing else: what a process begins with.
        const MXCSR: u32 = 0x1f80;
        // SAFETY: the value is the one that compiled code relies on, read from where it lies.
        unsafe { asm!("ldmxcsr [{}]", in(reg) &MXCSR, options(nostack, readonly)) };
    }
    #[cfg(target_arch = "aarch64")]
    // SAFETY: 0 is the value that compiled code relies on.
    unsafe {
        asm!("msr fpcr, {}", in(reg) 0u64, options(nostack, nomem));
    }
}

/// Sets denormal numbers to zero in this thread, as other libraries do.
#[cfg(all(test, target_arch = "x86_64"))]
pub(crate) fn flush_denormals() {
    const FLUSH_TO_ZERO: u32 = 0x9fc0;
    // SAFETY: tests do this in threads of their own, whose results nothing depends on.
    unsafe { asm!("ldmxcsr [{}]", in(reg) &FLUSH_TO_ZERO, options(nostack, readonly)) };
}
