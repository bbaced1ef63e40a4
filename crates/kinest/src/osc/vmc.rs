//! The VMC protocol (<https://protocol.vmc.info>): what VSeeFace, Warudo, VNyan, Blender and Unity read and write.
//!
//! A [`Performer`] sends a body's bones, a [`Marionette`] shows what a performer sends. Understood are messages of
//! versions 2.0 to 3.1; those that are sent are of 2.7, which all can read.

use super::human::{HumanBone, HumanFrame, NAMES};
use super::packet::{PacketProblem, bundled, messages, osc};
use super::unity::{mirrored, mirrored_turn};
use crate::coordinates::UPRIGHT;
use crate::skeleton::{PerJoint, Pose, Skeleton, SmplJoint as J};
use glam::{DQuat, DVec3};
use rosc::{OscMessage, OscType};
use std::collections::BTreeMap;

/// Port that marionettes listen on.
pub const MARIONETTE_PORT: u16 = 39_539;
/// Port that performers listen on for devices and single bones.
pub const PERFORMER_PORT: u16 = 39_540;
/// Devices that are kept, beyond which new ones are not: serial numbers come from outside.
const MOST_DEVICES: usize = 64;
/// Longest serial number or name.
const LONGEST_NAME: usize = 128;
/// A time that is earlier than the newest by less than this, seconds, is of a packet that was overtaken; by more, the
/// performer was started anew.
const OVERTAKEN: f64 = 1.0;
/// Farthest place that is believed, metres.
const FARTHEST: f64 = 1e5;
/// A packet is kept below this, bytes, so that no network splits it; a bundle starts with this many.
const WHOLE: usize = 1400;
const BUNDLE_HEAD: usize = 16;

/// Kind of a tracked device.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum DeviceKind {
    /// A headset.
    Hmd,
    /// A controller.
    Controller,
    /// A tracker.
    Tracker,
}

impl DeviceKind {
    const ALL: [Self; 3] = [Self::Hmd, Self::Controller, Self::Tracker];

    fn address(self) -> &'static str {
        match self {
            Self::Hmd => "/VMC/Ext/Hmd/Pos",
            Self::Controller => "/VMC/Ext/Con/Pos",
            Self::Tracker => "/VMC/Ext/Tra/Pos",
        }
    }
}

/// A place and a rotation in engine space: right-handed, y up, metres.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Place {
    /// Metres.
    pub position: DVec3,
    /// A unit quaternion.
    pub rotation: DQuat,
}

impl Default for Place {
    fn default() -> Self {
        Self { position: DVec3::ZERO, rotation: DQuat::IDENTITY }
    }
}

/// A message of the protocol. Places are converted from and to Unity's space.
#[derive(Clone, Debug, PartialEq)]
pub enum VmcMessage {
    /// Whether the performer has a model: `/VMC/Ext/OK`.
    Available {
        /// A model is loaded.
        loaded: bool,
        /// Version 2.5: state (3 is calibrated) and mode of the calibration.
        calibration: Option<(i32, i32)>,
        /// Version 2.7: devices are tracked well.
        tracked: Option<bool>,
    },
    /// Seconds on the performer's clock: `/VMC/Ext/T`.
    Time(f32),
    /// Where the model stands: `/VMC/Ext/Root/Pos`.
    Root(Place),
    /// A bone against its parent: `/VMC/Ext/Bone/Pos`.
    Bone {
        /// Unity's name of it.
        name: String,
        /// Place in its parent's axes.
        place: Place,
    },
    /// A facial expression or other blend shape: `/VMC/Ext/Blend/Val`.
    Blend {
        /// Its name.
        name: String,
        /// Weight from 0 to 1.
        value: f32,
    },
    /// The blend shapes since the last one are shown now: `/VMC/Ext/Blend/Apply`.
    ApplyBlends,
    /// A tracked device: `/VMC/Ext/Hmd/Pos`, `/VMC/Ext/Con/Pos`, `/VMC/Ext/Tra/Pos`.
    Device {
        /// What it is.
        kind: DeviceKind,
        /// Its serial number.
        serial: String,
        /// Place in the room.
        place: Place,
    },
}

