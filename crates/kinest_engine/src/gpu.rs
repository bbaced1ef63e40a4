//! GPU back ends: opened where their panics do no harm, and given up for good after one.

use crate::{DeviceChoice, OpenError};
use burn::tensor::Tensor;
use burn::tensor::backend::Backend;
use kinest::model::{Checkpoint, ModelSpec};
use kinest::runtime::{BurnEngine, EngineError, PoseEngine, Take, guarded};
use std::panic;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::thread::Builder;

/// A GPU back end of this process.
pub(crate) struct Gpu {
    device: DeviceChoice,
    /// Why it must not be touched again: after a panic every later call of a back end fails, and may
    /// hang.
    died: OnceLock<String>,
}

impl Gpu {
    pub(crate) const fn new(device: DeviceChoice) -> Self {
        Self { device, died: OnceLock::new() }
    }

    /// Opens `checkpoint` on the device `find` gives and runs it once.
    pub(crate) fn open<B: Backend>(
        &'static self,
        checkpoint: &Checkpoint,
        find: impl FnOnce() -> Result<B::Device, String> + Send,
    ) -> Result<Box<dyn PoseEngine>, OpenError> {
        self.attempt(|| {
            let device = find().map_err(|reason| self.unusable(reason))?;
            let mut engine = BurnEngine::<B>::new(checkpoint, device, self.device.name())?;
            let spec = engine.spec();
            let window = vec![0.0; spec.window * spec.layout.inputs()];
            let first = engine.infer(&window, 1, Take::Newest);
            first.map_err(|error| self.unusable(error.to_string()))?;
            Ok(Box::new(GuardedEngine { inner: engine, gpu: self }) as Box<dyn PoseEngine>)
        })
    }

    /// Computes something on the device `find` gives.
    pub(crate) fn probe<B: Backend>(
        &'static self,
        find: impl FnOnce() -> Result<B::Device, String> + Send,
    ) -> Result<(), OpenError> {
        self.attempt(|| {
            let device = find().map_err(|reason| self.unusable(reason))?;
            let two = Tensor::<B, 1>::ones([1], &device) * 2.0;
            let two = two.try_into_data().map_err(|error| self.unusable(error.to_string()))?;
            match two.iter::<f32>().next() {
                Some(2.0) => Ok(()),
                other => Err(self.unusable(format!("1 times 2 is {other:?} to it"))),
            }
        })
    }

    /// Runs `work` on a thread of its own, unless the back end is dead already.
    fn attempt<T: Send>(
        &self,
        work: impl FnOnce() -> Result<T, OpenError> + Send,
    ) -> Result<T, OpenError> {
        if let Some(reason) = self.died.get() {
            return Err(self.unusable(reason.clone()));
        }
        on_quiet_thread(work).unwrap_or_else(|reason| Err(self.unusable(self.bury(reason))))
    }

    fn unusable(&self, reason: String) -> OpenError {
        OpenError::Device { device: self.device, reason }
    }

    /// Remembers that the back end is dead, and why.
    fn bury(&self, reason: String) -> String {
        self.died.get_or_init(|| reason).clone()
    }
}

/// An engine whose panics become errors, once and for all.
struct GuardedEngine<B: Backend> {
    inner: BurnEngine<B>,
    gpu: &'static Gpu,
}

impl<B: Backend> PoseEngine for GuardedEngine<B> {
    fn spec(&self) -> &ModelSpec {
        self.inner.spec()
    }

    fn device(&self) -> &str {
        self.inner.device()
    }

    fn infer(
        &mut self,
        windows: &[f32],
        batch: usize,
        take: Take,
    ) -> Result<Vec<f32>, EngineError> {
        let failed = |reason| EngineError::Backend { device: self.gpu.device.to_string(), reason };
        if let Some(reason) = self.gpu.died.get() {
            return Err(failed(reason.clone()));
        }
        guarded(|| self.inner.infer(windows, batch, take))
            .unwrap_or_else(|reason| Err(failed(self.gpu.bury(reason))))
    }
}

const PROBE: &str = "kinest probe";

/// Runs `f` on a thread of its own and gives its panic as text. The panics of a missing driver, on
/// that thread and on those of the back end, are not printed: they are what is asked.
fn on_quiet_thread<T: Send>(f: impl FnOnce() -> T + Send) -> Result<T, String> {
    // Two at a time would put each other's hook back.
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    let _turn = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);

    let before = Arc::new(panic::take_hook());
    let others = before.clone();
    panic::set_hook(Box::new(move |info| {
        let thread = std::thread::current();
        // Burn's device threads have no name, or one like `DSU-4-0`.
        if thread.name().is_none_or(|name| name == PROBE || name.starts_with("DS")) {
            tracing::debug!("while trying a device: {info}");
        } else {
            others(info);
        }
    }));
    let result = std::thread::scope(|scope| {
        let thread = Builder::new().name(PROBE.into()).spawn_scoped(scope, || guarded(f));
        let thread = thread.map_err(|error| error.to_string())?;
        thread.join().unwrap_or_else(|_| Err("the probe did not end properly".to_owned()))
    });
    drop(panic::take_hook());
    if let Some(hook) = Arc::into_inner(before) {
        panic::set_hook(hook);
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};

    #[test]
    fn panics_are_caught_quietly_and_the_hook_comes_back() {
        static HEARD: AtomicUsize = AtomicUsize::new(0);
        panic::set_hook(Box::new(|_| _ = HEARD.fetch_add(1, Ordering::SeqCst)));
        assert_eq!(on_quiet_thread(|| 7), Ok(7));
        let result: Result<(), _> = on_quiet_thread(|| {
            std::thread::spawn(|| panic!("device thread")).join().unwrap_err();
            panic!("no driver {}", 1)
        });
        assert_eq!(result, Err("no driver 1".to_owned()));
        assert_eq!(HEARD.load(Ordering::SeqCst), 0);
        _ = guarded(|| panic!("heard"));
        assert_eq!(HEARD.load(Ordering::SeqCst), 1);
    }
}
