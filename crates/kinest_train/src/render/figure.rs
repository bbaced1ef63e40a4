//! A body as a stick figure, and its projection.

use super::canvas::Canvas;
use embedded_graphics::pixelcolor::Rgb888;
use embedded_graphics::prelude::RgbColor;
use glam::{DVec2, DVec3};
use kinest::skeleton::{JointTransforms, SmplJoint};

/// Colour of the left side of the body.
pub const LEFT: Rgb888 = Rgb888::new(0xE0, 0x6C, 0x10);
/// Colour of the right side of the body.
pub const RIGHT: Rgb888 = Rgb888::new(0x1F, 0x63, 0xC8);
const MIDDLE: Rgb888 = Rgb888::new(0x50, 0x50, 0x55);
const FLOOR: Rgb888 = Rgb888::new(0xDC, 0xDC, 0xE0);

/// Direction of the view: rotated from straight ahead to the person's left, and upwards, radians.
const TO_THE_LEFT: f64 = 0.65;
const ABOVE: f64 = 0.22;

/// Thickness of a limb; radius of the head; lengths of the nose, from the head's centre, and of a
/// hand; metres.
const LIMB: f64 = 0.045;
const HEAD: f64 = 0.1;
const NOSE: f64 = 0.15;
const HAND: f64 = 0.1;

/// Spacing of the grid on the floor, and its extent around the body, metres.
const FLOOR_STEP: f64 = 0.5;
const FLOOR_REACH: f64 = 1.25;

/// Parallel projection of AMASS space onto a picture.
#[derive(Clone, Copy, Debug)]
pub struct View {
    right: DVec3,
    up: DVec3,
    towards: DVec3,
}

impl View {
    /// A view from the front left, slightly from above, for a person with this heading, radians.
    #[must_use]
    pub fn front_left(heading: f64) -> Self {
        // At heading 0 a person faces −y and the left side is at +x.
        let (sin, cos) = (heading + TO_THE_LEFT).sin_cos();
        let (ahead, right) = (DVec3::new(sin, -cos, 0.0), DVec3::new(cos, sin, 0.0));
        let towards = ahead * ABOVE.cos() + DVec3::Z * ABOVE.sin();
        Self { right, up: towards.cross(right), towards }
    }

    /// Projects to metres right and **down** in the picture.
    #[must_use]
    pub fn project(&self, point: DVec3) -> DVec2 {
        DVec2::new(point.dot(self.right), -point.dot(self.up))
    }
}

/// A view at a scale and place.
#[derive(Clone, Copy, Debug)]
pub struct Lens {
    /// Direction of projection.
    pub view: View,
    /// World point shown at [`Self::pixel`], metres.
    pub centre: DVec3,
    /// Pixel of the centre.
    pub pixel: DVec2,
    /// Pixels per metre.
    pub scale: f64,
}

impl Lens {
    fn pixel_of(&self, point: DVec3) -> DVec2 {
        self.pixel + self.view.project(point - self.centre) * self.scale
    }

    /// Draws the floor around the centre as a grid that is fixed in the world.
    pub fn draw_floor(&self, canvas: &mut Canvas) {
        for (axis, other) in [(DVec3::X, DVec3::Y), (DVec3::Y, DVec3::X)] {
            let (middle, across) = (self.centre.dot(axis), other * self.centre.dot(other));
            let first = ((middle - FLOOR_REACH) / FLOOR_STEP).ceil() as i64;
            let last = ((middle + FLOOR_REACH) / FLOOR_STEP).floor() as i64;
            for line in first..=last {
                let on = axis * (line as f64 * FLOOR_STEP) + across;
                let [from, to] = [-1.0, 1.0].map(|s| self.pixel_of(on + other * FLOOR_REACH * s));
                canvas.line(from, to, 1.0, FLOOR);
            }
        }
    }

    /// Draws a stick figure. `shade` mixes its colours with white (up to 1) or black (down to −1).
    pub fn draw_body(&self, canvas: &mut Canvas, body: &JointTransforms, shade: f64) {
        let mut sticks = sticks(body);
        let depth = |stick: &Stick| (stick.from + stick.to).dot(self.view.towards);
        sticks.sort_by(|a, b| depth(a).total_cmp(&depth(b)));
        for Stick { from, to, width, color } in sticks {
            let [from, to] = [from, to].map(|p| self.pixel_of(p));
            canvas.line(from, to, (width * self.scale).max(1.5), shaded(color, shade));
        }
    }
}

