//! One player: tracker frames in, a refined pose for any moment out, without an engine.

use super::history::is_pose;
use super::{
    FrameFeed, HandStandIn, PoseInput, PoseTimeline, TrackerError, TrackerHistory,
    place_under_head, rest_under_head,
};
use crate::calibration::Calibration;
use crate::features::WindowAxes;
use crate::model::{Feed, ModelSpec};
use crate::refine::{DropoutSettings, RefineSettings, Refiner, SourceFade, three_point_pose};
use crate::skeleton::{PerJoint, Pose, Skeleton};
use crate::tracker::{Teleport, TrackerFrame, TrackerPose, TrackerSet};
use glam::DQuat;

/// How a player's pose is made of trackers and estimates.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PlayerSettings {
    /// How dropouts are bridged.
    pub dropout: DropoutSettings,
    /// Seconds in which a body goes from one source to another: from rest to the network's first pose,
    /// from one network to the next.
    pub blend: f64,
    /// Which corrections the pose gets.
    pub refine: RefineSettings,
}

impl Default for PlayerSettings {
    /// What games show.
    fn default() -> Self {
        Self { dropout: DropoutSettings::default(), blend: 0.3, refine: RefineSettings::default() }
    }
}

impl PlayerSettings {
    /// What the network says, under the newest head: no fade from one source to another, no corrections.
    #[must_use]
    pub fn plain() -> Self {
        Self { blend: 0.0, refine: RefineSettings::none(), ..Self::default() }
    }
}

/// Where a shown pose comes from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum PoseSource {
    /// Not the network: it has not spoken yet, and the body is what inverse kinematics makes of its
    /// trackers ([`three_point_pose`]); or the head has been lost for long, and it is the rest pose.
    #[default]
    Rest,
    /// The network.
    Estimated,
    /// The head is lost, and the body is as it was.
    Frozen,
}

/// A body at one moment.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PlayerPose {
    /// The body; its head joint is at the newest head.
    pub pose: Pose,
    /// Where its rotations come from.
    pub source: PoseSource,
    /// The moment they are of, on the clock of the tracker frames.
    pub time: f64,
}

/// What [`Player::tell`] found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Told {
    /// The newest frame was not in the history yet: there may be something to ask.
    pub new: bool,
    /// The player was teleported: what the network still says about questions from before is of another
    /// place.
    pub teleported: bool,
}

/// What the network is to be asked about a player.
#[derive(Clone, Debug)]
pub struct Question {
    /// Features.
    pub input: PoseInput,
    /// Time stamp of the frame that the estimate describes.
    pub time: f64,
    /// The axes of the estimate.
    pub axes: WindowAxes,
    /// These are the first frames of a stream: what the network remembers of the player is of another
    /// one.
    pub starts: bool,
}

/// The live state of one player, from its trackers to the pose that is shown.
///
/// In every frame:
///
/// 1. [`push`](Self::push) the trackers;
/// 2. if a network runs, [`tell`](Self::tell) it, and if that was new, [`ask`](Self::ask): an engine makes
///    an estimate of the [`Question`], at once or later, and [`estimate`](Self::estimate) takes it;
/// 3. [`show`](Self::show) a moment and [`refine`](Self::refine) what is shown, or both with
///    [`pose`](Self::pose).
///
/// Questions and estimates need not keep up with frames. [`PoseEstimator`](super::PoseEstimator) is a player
/// with an engine that answers at once.
#[derive(Clone, Debug, Default)]
pub struct Player {
    /// May be changed at any time; other corrections start anew.
    pub settings: PlayerSettings,
    calibration: Option<Calibration>,
    newest: Option<Newest>,
    network: Option<Network>,
    stand_in: HandStandIn,
    timeline: PoseTimeline,
    /// The network whose estimates are in the timeline.
    estimated_by: u64,
    fade: SourceFade<(PoseSource, u64)>,
    refiner: Refiner,
    /// The moment that was shown last, and when.
    shown: Option<(f64, f64)>,
}

