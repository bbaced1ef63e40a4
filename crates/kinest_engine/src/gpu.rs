//! Opens GPU back ends, turns their panics into errors, and refuses a back end after a panic.

use crate::served::served;
use crate::{DeviceChoice, OpenError};
use burn::tensor::Tensor;
use burn::tensor::backend::Backend;
use kinest::forecast::{ForecastEngine, ForecastOutput};
use kinest::live::{
    EngineError, PoseEngine, StreamEngine, StreamFrames, Take, guarded, streams_of, warm_up,
};
use kinest::model::forecast::{ForecastSpec, Forecasting};
use kinest::model::{Checkpoint, CheckpointOf, ModelSpec};
use kinest_nn::engine::{BurnEngine, BurnForecaster};
use std::cell::Cell;
use std::panic::{self, PanicHookInfo};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Once, OnceLock};
use std::thread::Builder;

/// A GPU back end of this process.
pub(crate) struct Gpu {
    device: DeviceChoice,
    /// The message of its panic. After a panic every later call of the back end fails and may hang,
    /// so it must not be called again.
    died: OnceLock<String>,
}

impl Gpu {
    pub(crate) const fn new(device: DeviceChoice) -> Self {
        Self { device, died: OnceLock::new() }
    }

    /// Opens `checkpoint` on the device from `find` and runs it once.
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

    /// Opens a forecaster on the device from `find` and runs it once.
    pub(crate) fn open_forecaster<B: Backend>(
        &'static self,
        checkpoint: &CheckpointOf<Forecasting>,
        find: impl FnOnce() -> Result<B::Device, String> + Send,
    ) -> Result<Box<dyn ForecastEngine>, OpenError> {
        self.attempt(|| {
            let device = find().map_err(|reason| self.unusable(reason))?;
            let name = self.device.name();
            let inner = Box::new(BurnForecaster::<B>::new(checkpoint, device, name)?);
            let mut engine = GuardedForecaster { inner, gpu: self };
            let ForecastSpec { history, layout, .. } = *engine.spec();
            let still = vec![0.0; history * layout.numbers()];
            let said = engine.forecast(&still, 1, &mut ForecastOutput::default());
            said.map_err(|error| self.unusable(error.to_string()))?;
            Ok(Box::new(engine) as Box<dyn ForecastEngine>)
        })
    }

    /// Runs a small computation on the device from `find`.
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

    /// Runs `work` on its own thread, unless the back end has panicked before.
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

    /// Runs `work` with an engine, unless the back end has panicked before. Panics become errors.
    fn guard<T>(&self, work: impl FnOnce() -> Result<T, EngineError>) -> Result<T, EngineError> {
        let failed = |reason| EngineError::Backend { device: self.device.to_string(), reason };
        if let Some(reason) = self.died.get() {
            return Err(failed(reason.clone()));
        }
        guarded(work).unwrap_or_else(|reason| Err(failed(self.bury(reason))))
    }

    /// Marks the back end as unusable, with the message of its first panic.
    fn bury(&self, reason: String) -> String {
        self.died.get_or_init(|| reason).clone()
    }
}

/// An engine whose panics become errors and make its back end unusable.
struct GuardedEngine {
    inner: Box<dyn PoseEngine>,
    gpu: &'static Gpu,
}

impl GuardedEngine {
    /// Runs `work` with the engine, unless the back end has panicked before.
    fn attempt<T>(
        &mut self,
        work: impl FnOnce(&mut dyn PoseEngine) -> Result<T, EngineError>,
    ) -> Result<T, EngineError> {
        self.gpu.guard(|| work(self.inner.as_mut()))
    }
}

impl PoseEngine for GuardedEngine {
    fn spec(&self) -> &ModelSpec {
        self.inner.spec()
    }

    fn device(&self) -> &str {
        self.inner.device()
    }

    fn output_frames(&self) -> usize {
        self.inner.output_frames()
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
        // After a panic the states are unreachable, so the error does not matter.
        _ = self.attempt(|engine| {
            streams_of(engine)?.end(stream);
            Ok(())
        });
    }
}

/// A forecaster whose panics become errors and make its back end unusable.
struct GuardedForecaster {
    inner: Box<dyn ForecastEngine>,
    gpu: &'static Gpu,
}

impl ForecastEngine for GuardedForecaster {
    fn spec(&self) -> &ForecastSpec {
        self.inner.spec()
    }

