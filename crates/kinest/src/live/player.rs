//! One player: tracker frames in, a refined pose for any time out, without an engine.

use super::certainty::Certainties;
use super::forecasts::Forecasts;
use super::history::is_pose;
use super::{
    Certainty, Estimate, ForecastSettings, ForecastState, FrameFeed, HandStandIn, PoseInput,
    PoseTimeline, TrackerError, TrackerHistory, place_under_head, rest_under_head,
};
use crate::calibration::Calibration;
use crate::features::WindowAxes;
use crate::forecast::{BodyForecaster, Extrapolation, ForecastPose, limit_bends};
use crate::model::{Feed, ModelSpec};
use crate::refine::{
    DropoutSettings, Known, OffFloor, RefineSettings, Refiner, SourceFade, TrunkHeading,
    seated_pose, three_point_pose_facing,
};
use crate::skeleton::{Pose, Skeleton, SmplJoint};
use crate::tracker::{
    BodyTrackers, Doubts, Plausibility, Teleport, TrackerFrame, TrackerPose, TrackerRole,
    TrackerSet,
};
use glam::DVec3;

/// Arm span of a player of unknown size, metres: that of tall players.
const LONGEST_ARM_SPAN: f64 = 1.75;

/// Maximum change of the room's height per frame (m); a larger one is a teleport.
const STEP: f64 = 0.05;

/// Settings for a player's pose from trackers and estimates.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PlayerSettings {
    /// How dropouts are bridged.
    pub dropout: DropoutSettings,
    /// Duration of the fade when the source of the pose changes, seconds: from inverse kinematics
    /// to the first estimate, or from one network to another.
    pub blend: f64,
    /// Corrections of the pose.
    pub refine: RefineSettings,
    /// Uses of forecasts; `None` for no forecasts.
    pub forecast: Option<ForecastSettings>,
    /// The player and the body sit on a chair ([`seated_pose`]): legs, pelvis and spine do not
    /// follow the network.
    pub sits: bool,
    /// Treats trackers with implausible poses as lost ([`Plausibility`]): jumps, frozen devices,
    /// hands out of reach. If false, every pose that is reported as tracked is accepted, for
    /// devices that the game itself places.
    pub doubt: bool,
}

impl Default for PlayerSettings {
    /// All corrections, as in games.
    fn default() -> Self {
        Self {
            dropout: DropoutSettings::default(),
            blend: 0.3,
            refine: RefineSettings::default(),
            forecast: None,
            sits: false,
            doubt: true,
        }
    }
}

impl PlayerSettings {
    /// The network's pose under the newest head, without fades or corrections.
    #[must_use]
    pub fn plain() -> Self {
        Self { blend: 0.0, refine: RefineSettings::none(), ..Self::default() }
    }
}

/// Joints of a seated body that follow [`seated_pose`].
const SEATED: [SmplJoint; 10] = [
    SmplJoint::Pelvis,
    SmplJoint::Spine1,
    SmplJoint::Spine2,
    SmplJoint::Spine3,
    SmplJoint::LeftHip,
    SmplJoint::RightHip,
    SmplJoint::LeftKnee,
    SmplJoint::RightKnee,
    SmplJoint::LeftAnkle,
    SmplJoint::RightAnkle,
];

/// Origin of a shown pose.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum PoseSource {
    /// Inverse kinematics from the trackers alone ([`three_point_pose_facing`]), before the first
    /// estimate.
    #[default]
    InverseKinematics,
    /// The network.
    Estimated,
    /// A forecast from the motion before a dropout ([`ForecastSettings`]).
    Forecast,
    /// Frozen at the last shown pose, because the head is lost.
    Frozen,
    /// The rest pose (T-pose), because the head has been lost for long.
    RestPose,
    /// Received from another machine ([`RemotePlayer`](super::RemotePlayer)).
    Received,
}

/// A body at one moment.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PlayerPose {
    /// The body, with its head joint at the newest head.
    pub pose: Pose,
    /// Origin of its rotations.
    pub source: PoseSource,
    /// Time of the estimate that is shown, seconds, on the clock of the tracker frames.
    pub time: f64,
}

/// Result of [`Player::tell`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Told {
    /// The newest frame was added to the history, so there may be a new [`Question`].
    pub new: bool,
    /// The player was teleported: outputs for earlier questions are relative to the old place and
    /// must be discarded.
    pub teleported: bool,
}

/// Input of the network for one player.
#[derive(Clone, Debug)]
pub struct Question {
    /// Features.
    pub input: PoseInput,
    /// Time of the frame that the estimate describes, seconds.
    pub time: f64,
    /// Axes of the estimate.
    pub axes: WindowAxes,
    /// A new stream starts: the network must discard its state of this player.
    pub starts: bool,
}

/// The live state of one player, from its trackers to the pose that is shown.
///
/// In every frame:
///
/// 1. [`push`](Self::push) the trackers.
/// 2. If a network runs, add the newest frame to its history with [`tell`](Self::tell). If the
///    frame was new, get the network's input with [`ask`](Self::ask), run an engine on it, now or
///    later, and pass the output to [`estimate`](Self::estimate).
/// 3. [`show`](Self::show) the body at a time and [`refine`](Self::refine) it, or do both with
///    [`pose`](Self::pose).
///
/// Estimates may come later and less often than frames. [`PoseEstimator`](super::PoseEstimator)
/// combines a player with an engine on the same thread.
#[derive(Clone, Debug, Default)]
pub struct Player {
    /// May be changed at any time. New correction settings reset the corrections.
    pub settings: PlayerSettings,
    calibration: Option<Calibration>,
    /// Offset that is added to all trackers, metres; see [`Player::set_offset`].
    offset: DVec3,
    plausibility: Plausibility,
    doubts: Doubts,
    /// Heading of the trunk while there is no estimate.
    trunk: TrunkHeading,
    newest: Option<Newest>,
    network: Option<Network>,
    stand_in: HandStandIn,
    timeline: PoseTimeline,
    certainties: Certainties,
    /// Contacts and deviations that the network predicted for the last shown pose.
    certainty: Certainty,
    /// Number of the network whose estimates are in the timeline.
    estimated_by: u64,
    fade: SourceFade<(PoseSource, u64, bool)>,
    refiner: Refiner,
    off_floor: OffFloor,
    /// Time of the estimate and of the frame that were shown last, seconds.
    shown: Option<(f64, f64)>,
    forecasts: Option<Box<Forecasts>>,
}