impl VmcMessage {
    /// Reads a message; `None` if it is another program's or another part of the protocol (cameras, lights, keys,
    /// notes), or if its arguments are not those of the specification or not finite.
    #[must_use]
    pub fn read(message: &OscMessage) -> Option<Self> {
        let args = &message.args;
        Some(match message.addr.as_str() {
            "/VMC/Ext/OK" => Self::Available {
                loaded: int(args.first()?)? != 0,
                calibration: match args.get(1).zip(args.get(2)) {
                    Some((state, mode)) => Some((int(state)?, int(mode)?)),
                    None => None,
                },
                tracked: match args.get(3) {
                    Some(status) => Some(int(status)? != 0),
                    None => None,
                },
            },
            "/VMC/Ext/T" => Self::Time(single(args.first()?)?),
            // From version 2.1 on six numbers follow, for mixing with a camera's picture.
            "/VMC/Ext/Root/Pos" => Self::Root(named(args)?.1),
            "/VMC/Ext/Bone/Pos" => {
                let (name, place) = named(args)?;
                Self::Bone { name, place }
            }
            "/VMC/Ext/Blend/Val" => {
                Self::Blend { name: name(args.first()?)?, value: single(args.get(1)?)? }
            }
            "/VMC/Ext/Blend/Apply" => Self::ApplyBlends,
            // `/Local` is in the performer's own room instead of its model's.
            address => {
                let kind = DeviceKind::ALL.into_iter().find(|kind| kind.address() == address)?;
                let (serial, place) = named(args)?;
                Self::Device { kind, serial, place }
            }
        })
    }

    /// The message as OSC.
    #[must_use]
    pub fn to_osc(&self) -> OscMessage {
        let placed = |name: &str, place: &Place| -> Vec<OscType> {
            let (at, turn) = (mirrored(place.position), mirrored_turn(place.rotation));
            let numbers = [at.x, at.y, at.z, turn.x, turn.y, turn.z, turn.w];
            let numbers = numbers.map(|number| OscType::Float(number as f32));
            std::iter::once(OscType::String(name.into())).chain(numbers).collect()
        };
        match self {
            Self::Available { loaded, calibration, tracked } => {
                let mut args = vec![OscType::Int((*loaded).into())];
                if let Some((state, mode)) = calibration {
                    args.extend([OscType::Int(*state), OscType::Int(*mode)]);
                    args.extend(tracked.map(|tracked| OscType::Int(tracked.into())));
                }
                osc("/VMC/Ext/OK", args)
            }
            Self::Time(time) => osc("/VMC/Ext/T", vec![OscType::Float(*time)]),
            Self::Root(place) => osc("/VMC/Ext/Root/Pos", placed("root", place)),
            Self::Bone { name, place } => osc("/VMC/Ext/Bone/Pos", placed(name, place)),
            Self::Blend { name, value } => {
                let args = vec![OscType::String(name.clone()), OscType::Float(*value)];
                osc("/VMC/Ext/Blend/Val", args)
            }
            Self::ApplyBlends => osc("/VMC/Ext/Blend/Apply", vec![]),
            Self::Device { kind, serial, place } => osc(kind.address(), placed(serial, place)),
        }
    }
}

fn int(arg: &OscType) -> Option<i32> {
    match arg {
        OscType::Int(number) => Some(*number),
        OscType::Bool(is) => Some((*is).into()),
        _ => None,
    }
}

fn float(arg: &OscType) -> Option<f64> {
    let number = match arg {
        OscType::Float(number) => f64::from(*number),
        OscType::Double(number) => *number,
        OscType::Int(number) => f64::from(*number),
        _ => return None,
    };
    number.is_finite().then_some(number)
}

/// A number that is finite in 32 bits too.
fn single(arg: &OscType) -> Option<f32> {
    Some(float(arg)? as f32).filter(|number| number.is_finite())
}

fn name(arg: &OscType) -> Option<String> {
    match arg {
        OscType::String(text) if text.len() <= LONGEST_NAME => Some(text.clone()),
        _ => None,
    }
}

/// A name, a position and a quaternion in Unity's space.
fn named(args: &[OscType]) -> Option<(String, Place)> {
    let mut numbers = [0.0; 7];
    for (number, arg) in numbers.iter_mut().zip(args.get(1..8)?) {
        *number = float(arg)?;
    }
    let [x, y, z, i, j, k, w] = numbers;
    let rotation = DQuat::from_xyzw(i, j, k, w);
    let position = DVec3::new(x, y, z);
    if position.length() > FARTHEST || !(0.5..2.0).contains(&rotation.length()) {
        return None;
    }
    let place =
        Place { position: mirrored(position), rotation: mirrored_turn(rotation.normalize()) };
    Some((name(args.first()?)?, place))
}

/// Makes the packets of a body.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Performer {
    /// Weights of blend shapes, by their names.
    pub blends: BTreeMap<String, f32>,
}

