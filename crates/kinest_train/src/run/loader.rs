//! Threads that draw examples in advance.

use super::task::Examples;
use crossbeam_channel::{Receiver, bounded};
use std::thread::Scope;

/// Draws in their order, independent of the number of threads.
#[derive(Debug)]
pub struct Loader<D> {
    /// Thread `i` of `n` makes draws `i`, `i + n`, `i + 2n`, …, counted from the first.
    threads: Vec<Receiver<D>>,
    next: usize,
}

/// Maximum number of draws ready per thread.
const READY: usize = 2;

impl<D: Send> Loader<D> {
    /// Starts `threads` threads that draw `size` examples at a time, beginning with number `first`,
    /// until the loader is dropped.
    pub fn start<'scope, E: Examples<Draw = D>>(
        scope: &'scope Scope<'scope, '_>,
        examples: &'scope E,
        seed: u64,
        first: u64,
        size: usize,
        threads: usize,
    ) -> Self
    where
        D: 'scope,
    {
        let start = |i: usize| {
            let (sender, receiver) = bounded(READY);
            scope.spawn(move || {
                let mut number = first + (i * size) as u64;
                while sender.send(examples.draw(seed, number, size)).is_ok() {
                    number += (threads * size) as u64;
                }
            });
            receiver
        };
        Self { threads: (0..threads).map(start).collect(), next: 0 }
    }

    /// The next draw.
    ///
    /// # Panics
    /// If a thread panicked.
    pub fn next_draw(&mut self) -> D {
        let thread = &self.threads[self.next];
        self.next = (self.next + 1) % self.threads.len();
        thread.recv().expect("a thread that draws examples ends only with the loader")
    }
}
