//! GPU back ends: opened where their panics do no harm, and given up for good after one.

use crate::served::served;
use crate::{DeviceChoice, OpenError};
use burn::tensor::Tensor;
use burn::tensor::backend::Backend;
use kinest::live::{
    EngineError, PoseEngine, StreamEngine, StreamFrames, Take, guarded, streams_of, warm_up,
};
use kinest::model::{Checkpoint, ModelSpec};
use kinest_nn::engine::BurnEngine;
use std::cell::Cell;
use std::panic::{self, PanicHookInfo};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Once, OnceLock};
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
            let inner = Box::new(BurnEngine::<B>::new(checkpoint, device, self.device.name())?);
            let mut engine = served(Box::new(GuardedEngine { inner, gpu: self }))?;
            warm_up(engine.as_mut()).map_err(|error| self.unusable(error.to_string()))?;
            Ok(engine)
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
struct GuardedEngine {
    inner: Box<dyn PoseEngine>,
    gpu: &'static Gpu,
}

impl GuardedEngine {
    /// Does `work` with the engine, unless the back end is dead already.
    fn attempt<T>(
        &mut self,
        work: impl FnOnce(&mut dyn PoseEngine) -> Result<T, EngineError>,
    ) -> Result<T, EngineError> {
        let failed = |reason| EngineError::Backend { device: self.gpu.device.to_string(), reason };
        if let Some(reason) = self.gpu.died.get() {
            return Err(failed(reason.clone()));
        }
        guarded(|| work(self.inner.as_mut()))
            .unwrap_or_else(|reason| Err(failed(self.gpu.bury(reason))))
    }
}

impl PoseEngine for GuardedEngine {
    fn spec(&self) -> &ModelSpec {
        self.inner.spec()
    }

    fn device(&self) -> &str {
        self.inner.device()
    }

    fn answers(&self) -> usize {
        self.inner.answers()
    }

    fn streams(&mut self) -> Option<&mut dyn StreamEngine> {
        if self.inner.streams().is_some() { Some(self) } else { None }
    }

    fn infer(
        &mut self,
        windows: &[f32],
        batch: usize,
        take: Take,
    ) -> Result<Vec<f32>, EngineError> {
        self.attempt(|engine| engine.infer(windows, batch, take))
    }
}

impl StreamEngine for GuardedEngine {
    fn advance(
        &mut self,
        streams: &[StreamFrames<'_>],
        take: Take,
    ) -> Result<Vec<f32>, EngineError> {
        self.attempt(|engine| streams_of(engine)?.advance(streams, take))
    }

    fn end(&mut self, stream: u64) {
        // What a dead back end remembers is never asked for again.
        _ = self.attempt(|engine| {
            streams_of(engine)?.end(stream);
            Ok(())
        });
    }
}

/// Probes under way.
static PROBES: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    /// Whether this thread asks what a device can do, and a panic is the answer.
    static ASKS: Cell<bool> = const { Cell::new(false) };
}

/// Runs `f` on a thread of its own and gives its panic as text. The panics of a missing driver, on
/// that thread and on those of the back end, are not printed: they are what is asked.
fn on_quiet_thread<T: Send>(f: impl FnOnce() -> T + Send) -> Result<T, String> {
    // Once and for good: other threads may panic, or set a hook of their own, while this one probes.
    static HOOK: Once = Once::new();
    HOOK.call_once(|| panic::set_hook(quiet_while_probing(panic::take_hook())));

    PROBES.fetch_add(1, Ordering::SeqCst);
    let result = std::thread::scope(|scope| {
        let probe = move || {
            ASKS.set(true);
            guarded(f)
        };
        let thread = Builder::new().name("kinest probe".into()).spawn_scoped(scope, probe);
        let thread = thread.map_err(|error| error.to_string())?;
        thread.join().unwrap_or_else(|_| Err("the probe did not end properly".to_owned()))
    });
    PROBES.fetch_sub(1, Ordering::SeqCst);
    result
}

