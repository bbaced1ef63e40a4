//! Poses as a replicated component, and the way between server and client.

use crate::players::{HEADERS, Link, Number, Setup, Way};
use bevy::prelude::*;
use bevy::state::app::StatesPlugin;
use bevy_kinest::RemoteAvatar;
use bevy_kinest::kinest::live::PosePacket;
use bevy_kinest::prelude::*;
use bevy_replicon::prelude::*;
use bevy_replicon::server::server_tick::ServerTick;
use bevy_replicon_renet::netcode::{
    ClientAuthentication, NetcodeClientTransport, NetcodeServerTransport, ServerAuthentication,
    ServerConfig,
};
use bevy_replicon_renet::renet::ConnectionConfig;
use bevy_replicon_renet::{RenetChannelsExt, RenetClient, RenetServer, RepliconRenetPlugins};
use serde::{Deserialize, Serialize};
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::time::{Duration, SystemTime};

const PROTOCOL: u64 = 1;

/// What is replicated of a player: the number, which is sent once, and a [`PosePacket`].
#[derive(Component, Serialize, Deserialize)]
struct SentPose {
    number: u8,
    bytes: Vec<u8>,
}

/// Delay of the bodies that a client shows.
#[derive(Resource)]
struct Delay(Duration);

/// Packets that were no bodies.
#[derive(Resource, Default)]
struct Refused(u64);

/// Two sockets between the server's and the client's, and the ways down and up.
pub struct Replicon {
    to_client: UdpSocket,
    to_server: UdpSocket,
    client: SocketAddr,
    server: SocketAddr,
    down: Way,
    up: Way,
    sent: usize,
}

impl Link for Replicon {
    fn connect(setup: &Setup, here: &mut App, there: &mut App) -> anyhow::Result<Self> {
        for app in [&mut *here, &mut *there] {
            app.insert_resource(Time::from_hz(setup.rate))
                .add_plugins((StatesPlugin, RepliconPlugins, RepliconRenetPlugins))
                .replicate::<SentPose>();
        }
        here.add_systems(
            PostUpdate,
            send.run_if(resource_changed::<ServerTick>)
                .after(KinestSystems::Refine)
                .before(ServerSystems::Send),
        );
        there
            .insert_resource(Delay(setup.delay))
            .init_resource::<Refused>()
            .add_systems(PreUpdate, receive.after(ClientSystems::Receive));

        let (server, client) = (bind()?, bind()?);
        let (to_client, to_server) = (bind()?, bind()?);
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?;
        let link = Self {
            client: client.local_addr()?,
            server: server.local_addr()?,
            down: Way::new(setup),
            up: Way::new(setup),
            sent: 0,
            to_client,
            to_server,
        };
        let config = |app: &App| {
            let channels = app.world().resource::<RepliconChannels>();
            ConnectionConfig {
                server_channels_config: channels.server_configs(),
                client_channels_config: channels.client_configs(),
                ..default()
            }
        };
        let settings = ServerConfig {
            current_time: now,
            max_clients: 1,
            protocol_id: PROTOCOL,
            public_addresses: vec![link.to_client.local_addr()?],
            authentication: ServerAuthentication::Unsecure,
        };
        let resource = RenetServer::new(config(here));
        here.insert_resource(resource)
            .insert_resource(NetcodeServerTransport::new(settings, server)?);
        let authentication = ClientAuthentication::Unsecure {
            client_id: 1,
            protocol_id: PROTOCOL,
            server_addr: link.to_client.local_addr()?,
            user_data: None,
        };
        let resource = RenetClient::new(config(there));
        there.insert_resource(resource).insert_resource(NetcodeClientTransport::new(
            now,
            authentication,
            client,
        )?);
        Ok(link)
    }

    fn carry(&mut self, now: f64, _: &mut App, _: &mut App) -> anyhow::Result<()> {
        let mut buffer = [0; 2048];
        while let Ok(size) = self.to_server.recv(&mut buffer) {
            self.sent += size + HEADERS;
            self.down.send(now, &buffer[..size]);
        }
        while let Ok(size) = self.to_client.recv(&mut buffer) {
            self.up.send(now, &buffer[..size]);
        }
        for packet in self.down.arrived(now) {
            self.to_client.send_to(&packet, self.client)?;
        }
        for packet in self.up.arrived(now) {
            self.to_server.send_to(&packet, self.server)?;
        }
        Ok(())
    }

    fn sent(&self) -> usize {
        self.sent
    }
}

/// On the server, with every tick of replication: the bodies of all players.
fn send(time: Res<Time>, mut commands: Commands, bodies: Query<(Entity, &Number, &BodyPose)>) {
    for (player, number, body) in &bodies {
        if body.time().is_some() {
            let packet = PosePacket { time: time.elapsed_secs_f64(), pose: *body.pose_z_up() };
            let pose = SentPose { number: number.0, bytes: packet.encode().to_vec() };
            commands.entity(player).insert((Replicated, pose));
        }
    }
}

/// On the client: gives what has arrived to its [`RemoteAvatar`], which a new player gets.
fn receive(
    mut commands: Commands,
    delay: Res<Delay>,
    mut refused: ResMut<Refused>,
    mut poses: Query<(Entity, &SentPose, Option<&mut RemoteAvatar>), Changed<SentPose>>,
) {
    for (player, sent, remote) in &mut poses {
        // An error that is returned from here would end the game: no packet of another player's may do that.
        let Ok(PosePacket { time, pose }) = PosePacket::decode(&sent.bytes) else {
            refused.0 += 1;
            continue;
        };
        let taken = if let Some(mut remote) = remote {
            remote.receive(time, pose)
        } else {
            let mut remote = RemoteAvatar::default();
            remote.delay = delay.0;
            let taken = remote.receive(time, pose);
            commands.entity(player).insert((Number(sent.number), remote));
            taken
        };
        refused.0 += u64::from(taken.is_err());
    }
}

fn bind() -> anyhow::Result<UdpSocket> {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
    socket.set_nonblocking(true)?;
    Ok(socket)
}

#[cfg(test)]
mod tests {
    use super::*;
    use bevy_kinest::kinest::skeleton::Pose;

    #[test]
    fn a_packet_that_is_no_body_is_counted_and_ends_nothing() {
        let mut app = App::new();
        app.insert_resource(Delay(Duration::ZERO))
            .init_resource::<Refused>()
            .add_systems(Update, receive);
        let mut sent = PosePacket { time: 1.0, pose: Pose::rest() }.encode().to_vec();
        let player = app.world_mut().spawn(SentPose { number: 3, bytes: sent.clone() }).id();
        let bad = app.world_mut().spawn(SentPose { number: 4, bytes: vec![7; 105] }).id();
        app.update();
        let is_shown = |app: &App, player| app.world().get::<RemoteAvatar>(player).is_some();
        assert_eq!((is_shown(&app, player), is_shown(&app, bad)), (true, false));
        assert_eq!(app.world().get::<Number>(player).map(|number| number.0), Some(3));
        // A body that is shown already gets one too.
        sent[10] ^= 1;
        app.world_mut().get_mut::<SentPose>(player).unwrap().bytes = sent;
        app.update();
        assert_eq!(app.world().resource::<Refused>().0, 2);
    }
}
