//! A pose in about a hundred bytes, for players on other machines.

use crate::skeleton::{PerJoint, Pose, SmplJoint};
use glam::{DQuat, DVec3};
use std::f64::consts::FRAC_1_SQRT_2;

/// The only format version so far.
const VERSION: u8 = 1;
/// Smallest step of a position, metres.
const STEP: f64 = 1e-4;
/// Steps of a position fit into 24 bits with a sign: 838 m.
const FARTHEST: f64 = 8_388_607.0;
/// Steps of time, seconds, in 48 bits: nine years.
const TICK: f64 = 1e-6;
const LATEST: f64 = 281_474_976_710_655.0;
/// Largest value of a component with 10 bits.
const MOST: f64 = 1023.0;

/// Bytes before the rotations: checksum, version, time, position.
const HEAD: usize = 2 + 1 + 6 + 9;

/// A body at one moment, as bytes on the wire. Packets do not depend on each other, so any may be
/// lost.
///
/// | bytes | contents |
/// |---|---|
/// | 2 | checksum of the others: CRC-16/CCITT-FALSE, little-endian as all numbers |
/// | 1 | version: 1 |
/// | 6 | time on the sender's clock, microseconds |
/// | 3 × 3 | root translation, steps of 0.1 mm, signed: at most 838 m from the origin |
/// | 22 × 4 | local rotation of each joint as the three smallest components of its quaternion, 10 bits each, and 2 bits that say which one is left out |
///
/// The error of rotations is at most 0.25°; the error of joint positions in a walk is at most 9 mm
/// and 3 mm on average.
///
/// ```
/// use kinest::live::PosePacket;
/// use kinest::skeleton::Pose;
///
/// let packet = PosePacket { time: 12.5, pose: Pose::rest() };
/// let bytes = packet.encode();
/// assert_eq!(bytes.len(), 106);
/// let arrived = PosePacket::decode(&bytes)?;
/// assert_eq!(arrived.time, 12.5);
/// # Ok::<(), kinest::live::PacketError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PosePacket {
    /// Time on the sender's clock, seconds, from 0 to nine years.
    pub time: f64,
    /// The body.
    pub pose: Pose,
}

/// Why bytes are not a [`PosePacket`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PacketError {
    /// Wrong length.
    #[error("a pose has {expected} bytes, these are {found}")]
    Length {
        /// Bytes of a packet.
        expected: usize,
        /// Bytes found.
        found: usize,
    },
    /// The sender has another version of this crate.
    #[error("pose packets of version {found} are not known")]
    Version {
        /// Its version.
        found: u8,
    },
    /// Bytes were changed in transit.
    #[error("the checksum of a pose packet is wrong")]
    Checksum,
}

impl PosePacket {
    /// Number of bytes of every packet.
    pub const BYTES: usize = HEAD + 4 * SmplJoint::COUNT;

    /// The bytes of the packet. Values out of range are clamped, and NaN becomes 0.
    #[must_use]
    pub fn encode(&self) -> [u8; Self::BYTES] {
        let mut bytes = [0; Self::BYTES];
        bytes[2] = VERSION;
        let ticks = clamped(self.time / TICK, 0.0, LATEST) as u64;
        bytes[3..9].copy_from_slice(&ticks.to_le_bytes()[..6]);
        for (k, metres) in self.pose.translation.to_array().into_iter().enumerate() {
            let steps = clamped(metres / STEP, -FARTHEST, FARTHEST) as i32;
            bytes[9 + 3 * k..12 + 3 * k].copy_from_slice(&steps.to_le_bytes()[..3]);
        }
        for (place, rotation) in bytes[HEAD..].chunks_exact_mut(4).zip(&self.pose.rotations) {
            place.copy_from_slice(&smallest_three(*rotation).to_le_bytes());
        }
        let sum = Self::checksum(&bytes[2..]);
        bytes[..2].copy_from_slice(&sum.to_le_bytes());
        bytes
    }

    /// The checksum of the bytes that follow it: CRC-16/CCITT-FALSE.
    #[must_use]
    pub fn checksum(bytes: &[u8]) -> u16 {
        bytes.iter().fold(0xFFFF, |sum: u16, byte| {
            (0..8).fold(sum ^ u16::from(*byte) << 8, |sum, _| {
                if sum & 0x8000 == 0 { sum << 1 } else { sum << 1 ^ 0x1021 }
            })
        })
    }

    /// Reads a packet.
    ///
    /// # Errors
    /// If the bytes are not those of one packet of this version, unchanged.
    pub fn decode(bytes: &[u8]) -> Result<Self, PacketError> {
        let (expected, found) = (Self::BYTES, bytes.len());
        let bytes = <&[u8; Self::BYTES]>::try_from(bytes)
            .map_err(|_| PacketError::Length { expected, found })?;
        if bytes[2] != VERSION {
            return Err(PacketError::Version { found: bytes[2] });
        }
        if Self::checksum(&bytes[2..]) != u16::from_le_bytes([bytes[0], bytes[1]]) {
            return Err(PacketError::Checksum);
        }
        let mut ticks = [0; 8];
        ticks[..6].copy_from_slice(&bytes[3..9]);
        let metres = |k: usize| {
            let at = 9 + 3 * k;
            // The sign is that of the highest byte.
            let steps = i32::from_le_bytes([0, bytes[at], bytes[at + 1], bytes[at + 2]]) >> 8;
            f64::from(steps) * STEP
        };
        let rotations: PerJoint<DQuat> = std::array::from_fn(|joint| {
            let at = HEAD + 4 * joint;
            let word = [bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]];
            from_smallest_three(u32::from_le_bytes(word))
        });
        let translation = DVec3::new(metres(0), metres(1), metres(2));
        let time = u64::from_le_bytes(ticks) as f64 * TICK;
        Ok(Self { time, pose: Pose { translation, rotations } })
    }
}