/// World points that must be inside a picture of the body.
pub fn extent(body: &JointTransforms) -> impl Iterator<Item = DVec3> {
    sticks(body).into_iter().flat_map(|s| {
        let room = DVec3::splat(s.width / 2.0);
        [s.from - room, s.from + room, s.to - room, s.to + room]
    })
}

struct Stick {
    from: DVec3,
    to: DVec3,
    width: f64,
    color: Rgb888,
}

fn color(joint: SmplJoint) -> Rgb888 {
    match joint.name().as_bytes() {
        [b'L', b'_', ..] => LEFT,
        [b'R', b'_', ..] => RIGHT,
        _ => MIDDLE,
    }
}

/// The bones in the colour of their side, a nose that shows where the head faces, and hands that
/// show how they are turned.
fn sticks(body: &JointTransforms) -> Vec<Stick> {
    let at = |joint: SmplJoint| body.positions[joint.index()];
    let turned = |joint: SmplJoint, axis: DVec3| body.rotations[joint.index()] * axis;
    let bones = SmplJoint::ALL.into_iter().filter_map(|joint| {
        let from = at(joint.parent()?);
        Some(Stick { from, to: at(joint), width: LIMB, color: color(joint) })
    });
    // In the rest pose the left arm points to +x, the right to −x, and the head looks along z.
    let hands = [(SmplJoint::LeftWrist, DVec3::X), (SmplJoint::RightWrist, DVec3::NEG_X)];
    let hands = hands.map(|(wrist, axis)| Stick {
        from: at(wrist),
        to: at(wrist) + turned(wrist, axis) * HAND,
        width: LIMB,
        color: color(wrist),
    });
    let middle = at(SmplJoint::Head) + turned(SmplJoint::Head, DVec3::Y) * HEAD;
    let nose = middle + turned(SmplJoint::Head, DVec3::Z) * NOSE;
    let head = Stick { from: middle, to: middle, width: 2.0 * HEAD, color: MIDDLE };
    let nose = Stick { from: middle, to: nose, width: LIMB, color: MIDDLE };
    bones.chain(hands).chain([head, nose]).collect()
}

fn shaded(color: Rgb888, shade: f64) -> Rgb888 {
    let target = if shade > 0.0 { 255.0 } else { 0.0 };
    let mix = |v: u8| (f64::from(v) + (target - f64::from(v)) * shade.abs()).round() as u8;
    Rgb888::new(mix(color.r()), mix(color.g()), mix(color.b()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use kinest::skeleton::{Pose, Skeleton};

    /// A person who faces the viewer has the left hand on the viewer's right, and the head at the
    /// top.
    #[test]
    fn a_person_is_seen_from_the_front_left_at_any_heading() {
        for heading in [0.0, 1.0, -2.5] {
            let mut pose = Pose::rest();
            pose.rotations[0] = glam::DQuat::from_rotation_z(heading) * pose.rotations[0];
            let body = Skeleton::default().pose_joints(&pose);
            let view = View::front_left(heading);
            let seen = |joint: SmplJoint| view.project(body.positions[joint.index()]);
            let [left, right] = [SmplJoint::LeftWrist, SmplJoint::RightWrist].map(seen);
            assert!(left.x > 0.4 && right.x < -0.4, "{heading}: {left} {right}");
            assert!(seen(SmplJoint::Head).y < seen(SmplJoint::LeftFoot).y - 1.0);
            // A person who faces the viewer, seen from the person's left, looks to the viewer's
            // left.
            let nose = view.project(body.rotations[15] * DVec3::Z);
            assert!(nose.x < -0.3 && nose.y > 0.0, "{heading}: {nose}");
            // The left side is nearer.
            let depth = |joint: SmplJoint| body.positions[joint.index()].dot(view.towards);
            assert!(depth(SmplJoint::LeftWrist) > depth(SmplJoint::RightWrist));
        }
    }

    #[test]
    fn shades_range_from_black_to_white() {
        let shades = [-1.0, 0.0, 0.5, 1.0].map(|s| shaded(LEFT, s));
        assert_eq!(shades, [Rgb888::BLACK, LEFT, Rgb888::new(240, 182, 136), Rgb888::WHITE]);
    }
}