/// The newest frame of the trackers.
#[derive(Clone, Debug)]
struct Newest {
    /// What was reported.
    devices: TrackerFrame,
    /// The player's joints that the devices stand for.
    joints: TrackerFrame,
    /// Somewhere else than in the frame before, in no time.
    teleport: Option<Teleport>,
    /// The head was lost in the frame before.
    head_found: bool,
    head_lost_since: Option<f64>,
}

/// What a network has seen of the player.
#[derive(Clone, Debug)]
struct Network {
    id: u64,
    spec: ModelSpec,
    history: TrackerHistory,
    /// For one that is fed frame by frame.
    feed: FrameFeed,
}

impl Player {
    /// A player nobody has seen yet.
    #[must_use]
    pub fn new(settings: PlayerSettings) -> Self {
        Self { settings, refiner: Refiner::new(settings.refine), ..Self::default() }
    }

    /// Sets how big the player is and how the devices are held; `None` for a body of the model's size whose
    /// devices report joints. If that changes, what the network has seen is of another body and is
    /// forgotten.
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

    /// Takes the newest frame of the devices (head, left hand, right hand). A device that is not tracked
    /// has the pose it had when it was, or a guess if it never was. `teleported` says that the player was
    /// moved as a whole since the frame before; a jump that no body makes is taken for that in any case.
    ///
    /// # Errors
    /// If the frame has the wrong number of poses, or anything in it that matters is not finite; the player
    /// is as before then.
    pub fn push(&mut self, devices: &TrackerFrame, teleported: bool) -> Result<(), TrackerError> {
        let poses = self.poses(devices)?;
        let before =
            self.newest.as_ref().map(|newest| (newest.joints.time, newest.joints.poses[0]));
        let newest = self.newest.get_or_insert_with(|| Newest {
            devices: devices.clone(),
            joints: devices.clone(),
            teleport: None,
            head_found: false,
            head_lost_since: None,
        });
        // Both keep their memory from frame to frame.
        for kept in [&mut newest.devices, &mut newest.joints] {
            kept.time = devices.time;
            kept.poses.clear();
            kept.poses.extend_from_slice(&poses);
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
            self.fade.teleport(by);
            self.refiner.teleport(by);
        }
        Ok(())
    }

