//! Windows drawn ahead of the steps that use them, by threads of their own.

use crate::tasks::pose::dataset::{Draw, WindowDataset};
use crossbeam_channel::{Receiver, bounded};
use std::thread::Scope;

/// Draws in order, whatever thread made them.
#[derive(Debug)]
pub struct Loader {
    /// Thread `i` of `n` makes the draws `i`, `i + n`, `i + 2n`, ... from the first on.
    threads: Vec<Receiver<Draw>>,
    next: usize,
}

/// What each thread has ready at most.
const READY: usize = 2;

impl Loader {
    /// Starts `threads` threads that draw `size` windows at a time, from window `first` on, until
    /// the loader is dropped.
    pub fn start<'scope>(
        scope: &'scope Scope<'scope, '_>,
        data: &'scope WindowDataset,
        seed: u64,
        first: u64,
        size: usize,
        threads: usize,
    ) -> Self {
        let start = |i: usize| {
            let (sender, receiver) = bounded(READY);
            scope.spawn(move || {
                let mut window = first + (i * size) as u64;
                while sender.send(data.draw(seed, window, size)).is_ok() {
                    window += (threads * size) as u64;
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
    pub fn next_draw(&mut self) -> Draw {
        let thread = &self.threads[self.next];
        self.next = (self.next + 1) % self.threads.len();
        thread.recv().expect("a thread that draws windows ends only with the loader")
    }
}
