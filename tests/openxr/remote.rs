//! Protocol of Monado's `remote` driver, 25.0: little-endian packets of fixed size; the newest
//! counts.

use bevy::prelude::*;
use std::io::Write;
use std::net::TcpStream;
use std::time::{Duration, Instant};

const PACKET: usize = 376;
const MAGIC: &[u8] = b"mndrmt3\0";
/// Half the field of view of an eye, radians.
const HALF_VIEW: f32 = 0.785;
/// Distance between the eyes, metres.
const EYES: f32 = 0.063;
/// Maximum time until the service listens.
const PATIENCE: Duration = Duration::from_secs(20);

/// A controller. Poses are in the service's space: y up, metres.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Hand {
    pub grip: Isometry3d,
    pub trigger: f32,
    pub button: bool,
    pub active: bool,
    /// Whether cameras see a bare hand.
    pub bare: bool,
}

impl Hand {
    pub fn at(grip: Isometry3d) -> Self {
        Self { grip, trigger: 0.0, button: false, active: true, bare: false }
    }
}

/// State of the head, the left and the right hand.
pub struct Packet {
    pub view: Isometry3d,
    pub hands: [Hand; 2],
}

#[derive(Default)]
struct Bytes(Vec<u8>);

impl Bytes {
    fn floats(&mut self, values: impl IntoIterator<Item = f32>) {
        values.into_iter().for_each(|value| self.0.extend(value.to_le_bytes()));
    }

    fn zeros(&mut self, count: usize) {
        self.0.resize(self.0.len() + count, 0);
    }

    fn pose(&mut self, pose: Isometry3d) {
        self.floats(pose.rotation.to_array());
        self.floats(pose.translation.to_array());
    }

    fn hand(&mut self, hand: &Hand) {
        self.pose(hand.grip);
        // Velocities and fingers.
        self.zeros(4 * (3 + 3 + 5));
        self.floats([hand.trigger, 0.0, 0.0]);
        // Stick and pad.
        self.zeros(4 * 5);
        let pulled = [hand.trigger > 0.5, hand.trigger > 0.0];
        let [click, touch] = pulled;
        let flags = [hand.bare, hand.active, false, false, hand.button, hand.button];
        let flags = flags.into_iter().chain([false, false, click, touch, false, false, false]);
        self.0.extend(flags.map(u8::from));
        self.zeros(3);
    }
}

impl Packet {
    fn bytes(&self) -> Vec<u8> {
        let mut bytes = Bytes::default();
        bytes.0.extend(MAGIC);
        for side in [-0.5, 0.5] {
            bytes.floats([-HALF_VIEW, HALF_VIEW, HALF_VIEW, -HALF_VIEW]);
            bytes.pose(Isometry3d::from_translation(Vec3::X * side * EYES));
            bytes.zeros(4);
        }
        bytes.pose(self.view);
        bytes.0.push(1);
        bytes.zeros(3);
        self.hands.iter().for_each(|hand| bytes.hand(hand));
        bytes.0
    }
}

/// A connection to the simulated headset of a service.
pub struct Remote(TcpStream);

impl Remote {
    /// Connects to the port in `KINEST_XR_PORT` on this machine.
    pub fn connect() -> Self {
        let port = std::env::var("KINEST_XR_PORT").expect("tools/vr-smoke sets KINEST_XR_PORT");
        let port = port.parse().expect("KINEST_XR_PORT is a port");
        let start = Instant::now();
        loop {
            match TcpStream::connect(("127.0.0.1", port)) {
                Ok(stream) => {
                    stream.set_nodelay(true).unwrap();
                    return Self(stream);
                }
                Err(error) if start.elapsed() > PATIENCE => panic!("no service: {error}"),
                Err(_) => std::thread::sleep(Duration::from_millis(50)),
            }
        }
    }

    /// Sends a packet; returns whether the service accepted it.
    pub fn send(&mut self, packet: &Packet) -> bool {
        self.0.write_all(&packet.bytes()).is_ok()
    }
}

#[test]
fn packets_have_the_size_that_the_driver_expects() {
    let hand = Hand::at(Isometry3d::IDENTITY);
    let packet = Packet { view: Isometry3d::IDENTITY, hands: [hand; 2] };
    assert_eq!(packet.bytes().len(), PACKET);
}