/// The newest tracker frame.
#[derive(Clone, Debug)]
struct Newest {
    /// Device poses, as reported.
    devices: TrackerFrame,
    /// See [`Player::set_offset`].
    offset: DVec3,
    /// The player's joints at the devices.
    joints: TrackerFrame,
    /// Teleport since the previous frame.
    teleport: Option<Teleport>,
    /// The head is tracked again after a frame in which it was lost.
    head_found: bool,
    head_lost_since: Option<f64>,
}

/// The player's state for one network.
#[derive(Clone, Debug)]
struct Network {
    id: u64,
    spec: ModelSpec,
    history: TrackerHistory,
    /// Input of a network that is fed frame by frame.
    feed: FrameFeed,
}

impl Player {
    /// A player without any tracker frame.
    #[must_use]
    pub fn new(settings: PlayerSettings) -> Self {
        Self { settings, refiner: Refiner::new(settings.refine), ..Self::default() }
    }

    /// Sets the player's size and how the devices are held; `None` for a body of the model's size
    /// whose devices report joints. A change discards the history, which was scaled for another
    /// body.
    pub fn calibrate(&mut self, calibration: Option<Calibration>) {
        if std::mem::replace(&mut self.calibration, calibration) == calibration {
            return;
        }
        if let Some(network) = &mut self.network {
            network.history.clear();
            network.feed = FrameFeed::new(&network.spec);
        }
        self.stand_in = HandStandIn::default();
    }

    /// The player's body, for a model that was trained on `base`.
    #[must_use]
    pub fn skeleton(&self, base: &Skeleton) -> Skeleton {
        self.calibration.as_ref().map_or_else(|| base.clone(), |player| player.skeleton(base))
    }

    /// Offset (m) added to all trackers before estimation and removed from the shown body: up for a
    /// seated player whose body stands, along the floor for a player moved by stick whose body
    /// walks. Heights are relative to the [floor](RefineSettings::feet) at 0 of the offset space;
    /// the shown floor is lower by `offset.z`. A change larger than a body moves between two frames
    /// is a teleport.
    pub fn set_offset(&mut self, offset: DVec3) {
        self.offset = offset;
    }

    /// See [`set_offset`](Self::set_offset).
    #[must_use]
    pub fn offset(&self) -> DVec3 {
        self.offset
    }

    /// Takes the newest frame of the devices: head, left hand, right hand, and trackers worn on the
    /// body. The pose of an untracked device is its last tracked pose; if it was never tracked, the
    /// reported pose of head or hands is taken as a guess, and a tracker on the body is ignored.
    /// Tracked devices with implausible poses count as lost ([`doubts`](Self::doubts)). Set
    /// `teleported` if the whole player was moved since the previous frame; a lasting jump of the
    /// head is detected as a teleport anyway, 0.1 s later.
    ///
    /// # Errors
    /// If the frame has the wrong number of poses, or a pose that is used is not finite. The player
    /// does not change then.
    pub fn push(&mut self, devices: &TrackerFrame, teleported: bool) -> Result<(), TrackerError> {
        let mut poses = self.poses(devices)?;
        let arm_span = self.calibration.map_or(LONGEST_ARM_SPAN, |player| player.arm_span);
        self.doubts = match self.settings.doubt {
            true => {
                self.plausibility.judge(devices.time, &poses, &devices.body, arm_span, teleported)
            }
            false => Doubts::default(),
        };
        for (k, role) in TrackerRole::HEAD_AND_HANDS.into_iter().enumerate() {
            if self.doubts.get(role).is_some() {
                let last = self.newest.as_ref().map_or(poses[k], |newest| newest.devices.poses[k]);
                poses[k] = last.lost();
            }
        }
        let offset = self.offset;
        let raised = self.newest.as_ref().map_or(0.0, |newest| offset.z - newest.offset.z);
        let teleported = teleported || self.doubts.head_moved() || raised.abs() > STEP;
        let before =
            self.newest.as_ref().map(|newest| (newest.joints.time, newest.joints.poses[0]));
        let newest = self.newest.get_or_insert_with(|| Newest {
            devices: devices.clone(),
            offset,
            joints: devices.clone(),
            teleport: None,
            head_found: false,
            head_lost_since: None,
        });
        // Reuses all allocations.
        for kept in [&mut newest.devices, &mut newest.joints] {
            kept.time = devices.time;
            kept.poses.clear();
            kept.poses.extend_from_slice(&poses);
        }
        keep_body(&mut newest.devices.body, &devices.body, &self.doubts);
        newest.joints.body.clone_from(&newest.devices.body);
        newest.offset = offset;
        if offset != DVec3::ZERO {
            newest.joints.shift(offset);
        }
        if let Some(player) = &self.calibration {
            player.move_to_joints(&mut newest.joints);
        }
        let head = newest.joints.poses[0];
        newest.head_found = head.tracked && before.is_some_and(|(_, before)| !before.tracked);
        newest.head_lost_since = match newest.head_lost_since {
            _ if head.tracked => None,
            None => Some(devices.time),
            since => since,
        };
        newest.teleport = before.and_then(|(time, before)| match teleported {
            true => Some(Teleport::between(&before, &head)),
            false => Teleport::detect(&before, &head, devices.time - time),
        });
        if let Some(by) = &newest.teleport {
            self.trunk.teleport(by);
            self.fade.teleport(by);
            self.refiner.teleport(by);
            if let Some(forecasts) = &mut self.forecasts {
                forecasts.teleport(by);
            }
        }
        let passed = before.map_or(0.0, |(time, _)| (devices.time - time).max(0.0));
        self.trunk.step(&newest.joints.poses, passed);
        Ok(())
    }

