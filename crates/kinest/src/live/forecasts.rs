//! Forecasts of one player's body, ahead of its estimates and through dropouts.

use crate::forecast::{BodyForecaster, ForecastPose, PoseHistory};
use crate::skeleton::{PerJoint, Pose, Skeleton, SmplJoint};
use crate::tracker::{Teleport, TrackerPose, TrackerSet};
use glam::DVec3;
use serde::{Deserialize, Serialize};
use std::time::{Duration, Instant};

/// Maximum change of the shown lead, seconds per second: a body moves at most this much faster or
/// slower while it changes.
const LEAD_RATE: f64 = 0.3;

/// Greatest speed at which a lost hand is carried beyond its forecast, m/s.
const CARRY_SPEED: f64 = 3.0;

const HEAD: usize = SmplJoint::Head.index();

/// How far ahead of its estimate a body is shown.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub enum Ahead {
    /// By this duration.
    By(Duration),
    /// By the age of the estimate: the body is shown at the present time.
    Age,
}

impl Default for Ahead {
    /// No lead.
    fn default() -> Self {
        Self::By(Duration::ZERO)
    }
}

impl Ahead {
    /// The lead over an estimate that is `age` seconds old, seconds.
    #[must_use]
    pub fn seconds(self, age: f64) -> f64 {
        match self {
            Self::By(time) => time.as_secs_f64(),
            // A NaN becomes 0.
            Self::Age => age.max(0.0),
        }
    }
}

/// Uses of the forecasts of a player's body.
///
/// Measured on the first 8 s of the 26 CMU test clips on a flat floor that last 3 s, estimated online by
/// the shipped model `kinest_stream`, with damped velocity and all corrections
/// (`KINEST_CLIPS=FOLDER cargo test -p bevy_kinest --test forecasts -- --ignored --nocapture`).
///
/// Hands are lost about once per second and the head a quarter as often, for half a second on
/// average. Errors are means over all frames with a dropout. Jumps are the greatest excess over the
/// motion without dropouts, in one frame of 1/60 s, of a joint of trunk and head, an elbow, a knee
/// and a foot. The last column counts the frames, of 8,476, in which the excess of any joint is
/// more than 10 cm:
///
/// | forecast | lost hand | lost head | legs | trunk | jumps: trunk, elbow, knee, foot | frames |
/// |---|---|---|---|---|---|---|
/// | *hands are lost:* nothing | 205 mm | | 223 mm | 70 mm | 6.9, 9.5, 8.2, 12.9 cm | 1 |
/// | `hands` for 0.1 s | 167 mm | | 223 mm | 70 mm | 5.9, 8.4, 8.2, 12.9 cm | 1 |
/// | `hands` for 0.25 s | 156 mm | | 223 mm | 70 mm | 7.0, 16.8, 8.2, 12.9 cm | 4 |
/// | `hands` for 0.5 s | 158 mm | | 223 mm | 70 mm | 6.4, 11.9, 8.2, 12.9 cm | 4 |
/// | `body` for 0.1 s | 209 mm | | 226 mm | 70 mm | 6.9, 9.5, 11.0, 12.6 cm | 2 |
/// | `body` for 0.25 s | 206 mm | | 234 mm | 72 mm | 6.9, 9.5, 8.3, 12.6 cm | 1 |
/// | *the head is lost:* nothing | | 172 mm | 290 mm | 181 mm | 7.8, 16.8, 10.1, 17.0 cm | 25 |
/// | `head` for 0.033 s | | 158 mm | 285 mm | 170 mm | 7.0, 12.7, 8.6, 17.0 cm | 22 |
/// | `head` for 0.067 s | | 145 mm | 274 mm | 159 mm | 7.5, 10.3, 8.7, 17.3 cm | 20 |
/// | `head` for 0.1 s | | 141 mm | 272 mm | 155 mm | 7.6, 10.3, 8.8, 17.4 cm | 22 |
/// | `head` for 0.25 s | | 132 mm | 271 mm | 146 mm | 8.2, 10.2, 11.6, 18.2 cm | 26 |
/// | `head` for 0.5 s | | 130 mm | 275 mm | 144 mm | 8.5, 10.2, 11.5, 18.7 cm | 29 |
/// | *any is lost:* nothing | 222 mm | 172 mm | 252 mm | 113 mm | 8.7, 24.7, 8.8, 17.0 cm | 17 |
/// | the defaults | 183 mm | 158 mm | 249 mm | 109 mm | 8.7, 10.0, 8.3, 17.0 cm | 15 |
///
/// By default lost hands are therefore forecast for 0.1 s and lost heads for 0.033 s: errors are
/// lower, and no jump is larger than without forecasts. Longer forecasts of the head lower the
/// errors further, but when the head returns, feet jump by up to 2 cm more. Legs and trunk are not
/// forecast, because the network estimates them better from the remaining trackers.
///
/// Showing the body ahead of late estimates lowers the errors of elbows and, less, of legs, and
/// doubles the jitter (mean third derivative, 10² m/s³; 2.7 in the clips), so it is off by default:
///
/// | estimates late by | ahead | legs | trunk | elbows | jitter |
/// |---|---|---|---|---|---|
/// | 33 ms | – | 198 mm | 55 mm | 37 mm | 3.6 |
/// | | [`Ahead::Age`] | 192 mm | 55 mm | 36 mm | 5.0 |
/// | 67 ms | – | 203 mm | 56 mm | 39 mm | 3.6 |
/// | | [`Ahead::Age`] | 196 mm | 55 mm | 36 mm | 6.4 |
/// | 133 ms | – | 208 mm | 59 mm | 44 mm | 3.8 |
/// | | [`Ahead::Age`] | 200 mm | 57 mm | 39 mm | 9.6 |
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ForecastSettings {
    /// How far ahead of its estimate the body is shown. Head and hands stay at their trackers.
    pub ahead: Ahead,
    /// Time for which a lost hand follows the forecast. Then it is held, or relaxes into
    /// the estimate, as [`DropoutSettings`](crate::refine::DropoutSettings) says.
    pub hands: Duration,
    /// Time for which a body without a head follows the forecast. Then it freezes.
    pub head: Duration,
    /// Time for which legs and trunk follow the forecast when a hand is lost. Then they fade into the
    /// estimate.
    pub body: Duration,
}