/// Rounded and clamped; NaN becomes 0.
fn clamped(value: f64, low: f64, high: f64) -> f64 {
    if value.is_nan() { 0.0 } else { value.round().clamp(low, high) }
}

/// Index of the largest component, and the other three, each from −1/√2 to 1/√2.
fn smallest_three(rotation: DQuat) -> u32 {
    let numbers = rotation.to_array();
    let mut largest = 0;
    for (k, number) in numbers.iter().enumerate() {
        if number.abs() > numbers[largest].abs() {
            largest = k;
        }
    }
    // A quaternion and its negative are the same rotation.
    let sign = numbers[largest].signum();
    let mut word = largest as u32;
    for (_, number) in numbers.iter().enumerate().filter(|(k, _)| *k != largest) {
        let part = (sign * number / FRAC_1_SQRT_2 + 1.0) / 2.0;
        word = word << 10 | clamped(part * MOST, 0.0, MOST) as u32;
    }
    word
}

fn from_smallest_three(word: u32) -> DQuat {
    let largest = (word >> 30) as usize;
    let mut numbers = [0.0; 4];
    let mut square = 1.0;
    let mut shift = 30;
    for (k, number) in numbers.iter_mut().enumerate() {
        if k != largest {
            shift -= 10;
            let part = f64::from(word >> shift & 1023) / MOST;
            *number = (2.0 * part - 1.0) * FRAC_1_SQRT_2;
            square -= *number * *number;
        }
    }
    numbers[largest] = square.max(0.0).sqrt();
    DQuat::from_array(numbers).normalize()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::motion::synthetic::walk_and_wave;
    use crate::rotation::geodesic_angle;
    use crate::skeleton::Skeleton;
    use rand::{Rng, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    #[test]
    fn a_walk_arrives_within_millimetres() {
        let skeleton = Skeleton::default();
        let (mut off, mut turned) = (0.0_f64, 0.0_f64);
        let (mut sum, mut count) = (0.0, 0.0);
        for (i, frame) in walk_and_wave(&skeleton).frames.iter().enumerate() {
            let sent = PosePacket { time: 0.1 * i as f64, pose: Pose::from(frame) };
            let arrived = PosePacket::decode(&sent.encode()).unwrap();
            assert!((arrived.time - sent.time).abs() < 1e-6);
            let [a, b] = [sent, arrived].map(|it| skeleton.pose_joints(&it.pose).positions);
            for (a, b) in a.iter().zip(&b) {
                off = off.max(a.distance(*b));
                (sum, count) = (sum + a.distance(*b), count + 1.0);
            }
            let pairs = sent.pose.rotations.iter().zip(&arrived.pose.rotations);
            turned = pairs.map(|(a, b)| geodesic_angle(*a, *b)).fold(turned, f64::max);
        }
        assert!(
            off < 9e-3 && sum / count < 3e-3 && turned < 0.25_f64.to_radians(),
            "{off} m, {} m, {}°",
            sum / count,
            turned.to_degrees()
        );
    }

    #[test]
    fn any_rotation_and_place_arrives() {
        let mut random = ChaCha8Rng::seed_from_u64(5);
        let mut worst = 0.0_f64;
        for _ in 0..20_000 {
            let mut pose = Pose::rest();
            let mut number = || random.random_range(-1.0..1.0_f64);
            pose.translation = DVec3::new(800.0 * number(), number(), -900.0);
            pose.rotations[3] =
                DQuat::from_xyzw(number(), number(), number(), number()).normalize();
            let arrived = PosePacket::decode(&PosePacket { time: -1.0, pose }.encode()).unwrap();
            assert_eq!(arrived.time, 0.0);
            let lost = arrived.pose.translation - pose.translation;
            assert!(lost.truncate().length() < 1e-4, "{lost}");
            assert!((arrived.pose.translation.z + FARTHEST * STEP).abs() < 1e-9, "clamped");
            worst = worst.max(geodesic_angle(pose.rotations[3], arrived.pose.rotations[3]));
        }
        assert!(worst < 0.25_f64.to_radians(), "{}°", worst.to_degrees());
        let mut pose = Pose::rest();
        pose.translation.x = f64::NAN;
        pose.rotations[7] = DQuat::from_xyzw(f64::NAN, 0.0, 0.0, 1.0);
        let arrived = PosePacket::decode(&PosePacket { time: f64::NAN, pose }.encode()).unwrap();
        assert!(arrived.pose.is_finite());
    }

    #[test]
    fn other_bytes_are_refused() {
        let good = PosePacket { time: 1.0, pose: Pose::rest() }.encode();
        let length = PacketError::Length { expected: 106, found: 105 };
        assert_eq!(PosePacket::decode(&good[1..]), Err(length));
        let mut other = good;
        other[2] = 9;
        assert_eq!(PosePacket::decode(&other), Err(PacketError::Version { found: 9 }));
        for at in [0, 1, 3, 40, 105] {
            for bit in 0..8 {
                let mut changed = good;
                changed[at] ^= 1 << bit;
                assert_eq!(PosePacket::decode(&changed), Err(PacketError::Checksum), "{at} {bit}");
            }
        }
        // The check value of this checksum in the catalogue of such codes.
        assert_eq!(PosePacket::checksum(b"123456789"), 0x29B1);
    }
}
