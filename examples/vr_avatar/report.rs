//! Compares the body with the player's devices, frame by frame.

use bevy::prelude::*;
use bevy::transform::TransformSystems;
use bevy_kinest::prelude::*;
use bevy_kinest::xr::bevy_mod_openxr::poll_events::{OxrEventHandlerExt, OxrEventIn};
use bevy_kinest::xr::bevy_mod_xr::camera::XrCamera;
use bevy_kinest::xr::openxr::{Event, SessionState};
use bevy_kinest::xr::{OpenXrDevice, OpenXrPoses};
use std::fmt;
use std::time::Instant;

/// Distance up to which two points count as equal, metres.
const NEAR: f64 = 1e-3;

/// Mean and maximum of some distances, metres, and the number of near ones.
#[derive(Default)]
struct Off {
    sum: f64,
    most: f64,
    count: u32,
    near: u32,
}

impl Off {
    fn add(&mut self, metres: f32) {
        let metres = f64::from(metres);
        self.sum += metres;
        self.most = self.most.max(metres);
        self.count += 1;
        self.near += u32::from(metres < NEAR);
    }
}

impl fmt::Display for Off {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let mean = self.sum / f64::from(self.count.max(1));
        let (mean, most) = (1e3 * mean, 1e3 * self.most);
        write!(f, "mean {mean:.3} mm, most {most:.3} mm, {} of {} near", self.near, self.count)
    }
}

/// Counts since the session began.
#[derive(Resource, Default)]
pub struct Report {
    /// Time of the first frame with three trackers.
    pub since: Option<Instant>,
    focused: bool,
    frames: u32,
    valid: u32,
    estimated: u32,
    head: Off,
    wrists: Off,
    /// Frames with hand tracking.
    bare: u32,
    cameras: Off,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let seconds = self.since.map_or(0.0, |since| since.elapsed().as_secs_f32());
        let rate = self.frames as f32 / seconds.max(f32::EPSILON);
        let state = if self.focused { "FOCUSED" } else { "never focused" };
        writeln!(f, "session: {state}")?;
        writeln!(f, "frames: {}, {rate:.1} per second", self.frames)?;
        writeln!(f, "three trackers valid: {} frames", self.valid)?;
        writeln!(f, "pose from the network: {} frames", self.estimated)?;
        writeln!(f, "head joint from headset: {}", self.head)?;
        writeln!(f, "wrist joints from hands: {}", self.wrists)?;
        writeln!(f, "bare hands: {}", self.bare)?;
        write!(f, "cameras from headset: {}", self.cameras)
    }
}

pub fn plugin(app: &mut App) {
    app.init_resource::<Report>()
        .add_oxr_event_handler(heed)
        .add_systems(PostUpdate, watch.after(TransformSystems::Propagate));
}

fn heed(event: OxrEventIn, mut report: ResMut<Report>) {
    if let Event::SessionStateChanged(change) = *event {
        report.focused |= change.state() == SessionState::FOCUSED;
    }
}

fn watch(
    mut report: ResMut<Report>,
    poses: Res<OpenXrPoses>,
    bodies: Query<&BodyPose, With<KinestAvatar>>,
    trackers: Query<(&SparseTracker, &TrackingState, &GlobalTransform, &OpenXrDevice)>,
    cameras: Query<&GlobalTransform, With<XrCamera>>,
) {
    let Ok(body) = bodies.single() else { return };
    if !poses.running {
        return;
    }
    report.frames += 1;
    if trackers.iter().filter(|(_, state, ..)| state.tracked).count() < 3 {
        return;
    }
    report.valid += 1;
    report.since.get_or_insert_with(Instant::now);
    report.estimated += u32::from(body.source() == PoseSource::Estimated);
    for (tracker, _, place, device) in &trackers {
        report.bare += u32::from(*device == OpenXrDevice::BareHand);
        let worn = place.transform_point(tracker.device_from_joint.translation);
        let off = body.joint_transform(tracker.role.joint()).translation.distance(worn);
        match tracker.role {
            TrackerRole::Head => report.head.add(off),
            TrackerRole::LeftHand | TrackerRole::RightHand => report.wrists.add(off),
            _ => {}
        }
    }
    // Midpoint of the eyes. bevy_mod_openxr locates its views slightly later in the frame.
    let eyes: Vec<Vec3> = cameras.iter().map(GlobalTransform::translation).collect();
    if let ([left, right], Some(view)) = (&eyes[..], poses.view.pose) {
        report.cameras.add(left.midpoint(*right).distance(view.translation.into()));
    }
}