impl Performer {
    /// The packets of one moment: model, root, bones, blend shapes, each packet small enough not to be split on its
    /// way and with the clock at its head, so that one that arrives after those of a later moment is known for what
    /// it is. `time` is in seconds on the performer's clock.
    #[must_use]
    pub fn packets(&self, time: f64, frame: &HumanFrame) -> Vec<Vec<u8>> {
        let loaded = !frame.bones.is_empty();
        let (calibration, tracked) = (Some((3, 0)), Some(true));
        let mut all = vec![
            VmcMessage::Available { loaded, calibration, tracked },
            VmcMessage::Root(Place::default()),
        ];
        all.extend(frame.bones.iter().map(|HumanBone { joint, position, rotation }| {
            let place = Place { position: *position, rotation: *rotation };
            VmcMessage::Bone { name: NAMES[joint.index()].into(), place }
        }));
        if !self.blends.is_empty() {
            let weights = self.blends.iter();
            all.extend(
                weights
                    .map(|(name, value)| VmcMessage::Blend { name: name.clone(), value: *value }),
            );
            all.push(VmcMessage::ApplyBlends);
        }
        let bundle = |message: &VmcMessage| bundled(&[message.to_osc()]).concat();
        let head = bundle(&VmcMessage::Time(time as f32));
        let mut packets: Vec<Vec<u8>> = Vec::new();
        for message in &all {
            let bytes = bundle(message).split_off(BUNDLE_HEAD);
            if packets.last().is_none_or(|packet| packet.len() + bytes.len() > WHOLE) {
                packets.push(head.clone());
            }
            if let Some(packet) = packets.last_mut() {
                packet.extend(bytes);
            }
        }
        packets
    }
}

/// What a performer has sent: its newest bones, devices and blend shapes.
///
/// Packets may be lost, doubled or overtaken: each bone stays as it was sent last, and what follows an earlier time in
/// its packet is left out. A performer that was started anew is followed at once.
#[derive(Clone, Debug, Default)]
pub struct Marionette {
    time: Option<f64>,
    /// The newest time before the performer was started anew.
    ended: Option<f64>,
    loaded: Option<bool>,
    root: Place,
    bones: PerJoint<Option<Place>>,
    /// Their places, and when they were heard of.
    devices: BTreeMap<(DeviceKind, String), (Place, f64)>,
    blends: BTreeMap<String, f32>,
    coming: BTreeMap<String, f32>,
    bones_received: u64,
    /// When a bone was heard of.
    bones_heard: Option<f64>,
    /// Which bones of the moment that is arriving are here, and which were of the one before it.
    of_this: PerJoint<bool>,
    of_last: PerJoint<bool>,
    restarts: u32,
    ignored: u64,
}

impl Marionette {
    /// Takes a packet.
    ///
    /// # Errors
    /// If it is no OSC packet. What OSC says and the protocol does not is ignored.
    pub fn receive(&mut self, packet: &[u8]) -> Result<(), PacketProblem> {
        self.receive_at(0.0, packet)
    }

    /// Takes a packet at a time on the receiver's own clock, seconds. [`device_heard`](Self::device_heard) and
    /// [`bones_heard`](Self::bones_heard) tell by it what is still alive.
    ///
    /// # Errors
    /// As [`receive`](Self::receive).
    pub fn receive_at(&mut self, now: f64, packet: &[u8]) -> Result<(), PacketProblem> {
        for message in messages(packet)? {
            let Some(message) = VmcMessage::read(&message) else {
                self.ignored += 1;
                continue;
            };
            if let VmcMessage::Time(time) = message {
                // The rest of the packet is of the same moment.
                if !self.begin(f64::from(time)) {
                    return Ok(());
                }
                continue;
            }
            self.take(now, message);
        }
        Ok(())
    }

    /// Begins or goes on with a moment of the performer's clock; false if it is past.
    fn begin(&mut self, time: f64) -> bool {
        let is_near = |other: f64| (time - other).abs() < OVERTAKEN;
        if let Some(newest) = self.time {
            let is_overtaken = time < newest && is_near(newest);
            // A packet that was on its way when the performer was started anew.
            let is_old = time > newest && !is_near(newest) && self.ended.is_some_and(is_near);
            if is_overtaken || is_old {
                return false;
            }
            if time < newest {
                let (restarts, ignored) = (self.restarts + 1, self.ignored);
                let (bones_received, ended) = (self.bones_received, Some(newest));
                *self = Self { restarts, ignored, bones_received, ended, ..Self::default() };
            }
        }
        if self.time != Some(time) {
            self.of_last = std::mem::take(&mut self.of_this);
        }
        self.time = Some(time);
        true
    }

