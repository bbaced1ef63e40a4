//! Poses of many players in packets, over a socket.

use crate::players::{HEADERS, Link, Number, Setup, Way};
use bevy::prelude::*;
use bevy_kinest::RemoteAvatar;
use bevy_kinest::kinest::live::PosePacket;
use bevy_kinest::prelude::*;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};

/// Players whose poses are in one packet: below the 1,400 bytes that every network carries whole.
const TOGETHER: usize = 13;

/// Sockets of both apps.
pub struct Udp {
    sender: UdpSocket,
    receiver: UdpSocket,
    to: SocketAddr,
    way: Way,
    rate: f64,
    due: f64,
    sent: usize,
}

impl Link for Udp {
    fn connect(setup: &Setup, _: &mut App, there: &mut App) -> anyhow::Result<Self> {
        for number in 0..setup.players {
            let mut remote = RemoteAvatar::default();
            remote.delay = setup.delay;
            there.world_mut().spawn((remote, Number(number as u8)));
        }
        let (sender, receiver) = (bind()?, bind()?);
        let to = receiver.local_addr()?;
        Ok(Self { sender, receiver, to, way: Way::new(setup), rate: setup.rate, due: 0.0, sent: 0 })
    }

    fn carry(&mut self, now: f64, here: &mut App, there: &mut App) -> anyhow::Result<()> {
        if now >= self.due {
            self.due += self.rate.recip();
            let mut bodies = here.world_mut().query::<(&Number, &BodyPose)>();
            let mut poses = vec![];
            for (Number(number), body) in bodies.iter(here.world()) {
                if body.time().is_some() {
                    let packet = PosePacket { time: now, pose: *body.pose_z_up() };
                    poses.push([&[*number], &packet.encode()[..]].concat());
                }
            }
            for together in poses.chunks(TOGETHER) {
                let packet = together.concat();
                self.sent += packet.len() + HEADERS;
                self.sender.send_to(&packet, self.to)?;
            }
        }
        let mut buffer = [0; 2048];
        while let Ok(size) = self.receiver.recv(&mut buffer) {
            self.way.send(now, &buffer[..size]);
        }
        let mut remotes = there.world_mut().query::<(&Number, &mut RemoteAvatar)>();
        for packet in self.way.arrived(now) {
            for part in packet.chunks(1 + PosePacket::BYTES) {
                let Ok(pose) = PosePacket::decode(&part[1..]) else { continue };
                let meant = remotes.iter_mut(there.world_mut());
                for (_, mut remote) in meant.filter(|(number, _)| number.0 == part[0]) {
                    remote.receive(pose.time, pose.pose)?;
                }
            }
        }
        Ok(())
    }

    fn sent(&self) -> usize {
        self.sent
    }
}

fn bind() -> anyhow::Result<UdpSocket> {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
    socket.set_nonblocking(true)?;
    Ok(socket)
}