    /// What the devices report, if they are poses. What is lost need not be one once it has been seen.
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
        Ok(poses)
    }

    /// The player's joints in the newest frame that the trackers stand for.
    #[must_use]
    pub fn joints(&self) -> Option<&TrackerFrame> {
        self.newest.as_ref().map(|newest| &newest.joints)
    }

    /// Enters the newest frame into the history of a network with this `spec`, scaled to the body it was
    /// trained on; `None` as long as there is no frame. Another `network` (any number the caller likes) takes
    /// over what it can use.
    ///
    /// # Errors
    /// If the frame has the wrong number of poses, or anything in it that matters is not finite.
    pub fn tell(&mut self, spec: &ModelSpec, network: u64) -> Result<Option<Told>, TrackerError> {
        let Some(newest) = &self.newest else { return Ok(None) };
        let mut frame = match &self.calibration {
            Some(player) => player.to_model(&spec.skeleton, &newest.devices),
            None => newest.devices.clone(),
        };
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

    /// What the network that was told last is to be asked; `None` until it has seen enough. A network that is
    /// fed frame by frame gets each frame once, so ask for every new one; any other gets the window that
    /// ends at the newest frame.
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

    /// Takes what `network` makes of a [`Question`]. Those of another network are forgotten.
    pub fn estimate(&mut self, network: u64, time: f64, rotations: PerJoint<DQuat>) {
        if std::mem::replace(&mut self.estimated_by, network) != network {
            self.timeline.clear();
        }
        self.timeline.push(time, rotations);
    }

    /// The body at `now`, without corrections, `dt` seconds after the one before; `None` as long as there
    /// is no tracker frame. `skeleton` is the [player's](Self::skeleton).
    pub fn show(&mut self, skeleton: &Skeleton, now: f64, dt: f64) -> Option<PlayerPose> {
        let newest = self.newest.as_ref()?;
        let (trackers, head) = (&newest.joints.poses, &newest.joints.poses[0]);
        let settings = &self.settings;
        let network = self.timeline.show(now);
        let lost_since = newest.head_lost_since;
        let frozen = lost_since.is_some_and(|since| now - since < settings.dropout.freeze);
        let before = self.fade.shown().filter(|_| frozen);
        let (source, time, rotations) = match (before, network) {
            (Some((_, shown)), _) => {
                (PoseSource::Frozen, self.shown.map_or(now, |(time, _)| time), *shown)
            }
            _ if lost_since.is_some() => {
                (PoseSource::Rest, now, rest_under_head(skeleton, head).rotations)
            }
            (None, Some((time, rotations))) => (PoseSource::Estimated, time, rotations),
            (None, None) => (PoseSource::Rest, now, three_point_pose(skeleton, trackers).rotations),
        };
        let blend = match source {
            PoseSource::Rest if lost_since.is_some() => settings.dropout.relax,
            _ => settings.blend,
        };
        let rotations = self.fade.apply((source, self.estimated_by), rotations, dt, blend);
        self.shown = Some((time, now));
        let pose = place_under_head(skeleton, &rotations, head.position);
        Some(PlayerPose { pose, source, time })
    }

    /// Corrects a pose that was [shown](Self::show) `dt` seconds after the one before. Returns whether the
    /// left and the right foot are held to the floor.
    pub fn refine(&mut self, skeleton: &Skeleton, pose: &mut Pose, dt: f64) -> [bool; 2] {
        let Some(newest) = &self.newest else { return [false; 2] };
        self.refiner.set(self.settings.refine);
        self.refiner.apply(&self.settings.dropout, skeleton, pose, &newest.joints.poses, dt)
    }

    /// The refined body at `now`; `None` as long as there is no tracker frame. `skeleton` is the
    /// [player's](Self::skeleton). Call once for each frame that is drawn.
    pub fn pose(&mut self, skeleton: &Skeleton, now: f64) -> Option<PlayerPose> {
        let dt = self.shown.map_or(0.0, |(_, before)| (now - before).max(0.0));
        let mut shown = self.show(skeleton, now, dt)?;
        self.refine(skeleton, &mut shown.pose, dt);
        Some(shown)
    }

    /// Forgets everything but settings and calibration: for another player of the same size, or another
    /// start.
    pub fn reset(&mut self) {
        *self = Self { calibration: self.calibration, ..Self::new(self.settings) };
    }
}

impl Network {
    fn new(id: u64, spec: &ModelSpec) -> Self {
        let (history, feed) = (TrackerHistory::new(spec), FrameFeed::new(spec));
        Self { id, spec: spec.clone(), history, feed }
    }