    fn take(&mut self, now: f64, message: VmcMessage) {
        match message {
            VmcMessage::Available { loaded, .. } => self.loaded = Some(loaded),
            VmcMessage::Time(_) => {}
            VmcMessage::Root(place) => self.root = place,
            VmcMessage::Bone { name, place } => {
                match NAMES.iter().position(|known| known.eq_ignore_ascii_case(&name)) {
                    Some(joint) => {
                        self.bones[joint] = Some(place);
                        self.bones_received += 1;
                        self.bones_heard = Some(now);
                        self.of_this[joint] = true;
                    }
                    // Fingers, eyes and jaw.
                    None => self.ignored += 1,
                }
            }
            VmcMessage::Blend { name, value } => {
                if self.coming.len() < MOST_DEVICES * 16 || self.coming.contains_key(&name) {
                    self.coming.insert(name, value);
                }
            }
            VmcMessage::ApplyBlends => self.blends = self.coming.clone(),
            VmcMessage::Device { kind, serial, place } => {
                let key = (kind, serial);
                if self.devices.len() < MOST_DEVICES || self.devices.contains_key(&key) {
                    self.devices.insert(key, (place, now));
                }
            }
        }
    }

    /// The performer's clock, seconds; `None` if it has not told it.
    #[must_use]
    pub fn time(&self) -> Option<f64> {
        self.time
    }

    /// Whether the performer says that it has a model; `None` if it has not said so.
    #[must_use]
    pub fn loaded(&self) -> Option<bool> {
        self.loaded
    }

    /// Weights of blend shapes that are to be shown, by their names.
    #[must_use]
    pub fn blends(&self) -> &BTreeMap<String, f32> {
        &self.blends
    }

    /// Place of a device in the room: of the one with this serial number, or without it of the first of its kind.
    #[must_use]
    pub fn device(&self, kind: DeviceKind, serial: Option<&str>) -> Option<Place> {
        self.found(kind, serial).map(|(place, _)| place)
    }

    /// When that device was heard of last, on the clock of [`receive_at`](Self::receive_at).
    #[must_use]
    pub fn device_heard(&self, kind: DeviceKind, serial: Option<&str>) -> Option<f64> {
        self.found(kind, serial).map(|(_, heard)| heard)
    }

    fn found(&self, kind: DeviceKind, serial: Option<&str>) -> Option<(Place, f64)> {
        let mut all = self.devices.iter();
        let meant = |key: &(DeviceKind, String)| {
            key.0 == kind && serial.is_none_or(|serial| serial == key.1)
        };
        all.find(|(key, _)| meant(key)).map(|(_, found)| *found)
    }

    /// The serial numbers of the devices.
    pub fn devices(&self) -> impl Iterator<Item = (DeviceKind, &str)> {
        self.devices.keys().map(|(kind, serial)| (*kind, serial.as_str()))
    }

    /// Number of bones that have arrived, of all moments: it has changed if there is news.
    #[must_use]
    pub fn bones_received(&self) -> u64 {
        self.bones_received
    }

    /// When a bone was heard of last, on the clock of [`receive_at`](Self::receive_at).
    #[must_use]
    pub fn bones_heard(&self) -> Option<f64> {
        self.bones_heard
    }