impl Default for ForecastSettings {
    fn default() -> Self {
        let (hands, head) = (Duration::from_millis(100), Duration::from_millis(33));
        Self { ahead: Ahead::default(), hands, head, body: Duration::ZERO }
    }
}

/// The forecasts of one player and their histories.
#[derive(Clone, Debug)]
pub(super) struct Forecasts {
    /// Bodies as estimated, before corrections.
    estimated: PoseHistory,
    /// Bodies as shown.
    shown: PoseHistory,
    /// Both histories before the current dropouts, and the time of their newest pose.
    before: [PoseHistory; 2],
    left_at: Option<f64>,
    /// The body in the newest frame.
    skeleton: Skeleton,
    /// Start of each tracker's dropout.
    lost_since: [Option<f64>; 3],
    /// Trackers that were lost together with the head: they moved with its forecast, and are held
    /// when the head returns.
    gone: [bool; 3],
    /// Position of a lost head at the end of its forecast.
    head: Option<DVec3>,
    /// Offset of lost hands from their forecast, as they follow the tracked head, and its time.
    carried: DVec3,
    started: Option<f64>,
    /// Forecast joints of lost trackers.
    joints: [Option<TrackerPose>; 3],
    lead: f64,
    confidence: PerJoint<f32>,
    cost: Duration,
}

impl Forecasts {
    /// Forecasts by `forecaster` for a player that has not been shown yet.
    pub fn new(forecaster: &BodyForecaster) -> Self {
        Self {
            estimated: forecaster.history(),
            shown: forecaster.history(),
            before: [forecaster.history(), forecaster.history()],
            left_at: None,
            skeleton: Skeleton::default(),
            lost_since: [None; 3],
            gone: [false; 3],
            head: None,
            carried: DVec3::ZERO,
            started: None,
            joints: [None; 3],
            lead: 0.0,
            confidence: [1.0; SmplJoint::COUNT],
            cost: Duration::ZERO,
        }
    }