    /// The device poses, checked. A lost device keeps its last tracked pose, so its reported pose
    /// need not be finite.
    fn poses(&self, devices: &TrackerFrame) -> Result<[TrackerPose; 3], TrackerError> {
        let roles = TrackerSet::HeadAndHands.roles();
        let found = devices.poses.len();
        let mut poses = <[TrackerPose; 3]>::try_from(&devices.poses[..])
            .map_err(|_| TrackerError::Count { expected: roles.len(), found })?;
        if !devices.time.is_finite() {
            return Err(TrackerError::Time(devices.time));
        }
        for (k, pose) in poses.iter_mut().enumerate().filter(|(_, pose)| !is_pose(pose)) {
            match &self.newest {
                Some(newest) if !pose.tracked => *pose = newest.devices.poses[k].lost(),
                _ => return Err(TrackerError::Pose(roles[k])),
            }
        }
        match devices.body.iter().find(|(_, pose)| pose.tracked && !is_pose(pose)) {
            Some((role, _)) => Err(TrackerError::Pose(role)),
            None => Ok(poses),
        }
    }

    /// Devices of the newest frame that are reported as tracked and count as lost, because their
    /// poses are implausible.
    #[must_use]
    pub fn doubts(&self) -> &Doubts {
        &self.doubts
    }

    /// The player's joints at the trackers in the newest frame, with the
    /// [offset](Self::set_offset).
    #[must_use]
    pub fn joints(&self) -> Option<&TrackerFrame> {
        self.newest.as_ref().map(|newest| &newest.joints)
    }

    /// Adds the newest frame, scaled to the body the network was trained on, to the history of a
    /// network with this `spec`; `None` while there is no frame. `network` is any number that
    /// identifies the network; when it changes, the new network keeps the history that it can use.
    ///
    /// # Errors
    /// If the frame has the wrong number of poses, or a pose that is used is not finite.
    pub fn tell(&mut self, spec: &ModelSpec, network: u64) -> Result<Option<Told>, TrackerError> {
        let Some(newest) = &self.newest else { return Ok(None) };
        let set = spec.layout.trackers;
        let mut frame = TrackerFrame::new(newest.devices.time, newest.devices.poses.clone());
        if !set.on_body().is_empty() {
            frame.body.clone_from(&newest.devices.body);
        }
        if newest.offset != DVec3::ZERO {
            frame.shift(newest.offset);
        }
        if let Some(player) = &self.calibration {
            frame = player.to_model(&spec.skeleton, &frame);
        }
        let mut frame = frame.seen_by(set);
        let seen = self.network.get_or_insert_with(|| Network::new(network, spec));
        if seen.id != network {
            seen.change(network, spec);
        }
        let mut passed = 0.0;
        let mut teleported = false;
        if let Some(last) = seen.history.newest() {
            passed = frame.time - last.time;
            let (before, now) = (last.poses[0], frame.poses[0]);
            teleported = newest.teleport.is_some()
                || newest.head_found
                || Teleport::detect(&before, &now, passed).is_some();
            if teleported {
                let by = Teleport::between(&before, &now);
                seen.history.teleport(&by);
                seen.feed.teleport(&by);
                self.stand_in.teleport(&by);
                self.timeline.teleport(&by);
            }
        }
        if !spec.layout.validity {
            let dropout = &self.settings.dropout;
            self.stand_in.apply(dropout, &spec.skeleton, &mut frame.poses, passed);
        }
        Ok(Some(Told { new: seen.history.push(frame)?, teleported }))
    }

    /// The next input of the current network; `None` until there are enough frames. A network that
    /// is fed frame by frame gets each frame once, so call this for every new frame. A windowed
    /// network gets the window that ends at the newest frame.
    pub fn ask(&mut self) -> Option<Question> {
        let Network { spec, history, feed, .. } = self.network.as_mut()?;
        if let Feed::Frames { .. } = spec.feed {
            let new = feed.next(history)?;
            let input = PoseInput::Frames(new.features);
            return Some(Question { input, time: new.time, axes: new.axes, starts: new.starts });
        }
        let time = history.newest()?.time;
        let window = history.window()?;
        let mut features = Vec::with_capacity(spec.window * spec.layout.inputs());
        let axes = spec.layout.write_features(window, &mut features);
        Some(Question { input: PoseInput::Window(features), time, axes, starts: false })
    }

    /// Takes the output of `network` for a [`Question`]. Estimates of another network are cleared.
    pub fn estimate(&mut self, network: u64, time: f64, estimate: impl Into<Estimate>) {
        let estimate = estimate.into();
        if std::mem::replace(&mut self.estimated_by, network) != network {
            self.timeline.clear();
            self.certainties.clear();
        }
        self.timeline.push(time, estimate.rotations);
        self.certainties.push(time, &estimate);
    }

    /// Clears all estimates, because a network has stopped: until the next estimate the body is
    /// made by inverse kinematics, and the shown pose fades to it.
    pub fn forget_estimates(&mut self) {
        self.timeline.clear();
        self.certainties.clear();
    }

    /// The body at time `now`, uncorrected, `dt` seconds after the previous one; `None` while there
    /// is no tracker frame. `skeleton` is the [player's](Self::skeleton).
    pub fn show(&mut self, skeleton: &Skeleton, now: f64, dt: f64) -> Option<PlayerPose> {
        let mut baseline = BodyForecaster::new(Extrapolation::default());
        self.show_with(&mut baseline, skeleton, now, dt)
    }

