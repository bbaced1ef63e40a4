//! Examples drawn ahead of the steps that use them, by threads of their own.

use super::task::Examples;
use crossbeam_channel::{Receiver, bounded};
use std::thread::Scope;

/// Draws in order, whatever thread made them.
#[derive(Debug)]
pub struct Loader<D> {
    /// Thread `i` of `n` makes the draws `i`, `i + n`, `i + 2n`, ... from the first on.
    threads: Vec<Receiver<D>>,
    next: usize,
}

/// What each thread has ready at most.
const READY: usize = 2;

impl<D: Send> Loader<D> {
    /// Starts `threads` threads that draw `size` examples at a time, from number `first` on, until
    /// the loader is dropped.
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
