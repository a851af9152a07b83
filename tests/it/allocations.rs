//! Counting what a test allocates.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

/// Counts by thread: tests run beside each other, and each on its own.
pub(crate) struct Counting;

#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Usage {
    held: isize,
    /// Most bytes held at a time.
    pub(crate) peak: usize,
    /// Most bytes asked for at once.
    pub(crate) largest: usize,
}

thread_local! {
    static USAGE: Cell<Usage> = const { Cell::new(Usage { held: 0, peak: 0, largest: 0 }) };
}

/// What `work` allocates at most, beyond what was there before.
pub(crate) fn measure<T>(work: impl FnOnce() -> T) -> (T, Usage) {
    USAGE.set(Usage::default());
    let value = work();
    (value, USAGE.get())
}

fn changed(taken: usize, given: usize) {
    // A thread that is ending may free what it has no counter for any more.
    let _ = USAGE.try_with(|cell| {
        let mut usage = cell.get();
        usage.held += taken as isize - given as isize;
        usage.peak = usage.peak.max(usage.held.max(0) as usize);
        usage.largest = usage.largest.max(taken);
        cell.set(usage);
    });
}

// SAFETY: every call is handed to the system's allocator as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        changed(layout.size(), 0);
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        changed(layout.size(), 0);
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, place: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        changed(size, layout.size());
        unsafe { System.realloc(place, layout, size) }
    }

    unsafe fn dealloc(&self, place: *mut u8, layout: Layout) {
        changed(0, layout.size());
        unsafe { System.dealloc(place, layout) }
    }
}