    /// Whether the histories are as long as `forecaster` needs.
    pub fn serve(&self, forecaster: &BodyForecaster) -> bool {
        forecaster.reads(&self.shown)
    }

    /// Starts a frame with `trackers` (head, left hand, right hand). Returns the forecast made
    /// before the current dropouts, while the body follows it.
    pub fn start(
        &mut self,
        forecaster: &mut BodyForecaster,
        settings: &ForecastSettings,
        skeleton: &Skeleton,
        trackers: &[TrackerPose],
        now: f64,
    ) -> Option<Pose> {
        (self.confidence, self.cost) = ([1.0; SmplJoint::COUNT], Duration::ZERO);
        self.joints = [None; 3];
        let passed = (now - self.started.replace(now).unwrap_or(now)).max(0.0);
        self.skeleton.clone_from(skeleton);
        let mut more = false;
        for (since, tracker) in self.lost_since.iter_mut().zip(trackers) {
            more |= !tracker.tracked && since.is_none();
            *since = if tracker.tracked { None } else { since.or(Some(now)) };
        }
        let seen = self.lost_since[0].is_none();
        if seen {
            self.head = None;
        }
        for (gone, since) in self.gone.iter_mut().zip(&self.lost_since) {
            *gone = since.is_some() && (*gone || !seen);
        }
        if more {
            self.leave();
        }
        let past = now - self.left_at.filter(|_| self.lost_since != [None; 3])?;
        let lost = |k: usize, time: Duration| {
            let followed = 0.0..time.as_secs_f64();
            self.lost_since[k].is_some_and(|since| followed.contains(&(now - since)))
        };
        let headless = lost(0, settings.head);
        let follows = [1, 2].map(|k| headless || !self.gone[k] && lost(k, settings.hands));
        let follows = [headless, follows[0], follows[1]];
        let body = headless || [1, 2].iter().any(|k| !self.gone[*k] && lost(*k, settings.body));
        if follows.contains(&true)
            && let Some(forecast) = self.timed(|it| forecaster.forecast(&it.before[1], past))
        {
            let joints = skeleton.pose_joints(&forecast.pose);
            // A lost hand is carried with the tracked head, but not when a lost head returns.
            if seen {
                let needed = trackers[0].position - joints.positions[HEAD];
                self.carried += (needed - self.carried).clamp_length_max(CARRY_SPEED * passed);
            }
            for (k, role) in TrackerSet::HeadAndHands.roles().iter().enumerate() {
                let j = role.joint().index();
                if follows[k] {
                    self.confidence[j] = forecast.confidence[j];
                    let position = joints.positions[j] + self.carried;
                    self.joints[k] = Some(TrackerPose::new(position, joints.rotations[j]));
                }
            }
        }
        let forecast =
            body.then(|| self.timed(|it| forecaster.forecast(&it.before[0], past)))??;
        if headless {
            self.head = Some(skeleton.pose_joints(&forecast.pose).positions[HEAD]);
        }
        self.doubt(&forecast.confidence);
        Some(forecast.pose)
    }

    /// Saves the histories before a dropout that starts now.
    fn leave(&mut self) {
        self.carried = DVec3::ZERO;
        self.left_at = self.shown.newest().map(|(time, _)| time);
        for (before, now) in self.before.iter_mut().zip([&mut self.estimated, &mut self.shown]) {
            // No allocation: the two are swapped, and one is rewritten.
            std::mem::swap(before, now);
            now.clear();
            let Some((newest, _)) = before.newest() else { continue };
            let steps = before.frames() - 1;
            for (i, pose) in before.grid().enumerate() {
                now.push(newest - (steps - i) as f64 / before.rate_hz(), &pose);
            }
        }
    }

    /// Assumed position of a lost head while its dropout is bridged.
    pub fn head(&self) -> Option<DVec3> {
        self.head
    }

