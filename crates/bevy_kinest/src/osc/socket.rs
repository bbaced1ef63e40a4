//! Non-blocking sockets.

use bevy::prelude::*;
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::time::Duration;

/// Time after which opening a socket is retried: another program may have used the port.
const AGAIN: Duration = Duration::from_secs(1);

/// The socket of a component that sends or receives, and its state.
///
/// It is opened when it is needed, and opening is retried after a failure. It never blocks: packets
/// that cannot be sent at once are dropped, like lost ones. A clone opens its own socket.
#[derive(Debug, Default)]
pub struct OscLink {
    socket: Option<UdpSocket>,
    address: Option<SocketAddr>,
    tried: Option<Duration>,
    problem: Option<String>,
    dropped: u64,
    /// When the next packets are due.
    due: Duration,
}

impl Clone for OscLink {
    fn clone(&self) -> Self {
        Self::default()
    }
}

/// This machine, on any port.
#[cfg(feature = "vmc")]
pub(crate) fn local(port: u16) -> SocketAddr {
    (Ipv4Addr::LOCALHOST, port).into()
}

impl OscLink {
    /// Opens the socket at `address`, if it is not open there. `now` is the time since the start. A
    /// failure is logged once, with the owner `whose`.
    pub(crate) fn open(&mut self, address: SocketAddr, now: Duration, whose: &str) {
        if self.address == Some(address) {
            let waits = self.tried.is_some_and(|tried| now.saturating_sub(tried) < AGAIN);
            if self.socket.is_some() || waits {
                return;
            }
        }
        (self.address, self.tried, self.socket) = (Some(address), Some(now), None);
        let open = || -> io::Result<UdpSocket> {
            let socket = UdpSocket::bind(address)?;
            socket.set_nonblocking(true)?;
            Ok(socket)
        };
        match open() {
            Ok(socket) => {
                if self.problem.take().is_some() {
                    info!("{whose}: listens at {address}");
                }
                self.socket = Some(socket);
            }
            Err(error) => {
                let problem = format!("cannot open {address}: {error}");
                if self.problem.as_ref() != Some(&problem) {
                    warn!("{whose}: {problem}; it is tried again every second");
                    self.problem = Some(problem);
                }
            }
        }
    }

    /// Opens a socket to send to `to` with.
    pub(crate) fn open_for(&mut self, to: SocketAddr, now: Duration, whose: &str) {
        let any: SocketAddr = match to {
            SocketAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
            SocketAddr::V6(_) => (Ipv6Addr::UNSPECIFIED, 0).into(),
        };
        self.open(any, now, whose);
    }

    /// Its local address, with the port that the system chose for port 0; `None` while it is not
    /// open.
    #[must_use]
    pub fn local_address(&self) -> Option<SocketAddr> {
        self.socket.as_ref()?.local_addr().ok()
    }

    /// The reason why it is not open, for instance another program on the port.
    #[must_use]
    pub fn problem(&self) -> Option<&str> {
        self.problem.as_deref()
    }

    /// Packets that could not be sent.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.dropped
    }

    /// Sends a packet, or drops it. A missing receiver is not a failure.
    pub(crate) fn send(&mut self, packet: &[u8], to: SocketAddr) {
        let sent = self.socket.as_ref().map(|socket| socket.send_to(packet, to));
        if !matches!(sent, Some(Ok(_))) {
            self.dropped += 1;
        }
    }

    /// Whether packets are due at `now`; the next ones are then due a period later. Never true
    /// without a positive rate.
    pub(crate) fn is_due(&mut self, now: Duration, rate_hz: f32) -> bool {
        let Ok(period) = Duration::try_from_secs_f32(rate_hz.recip()) else { return false };
        if now < self.due || rate_hz <= 0.0 {
            return false;
        }
        // On a fixed grid; missed packets are not sent later.
        self.due = if now - self.due > period { now + period } else { self.due + period };
        true
    }

    /// Takes at most `most` received packets.
    #[cfg(feature = "vmc")]
    pub(crate) fn receive(&mut self, most: usize, buffer: &mut [u8], mut take: impl FnMut(&[u8])) {
        let Some(socket) = &self.socket else { return };
        for _ in 0..most {
            match socket.recv_from(buffer) {
                Ok((size, _)) => take(&buffer[..size]),
                // Some systems report here that an earlier packet had no receiver.
                Err(error)
                    if matches!(
                        error.kind(),
                        io::ErrorKind::ConnectionReset
                            | io::ErrorKind::ConnectionRefused
                            | io::ErrorKind::Interrupted
                    ) => {}
                Err(_) => break,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packets_leave_at_the_rate_whatever_the_frames_are() {
        for (frames, rate, expected) in
            [(90, 30.0, 30), (72, 60.0, 60), (20, 60.0, 20), (90, 0.0, 0)]
        {
            let mut link = OscLink::default();
            let times = (0..10 * frames)
                .map(|frame| Duration::from_secs_f64(f64::from(frame) / f64::from(frames)));
            let sent = times.filter(|now| link.is_due(*now, rate)).count();
            assert!(sent.abs_diff(10 * expected) <= 2, "{sent} in 10 s at {rate} Hz of {frames}");
        }
        assert!(!OscLink::default().is_due(Duration::ZERO, f32::NAN));
        assert!(!OscLink::default().is_due(Duration::ZERO, -1.0));
    }
}
