//! Limits on memory and time: a reader that exceeds them ends the process with its input.
#![allow(unsafe_code, reason = "an allocator is unsafe by its nature")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// No reader of small files needs as much.
const MOST_BYTES: usize = 256 << 20;
/// A hundred thousand times what an execution takes.
const MOST_SECONDS: u64 = 30;

/// Counts what is allocated.
struct Limited {
    live: AtomicUsize,
}

#[global_allocator]
static ALLOCATOR: Limited = Limited {
    live: AtomicUsize::new(0),
};

// SAFETY: every call is passed on to the system's allocator.
unsafe impl GlobalAlloc for Limited {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if self.live.fetch_add(layout.size(), Relaxed) + layout.size() > MOST_BYTES {
            eprintln!("more than {MOST_BYTES} bytes of memory were asked for");
            std::process::abort();
        }
        // SAFETY: the caller vouches for the layout.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        self.live.fetch_sub(layout.size(), Relaxed);
        // SAFETY: the caller vouches for both.
        unsafe { System.dealloc(pointer, layout) }
    }
}

/// Watches the executions of one target.
#[derive(Default)]
pub struct Watch {
    executions: AtomicU64,
    input: Mutex<Vec<u8>>,
    is_over: AtomicBool,
}

impl Watch {
    /// Runs `target` on `input`.
    pub fn execute(&self, input: &[u8], target: impl FnOnce(&[u8])) {
        let mut last = self.input.lock().unwrap_or_else(PoisonError::into_inner);
        last.clear();
        last.extend_from_slice(input);
        drop(last);
        self.executions.fetch_add(1, Relaxed);
        target(input);
    }

    /// Shows the input of the execution at hand.
    fn show(&self, what: &str) {
        let input = self.input.lock().unwrap_or_else(PoisonError::into_inner);
        eprintln!(
            "{what} on {} bytes: {:?}",
            input.len(),
            String::from_utf8_lossy(&input)
        );
        eprintln!("as bytes: {input:?}");
    }

    /// Runs all executions; ends the process if one of them does not end.
    pub fn during(&self, work: impl FnOnce()) {
        std::thread::scope(|scope| {
            let watcher = scope.spawn(|| self.look());
            let over = Over(self, watcher.thread());
            work();
            drop(over);
        });
    }

    fn look(&self) {
        let (mut last, mut seconds) = (0, 0);
        while !self.is_over.load(Relaxed) {
            std::thread::park_timeout(Duration::from_secs(1));
            let now = self.executions.load(Relaxed);
            seconds = if now == last { seconds + 1 } else { 0 };
            last = now;
            if seconds > MOST_SECONDS {
                self.show("no end");
                std::process::abort();
            }
        }
    }
}

/// Ends the watch, and shows the input of a panic.
struct Over<'a>(&'a Watch, &'a std::thread::Thread);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.show("panic");
        }
        self.0.is_over.store(true, Relaxed);
        self.1.unpark();
    }
}
