//! Forecasts bodies with a baseline, and with a network where that is more accurate.

use super::extrapolation::{MEASURED_OVER, Velocity};
use super::hinges::limit_beyond;
use super::{BodyAxes, Extrapolation, ForecastEngine, ForecastOutput, PoseHistory};
use crate::model::EngineError;
use crate::model::forecast::{ForecastGate, ForecastLayout, ForecastSpec};
use crate::skeleton::{Group, PerJoint, Pose, SmplJoint};
use glam::Vec3;

/// Numbers per frame.
const NUMBERS: usize = ForecastLayout::Smpl22.numbers();

/// Rate of the history for the baseline alone, Hz.
const BASELINE_RATE: f64 = 60.0;

/// Uncertainty (rad) at which a forecast's confidence is 1/e.
const DOUBT: f32 = 0.5;

/// A predicted body.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ForecastPose {
    /// The body.
    pub pose: Pose,
    /// Confidence in the rotation of each joint, from 0 to 1: `e^(-d / 0.5)` with the uncertainty
    /// `d` in radians. For a network with two branches, `d` is the angle between their predictions;
    /// for the baseline and for other networks, the angle by which the joint would turn at constant
    /// velocity.
    pub confidence: PerJoint<f32>,
}

/// The model of an engine does not forecast bodies.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("the model forecasts {0:?}, not the body of a game (Smpl22)")]
pub struct NotABody(pub ForecastLayout);

/// Predicts bodies by an [`Extrapolation`] and, with an engine, by a network for the groups and
/// horizons that its model's [`ForecastGate`] selects.
///
/// One forecaster serves any number of bodies, each with its own
/// [`history`](Self::history). Nothing is allocated per call.
pub struct BodyForecaster {
    /// The baseline. May be changed at any time.
    pub extrapolation: Extrapolation,
    network: Option<Network>,
}

impl BodyForecaster {
    /// A forecaster without a network.
    #[must_use]
    pub fn new(extrapolation: Extrapolation) -> Self {
        Self { extrapolation, network: None }
    }

    /// A forecaster with a network, and with `extrapolation` where the gate does not select it.
    ///
    /// # Errors
    /// If the model of `engine` does not forecast bodies.
    pub fn with_engine(
        extrapolation: Extrapolation,
        engine: Box<dyn ForecastEngine>,
    ) -> Result<Self, NotABody> {
        Ok(Self { extrapolation, network: Some(Network::new(engine)?) })
    }

    /// An empty history that is as long as the forecaster needs.
    #[must_use]
    pub fn history(&self) -> PoseHistory {
        let (rate, frames) = self.grid();
        PoseHistory::new(rate, frames)
    }

    /// Whether `history` is as long as the forecaster needs, at its rate.
    #[must_use]
    pub fn reads(&self, history: &PoseHistory) -> bool {
        let (rate, frames) = self.grid();
        (history.rate_hz() - rate).abs() < 1e-6 && history.frames() == frames
    }

    /// Frames per second and frames of a history.
    fn grid(&self) -> (f64, usize) {
        match &self.network {
            Some(Network { spec, .. }) => (spec.rate_hz, spec.observed().max(2)),
            None => (BASELINE_RATE, (MEASURED_OVER * BASELINE_RATE).ceil() as usize + 1),
        }
    }

    /// The device that the network runs on; `None` without a network.
    #[must_use]
    pub fn device(&self) -> Option<&str> {
        self.network.as_ref().map(|network| network.engine.device())
    }

    /// Horizon of the network, seconds; `None` without a network.
    #[must_use]
    pub fn horizon(&self) -> Option<f64> {
        self.network.as_ref().map(|network| network.spec.horizon as f64 / network.spec.rate_hz)
    }

    /// The error of the network's engine, if it has failed. From then on the baseline is used.
    #[must_use]
    pub fn failure(&self) -> Option<&EngineError> {
        self.network.as_ref()?.failure.as_ref()
    }

    /// The body `ahead` seconds after the newest pose of `history`; `None` if that is empty. A time
    /// that is not ahead is 0.
    ///
    /// The network is used once `history` is long enough. Beyond its horizon, its last prediction
    /// is held. The forecast is continuous in `ahead`.
    pub fn forecast(&mut self, history: &PoseHistory, ahead: f64) -> Option<ForecastPose> {
        let mut forecast = self.baseline(history, ahead)?;
        if let Some(network) = &mut self.network
            && let Some((share, said)) = network.forecast(history, ahead)
        {
            share.blend(&mut forecast, &said);
        }
        Some(forecast)
    }