type Hook = Box<dyn Fn(&PanicHookInfo<'_>) + Send + Sync>;

/// A hook that logs the panics of probes and leaves all others to `others`.
fn quiet_while_probing(others: Hook) -> Hook {
    Box::new(move |info| {
        if ASKS.get() || (PROBES.load(Ordering::SeqCst) > 0 && on_back_ends_thread(info)) {
            tracing::debug!("while trying a device: {info}");
        } else {
            others(info);
        }
    })
}

/// Whether a panic is on one of a back end's own threads: CubeCL calls them `DSU-4-0` and the like, or
/// gives them no name.
fn on_back_ends_thread(info: &PanicHookInfo<'_>) -> bool {
    const CRATES: [&str; 4] = ["cubecl", "cudarc", "burn", "wgpu"];
    match std::thread::current().name() {
        Some(name) => name.starts_with("DSU-") || name.starts_with("DSD-"),
        None => info.location().is_some_and(|at| CRATES.iter().any(|c| at.file().contains(c))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn_flex::Flex;
    use kinest::features::{FeatureLayout, Frame};
    use kinest::model::Feed;
    use kinest::skeleton::Skeleton;
    use std::sync::Mutex;

    /// A network that is fed frame by frame and panics at the third frame of a stream, or that has no
    /// streams though its spec wants them.
    struct Fragile {
        spec: ModelSpec,
        streams: bool,
        fed: usize,
    }

    impl Fragile {
        fn boxed(streams: bool) -> Box<dyn PoseEngine> {
            let layout = FeatureLayout { frame: Frame::OwnHeading, ..FeatureLayout::default() };
            let spec = ModelSpec {
                layout,
                rate_hz: 60.0,
                window: 1,
                feed: Feed::Frames { look_ahead: 0 },
                skeleton: Skeleton::default(),
            };
            Box::new(Self { spec, streams, fed: 0 })
        }
    }

    impl PoseEngine for Fragile {
        fn spec(&self) -> &ModelSpec {
            &self.spec
        }
        fn device(&self) -> &str {
            "fragile"
        }
        fn answers(&self) -> usize {
            5
        }
        fn streams(&mut self) -> Option<&mut dyn StreamEngine> {
            if self.streams { Some(self) } else { None }
        }
        fn infer(&mut self, _: &[f32], _: usize, _: Take) -> Result<Vec<f32>, EngineError> {
            panic!("it sees no windows")
        }
    }

    impl StreamEngine for Fragile {
        fn advance(&mut self, _: &[StreamFrames<'_>], _: Take) -> Result<Vec<f32>, EngineError> {
            self.fed += 1;
            assert_ne!(self.fed, 3, "device lost");
            Ok(vec![1.0])
        }
        fn end(&mut self, _: u64) {
            self.fed = 0;
        }
    }

    #[test]
    fn a_guarded_engine_has_the_streams_of_its_network_and_a_panic_in_one_is_the_last() {
        static GPU: Gpu = Gpu::new(DeviceChoice::Wgpu);
        let guarded = || GuardedEngine { inner: Fragile::boxed(true), gpu: &GPU };
        let (mut first, mut second) = (guarded(), guarded());
        assert_eq!(first.answers(), 5);
        warm_up(&mut first).unwrap();
        let frame = [StreamFrames { stream: 1, features: &[] }];
        let mut next = |engine: &mut GuardedEngine| {
            streams_of(engine).unwrap().advance(&frame, Take::Newest).map_err(|e| e.to_string())
        };
        assert_eq!([next(&mut first), next(&mut first)], [Ok(vec![1.0]), Ok(vec![1.0])]);
        let error = next(&mut first).unwrap_err();
        assert!(error.contains("wgpu") && error.contains("device lost"), "{error}");
        // Nor is the back end asked again, by this engine or another one.
        streams_of(&mut first).unwrap().end(1);
        assert_eq!(next(&mut first).unwrap_err(), error);
        assert_eq!(next(&mut second).unwrap_err(), error);
        assert_eq!(second.infer(&[], 0, Take::Newest).unwrap_err().to_string(), error);
    }

    #[test]
    fn an_engine_without_the_streams_that_its_model_needs_does_not_open() {
        static GPU: Gpu = Gpu::new(DeviceChoice::Wgpu);
        let engine = GuardedEngine { inner: Fragile::boxed(false), gpu: &GPU };
        let error = served(Box::new(engine)).err().expect("it has no streams");
        assert!(matches!(error, OpenError::Engine(EngineError::NoStreams { .. })), "{error}");
    }

    #[test]
    fn a_back_end_that_panicked_is_refused_for_good() {
        static GPU: Gpu = Gpu::new(DeviceChoice::Cuda);
        let first = GPU.probe::<Flex>(|| panic!("no driver")).unwrap_err().to_string();
        assert!(first.contains("cuda cannot be used: no driver"), "{first}");
        let again = GPU.probe::<Flex>(|| unreachable!("it is dead")).unwrap_err().to_string();
        assert_eq!(again, first);
    }

    /// Hooks are the whole process's, so that all is in one test.
    #[test]
    fn panics_of_probes_are_quiet_and_a_hook_that_is_set_meanwhile_stays() {
        static HEARD: Mutex<Vec<String>> = Mutex::new(vec![]);
        let hear: Hook = Box::new(|info| {
            HEARD.lock().unwrap().extend(info.payload_as_str().map(str::to_owned));
        });
        assert_eq!(on_quiet_thread(|| 7), Ok(7));
        let set = on_quiet_thread(move || panic::set_hook(quiet_while_probing(hear)));
        assert_eq!(set, Ok(()));
        let result: Result<(), _> = on_quiet_thread(|| {
            let other = |name: &str| Builder::new().name(name.into());
            let of_back_end = other("DSU-4-0").spawn(|| panic!("device thread")).unwrap();
            of_back_end.join().unwrap_err();
            let of_game = other("game").spawn(|| panic!("of somebody else")).unwrap();
            of_game.join().unwrap_err();
            panic!("no driver {}", 1)
        });
        assert_eq!(result, Err("no driver 1".to_owned()));
        _ = guarded(|| panic!("afterwards"));
        let heard = HEARD.lock().unwrap();
        let heard = |text: &str| heard.iter().any(|heard| heard == text);
        assert!(heard("of somebody else") && heard("afterwards"));
        assert!(!heard("device thread") && !heard("no driver 1"));
    }
}