    /// Another network takes over.
    fn change(&mut self, id: u64, spec: &ModelSpec) {
        self.history.change_model(spec);
        (self.id, self.spec, self.feed) = (id, spec.clone(), FrameFeed::new(spec));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::live::fake;
    use crate::motion::synthetic::walk_and_wave;
    use crate::rotation::geodesic_angle;
    use crate::skeleton::SmplJoint;
    use glam::{DMat3, DVec3};

    const DT: f64 = 1.0 / 60.0;

    /// The trackers of a walk.
    fn walk() -> Vec<TrackerFrame> {
        let skeleton = Skeleton::default();
        let frames = walk_and_wave(&skeleton).resampled(60.0).frames;
        let trackers = |(i, frame)| {
            let joints = skeleton.pose_joints(&Pose::from(frame));
            TrackerFrame::from_joints(TrackerSet::HeadAndHands, i as f64 * DT, &joints)
        };
        frames.iter().enumerate().map(trackers).collect()
    }

    /// Shows every frame of `trackers` with what a network says that answers at once and knows one pose.
    fn play(player: &mut Player, trackers: &[TrackerFrame]) -> Vec<PlayerPose> {
        let spec = fake::spec();
        let show = |frame: &TrackerFrame| {
            player.push(frame, false).unwrap();
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
        trackers.iter().map(show).collect()
    }

    fn head(pose: &Pose) -> DVec3 {
        Skeleton::default().pose_joints(pose).positions[SmplJoint::Head.index()]
    }

    #[test]
    fn a_body_rests_until_the_network_speaks_and_the_head_is_always_exact() {
        let walk = walk();
        let window = fake::spec().window;
        for settings in [PlayerSettings::plain(), PlayerSettings::default()] {
            let mut player = Player::new(settings);
            assert!(player.joints().is_none() && player.pose(&Skeleton::default(), 0.0).is_none());
            for (i, shown) in play(&mut player, &walk[..window + 40]).iter().enumerate() {
                let source = if i < window { PoseSource::Rest } else { PoseSource::Estimated };
                assert_eq!(shown.source, source, "frame {i}");
                assert!(head(&shown.pose).distance(walk[i].poses[0].position) < 1e-6);
                assert_eq!(shown.time, walk[i].time);
            }
            player.reset();
            assert!(player.joints().is_none());
        }
    }

    /// A body without a head stays as it is, rests in the end, and goes on where the head is found.
    #[test]
    fn a_head_that_drops_out_freezes_the_body() {
        let mut walk = walk();
        let (lost, found) = (150, 290);
        let last = walk[lost - 1].poses[0];
        for frame in &mut walk[lost..found] {
            // What a lost device reports does not matter.
            frame.poses[0] = TrackerPose::new(DVec3::NAN, DMat3::ZERO).lost();
        }
        let shown = play(&mut Player::default(), &walk[..found + 60]);
        for (i, shown) in shown.iter().enumerate().skip(lost) {
            let freezes = walk[i].time - walk[lost].time < DropoutSettings::default().freeze;
            let source = match i {
                _ if i >= found => PoseSource::Estimated,
                _ if freezes => PoseSource::Frozen,
                _ => PoseSource::Rest,
            };
            assert_eq!(shown.source, source, "frame {i}");
            if i < found {
                assert!(head(&shown.pose).distance(last.position) < 1e-6, "frame {i}");
            }
        }
    }

    /// Told or not, a player who is elsewhere from one frame to the next does there what was done here.
    #[test]
    fn a_teleport_takes_everything_along() {
        let walk = walk();
        let by = Teleport { turn: 2.0, from: DVec3::X, to: DVec3::new(9.0, -4.0, 0.0) };
        let mut moved = walk.clone();
        for frame in &mut moved[200..] {
            frame.poses.iter_mut().for_each(|pose| pose.teleport(&by));
        }
        // Feet that stand stay where they are, and what the head moves in that frame moves the body.
        let refine = RefineSettings { lock_feet: false, ground: false, ..Default::default() };
        let settings = PlayerSettings { refine, ..PlayerSettings::default() };
        let [here, there] =
            [&walk, &moved].map(|trackers| play(&mut Player::new(settings), &trackers[..260]));
        for (i, (here, there)) in here.iter().zip(&there).enumerate() {
            // The teleport is noticed with what the head moves in that frame: a centimetre, a degree.
            for (a, b) in here.pose.rotations[1..].iter().zip(&there.pose.rotations[1..]) {
                assert!(geodesic_angle(*a, *b) < 0.1, "frame {i}");
            }
        }
    }

    #[test]
    fn what_is_no_frame_changes_nothing_and_another_size_is_another_history() {
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