    fn baseline(&self, history: &PoseHistory, ahead: f64) -> Option<ForecastPose> {
        let (_, newest) = history.newest()?;
        let mut pose = self.extrapolation.pose(history, ahead)?;
        limit_beyond(&mut pose, newest);
        let doubt = match Velocity::of(history) {
            // A NaN becomes 0.
            Some(velocity) => velocity.joints.map(|turn| (turn.length() * ahead.max(0.0)) as f32),
            None => [0.0; SmplJoint::COUNT],
        };
        Some(ForecastPose { pose, confidence: doubt.map(confidence) })
    }
}

fn confidence(doubt: f32) -> f32 {
    (-doubt / DOUBT).exp()
}

/// Weight of the network in a forecast, from 0 to 1.
#[derive(Clone, Copy, Debug)]
struct Share {
    groups: [f64; Group::ALL.len()],
    translation: f64,
}

impl Share {
    /// Blends `forecast` with the network's prediction.
    fn blend(&self, forecast: &mut ForecastPose, said: &Said) {
        for (group, share) in Group::ALL.iter().zip(self.groups) {
            for j in group.joints().iter().map(|joint| joint.index()) {
                let (own, its) = (&mut forecast.pose.rotations[j], said.pose.rotations[j]);
                *own = own.slerp(its, share);
                if let Some(sure) = &said.confidence {
                    let own = &mut forecast.confidence[j];
                    *own += (sure[j] - *own) * share as f32;
                }
            }
        }
        let own = &mut forecast.pose.translation;
        *own = own.lerp(said.pose.translation, self.translation);
    }
}

/// The network's prediction.
struct Said {
    pose: Pose,
    /// `None` if it does not have two branches.
    confidence: Option<PerJoint<f32>>,
}

/// A network and its memory.
struct Network {
    engine: Box<dyn ForecastEngine>,
    spec: ForecastSpec,
    /// Its weight in each frame: first the newest observed frame, then the predicted ones.
    shares: Vec<Share>,
    input: Vec<f32>,
    output: ForecastOutput,
    failure: Option<EngineError>,
}

impl Network {
    fn new(engine: Box<dyn ForecastEngine>) -> Result<Self, NotABody> {
        let spec = engine.spec().clone();
        if spec.layout != ForecastLayout::Smpl22 {
            return Err(NotABody(spec.layout));
        }
        let gate = spec.gate.clone().unwrap_or_else(|| ForecastGate::everywhere(spec.horizon));
        // At the newest observed frame both predictions agree, so the weight does not matter.
        let share = |frame: usize| {
            let share = |passes: bool| if passes { 1.0 } else { 0.0 };
            Share {
                groups: Group::ALL.map(|group| share(gate.passes(group, frame.max(1)))),
                translation: share(gate.translation.contains(&frame.max(1))),
            }
        };
        Ok(Self {
            shares: (0..=spec.horizon).map(share).collect(),
            input: vec![0.0; spec.history * NUMBERS],
            output: ForecastOutput::default(),
            failure: None,
            engine,
            spec,
        })
    }

    /// The network's prediction and its weights; `None` if all weights are 0.
    fn forecast(&mut self, history: &PoseHistory, ahead: f64) -> Option<(Share, Said)> {
        let Self { spec, shares, .. } = self;
        let step = 1.0 / spec.rate_hz;
        let oldest = spec.observed().checked_sub(1)? as f64 * step;
        if self.failure.is_some() || !history.reaches(oldest) {
            return None;
        }
        // A NaN becomes 0.
        let frame = (ahead.max(0.0) * spec.rate_hz).min(spec.horizon as f64);
        let before = (frame as usize).min(spec.horizon.saturating_sub(1));
        let past = frame - before as f64;
        let (a, b) = (&shares[before], shares.get(before + 1)?);
        let between = |a: f64, b: f64| a + (b - a) * past;
        let share = Share {
            groups: std::array::from_fn(|g| between(a.groups[g], b.groups[g])),
            translation: between(a.translation, b.translation),
        };
        if share.translation == 0.0 && share.groups.iter().all(|share| *share == 0.0) {
            return None;
        }
        let axes = BodyAxes::new(history.newest()?.1);
        let poses = (0..spec.observed()).rev();
        let poses = poses.filter_map(|back| history.before(back as f64 * step));
        axes.write_history(poses, &mut self.input);
        if let Err(error) = self.engine.forecast(&self.input, 1, &mut self.output) {
            self.failure = Some(error);
            return None;
        }
        let at = |numbers: &[f32]| numbers_at(numbers, before, past as f32);
        let numbers = at(&self.output.future)?;
        if !numbers.iter().all(|v| v.is_finite()) {
            return None;
        }
        let branches = self.output.branches();
        let confidence = branches.and_then(|(a, b)| Some(agreement(&at(a)?, &at(b)?)));
        Some((share, Said { pose: axes.read(&numbers), confidence }))
    }
}

