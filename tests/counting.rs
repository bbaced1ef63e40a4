//! A counting allocator for tests and benches.
#![allow(
    unsafe_code,
    reason = "allocations are only seen by an allocator, which is unsafe to implement"
)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::atomic::{AtomicI64, Ordering};

thread_local! {
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
}

/// Bytes that are allocated, on all threads.
static LIVE: AtomicI64 = AtomicI64::new(0);

/// Bytes that the program holds now. Unlike resident memory they do not depend on what the allocator keeps.
#[allow(dead_code, reason = "not every program that counts allocations looks at memory")]
pub fn live_bytes() -> i64 {
    LIVE.load(Ordering::Relaxed)
}

/// Number of allocations on this thread so far.
#[allow(dead_code, reason = "not every program that looks at memory counts allocations")]
pub fn allocations() -> u64 {
    ALLOCATIONS.with(Cell::get)
}

/// The system's allocator, with a counter per thread and one of bytes.
struct Counting;

fn hold(bytes: usize, layout: Option<Layout>) {
    let before = layout.map_or(0, |layout| layout.size());
    LIVE.fetch_add(bytes as i64 - before as i64, Ordering::Relaxed);
}

fn count() {
    // Fails on a thread whose counter is already dropped.
    _ = ALLOCATIONS.try_with(|n| n.set(n.get() + 1));
}

// SAFETY: every call is passed on to `System` unchanged, and counting does not allocate.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count();
        hold(layout.size(), None);
        // SAFETY: the caller upholds the contract of `System`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count();
        hold(layout.size(), None);
        // SAFETY: the caller upholds the contract of `System`.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, memory: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count();
        hold(size, Some(layout));
        // SAFETY: the caller upholds the contract of `System`.
        unsafe { System.realloc(memory, layout, size) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        hold(0, Some(layout));
        // SAFETY: the caller upholds the contract of `System`.
        unsafe { System.dealloc(memory, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;
