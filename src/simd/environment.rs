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

/// The [standard](set_standard) environment in a thread that is not ours, until this is dropped.
pub(crate) struct Standard {
    #[cfg(target_arch = "x86_64")]
    before: u32,
    #[cfg(target_arch = "aarch64")]
    before: u64,
}

impl Standard {
    /// Sets it.
    pub(crate) fn set() -> Self {
        #[cfg(target_arch = "x86_64")]
        let before = {
            let mut before = 0;
            // SAFETY: the register is written to where there is room for it.
            unsafe { asm!("stmxcsr [{}]", in(reg) &mut before, options(nostack)) };
            before
        };
        #[cfg(target_arch = "aarch64")]
        let before = {
            let before;
            // SAFETY: the register is only read.
            unsafe { asm!("mrs {}, fpcr", out(reg) before, options(nostack, nomem)) };
            before
        };
        set_standard();
        Self {
            #[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
            before,
        }
    }
}

impl Drop for Standard {
    fn drop(&mut self) {
        #[cfg(target_arch = "x86_64")]
        // SAFETY: the value is what the register held.
        unsafe {
            asm!("ldmxcsr [{}]", in(reg) &self.before, options(nostack, readonly));
        }
        #[cfg(target_arch = "aarch64")]
        // SAFETY: the value is what the register held.
        unsafe {
            asm!("msr fpcr, {}", in(reg) self.before, options(nostack, nomem));
        }
    }
}

/// Sets denormal numbers to zero in this thread, as other libraries do.
#[cfg(all(test, target_arch = "x86_64"))]
pub(crate) fn flush_denormals() {
    const FLUSH_TO_ZERO: u32 = 0x9fc0;
    // SAFETY: tests do this in threads of their own, whose results nothing depends on.
    unsafe { asm!("ldmxcsr [{}]", in(reg) &FLUSH_TO_ZERO, options(nostack, readonly)) };
}