/// The predicted numbers `past` of the way from frame `before` to the next. Frame 0 is the newest
/// observed one, which is all zeros.
fn numbers_at(predicted: &[f32], before: usize, past: f32) -> Option<[f32; NUMBERS]> {
    let frames = predicted.as_chunks::<NUMBERS>().0;
    let after = frames.get(before)?;
    let first = before.checked_sub(1).map_or(&[0.0; NUMBERS], |i| &frames[i]);
    Some(std::array::from_fn(|i| first[i] + (after[i] - first[i]) * past))
}

/// Confidence in each joint from two predictions of it.
fn agreement(a: &[f32; NUMBERS], b: &[f32; NUMBERS]) -> PerJoint<f32> {
    let turn = |numbers: &[f32; NUMBERS], j: usize| Vec3::from_slice(&numbers[3 * j..]);
    std::array::from_fn(|j| confidence(turn(a, j).distance(turn(b, j))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rotation::{exp, geodesic_angle};
    use glam::{DQuat, DVec3};
    use std::sync::{Arc, Mutex};

    /// Predicts that every number grows by 0.1 per frame, and its branches by a third less and
    /// more. Keeps its last input.
    struct Fake {
        spec: ForecastSpec,
        seen: Arc<Mutex<Vec<f32>>>,
        branches: bool,
        answer: fn(f32) -> Result<f32, EngineError>,
    }

    impl ForecastEngine for Fake {
        fn spec(&self) -> &ForecastSpec {
            &self.spec
        }
        fn device(&self) -> &str {
            "fake"
        }
        fn forecast(
            &mut self,
            histories: &[f32],
            batch: usize,
            out: &mut ForecastOutput,
        ) -> Result<(), EngineError> {
            self.spec.check_histories(batch, histories.len())?;
            *self.seen.lock().unwrap() = histories.to_vec();
            out.resize(batch * self.spec.horizon * NUMBERS, self.branches);
            for (i, v) in out.future.iter_mut().enumerate() {
                *v = (self.answer)(0.1 * (i / NUMBERS + 1) as f32)?;
            }
            for (v, future) in out.temporal.iter_mut().zip(&out.future) {
                *v = future * 2.0 / 3.0;
            }
            out.graph.iter_mut().zip(&out.future).for_each(|(v, future)| *v = future * 4.0 / 3.0);
            Ok(())
        }
    }

    fn fake(gate: Option<ForecastGate>, branches: bool) -> Fake {
        let layout = ForecastLayout::Smpl22;
        let spec = ForecastSpec { layout, rate_hz: 30.0, history: 6, horizon: 4, gate };
        Fake { spec, seen: Arc::default(), branches, answer: Ok }
    }

    /// A body that bends its left knee at 1 rad/s.
    fn body(time: f64) -> Pose {
        let mut pose = Pose::rest();
        pose.rotations[SmplJoint::LeftKnee.index()] = DQuat::from_rotation_x(time);
        pose
    }

    fn fill(history: &mut PoseHistory) {
        (0..30).for_each(|i| _ = history.push(f64::from(i) / 60.0, &body(f64::from(i) / 60.0)));
    }

    const NEWEST: f64 = 29.0 / 60.0;

    #[test]
    fn without_a_network_it_is_the_extrapolation_and_surer_of_what_is_still() {
        let mut forecaster = BodyForecaster::new(Extrapolation::default());
        let mut history = forecaster.history();
        assert_eq!(forecaster.forecast(&history, 0.1), None);
        fill(&mut history);
        let said = forecaster.forecast(&history, 0.1).unwrap();
        assert_eq!(Some(said.pose), Extrapolation::default().pose(&history, 0.1));
        let knee = said.confidence[SmplJoint::LeftKnee.index()];
        assert!((knee - (-0.1_f32 / 0.5).exp()).abs() < 1e-6, "{knee}");
        assert!((said.confidence[SmplJoint::Head.index()] - 1.0).abs() < 1e-6);
        assert_eq!((forecaster.device(), forecaster.horizon()), (None, None));
    }

    #[test]
    fn a_network_continues_every_joint_and_its_branches_say_how_sure_it_is() {
        let engine = Box::new(fake(None, true));
        let mut forecaster = BodyForecaster::with_engine(Extrapolation::Hold, engine).unwrap();
        let mut history = forecaster.history();
        fill(&mut history);
        // The end of the second frame, and beyond the end of the fourth.
        for (ahead, said) in [(2.0 / 30.0, 0.2), (9.0, 0.4)] {
            let forecast = forecaster.forecast(&history, ahead).unwrap();
            for (j, (now, newest)) in
                forecast.pose.rotations.iter().zip(body(NEWEST).rotations).enumerate().skip(1)
            {
                let right = newest * exp(DVec3::splat(said));
                assert!(geodesic_angle(*now, right) < 1e-6, "joint {j}");
            }
            // Heading 0: the axes of the root are the world's.
            assert!(forecast.pose.translation.distance(DVec3::splat(said)) < 1e-6);
            let doubt = said * 2.0 / 3.0 * 3.0_f64.sqrt();
            let right = (-doubt / 0.5).exp();
            assert!(forecast.confidence.iter().all(|c| (f64::from(*c) - right).abs() < 1e-5));
        }
        assert_eq!(forecaster.device(), Some("fake"));
        assert!((forecaster.horizon().unwrap() - 4.0 / 30.0).abs() < 1e-12);
    }

    #[test]
    fn the_network_sees_the_stance_and_the_grid_that_ends_at_the_newest_pose() {
        let engine = fake(None, false);
        let seen = engine.seen.clone();
        let mut forecaster =
            BodyForecaster::with_engine(Extrapolation::Hold, Box::new(engine)).unwrap();
        let mut history = forecaster.history();
        fill(&mut history);
        forecaster.forecast(&history, 0.1).unwrap();
        let knee = 3 * SmplJoint::LeftKnee.index();
        let bends: Vec<f32> = seen.lock().unwrap().chunks(NUMBERS).map(|row| row[knee]).collect();
        let right = [NEWEST, -4.0 / 30.0, -3.0 / 30.0, -2.0 / 30.0, -1.0 / 30.0, 0.0];
        assert!(
            bends.iter().zip(right).all(|(a, b)| (f64::from(*a) - b).abs() < 1e-6),
            "{bends:?}"
        );
    }

    /// The network predicts the legs from the second to the third frame, and nothing else.
    #[test]
    fn the_gate_shares_out_groups_and_times_and_the_forecast_is_continuous() {
        let gate =
            ForecastGate { groups: [(Group::LeftLeg, vec![2, 3])].into(), translation: vec![] };
        let engine = Box::new(fake(Some(gate), true));
        let mut forecaster = BodyForecaster::with_engine(Extrapolation::Hold, engine).unwrap();
        let mut history = forecaster.history();
        fill(&mut history);
        let mut turned = |joint: SmplJoint, frames: f64| {
            let forecast = forecaster.forecast(&history, frames / 30.0).unwrap();
            let j = joint.index();
            geodesic_angle(forecast.pose.rotations[j], body(NEWEST).rotations[j]) / 3.0_f64.sqrt()
        };
        let hip = SmplJoint::LeftHip;
        for (frames, right) in
            [(0.0, 0.0), (1.0, 0.0), (1.5, 0.075), (2.0, 0.2), (3.0, 0.3), (3.5, 0.175), (4.0, 0.0)]
        {
            let found = turned(hip, frames);
            assert!((found - right).abs() < 1e-6, "{frames}: {found}");
            assert!(
                turned(SmplJoint::RightHip, frames) < 1e-9
                    && turned(SmplJoint::Head, frames) < 1e-9
            );
        }
        let path: Vec<f64> = (0..=500).map(|i| turned(hip, f64::from(i) * 0.01)).collect();
        assert!(path.windows(2).all(|pair| (pair[1] - pair[0]).abs() < 0.006));
    }

    #[test]
    fn the_baseline_serves_while_there_is_no_history_and_after_a_failure() {
        let held = |forecaster: &mut BodyForecaster, history: &PoseHistory| {
            let pose = forecaster.forecast(history, 0.1).unwrap().pose;
            pose == *history.newest().unwrap().1
        };
        let open = |answer: fn(f32) -> Result<f32, EngineError>| {
            let engine = Box::new(Fake { answer, ..fake(None, true) });
            BodyForecaster::with_engine(Extrapolation::Hold, engine).unwrap()
        };
        let mut forecaster = open(Ok);
        let mut history = forecaster.history();
        history.push(0.0, &body(0.0));
        assert!(held(&mut forecaster, &history));
        fill(&mut history);
        assert!(!held(&mut forecaster, &history) && forecaster.failure().is_none());

        let mut broken = open(|_| Ok(f32::NAN));
        assert!(held(&mut broken, &history) && broken.failure().is_none());
        let mut failing =
            open(|_| Err(EngineError::Backend { device: "fake".into(), reason: "lost".into() }));
        assert!(held(&mut failing, &history) && held(&mut failing, &history));
        assert!(failing.failure().unwrap().to_string().contains("lost"));
    }

    #[test]
    fn a_model_of_a_benchmark_is_refused() {
        let mut engine = fake(None, false);
        engine.spec.layout = ForecastLayout::Cmu38;
        let error = BodyForecaster::with_engine(Extrapolation::Hold, Box::new(engine)).err();
        assert_eq!(error, Some(NotABody(ForecastLayout::Cmu38)));
    }
}
