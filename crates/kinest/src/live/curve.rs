//! A smooth motion through poses that are far apart in time.

use crate::easing::smoothstep;
use crate::rotation::{exp, log};
use crate::skeleton::Pose;
use glam::DVec3;
use std::collections::VecDeque;

/// Time between poses (s) up to which they determine the acceleration of a motion; the influence of
/// longer intervals decreases.
const CLOSE: f64 = 0.05;

/// The poses around one interval and their time differences in seconds.
struct Around<'a> {
    before: Option<(&'a Pose, f64)>,
    from: &'a Pose,
    to: &'a Pose,
    seconds: f64,
    after: Option<(&'a Pose, f64)>,
}

/// The pose at `time` on a smooth curve through `poses`, which are in order of time; the first before
/// and the last beyond them. `None` without poses.
///
/// Each interval is a cubic (Catmull–Rom, for uneven times) in rotation vectors. The curve ends
/// with the speed of a parabola through the last three poses, if they are close in time.
pub(super) fn pose_at(poses: &VecDeque<(f64, Pose)>, time: f64) -> Option<Pose> {
    let after = poses.partition_point(|(t, _)| *t <= time);
    let (Some(from), Some((t1, to))) = (after.checked_sub(1), poses.get(after)) else {
        return if after == 0 { poses.front() } else { poses.back() }.map(|(_, pose)| *pose);
    };
    let (t0, start) = &poses[from];
    let around = Around {
        before: from.checked_sub(1).map(|i| (&poses[i].1, t0 - poses[i].0)),
        from: start,
        to,
        seconds: t1 - t0,
        after: poses.get(after + 1).map(|(t2, pose)| (pose, t2 - t1)),
    };
    let t = (time - t0) / around.seconds;
    Some(Pose {
        translation: start.translation + around.moved(t, |a, b| b.translation - a.translation),
        rotations: std::array::from_fn(|j| {
            let turn = around.moved(t, |a, b| log(a.rotations[j].conjugate() * b.rotations[j]));
            (start.rotations[j] * exp(turn)).normalize()
        }),
    })
}

impl Around<'_> {
    /// Displacement since the start of the interval at the fraction `t` of its duration. `step` is
    /// the difference between two poses.
    fn moved(&self, t: f64, step: impl Fn(&Pose, &Pose) -> DVec3) -> DVec3 {
        let whole = step(self.from, self.to);
        let speed = whole / self.seconds;
        // Correction of the interval's speed at the middle one of three poses, by a parabola
        // through them.
        let bend = |before: DVec3, after: DVec3, own: f64, other: f64| {
            (after - before) * (own / (own + other))
        };
        let earlier = self.before.map(|(pose, seconds)| (step(pose, self.from) / seconds, seconds));
        let later = self.after.map(|(pose, seconds)| (step(self.to, pose) / seconds, seconds));
        let at_start = earlier
            .map_or(speed, |(before, seconds)| speed - bend(before, speed, self.seconds, seconds));
        let at_end = match (earlier, later) {
            (_, Some((after, seconds))) => speed + bend(speed, after, self.seconds, seconds),
            (Some((before, seconds)), None) => {
                let sure = (CLOSE / self.seconds).min(1.0);
                speed + bend(before, speed, self.seconds, seconds) * sure
            }
            (None, None) => speed,
        };
        let (s, a, b) = (1.0 - t, at_start * self.seconds, at_end * self.seconds);
        whole * smoothstep(t) + a * (t * s * s) - b * (t * t * s)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rotation::geodesic_angle;
    use crate::skeleton::SmplJoint;
    use glam::DQuat;

    const KNEE: usize = SmplJoint::LeftKnee.index();

    /// Accelerates along x and in the knee.
    fn body(time: f64) -> Pose {
        let mut pose = Pose::rest();
        pose.translation.x = time * time;
        pose.rotations[KNEE] = DQuat::from_rotation_x(0.5 * time * time);
        pose
    }

    #[test]
    fn a_parabola_is_met_everywhere_at_any_times() {
        let poses: VecDeque<_> =
            [0.0, 0.03, 0.07, 0.11, 0.16].map(|time| (time, body(time))).into();
        for i in 0..=160 {
            let time = 1e-3 * f64::from(i);
            let (found, right) = (pose_at(&poses, time).unwrap(), body(time));
            // In the first interval the speed at the start is not known.
            let most = if time < 0.03 { 3e-4 } else { 1e-9 };
            let off = (found.translation.x - right.translation.x).abs();
            assert!(off < most, "{time}: {off}");
            let off = geodesic_angle(found.rotations[KNEE], right.rotations[KNEE]);
            assert!(off < most, "{time}: {off}");
        }
        assert_eq!(pose_at(&poses, -1.0), Some(body(0.0)));
        assert_eq!(pose_at(&poses, 9.0), Some(body(0.16)));
        assert_eq!(pose_at(&VecDeque::new(), 0.0), None);
    }

    #[test]
    fn the_curve_has_no_corners() {
        let poses: VecDeque<_> = (0..20)
            .map(|i| 0.1 * f64::from(i))
            .map(|time| {
                let x = (3.0 * time).sin();
                (time, Pose { translation: DVec3::X * x, ..Pose::rest() })
            })
            .collect();
        let speed = |time: f64| {
            let x = |time| pose_at(&poses, time).unwrap().translation.x;
            (x(time + 1e-4) - x(time - 1e-4)) / 2e-4
        };
        for i in 2..18 {
            let time = 0.1 * f64::from(i);
            let corner = (speed(time + 2e-4) - speed(time - 2e-4)).abs();
            assert!(corner < 0.02, "{time}: {corner} m/s");
        }
    }
}