    /// Whether every bone of the moment before has arrived of the newest one too: none is on its way still, or it is
    /// lost.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.of_this.iter().zip(&self.of_last).all(|(this, last)| *this || !last)
    }

    /// How often the performer was started anew.
    #[must_use]
    pub fn restarts(&self) -> u32 {
        self.restarts
    }

    /// Number of messages that were not the protocol's, or of parts that are not used.
    #[must_use]
    pub fn ignored(&self) -> u64 {
        self.ignored
    }

    /// The body on `skeleton`, AMASS space: `None` until there are hips. Bones that were never sent are as in the
    /// T-pose; the way of the hips is scaled by the length of the legs, if that was sent.
    #[must_use]
    pub fn pose(&self, skeleton: &Skeleton) -> Option<Pose> {
        let hips = self.bones[0]?;
        let mut rotations = self.bones.map(|bone| bone.map_or(DQuat::IDENTITY, |it| it.rotation));
        let facing = (self.root.rotation * hips.rotation).normalize();
        rotations[0] = (UPRIGHT * facing).normalize();
        let at = |joint: J| self.bones[joint.index()].map(|place| place.position);
        let length = |joint: J| at(joint).map_or(0.0, DVec3::length);
        let theirs = length(J::LeftKnee) + length(J::LeftAnkle);
        let offset = |joint: J| skeleton.offsets[joint.index()];
        let ours = offset(J::LeftKnee).length() + offset(J::LeftAnkle).length();
        let scale = if theirs > 0.05 { ours / theirs } else { 1.0 };
        // The hips of a model may be anywhere in its pelvis: the middle of the thighs is not.
        let middle = |a: Option<DVec3>, b: Option<DVec3>| a.zip(b).map(|(a, b)| a.midpoint(b));
        let below = middle(at(J::LeftHip), at(J::RightHip)).filter(|_| theirs > 0.05);
        let ours_below = offset(J::LeftHip).midpoint(offset(J::RightHip));
        let hips = self.root.position + self.root.rotation * hips.position;
        let root = match below {
            Some(below) => UPRIGHT * ((hips + facing * below) * scale - facing * ours_below),
            None => UPRIGHT * hips,
        };
        Some(Pose { translation: root - skeleton.offsets[0], rotations })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::motion::synthetic::walk_and_wave;
    use crate::rotation::geodesic_angle;

    fn poses() -> Vec<Pose> {
        walk_and_wave(&Skeleton::default()).frames.iter().step_by(9).map(Pose::from).collect()
    }

    fn sent(time: f64, pose: &Pose, upper_chest: bool) -> Vec<Vec<u8>> {
        let frame = HumanFrame::of_pose(pose, &Skeleton::default(), upper_chest);
        Performer::default().packets(time, &frame)
    }

    #[test]
    fn a_body_arrives_as_it_was_sent() {
        let skeleton = Skeleton::default();
        for upper_chest in [true, false] {
            let mut marionette = Marionette::default();
            assert_eq!(marionette.pose(&skeleton), None);
            for (i, pose) in poses().iter().enumerate() {
                let packets = sent(i as f64 * 0.1, pose, upper_chest);
                assert!(packets.iter().all(|packet| packet.len() <= 1400));
                packets.iter().for_each(|packet| marionette.receive(packet).unwrap());
                let [a, b] = [*pose, marionette.pose(&skeleton).unwrap()];
                let places = [a, b].map(|pose| skeleton.pose_joints(&pose));
                for joint in J::ALL {
                    let j = joint.index();
                    let apart = places[0].positions[j].distance(places[1].positions[j]);
                    // Without an upper chest the trunk bends in one place less.
                    let most = if upper_chest { 1e-4 } else { 0.03 };
                    assert!(apart < most, "frame {i} {joint:?}: {apart} m");
                    if upper_chest || joint != J::Spine2 {
                        let [a, b] = places.each_ref().map(|it| DQuat::from_mat3(&it.rotations[j]));
                        assert!(geodesic_angle(a, b) < 1e-3, "frame {i} {joint:?}");
                    }
                }
            }
            assert_eq!((marionette.loaded(), marionette.ignored()), (Some(true), 0));
        }
    }

    /// Addresses, kinds and order of arguments of <https://protocol.vmc.info/marionette-spec>.
    #[test]
    fn messages_are_those_of_the_specification() {
        let place = Place {
            position: DVec3::new(1.0, 2.0, 3.0),
            rotation: DQuat::from_xyzw(0.5, 0.5, -0.5, 0.5),
        };
        let numbers = [-1.0, 2.0, 3.0, 0.5, -0.5, 0.5, 0.5].map(OscType::Float);
        let args = |name: &str| [vec![OscType::String(name.into())], numbers.to_vec()].concat();
        let text = |text: &str| OscType::String(text.into());
        let ok =
            |calibration, tracked| VmcMessage::Available { loaded: true, calibration, tracked };
        for (message, address, args) in [
            (ok(None, None), "/VMC/Ext/OK", vec![OscType::Int(1)]),
            (ok(Some((3, 2)), None), "/VMC/Ext/OK", [1, 3, 2].map(OscType::Int).to_vec()),
            (ok(Some((3, 0)), Some(false)), "/VMC/Ext/OK", [1, 3, 0, 0].map(OscType::Int).to_vec()),
            (VmcMessage::Time(2.5), "/VMC/Ext/T", vec![OscType::Float(2.5)]),
            (VmcMessage::Root(place), "/VMC/Ext/Root/Pos", args("root")),
            (VmcMessage::Bone { name: "Hips".into(), place }, "/VMC/Ext/Bone/Pos", args("Hips")),
            (
                VmcMessage::Blend { name: "Joy".into(), value: 0.25 },
                "/VMC/Ext/Blend/Val",
                vec![text("Joy"), OscType::Float(0.25)],
            ),
            (VmcMessage::ApplyBlends, "/VMC/Ext/Blend/Apply", vec![]),
            (
                VmcMessage::Device { kind: DeviceKind::Tracker, serial: "LHR-1".into(), place },
                "/VMC/Ext/Tra/Pos",
                args("LHR-1"),
            ),
        ] {
            assert_eq!(message.to_osc(), osc(address, args));
            assert_eq!(VmcMessage::read(&message.to_osc()), Some(message));
        }
        // Version 2.1 adds six numbers.
        let more = [args("root"), [1.0, 1.0, 1.0, 0.0, 0.0, 0.0].map(OscType::Float).to_vec()];
        assert_eq!(
            VmcMessage::read(&osc("/VMC/Ext/Root/Pos", more.concat())),
            Some(VmcMessage::Root(place))
        );
    }

    #[test]
    fn arguments_of_other_kinds_are_taken_where_they_are_meant_and_else_ignored() {
        let place = [0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 1.0];
        let text = |text: &str| OscType::String(text.into());
        let with = |first: OscType, rest: Vec<OscType>| [vec![first], rest].concat();
        let floats = place.map(|it| OscType::Float(it as f32)).to_vec();
        let doubles = place.map(OscType::Double).to_vec();
        let ints = place.map(|it| OscType::Int(it as i32)).to_vec();
        let up = Place { position: DVec3::Y, ..Place::default() };
        for (address, args, expected) in [
            ("/VMC/Ext/T", vec![OscType::Double(2.5)], VmcMessage::Time(2.5)),
            ("/VMC/Ext/T", vec![OscType::Int(3)], VmcMessage::Time(3.0)),
            ("/VMC/Ext/Root/Pos", with(text("root"), doubles.clone()), VmcMessage::Root(up)),
            ("/VMC/Ext/Root/Pos", with(text("root"), ints), VmcMessage::Root(up)),
            // Version 2.1 and 3 have a scale and an offset of the model behind, which may be anything.
            (
                "/VMC/Ext/Root/Pos",
                [vec![text("root")], floats.clone(), vec![text("no number"); 6]].concat(),
                VmcMessage::Root(up),
            ),
            (
                "/VMC/Ext/OK",
                vec![OscType::Bool(true)],
                VmcMessage::Available { loaded: true, calibration: None, tracked: None },
            ),
        ] {
            assert_eq!(VmcMessage::read(&osc(address, args)), Some(expected), "{address}");
        }
        let not_finite = |k: usize| {
            let mut numbers = floats.clone();
            numbers[k] = OscType::Double(1e300);
            with(text("root"), numbers)
        };
        let long = "x".repeat(LONGEST_NAME + 1);
        for (address, args) in [
            ("/VMC/Ext/T", vec![]),
            ("/VMC/Ext/T", vec![text("1.0")]),
            ("/VMC/Ext/T", vec![OscType::Double(1e300)]),
            ("/VMC/Ext/OK", vec![]),
            ("/VMC/Ext/OK", vec![OscType::Float(1.0)]),
            ("/VMC/Ext/OK", vec![OscType::Int(1), text("3"), OscType::Int(0)]),
            ("/VMC/Ext/Root/Pos", floats.clone()),
            ("/VMC/Ext/Root/Pos", with(text("root"), floats[..6].to_vec())),
            ("/VMC/Ext/Root/Pos", not_finite(1)),
            ("/VMC/Ext/Root/Pos", not_finite(6)),
            ("/VMC/Ext/Bone/Pos", with(OscType::Int(1), floats.clone())),
            ("/VMC/Ext/Bone/Pos", with(text(&long), floats.clone())),
            ("/VMC/Ext/Bone/Pos", with(text("Hips"), vec![OscType::Nil; 7])),
            ("/VMC/Ext/Blend/Val", vec![text("Joy"), text("1")]),
            ("/VMC/Ext/Blend/Val", vec![text("Joy"), OscType::Float(f32::INFINITY)]),
            ("/VMC/Ext/Blend/Val", vec![text("Joy"), OscType::Double(1e300)]),
            ("/VMC/Ext/Tra/Pos", vec![OscType::Blob(vec![0; 1000])]),
            ("/VMC/Ext/Tra/Pos/Local", with(text("waist"), floats.clone())),
            ("/VMC/Ext/VRM", vec![text("C:/model.vrm")]),
            ("/vmc/ext/t", vec![OscType::Float(1.0)]),
        ] {
            let message = osc(address, args);
            assert_eq!(VmcMessage::read(&message), None, "{message:?}");
        }
    }

    /// Versions 2.0 to 3 of the protocol: what is behind the arguments that are known does not matter.
    #[test]
    fn a_body_is_the_same_from_performers_of_every_version() {
        let (skeleton, pose) = (Skeleton::default(), poses()[3]);
        let mut marionette = Marionette::default();
        sent(1.0, &pose, true).iter().for_each(|it| marionette.receive(it).unwrap());
        let expected = marionette.pose(&skeleton);
        let numbers = |count: usize| vec![OscType::Float(7.0); count];
        for (ok, root) in [(1, 0), (3, 6), (4, 6), (6, 9)] {
            let mut all: Vec<OscMessage> = (sent(1.0, &pose, true).iter())
                .flat_map(|packet| messages(packet).unwrap())
                .collect();
            for message in &mut all {
                match message.addr.as_str() {
                    "/VMC/Ext/OK" => {
                        message.args.resize(ok, OscType::Int(1));
                    }
                    "/VMC/Ext/Root/Pos" => message.args.extend(numbers(root)),
                    _ => {}
                }
            }
            // Some send each message by itself, some in bundles of bundles, and the time last.
            all.rotate_left(1);
            let mut alone = Marionette::default();
            for message in &all {
                let bytes = rosc::encoder::encode(&rosc::OscPacket::Message(message.clone()));
                alone.receive(&bytes.unwrap()).unwrap();
            }
            let timetag = rosc::OscTime { seconds: 0, fractional: 1 };
            let bundle = |content| rosc::OscPacket::Bundle(rosc::OscBundle { timetag, content });
            let inner: Vec<rosc::OscPacket> = all
                .chunks(5)
                .map(|some| bundle(some.iter().cloned().map(rosc::OscPacket::Message).collect()))
                .collect();
            let bytes = rosc::encoder::encode(&bundle(vec![bundle(inner)])).unwrap();
            let mut nested = Marionette::default();
            nested.receive(&bytes).unwrap();
            for it in [alone, nested] {
                assert_eq!((it.pose(&skeleton), it.ignored()), (expected, 0), "{ok} {root}");
                assert_eq!((it.loaded(), it.time()), (Some(true), Some(1.0)));
            }
        }
    }

    #[test]
    fn lost_late_and_foreign_packets_and_a_restart_are_borne() {
        let skeleton = Skeleton::default();
        let poses = poses();
        let mut marionette = Marionette::default();
        let take = |packets: &[Vec<u8>], marionette: &mut Marionette| {
            packets.iter().for_each(|packet| marionette.receive(packet).unwrap());
        };
        let (first, second) = (sent(10.0, &poses[0], true), sent(10.1, &poses[5], true));
        take(&first, &mut marionette);
        // The second half of the bones is lost: they stay.
        take(&second[..1], &mut marionette);
        assert!(!marionette.is_complete());
        let both = marionette.pose(&skeleton).unwrap();
        let is = |joint: J, pose: &Pose| {
            geodesic_angle(both.rotations[joint.index()], pose.rotations[joint.index()]) < 1e-3
        };
        assert!(is(J::LeftKnee, &poses[5]) && is(J::RightWrist, &poses[0]));
        // Both halves arrive again, too late; and the first of the newest twice, which makes it no more complete.
        assert_eq!(first.len(), 2);
        take(&first[1..], &mut marionette);
        take(&first[..1], &mut marionette);
        take(&second[..1], &mut marionette);
        assert_eq!(marionette.pose(&skeleton), Some(both));
        assert_eq!(marionette.time(), Some(f64::from(10.1_f32)));
        assert!(!marionette.is_complete());
        // Other programs' messages, odd ones and none.
        for message in [
            osc("/avatar/parameters/Mood", vec![OscType::Float(1.0)]),
            osc("/VMC/Ext/Bone/Pos", vec![OscType::String("Hips".into())]),
            osc("/VMC/Ext/T", vec![OscType::Float(f32::NAN)]),
            VmcMessage::Bone { name: "LeftIndexProximal".into(), place: Place::default() }.to_osc(),
            VmcMessage::Root(Place {
                rotation: DQuat::from_xyzw(0.0, 0.0, 0.0, 9.0),
                ..Place::default()
            })
            .to_osc(),
        ] {
            take(&bundled(&[message]), &mut marionette);
        }
        marionette.receive(b"no packet").unwrap_err();
        assert_eq!((marionette.pose(&skeleton), marionette.ignored()), (Some(both), 5));
        // Started anew.
        take(&sent(0.1, &poses[3], true), &mut marionette);
        assert_eq!((marionette.time(), marionette.restarts()), (Some(f64::from(0.1_f32)), 1));
        assert!(marionette.is_complete());
        let now = marionette.pose(&skeleton).unwrap();
        assert!(geodesic_angle(now.rotations[4], poses[3].rotations[4]) < 1e-3);
        // What was on its way before that is not another restart; the new clock may get as far.
        take(&second, &mut marionette);
        assert_eq!((marionette.pose(&skeleton), marionette.restarts()), (Some(now), 1));
        for time in (1..=110).map(|k| f64::from(k) / 10.0) {
            take(&sent(time, &poses[5], true), &mut marionette);
            assert_eq!(marionette.time(), Some(f64::from(time as f32)));
        }
    }

    #[test]
    fn arms_of_an_earlier_moment_are_not_put_on_legs_of_a_later_one() {
        let poses = poses();
        let (early, late) = (sent(10.0, &poses[0], true), sent(10.1, &poses[5], true));
        let mut marionette = Marionette::default();
        for packet in [&early[0], &late[0], &late[1], &early[1]] {
            marionette.receive(packet).unwrap();
        }
        let pose = marionette.pose(&Skeleton::default()).unwrap();
        for (shown, sent) in pose.rotations.iter().zip(&poses[5].rotations) {
            assert!(geodesic_angle(*shown, *sent) < 1e-3);
        }
        assert!(marionette.is_complete());
    }

    #[test]
    fn what_is_alive_is_known_of_each_device_and_of_the_bones() {
        let mut marionette = Marionette::default();
        let device = |serial: &str| {
            let (kind, serial) = (DeviceKind::Tracker, serial.into());
            bundled(&[VmcMessage::Device { kind, serial, place: Place::default() }.to_osc()])
        };
        marionette.receive_at(1.0, &device("a")[0]).unwrap();
        marionette.receive_at(1.0, &device("b")[0]).unwrap();
        marionette.receive_at(2.0, &device("b")[0]).unwrap();
        // No packet at all, one of another program, and one that is too late.
        marionette.receive_at(3.0, b"no packet").unwrap_err();
        let foreign = osc("/avatar/change", vec![OscType::Int(1)]);
        marionette.receive_at(3.0, &bundled(&[foreign])[0]).unwrap();
        let heard = |it: &Marionette, serial| it.device_heard(DeviceKind::Tracker, Some(serial));
        assert_eq!((heard(&marionette, "a"), heard(&marionette, "b")), (Some(1.0), Some(2.0)));
        assert_eq!((heard(&marionette, "c"), marionette.bones_heard()), (None, None));
        let poses = poses();
        sent(10.0, &poses[0], true).iter().for_each(|it| marionette.receive_at(4.0, it).unwrap());
        sent(9.9, &poses[0], true).iter().for_each(|it| marionette.receive_at(5.0, it).unwrap());
        assert_eq!(marionette.bones_heard(), Some(4.0));
    }

    #[test]
    fn devices_and_blend_shapes_are_kept_and_bounded() {
        let mut marionette = Marionette::default();
        let device = |kind, serial: &str, x: f64| {
            let place = Place { position: DVec3::X * x, ..Place::default() };
            VmcMessage::Device { kind, serial: serial.into(), place }.to_osc()
        };
        let mut all = vec![
            device(DeviceKind::Hmd, "HMD", 1.0),
            device(DeviceKind::Controller, "L", 2.0),
            device(DeviceKind::Controller, "R", 3.0),
        ];
        all.extend((0..1000).map(|k| device(DeviceKind::Tracker, &k.to_string(), 4.0)));
        all.extend(
            (0..5000).map(|k| VmcMessage::Blend { name: k.to_string(), value: 1.0 }.to_osc()),
        );
        all.push(VmcMessage::ApplyBlends.to_osc());
        bundled(&all).iter().for_each(|packet| marionette.receive(packet).unwrap());
        let x = |kind, serial| marionette.device(kind, serial).map(|place| place.position.x);
        assert_eq!(x(DeviceKind::Hmd, None), Some(1.0));
        assert_eq!(x(DeviceKind::Controller, Some("R")), Some(3.0));
        assert_eq!(x(DeviceKind::Controller, Some("X")), None);
        assert_eq!(marionette.devices().count(), MOST_DEVICES);
        assert_eq!(marionette.blends().len(), 16 * MOST_DEVICES);
    }
}