    fn device(&self) -> &str {
        self.inner.device()
    }

    fn forecast(
        &mut self,
        histories: &[f32],
        batch: usize,
        out: &mut ForecastOutput,
    ) -> Result<(), EngineError> {
        self.gpu.guard(|| self.inner.forecast(histories, batch, out))
    }
}

/// Number of running probes.
static PROBES: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    /// Whether this thread is a probe, whose panics are expected results.
    static ASKS: Cell<bool> = const { Cell::new(false) };
}

/// Runs `f` on its own thread and returns the message of a panic as an error. Panics caused by a
/// missing driver, on this thread and on the back end's threads, are not printed.
fn on_quiet_thread<T: Send>(f: impl FnOnce() -> T + Send) -> Result<T, String> {
    // Installed once, because other threads may panic or set a hook during a probe.
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

/// A panic hook that logs the panics of probes and passes all others to `others`.
fn quiet_while_probing(others: Hook) -> Hook {
    Box::new(move |info| {
        if ASKS.get() || (PROBES.load(Ordering::SeqCst) > 0 && on_back_ends_thread(info)) {
            tracing::debug!("while trying a device: {info}");
        } else {
            others(info);
        }
    })
}

/// Whether a panic is on a back end's own thread. CubeCL names its threads like `DSU-4-0`, or
/// leaves them unnamed.
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
    use kinest::features::{Axes, FeatureLayout};
    use kinest::model::Feed;
    use kinest::skeleton::Skeleton;
    use std::sync::Mutex;

    /// A network that is fed frame by frame and panics at the third frame of a stream, or one whose
    /// spec requires streams that it does not support.
    struct Fragile {
        spec: ModelSpec,
        streams: bool,
        fed: usize,
    }

    impl Fragile {
        fn boxed(streams: bool) -> Box<dyn PoseEngine> {
            let layout = FeatureLayout { axes: Axes::OwnHeading, ..FeatureLayout::default() };
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
        fn output_frames(&self) -> usize {
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
    fn a_panic_in_a_stream_makes_the_back_end_unusable() {
        static GPU: Gpu = Gpu::new(DeviceChoice::Wgpu);
        let guarded = || GuardedEngine { inner: Fragile::boxed(true), gpu: &GPU };
        let (mut first, mut second) = (guarded(), guarded());
        assert_eq!(first.output_frames(), 5);
        warm_up(&mut first).unwrap();
        let frame = [StreamFrames { stream: 1, features: &[] }];
        let next = |engine: &mut GuardedEngine| {
            streams_of(engine).unwrap().advance(&frame, Take::Newest).map_err(|e| e.to_string())
        };
        assert_eq!([next(&mut first), next(&mut first)], [Ok(vec![1.0]), Ok(vec![1.0])]);
        let error = next(&mut first).unwrap_err();
        assert!(error.contains("wgpu") && error.contains("device lost"), "{error}");
        // No engine uses this back end again.
        streams_of(&mut first).unwrap().end(1);
        assert_eq!(next(&mut first).unwrap_err(), error);
        assert_eq!(next(&mut second).unwrap_err(), error);
        assert_eq!(second.infer(&[], 0, Take::Newest).unwrap_err().to_string(), error);
    }

    #[test]
    fn an_engine_that_does_not_support_its_models_feed_does_not_open() {
        static GPU: Gpu = Gpu::new(DeviceChoice::Wgpu);
        let engine = GuardedEngine { inner: Fragile::boxed(false), gpu: &GPU };
        let error = served(Box::new(engine)).err().expect("it has no streams");
        assert!(matches!(error, OpenError::Engine(EngineError::NoStreams { .. })), "{error}");
    }

    #[test]
    fn a_back_end_is_refused_after_a_panic() {
        static GPU: Gpu = Gpu::new(DeviceChoice::Cuda);
        let first = GPU.probe::<Flex>(|| panic!("no driver")).unwrap_err().to_string();
        assert!(first.contains("cuda cannot be used: no driver"), "{first}");
        let again = GPU.probe::<Flex>(|| unreachable!("it is dead")).unwrap_err().to_string();
        assert_eq!(again, first);
    }

    /// Hooks are global to the process, so everything is in one test.
    #[test]
    fn panics_of_probes_are_not_printed_and_later_hooks_stay() {
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