    /// Forecast poses of lost trackers' joints (head, left hand, right hand) in this frame; `None`
    /// for joints that do not follow the forecast.
    pub fn joints(&self) -> &[Option<TrackerPose>; 3] {
        &self.joints
    }

    /// Adds an estimated body. Returns the body to show instead, ahead by a lead that approaches
    /// `wanted` (s), or keeps its value.
    pub fn lead(
        &mut self,
        forecaster: &mut BodyForecaster,
        now: f64,
        pose: &Pose,
        wanted: Option<f64>,
        dt: f64,
    ) -> Option<Pose> {
        self.estimated.push(now, pose);
        let most = LEAD_RATE * dt.max(0.0);
        self.lead += wanted.map_or(0.0, |wanted| (wanted - self.lead).clamp(-most, most));
        if self.lead <= 0.0 {
            return None;
        }
        let forecast = self.timed(|it| forecaster.forecast(&it.estimated, it.lead))?;
        self.doubt(&forecast.confidence);
        Some(forecast.pose)
    }

    /// Lowers the confidence of this frame to that of one more forecast.
    fn doubt(&mut self, confidence: &PerJoint<f32>) {
        for (sure, forecast) in self.confidence.iter_mut().zip(confidence) {
            *sure = sure.min(*forecast);
        }
    }

    /// Adds a shown body.
    pub fn show(&mut self, now: f64, pose: &Pose) {
        self.shown.push(now, pose);
    }

    /// The body `ahead` seconds after the one shown last.
    pub fn forecast(
        &mut self,
        forecaster: &mut BodyForecaster,
        ahead: f64,
    ) -> Option<ForecastPose> {
        self.timed(|it| forecaster.forecast(&it.shown, ahead))
    }

    /// Shown lead (s), confidence of each forecast joint, and time spent on this frame's forecasts.
    pub fn state(&self) -> ForecastState {
        ForecastState { ahead: self.lead, confidence: self.confidence, cost: self.cost }
    }

    /// Follows a teleport.
    pub fn teleport(&mut self, by: &Teleport) {
        let [estimated, shown] = &mut self.before;
        for history in [&mut self.estimated, &mut self.shown, estimated, shown] {
            history.teleport(by, &self.skeleton);
        }
        self.head = self.head.map(|head| by.point(head));
        self.carried = by.rotation() * self.carried;
    }

    /// Adds the duration of `work` to the cost of this frame.
    fn timed<T>(&mut self, work: impl FnOnce(&Self) -> T) -> T {
        let start = Instant::now();
        let done = work(self);
        self.cost += start.elapsed();
        done
    }
}