    /// As [`show`](Self::show), with another forecaster for the
    /// [settings](PlayerSettings::forecast) that need one. If its network needs a longer history
    /// than the previous forecaster, the history starts empty.
    pub fn show_with(
        &mut self,
        forecaster: &mut BodyForecaster,
        skeleton: &Skeleton,
        now: f64,
        dt: f64,
    ) -> Option<PlayerPose> {
        let newest = self.newest.as_ref()?;
        let (trackers, head) = (&newest.joints.poses, &newest.joints.poses[0]);
        let settings = &self.settings;
        let mut forecasts = match &settings.forecast {
            Some(settings) => {
                self.forecasts.take_if(|forecasts| !forecasts.serve(forecaster));
                let make = || Box::new(Forecasts::new(forecaster));
                Some((settings, self.forecasts.get_or_insert_with(make)))
            }
            None => {
                self.forecasts = None;
                None
            }
        };
        let continued = forecasts.as_mut().and_then(|(settings, forecasts)| {
            forecasts.start(forecaster, settings, skeleton, trackers, now)
        });
        let network = self.timeline.show(now);
        let lost_since = newest.head_lost_since;
        let frozen = lost_since.is_some_and(|since| now - since < settings.dropout.freeze);
        let before = self.fade.shown().filter(|_| frozen);
        let shown_time = self.shown.map_or(now, |(time, _)| time);
        let (source, time, rotations) = match (continued, before, network) {
            (Some(pose), ..) => (PoseSource::Forecast, shown_time, pose.rotations),
            (None, Some((_, shown)), _) => (PoseSource::Frozen, shown_time, *shown),
            _ if lost_since.is_some() => {
                (PoseSource::RestPose, now, rest_under_head(skeleton, head).rotations)
            }
            (None, None, Some((time, rotations))) => (PoseSource::Estimated, time, rotations),
            (None, None, None) => {
                let facing = self.trunk.get().unwrap_or_default();
                let rotations = three_point_pose_facing(skeleton, trackers, facing).rotations;
                (PoseSource::InverseKinematics, now, rotations)
            }
        };
        self.certainty = match source {
            PoseSource::Estimated => self.certainties.at(time),
            _ => Certainty::default(),
        };
        let mut rotations = rotations;
        if settings.sits && source != PoseSource::Frozen {
            let facing = self.trunk.get().unwrap_or_default();
            let seated = seated_pose(skeleton, trackers, facing).rotations;
            for joint in SEATED {
                rotations[joint.index()] = seated[joint.index()];
            }
        }
        let blend = match source {
            PoseSource::RestPose => settings.dropout.relax,
            _ => settings.blend,
        };
        let key = (source, self.estimated_by, settings.sits);
        let mut rotations = self.fade.apply(key, rotations, dt, blend);
        if forecasts.is_some() {
            // A fading offset is added to a moving pose, so bends may exceed their limits.
            limit_bends(&mut rotations);
        }
        self.shown = Some((time, now));
        let place = forecasts.as_ref().and_then(|(_, forecasts)| forecasts.head());
        let place = place.unwrap_or(head.position);
        let mut pose = place_under_head(skeleton, &rotations, place);
        if let Some((settings, forecasts)) = forecasts {
            let wanted = match source {
                PoseSource::Estimated => Some(settings.ahead.seconds(now - time)),
                PoseSource::Forecast => None,
                _ => Some(0.0),
            };
            if let Some(ahead) = forecasts.lead(forecaster, now, &pose, wanted, dt) {
                pose = place_under_head(skeleton, &ahead.rotations, place);
            }
        }
        pose.translation -= newest.offset;
        Some(PlayerPose { pose, source, time })
    }

    /// Corrects a [shown](Self::show) pose, `dt` seconds after the previous one. Returns whether
    /// the left and the right foot are locked to the floor.
    pub fn refine(&mut self, skeleton: &Skeleton, pose: &mut Pose, dt: f64) -> [bool; 2] {
        let Some(newest) = &self.newest else { return [false; 2] };
        self.refiner.set(self.settings.refine);
        let lost = self.forecasts.as_ref().map_or([None; 3], |forecasts| *forecasts.joints());
        let (dropout, TrackerFrame { poses, body, .. }) = (&self.settings.dropout, &newest.joints);
        pose.translation += newest.offset;
        let contacts = self.certainty.contacts;
        let known = Known { body, forecast: &lost, contacts };
        let contacts = self.refiner.apply_with(dropout, skeleton, pose, poses, &known, dt);
        if let Some(floor) = self.refiner.floor() {
            self.off_floor.step(skeleton, pose, floor, dt);
        }
        if let (Some(forecasts), Some((_, now))) = (&mut self.forecasts, self.shown) {
            forecasts.show(now, pose);
        }
        pose.translation -= newest.offset;
        contacts
    }

    /// Contacts and deviations that the network predicted for the pose [shown](Self::show) last;
    /// empty unless the source is [`PoseSource::Estimated`].
    #[must_use]
    pub fn certainty(&self) -> &Certainty {
        &self.certainty
    }

    /// Height of the soles above the floor, metres, once the body has been in the air for two
    /// seconds; `None` otherwise. See [`OffFloor`].
    #[must_use]
    pub fn off_floor(&self) -> Option<f64> {
        self.off_floor.get()
    }

    /// The refined body at time `now`; `None` while there is no tracker frame. `skeleton` is the
    /// [player's](Self::skeleton). Call once per drawn frame.
    pub fn pose(&mut self, skeleton: &Skeleton, now: f64) -> Option<PlayerPose> {
        let mut baseline = BodyForecaster::new(Extrapolation::default());
        self.pose_with(&mut baseline, skeleton, now)
    }

    /// As [`pose`](Self::pose), with another forecaster; see [`show_with`](Self::show_with).
    pub fn pose_with(
        &mut self,
        forecaster: &mut BodyForecaster,
        skeleton: &Skeleton,
        now: f64,
    ) -> Option<PlayerPose> {
        let dt = self.shown.map_or(0.0, |(_, before)| (now - before).max(0.0));
        let mut shown = self.show_with(forecaster, skeleton, now, dt)?;
        self.refine(skeleton, &mut shown.pose, dt);
        Some(shown)
    }

    /// The body `ahead` seconds after the one refined last; `None` before the first, and without
    /// [`PlayerSettings::forecast`].
    pub fn forecast(
        &mut self,
        forecaster: &mut BodyForecaster,
        ahead: f64,
    ) -> Option<ForecastPose> {
        let mut forecast = self.forecasts.as_mut()?.forecast(forecaster, ahead)?;
        forecast.pose.translation -=
            self.newest.as_ref().map_or(DVec3::ZERO, |newest| newest.offset);
        Some(forecast)
    }

    /// State of the forecasts in the last shown frame; `None` without [`PlayerSettings::forecast`].
    #[must_use]
    pub fn forecast_state(&self) -> Option<ForecastState> {
        self.forecasts.as_ref().map(|forecasts| forecasts.state())
    }

    /// Clears everything except settings and calibration: for a restart, or another player of the
    /// same size.
    pub fn reset(&mut self) {
        *self =
            Self { calibration: self.calibration, offset: self.offset, ..Self::new(self.settings) };
    }
}

/// Replaces `kept` by the trackers that are worn `now`. A lost or implausible tracker keeps its
/// last accepted pose, and is omitted if it never had one.
fn keep_body(kept: &mut BodyTrackers, now: &BodyTrackers, doubts: &Doubts) {
    let is_believed =
        |role: TrackerRole, pose: &TrackerPose| is_pose(pose) && doubts.get(role).is_none();
    let same = now.iter().all(|(role, pose)| is_believed(role, pose));
    if same {
        kept.clone_from(now);
        return;
    }
    let before = std::mem::take(kept);
    for (role, pose) in now.iter() {
        let last = before.get(role).map(|last| last.lost());
        if let Some(pose) = if is_believed(role, pose) { Some(*pose) } else { last } {
            kept.set(role, pose);
        }
    }
}

impl Network {
    fn new(id: u64, spec: &ModelSpec) -> Self {
        let (history, feed) = (TrackerHistory::new(spec), FrameFeed::new(spec));
        Self { id, spec: spec.clone(), history, feed }
    }