/// State of a player's forecasts in the last shown frame.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ForecastState {
    /// Lead of the shown body over its estimate, seconds.
    pub ahead: f64,
    /// Confidence in each forecast joint, 0 to 1; 1 for joints that are not forecast.
    pub confidence: PerJoint<f32>,
    /// Time that the forecasts took.
    pub cost: Duration,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::forecast::Extrapolation;
    use crate::live::{Player, PlayerPose, PlayerSettings, PoseSource};
    use crate::motion::MotionClip;
    use crate::motion::synthetic::{self, Kind};
    use crate::refine::DropoutSettings;
    use crate::tracker::TrackerFrame;
    use glam::DMat3;

    const DT: f64 = 1.0 / 60.0;

    fn clip(kind: Kind) -> MotionClip {
        synthetic::clip(kind, 3, 8.0, 60.0, &Skeleton::default())
    }

    /// Plays a clip. Estimates are true and `late` seconds old; `lost` tells which trackers are lost
    /// in a frame.
    fn play(
        clip: &MotionClip,
        forecast: Option<ForecastSettings>,
        late: f64,
        lost: impl Fn(usize) -> [bool; 3],
    ) -> Vec<(Pose, PlayerPose)> {
        let skeleton = Skeleton::default();
        let mut player = Player::new(PlayerSettings { forecast, ..PlayerSettings::default() });
        let show = |i: usize| {
            let now = i as f64 * DT;
            let truth = clip.pose_at(now);
            let joints = skeleton.pose_joints(&truth);
            let mut frame = TrackerFrame::from_joints(TrackerSet::HeadAndHands, now, &joints);
            for (pose, lost) in frame.poses.iter_mut().zip(lost(i)) {
                if lost {
                    *pose = TrackerPose::new(DVec3::NAN, DMat3::ZERO).lost();
                }
            }
            player.push(&frame, false).unwrap();
            if now >= late {
                player.estimate(1, now - late, clip.pose_at(now - late).rotations);
            }
            (truth, player.pose(&skeleton, now).unwrap())
        };
        (0..clip.frames.len()).map(show).collect()
    }

    fn positions(pose: &Pose) -> PerJoint<DVec3> {
        Skeleton::default().pose_joints(pose).positions
    }

    fn mean_error(shown: &[(Pose, PlayerPose)], joints: &[SmplJoint]) -> f64 {
        let errors = shown.iter().flat_map(|(truth, shown)| {
            let (a, b) = (positions(truth), positions(&shown.pose));
            joints.iter().map(move |j| a[j.index()].distance(b[j.index()]))
        });
        errors.sum::<f64>() / (shown.len() * joints.len()) as f64
    }

    const NEVER: fn(usize) -> [bool; 3] = |_| [false; 3];

    fn settings(ahead: Ahead) -> Option<ForecastSettings> {
        Some(ForecastSettings { ahead, ..ForecastSettings::default() })
    }

    /// Knees and elbows that are 100 ms late are nearer to the truth when shown ahead by as much;
    /// head and hands are exact either way.
    #[test]
    fn a_body_shown_ahead_of_late_estimates_is_nearer_to_the_truth() {
        let late = 0.1;
        let joints = [SmplJoint::LeftKnee, SmplJoint::RightAnkle, SmplJoint::LeftElbow];
        let walk = clip(Kind::Walk);
        let errors = [None, settings(Ahead::Age), settings(Ahead::By(Duration::from_millis(100)))]
            .map(|forecast| {
                let shown = play(&walk, forecast, late, NEVER);
                for (truth, shown) in &shown {
                    let [a, b] = [truth, &shown.pose].map(positions);
                    for joint in [SmplJoint::Head, SmplJoint::LeftWrist, SmplJoint::RightWrist] {
                        let off = a[joint.index()].distance(b[joint.index()]);
                        assert!(off < 1e-6, "{joint:?} {off}");
                    }
                }
                mean_error(&shown[120..], &joints)
            });
        println!("mean error {errors:.4?} m");
        assert!(errors[1] < 0.8 * errors[0] && errors[2] < 0.8 * errors[0], "{errors:?}");
    }

    /// With no use for forecasts, every pose is the same to the last bit.
    #[test]
    fn without_a_lead_and_dropouts_nothing_changes() {
        let walk = clip(Kind::Walk);
        let plain = play(&walk, None, 0.05, NEVER);
        let forecast = play(&walk, settings(Ahead::default()), 0.05, NEVER);
        assert_eq!(plain, forecast);
    }

    /// A hand that is lost while it moves follows the forecast, and so does the body without a
    /// head. Neither jumps, and both end where they end without forecasts.
    #[test]
    fn a_lost_tracker_follows_the_forecast_and_returns_without_a_jump() {
        let time = Duration::from_millis(250);
        let quarter = ForecastSettings { hands: time, head: time, ..ForecastSettings::default() };
        for (k, joint, kind, part) in
            [(0, SmplJoint::Head, Kind::Walk, 0.5), (1, SmplJoint::LeftWrist, Kind::Punch, 0.95)]
        {
            let clip = clip(kind);
            let own = (1..clip.frames.len()).map(|i| {
                let [a, b] = [i - 1, i].map(|i| positions(&(&clip.frames[i]).into()));
                a.iter().zip(&b).map(|(a, b)| a.distance(*b)).fold(0.0, f64::max)
            });
            let own = own.fold(0.0, f64::max);
            let most = own + DropoutSettings::default().return_speed * DT + 0.02;
            // For 0.2 s in every second.
            let lost = |i: usize| std::array::from_fn(|t| t == k && i >= 60 && i % 60 < 12);
            let [held, followed] = [None, Some(quarter)].map(|f| play(&clip, f, 0.0, lost));
            let dropouts = |shown: &[(Pose, PlayerPose)]| -> Vec<(Pose, PlayerPose)> {
                let all = shown.iter().enumerate().filter(|(i, _)| lost(*i)[k]);
                all.map(|(_, shown)| *shown).collect()
            };
            let errors = [&held, &followed].map(|shown| mean_error(&dropouts(shown), &[joint]));
            println!("{joint:?}: held {:.4} m, followed {:.4} m", errors[0], errors[1]);
            assert!(errors[1] < part * errors[0], "{joint:?}: {errors:?}");
            for (i, pair) in followed.windows(2).enumerate() {
                let [a, b] = [&pair[0].1.pose, &pair[1].1.pose].map(positions);
                let moved = a.iter().zip(&b).map(|(a, b)| a.distance(*b)).fold(0.0, f64::max);
                assert!(moved < most, "{joint:?} lost, frame {i}: {moved} of {most} m");
            }
            for (i, ((_, held), (_, followed))) in held.iter().zip(&followed).enumerate() {
                // A head that returns is accepted from its second frame.
                let away = k == 0 && (lost(i)[0] || i > 0 && lost(i - 1)[0]);
                let source = if away { PoseSource::Forecast } else { held.source };
                assert_eq!(followed.source, source, "frame {i}");
            }
        }
    }

    /// After its forecast a lost head freezes at its last forecast position.
    #[test]
    fn a_long_dropout_ends_as_it_does_without_forecasts() {
        let walk = clip(Kind::Walk);
        let lost = |i: usize| [i >= 120, false, false];
        let head = Duration::from_millis(100);
        let settings = ForecastSettings { head, ..ForecastSettings::default() };
        let shown = play(&walk, Some(settings), 0.0, lost);
        let head = |i: usize| positions(&shown[i].1.pose)[HEAD];
        assert!(head(140).distance(head(119)) > 0.05, "it goes on");
        assert_eq!(shown[125].1.source, PoseSource::Forecast);
        assert_eq!(shown[150].1.source, PoseSource::Frozen);
        assert_eq!(shown[400].1.source, PoseSource::RestPose);
        assert!(head(150).distance(head(170)) < 1e-6, "it stands");
    }

    #[test]
    fn a_lead_changes_gently_and_a_teleport_moves_all_forecasts() {
        let forecaster = &mut BodyForecaster::new(Extrapolation::default());
        let skeleton = Skeleton::default();
        let mut forecasts = Forecasts::new(forecaster);
        let walk = |time: f64| Pose { translation: DVec3::X * time, ..Pose::rest() };
        let tracked = TrackerPose::new(DVec3::ZERO, DMat3::IDENTITY);
        for i in 0..60 {
            let now = f64::from(i) * DT;
            let settings = ForecastSettings::default();
            forecasts.start(forecaster, &settings, &skeleton, &[tracked; 3], now);
            let before = forecasts.state().ahead;
            forecasts.lead(forecaster, now, &walk(now), Some(0.1), DT);
            forecasts.show(now, &walk(now));
            let change = forecasts.state().ahead - before;
            assert!((0.0..=LEAD_RATE * DT + 1e-12).contains(&change), "frame {i}: {change}");
        }
        assert!((forecasts.state().ahead - 0.1).abs() < 1e-12);
        assert!(forecasts.state().confidence.iter().all(|sure| (0.0..=1.0).contains(sure)));
        let here = forecasts.forecast(forecaster, 0.2).unwrap().pose;
        let by = Teleport { turn: 1.0, from: DVec3::ZERO, to: DVec3::new(5.0, -3.0, 0.0) };
        forecasts.teleport(&by);
        let there = forecasts.forecast(forecaster, 0.2).unwrap().pose;
        assert!(there.translation.distance(by.point(here.translation)) < 1e-9);
    }
}