    /// Changes to another network.
    fn change(&mut self, id: u64, spec: &ModelSpec) {
        self.history.change_model(spec);
        (self.id, self.spec, self.feed) = (id, spec.clone(), FrameFeed::new(spec));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::coordinates::heading;
    use crate::features::{Axes, FeatureLayout};
    use crate::live::fake;
    use crate::motion::synthetic::walk_and_wave;
    use crate::rotation::geodesic_angle;
    use glam::{DMat3, DQuat};

    /// The trackers of a walking body.
    fn walk() -> Vec<TrackerFrame> {
        walk_at(60.0)
    }

    fn walk_at(rate_hz: f64) -> Vec<TrackerFrame> {
        let skeleton = Skeleton::default();
        let frames = walk_and_wave(&skeleton).resampled(rate_hz).frames;
        let trackers = |(i, frame)| {
            let joints = skeleton.pose_joints(&Pose::from(frame));
            TrackerFrame::from_joints(TrackerSet::HeadAndHands, i as f64 / rate_hz, &joints)
        };
        frames.iter().enumerate().map(trackers).collect()
    }

    /// Shows every frame of `trackers`, with a network that always outputs the same pose at once.
    fn play(player: &mut Player, trackers: &[TrackerFrame]) -> Vec<PlayerPose> {
        play_told(player, trackers, None)
    }

    /// [`play`], with a teleport announced in the frame of this number.
    fn play_told(
        player: &mut Player,
        trackers: &[TrackerFrame],
        teleport: Option<usize>,
    ) -> Vec<PlayerPose> {
        let spec = fake::spec();
        let show = |(i, frame): (usize, &TrackerFrame)| {
            player.push(frame, teleport == Some(i)).unwrap();
            let told = player.tell(&spec, 1).unwrap().unwrap();
            if told.new
                && let Some(question) = player.ask()
            {
                let mut rotations = fake::answer().rotations;
                rotations[0] = question.axes.rotation() * rotations[0];
                player.estimate(1, question.time, rotations);
            }
            player.pose(&spec.skeleton, frame.time).unwrap()
        };
        trackers.iter().enumerate().map(show).collect()
    }

    /// A network with body trackers among its inputs gets those that are worn and tracked; the
    /// input of any other network does not depend on them.
    #[test]
    fn a_network_sees_what_is_worn() {
        let skeleton = Skeleton::default();
        let narrow = ModelSpec { window: 1, feed: Feed::Frames { look_ahead: 0 }, ..fake::spec() };
        let layout = FeatureLayout { axes: Axes::OwnHeading, ..narrow.layout };
        let narrow = ModelSpec { layout, ..narrow };
        let trackers = TrackerSet::HeadHandsAndBody;
        let wide = ModelSpec { layout: FeatureLayout { trackers, ..layout }, ..narrow.clone() };
        let frames = walk_and_wave(&skeleton).resampled(60.0).frames;
        let ask = |spec: &ModelSpec, wears: bool| -> Vec<Vec<f32>> {
            let mut player = Player::default();
            let mut told = vec![];
            for (i, (mut frame, clip)) in walk().into_iter().zip(&frames).take(40).enumerate() {
                if wears {
                    let joints = skeleton.pose_joints(&Pose::from(clip));
                    let roles = [TrackerRole::Pelvis, TrackerRole::LeftFoot];
                    frame.body = BodyTrackers::from_joints(&roles, &joints);
                    let foot = frame.body.get(TrackerRole::LeftFoot).unwrap().lost();
                    if i >= 30 {
                        frame.body.set(TrackerRole::LeftFoot, foot);
                    }
                }
                player.push(&frame, false).unwrap();
                player.tell(spec, 1).unwrap();
                if let Some(Question { input: PoseInput::Frames(features), .. }) = player.ask() {
                    told.push(features);
                }
            }
            told
        };
        assert_eq!(ask(&narrow, true), ask(&narrow, false));
        let (without, with) = (ask(&wide, false), ask(&wide, true));
        assert!(without.len() > 35 && without.len() == with.len());
        for (i, (without, with)) in without.iter().zip(&with).enumerate() {
            let validity = |row: &[f32]| row[150..158].iter().sum::<f32>();
            assert_eq!((without.len(), validity(without)), (158, 0.0));
            assert_eq!(without[..54], with[..54]);
            // Between two frames the network's foot is lost if it is lost in either of them.
            assert!(
                (28..32).contains(&i) || validity(with) == if i < 29 { 2.0 } else { 1.0 },
                "{i}"
            );
            let pelvis = f64::from(with[104]);
            assert!((0.7..1.1).contains(&pelvis), "height of the pelvis: {pelvis} m");
        }
    }

    fn head(pose: &Pose) -> DVec3 {
        Skeleton::default().pose_joints(pose).positions[SmplJoint::Head.index()]
    }

    #[test]
    fn a_body_follows_its_trackers_until_the_first_estimate_and_the_head_is_exact() {
        let walk = walk();
        let window = fake::spec().window;
        for settings in [PlayerSettings::plain(), PlayerSettings::default()] {
            let mut player = Player::new(settings);
            assert!(player.joints().is_none() && player.pose(&Skeleton::default(), 0.0).is_none());
            for (i, shown) in play(&mut player, &walk[..window + 40]).iter().enumerate() {
                let source =
                    if i < window { PoseSource::InverseKinematics } else { PoseSource::Estimated };
                assert_eq!(shown.source, source, "frame {i}");
                assert!(head(&shown.pose).distance(walk[i].poses[0].position) < 1e-6);
                assert_eq!(shown.time, walk[i].time);
            }
            player.reset();
            assert!(player.joints().is_none());
        }
    }

    /// Without a head the body freezes, then takes the rest pose, and continues where the head
    /// returns.
    #[test]
    fn a_lost_head_freezes_the_body() {
        let mut walk = walk();
        let (lost, found) = (150, 290);
        let last = walk[lost - 1].poses[0];
        for frame in &mut walk[lost..found] {
            // The pose reported by a lost device is ignored.
            frame.poses[0] = TrackerPose::new(DVec3::NAN, DMat3::ZERO).lost();
        }
        let shown = play(&mut Player::default(), &walk[..found + 60]);
        // The head is accepted from the second frame after its return.
        let found = found + 1;
        for (i, shown) in shown.iter().enumerate().skip(lost) {
            let freezes = walk[i].time - walk[lost].time < DropoutSettings::default().freeze;
            let source = match i {
                _ if i >= found => PoseSource::Estimated,
                _ if freezes => PoseSource::Frozen,
                _ => PoseSource::RestPose,
            };
            assert_eq!(shown.source, source, "frame {i}");
            if i < found {
                assert!(head(&shown.pose).distance(last.position) < 1e-6, "frame {i}");
            }
        }
    }

    /// A teleport changes only the place: at once if it is announced, otherwise after 0.1 s.
    #[test]
    fn a_teleport_moves_the_whole_state() {
        let walk = walk();
        let by = Teleport { turn: 2.0, from: DVec3::X, to: DVec3::new(9.0, -4.0, 0.0) };
        let mut moved = walk.clone();
        for frame in &mut moved[200..] {
            frame.poses.iter_mut().for_each(|pose| pose.teleport(&by));
        }
        // Corrections of the feet are excluded: locked feet see the head's motion during the
        // teleport frame.
        let refine = RefineSettings { lock_feet: false, ground: false, ..Default::default() };
        let settings = PlayerSettings { refine, ..PlayerSettings::default() };
        let here = play(&mut Player::new(settings), &walk[..280]);
        for announced in [true, false] {
            let told = announced.then_some(200);
            let there = play_told(&mut Player::new(settings), &moved[..280], told);
            // Held for 0.1 s, then faded for 0.3 s.
            let waits = if announced { 200..200 } else { 200..200 + 6 + 18 };
            for (i, (here, there)) in here.iter().zip(&there).enumerate() {
                let held = head(&there.pose).distance(walk[200].poses[0].position) < 0.1;
                assert_eq!(
                    held && i > 195,
                    (196..200).contains(&i) || (!announced && (200..206).contains(&i)),
                    "frame {i}"
                );
                if waits.contains(&i) {
                    continue;
                }
                // A detected teleport includes the head's motion in that frame: 1 cm, 1°.
                for (a, b) in here.pose.rotations[1..].iter().zip(&there.pose.rotations[1..]) {
                    assert!(geodesic_angle(*a, *b) < 0.1, "frame {i}");
                }
            }
        }
    }

    /// A head that is displaced for one frame moves neither feet nor pelvis.
    #[test]
    fn pops_do_not_throw_the_body() {
        let limit = 0.05;
        let joints = [SmplJoint::Pelvis, SmplJoint::LeftFoot, SmplJoint::RightFoot];
        let at = |shown: &PlayerPose| Skeleton::default().pose_joints(&shown.pose).positions;
        let pops = [(0, 0.05), (0, 0.1), (0, 0.3), (0, 0.4), (0, 3.0), (1, 0.4), (2, 3.0)];
        let rates = [60.0, 72.0, 90.0, 144.0];
        for (rate, (device, metres)) in rates.into_iter().flat_map(|r| pops.map(|pop| (r, pop))) {
            let walk = walk_at(rate);
            let clean = play(&mut Player::default(), &walk[..300]);
            for up in [DVec3::Z, DVec3::X] {
                let mut popped = walk.clone();
                for i in [100, 150, 151, 220] {
                    popped[i].poses[device].position += up * metres;
                }
                let shown = play(&mut Player::default(), &popped[..300]);
                for i in 99..300 {
                    for joint in joints.map(SmplJoint::index) {
                        let step = at(&shown[i])[joint].distance(at(&shown[i - 1])[joint]);
                        let own = at(&clean[i])[joint].distance(at(&clean[i - 1])[joint]);
                        assert!(
                            step < own + limit,
                            "{rate} Hz {device} {metres} {i} {joint}: {step} {own}"
                        );
                    }
                }
            }
        }
    }

    /// Largest step of pelvis and feet in each frame, metres.
    fn steps(shown: &[PlayerPose]) -> Vec<[f64; 3]> {
        let joints = [SmplJoint::Pelvis, SmplJoint::LeftFoot, SmplJoint::RightFoot];
        let at = |shown: &PlayerPose| Skeleton::default().pose_joints(&shown.pose).positions;
        let places: Vec<_> = shown.iter().map(at).collect();
        let step = |pair: &[[DVec3; SmplJoint::COUNT]]| {
            joints.map(|joint| pair[0][joint.index()].distance(pair[1][joint.index()]))
        };
        places.windows(2).map(step).collect()
    }

    /// Pops of one frame, or of up to three from 60 Hz on, of the head, of hands, or of all devices (the runtime moves its
    /// space): before and after the first estimate, and in the first frame after a dropout of a hand or of the head.
    #[test]
    fn pops_of_any_devices_at_any_time_do_not_throw_the_body() {
        let sizes = [0.1, 0.4, 3.0];
        let directions = [DVec3::Z, DVec3::NEG_Z, DVec3::new(-0.6, 0.8, 0.0)];
        let devices: [&[usize]; 4] = [&[0], &[2], &[1, 2], &[0, 1, 2]];
        let cases = sizes.into_iter().flat_map(|size| directions.map(|way| way * size));
        let cases: Vec<_> = cases.flat_map(|by| devices.map(|popped| (by, popped))).collect();
        for rate in [30.0, 72.0, 144.0] {
            let frame = |seconds: f64| (seconds * rate) as usize;
            let mut walk = walk_at(rate);
            walk.truncate(frame(4.2));
            walk[frame(2.5)..frame(2.8)].iter_mut().for_each(|f| f.poses[2].tracked = false);
            walk[frame(3.2)..frame(3.4)].iter_mut().for_each(|f| f.poses[0].tracked = false);
            let own = steps(&play(&mut Player::default(), &walk));
            for (i, (by, devices)) in cases.iter().enumerate() {
                // Three frames of 30 Hz are as long as a jump that has lasted.
                let frames = if rate < 60.0 { 1 } else { 1 + i % 3 };
                let mut popped = walk.clone();
                let starts = [0.5, 1.0, 2.0, 2.8].map(|start| (frame(start), frames));
                // Where the head is found again, it is believed from the second frame that agrees.
                for (start, frames) in starts.into_iter().chain([(frame(3.4), 1)]) {
                    for frame in &mut popped[start..start + frames] {
                        devices.iter().for_each(|k| frame.poses[*k].position += *by);
                    }
                }
                let shown = steps(&play(&mut Player::default(), &popped));
                for (i, step) in shown.iter().enumerate().skip(frame(0.4)) {
                    for (k, step) in step.iter().enumerate() {
                        // Returning from a dropout is a few frames later.
                        let near = &own[i - 5..own.len().min(i + 6)];
                        let own = near.iter().map(|own| own[k]).fold(0.0, f64::max);
                        // After more than one frame the body has several frames' way to go.
                        let own = own * frames as f64;
                        // At fewer than 60 Hz a head is believed that pops by up to 7 cm.
                        let limit = if rate < 60.0 { 0.1 } else { 0.05 };
                        assert!(
                            *step < own + limit,
                            "{rate} Hz, {devices:?} by {by}, {frames} frames, frame {i}: {step} {own}"
                        );
                    }
                }
            }
        }
    }

    /// Nothing is known before the first frame, so a pop in it is shown; the body is at its head from the third frame on.
    #[test]
    fn a_pop_in_the_first_frame_is_over_in_the_third() {
        for rate in [30.0, 90.0] {
            let walk = walk_at(rate);
            let mut popped = walk.clone();
            popped[0].poses[0].position += DVec3::new(1.0, 2.0, 0.5);
            popped[0].poses[1].position += DVec3::Z;
            let shown = play(&mut Player::default(), &popped[..60]);
            for (i, shown) in shown.iter().enumerate().skip(2) {
                assert!(head(&shown.pose).distance(walk[i].poses[0].position) < 1e-6, "{i}");
            }
            let hand = Skeleton::default().pose_joints(&shown[59].pose).positions;
            let hand = hand[SmplJoint::LeftWrist.index()];
            assert!(hand.distance(walk[59].poses[1].position) < 1e-3, "{hand}");
        }
    }

    /// The head of a player without a network turns by 40°: the pelvis turns by less than 20°, with hands and without, and
    /// the body faces ahead again with its head. Looking straight up or down turns nothing.
    #[test]
    fn a_head_that_looks_around_does_not_turn_the_pelvis() {
        let skeleton = Skeleton::default();
        let mut standing = Pose::rest();
        let ankle = skeleton.pose_joints(&standing).positions[SmplJoint::LeftAnkle.index()].z;
        standing.translation.z = skeleton.ankle_height - ankle;
        let looks: [fn(f64) -> DQuat; 4] = [
            |part| DQuat::from_rotation_y(part * 40_f64.to_radians()),
            |part| DQuat::from_rotation_y(-part * 40_f64.to_radians()),
            |part| DQuat::from_rotation_x(-part * 1.8),
            |part| DQuat::from_rotation_x(part * 1.6),
        ];
        for (way, look) in looks.into_iter().enumerate() {
            for (hangs, lost) in [(0.0, 0), (1.3, 0), (1.3, 1), (1.3, 2)] {
                let mut player = Player::default();
                let mut before: Option<Pose> = None;
                for i in 0..480 {
                    let time = f64::from(i) / 60.0;
                    let part = (time / 0.3).min(1.0).min((6.0 - time) / 0.3).max(0.0);
                    let mut pose = standing;
                    pose.rotations[SmplJoint::Head.index()] = look(part);
                    for (shoulder, side) in
                        [(SmplJoint::LeftShoulder, -hangs), (SmplJoint::RightShoulder, hangs)]
                    {
                        pose.rotations[shoulder.index()] = DQuat::from_rotation_z(side);
                    }
                    let joints = skeleton.pose_joints(&pose);
                    let mut frame =
                        TrackerFrame::from_joints(TrackerSet::HeadAndHands, time, &joints);
                    for (k, hand) in frame.poses.iter_mut().enumerate().skip(1) {
                        // Hands tremble, and are not seen any more.
                        hand.position.x += 1e-4 * f64::from(i % 3);
                        hand.tracked = i == 0 || k + lost < 3;
                    }
                    player.push(&frame, false).unwrap();
                    let shown = player.pose(&skeleton, time).unwrap().pose;
                    let facing = heading(DMat3::from_quat(shown.rotations[0])).to_degrees();
                    let limit = if way < 2 { 20.0 } else { 2.0 };
                    assert!(facing.abs() < limit, "look {way}, {hangs} {lost}, {time}: {facing}");
                    let joints = skeleton.pose_joints(&shown).positions;
                    assert!(joints.iter().all(|at| at.z > 0.0), "look {way}, {time}");
                    if let Some(before) = before {
                        let turned = before.rotations[0].angle_between(shown.rotations[0]);
                        assert!(turned < 0.15, "look {way}, {hangs} {lost}, {time}: {turned}");
                    }
                    before = Some(shown);
                }
            }
        }
    }

    /// Hands that a game holds still while the head looks around.
    #[test]
    fn hands_that_do_not_move_are_lost_only_for_those_who_doubt() {
        for doubt in [true, false] {
            let mut walk = walk();
            let still = [walk[0].poses[1], walk[0].poses[2]];
            walk.iter_mut().for_each(|frame| frame.poses[1..].copy_from_slice(&still));
            let mut player = Player::new(PlayerSettings { doubt, ..PlayerSettings::default() });
            play(&mut player, &walk[..100]);
            assert_eq!(player.doubts().iter().count(), if doubt { 2 } else { 0 });
        }
    }

    /// The body of a player who is carried along walks, and is shown at the player's place.
    #[test]
    fn an_offset_is_seen_and_not_shown() {
        let walk = walk();
        let start = walk[0].poses[0].position.with_z(0.0);
        let mut player = Player::default();
        let carried = walk.iter().take(200).map(|frame| {
            let offset = (frame.poses[0].position - start).with_z(0.0);
            let mut seated = frame.clone();
            seated.shift(-offset - DVec3::Z * 0.4);
            (seated, offset + DVec3::Z * 0.4)
        });
        let mut own = Player::default();
        for (i, (frame, offset)) in carried.enumerate() {
            player.set_offset(offset);
            let shown = play(&mut player, std::slice::from_ref(&frame)).remove(0).pose;
            let wanted = play(&mut own, std::slice::from_ref(&walk[i])).remove(0).pose;
            assert!(head(&shown).distance(frame.poses[0].position) < 1e-6, "frame {i}");
            assert!((shown.translation + offset).distance(wanted.translation) < 1e-6, "frame {i}");
            for (a, b) in shown.rotations.iter().zip(&wanted.rotations) {
                assert!(geodesic_angle(*a, *b) < 1e-6, "frame {i}");
            }
        }
    }

    /// Thighs level, feet on the floor in front of the hips, head and hands at the trackers.
    #[test]
    fn a_seated_body_sits() {
        let skeleton = Skeleton::default();
        let mut walk = walk();
        let lower = 1.12 - walk[0].poses[0].position.z;
        walk.iter_mut().for_each(|frame| frame.shift(DVec3::Z * lower));
        let mut player = Player::new(PlayerSettings { sits: true, ..PlayerSettings::default() });
        for (i, shown) in play(&mut player, &walk[..200]).iter().enumerate().skip(120) {
            let at = skeleton.pose_joints(&shown.pose).positions;
            for [hip, knee, ankle] in [
                [SmplJoint::LeftHip, SmplJoint::LeftKnee, SmplJoint::LeftAnkle],
                [SmplJoint::RightHip, SmplJoint::RightKnee, SmplJoint::RightAnkle],
            ]
            .map(|leg| leg.map(|joint| at[joint.index()]))
            {
                assert!((ankle.z - skeleton.ankle_height).abs() < 0.03, "{i}: {ankle}");
                assert!((hip.z - knee.z).abs() < 0.2, "{i}: {hip} {knee}");
                assert!(knee.distance(hip.with_z(knee.z)) > 0.3, "{i}: {hip} {knee}");
            }
            assert!(head(&shown.pose).distance(walk[i].poses[0].position) < 1e-6);
        }
    }

    #[test]
    fn a_bad_frame_changes_nothing_and_a_new_size_clears_the_history() {
        let walk = walk();
        let mut player = Player::default();
        _ = play(&mut player, &walk[..fake::spec().window + 1]);
        let mut bad = walk[200].clone();
        bad.poses[1].position.x = f64::NAN;
        assert!(matches!(player.push(&bad, false), Err(TrackerError::Pose(_))));
        bad.poses.pop();
        assert_eq!(player.push(&bad, false), Err(TrackerError::Count { expected: 3, found: 2 }));
        assert_eq!(player.joints(), Some(&walk[fake::spec().window]));
        assert!(player.ask().is_some());
        let tall = Calibration::from_height(&Skeleton::default(), 1.9).unwrap();
        player.calibrate(Some(tall));
        assert!(player.ask().is_none(), "the history was of somebody else");
        assert_eq!(player.skeleton(&Skeleton::default()), tall.skeleton(&Skeleton::default()));
    }
}
