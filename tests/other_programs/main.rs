//! Bodies to and from other programs over sockets of this machine: two apps, packets that are lost, late, foreign or
//! no packets at all, and a restart of either side.

use bevy::app::PluginsState;
use bevy::asset::AssetPlugin;
use bevy::prelude::*;
use bevy::time::TimeUpdateStrategy;
use bevy_kinest::kinest::capture::{self, MotionFormat};
use bevy_kinest::kinest::coordinates::{engine_from_amass_point, engine_from_amass_rotation};
use bevy_kinest::kinest::motion::synthetic::walk_and_wave;
use bevy_kinest::kinest::osc::vmc::{DeviceKind, Marionette, Place, VmcMessage};
use bevy_kinest::kinest::osc::{OscMessage, OscType, bundled, messages};
use bevy_kinest::kinest::rotation::{exp, geodesic_angle};
use bevy_kinest::kinest::skeleton::{Pose, Skeleton};
use bevy_kinest::prelude::*;
use bevy_kinest::{
    KinestOscPlugin, KinestVmcPlugin, MotionWriter, RemoteAvatar, VmcPerformance, VmcPerformer,
    VmcReceiver, VmcSource, VmcTracker, VrchatTrackers,
};
use glam::{DQuat, DVec3};
use std::net::{SocketAddr, UdpSocket};
use std::time::Duration;

const FRAME: Duration = Duration::from_micros(16_667);
const ANY: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 0);

fn app() -> App {
    let mut app = App::new();
    app.add_plugins((
        MinimalPlugins,
        TransformPlugin,
        AssetPlugin::default(),
        KinestPlugins,
        KinestVmcPlugin,
        KinestOscPlugin,
    ))
    .insert_resource(KinestSettings::inline())
    .insert_resource(TimeUpdateStrategy::ManualDuration(FRAME));
    while app.plugins_state() == PluginsState::Adding {
        std::thread::yield_now();
    }
    app.finish();
    app.cleanup();
    app
}

/// An app whose avatar walks.
fn walker(components: impl Bundle) -> (App, Entity) {
    let mut app = app();
    let skeleton = Skeleton::default();
    let walk = MotionReplay::clip(walk_and_wave(&skeleton), skeleton).repeating();
    let avatar = app.world_mut().spawn((KinestAvatar::default(), walk, components)).id();
    (app, avatar)
}

/// An app that shows what arrives, and where it listens.
fn viewer(listen: SocketAddr) -> (App, Entity, SocketAddr) {
    let mut app = app();
    let mut shown = RemoteAvatar::default();
    shown.delay = Duration::from_millis(50);
    shown.longest = Duration::from_millis(200);
    let body = app.world_mut().spawn((VmcReceiver::at(listen), shown)).id();
    app.update();
    let address = receiver(&app, body).link.local_address().expect("a free port");
    (app, body, address)
}

fn receiver(app: &App, entity: Entity) -> &VmcReceiver {
    app.world().get(entity).unwrap()
}

fn joints(app: &App, avatar: Entity) -> Option<[Vec3; 22]> {
    let body = app.world().get::<BodyPose>(avatar)?;
    body.time()?;
    Some(SmplJoint::ALL.map(|joint| body.joint_transform(joint).translation))
}

/// Mean distance of the joints.
fn apart(a: &[Vec3; 22], b: &[Vec3; 22]) -> f32 {
    a.iter().zip(b).map(|(a, b)| a.distance(*b)).sum::<f32>() / 22.0
}

fn socket() -> (UdpSocket, SocketAddr) {
    let socket = UdpSocket::bind(ANY).unwrap();
    socket.set_nonblocking(true).unwrap();
    let address = socket.local_addr().unwrap();
    (socket, address)
}

fn take(socket: &UdpSocket) -> Vec<Vec<u8>> {
    let mut buffer = vec![0; 65_507];
    let next = || socket.recv(&mut buffer).ok().map(|size| buffer[..size].to_vec());
    std::iter::from_fn(next).collect()
}

fn pass(socket: &UdpSocket, packet: &[u8], to: SocketAddr) {
    assert_eq!(socket.send_to(packet, to).unwrap(), packet.len());
}

/// Smallest distance of a shown body from one of the last ones that were sent: it is shown later.
fn off(sent: &[[Vec3; 22]], shown: &[Vec3; 22]) -> f32 {
    sent.iter().rev().take(20).map(|sent| apart(sent, shown)).fold(f32::MAX, f32::min)
}

#[test]
fn a_body_moves_in_another_app_through_loss_disorder_and_restarts() {
    let (relay, relay_address) = socket();
    let performer =
        |rate| VmcPerformer { rate, upper_chest: true, ..VmcPerformer::to(relay_address) };
    let (mut here, avatar) = walker(performer(60.0));
    let (mut there, body, mut address) = viewer(ANY);
    let (mut sent, mut dice) = (vec![], 9_u32);
    let mut roll = || {
        dice = dice.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        dice >> 24
    };
    let mut held: Vec<Vec<u8>> = vec![];
    let (mut worst, mut compared) = (0.0_f32, 0);
    for frame in 0..240 {
        here.update();
        sent.extend(joints(&here, avatar));
        for packet in take(&relay) {
            match roll() {
                // One in ten is lost, one in twelve is a frame late, one in twenty comes twice.
                0..26 => continue,
                26..48 => held.push(packet),
                48..60 => {
                    relay.send_to(&packet, address).unwrap();
                    relay.send_to(&packet, address).unwrap();
                }
                _ => pass(&relay, &packet, address),
            }
        }
        there.update();
        if frame % 2 == 1 {
            held.drain(..).for_each(|packet| pass(&relay, &packet, address));
        }
        // Foreign packets and no packets.
        let foreign = [OscMessage { addr: "/avatar/change".into(), args: vec![OscType::Int(1)] }];
        relay.send_to(&bundled(&foreign)[0], address).unwrap();
        relay.send_to(&vec![frame as u8; 1 + 37 * frame], address).unwrap();
        if frame == 100 {
            // The viewer is started anew, at the same port.
            drop(there);
            (there, _, address) = viewer(address);
        }
        if frame == 170 {
            // And the performer, in the middle of the walk; its clock starts at 0.
            (here, _) = walker(performer(60.0));
        }
        let settled = !(100..125).contains(&frame) && !(170..200).contains(&frame) && frame > 30;
        if let Some(shown) = joints(&there, body).filter(|_| settled) {
            worst = worst.max(off(&sent, &shown));
            compared += 1;
        }
    }
    assert!(compared > 100 && worst < 0.06, "{compared} frames, worst {worst} m");
    let heard: &VmcPerformance = there.world().get(body).unwrap();
    assert!(heard.refused() > 50 && heard.marionette().ignored() > 50);
    assert_eq!(heard.marionette().restarts(), 1);
}

#[test]
fn packets_leave_at_their_rate_and_nothing_waits_for_them() {
    let (socket, address) = socket();
    let (mut here, _) = walker(VmcPerformer { rate: 30.0, ..VmcPerformer::to(address) });
    let mut packets = vec![];
    for _ in 0..120 {
        here.update();
        packets.extend(take(&socket));
    }
    let all: Vec<VmcMessage> = (packets.iter())
        .flat_map(|packet| messages(packet).unwrap())
        .map(|message| VmcMessage::read(&message).expect("a message of the protocol"))
        .collect();
    for packet in &packets {
        let first = VmcMessage::read(&messages(packet).unwrap()[0]);
        assert!(matches!(first, Some(VmcMessage::Time(_))), "{first:?}");
    }
    let mut times: Vec<f32> = (all.iter())
        .filter_map(|message| match message {
            VmcMessage::Time(time) => Some(*time),
            _ => None,
        })
        .collect();
    // Each packet of a body has its time.
    times.dedup();
    let times = times.len();
    let of = |bone: &str| {
        all.iter().filter(|it| matches!(it, VmcMessage::Bone { name, .. } if name == bone)).count()
    };
    assert!(times.abs_diff(60) <= 2, "{times} in 2 s at 30 Hz");
    assert_eq!(
        (of("Hips"), of("RightHand"), of("Chest"), of("UpperChest")),
        (times, times, times, 0)
    );
    // Nobody listens any more: the game goes on.
    drop(socket);
    for _ in 0..20 {
        here.update();
    }
}

#[test]
fn a_port_that_is_taken_is_a_problem_until_it_is_free() {
    let (taken, address) = socket();
    let mut app = app();
    let body = app.world_mut().spawn(VmcReceiver::at(address)).id();
    app.update();
    assert!(receiver(&app, body).link.problem().unwrap().contains("cannot open"));
    drop(taken);
    for _ in 0..62 {
        app.update();
    }
    assert_eq!(
        (receiver(&app, body).link.problem(), receiver(&app, body).link.local_address()),
        (None, Some(address))
    );
}

#[test]
fn trackers_follow_devices_and_joints_of_a_performer() {
    let (socket, _) = socket();
    let mut app = app();
    let from = app.world_mut().spawn(VmcReceiver::at(ANY)).id();
    let device =
        |kind, serial: Option<&str>| VmcSource::Device { kind, serial: serial.map(Into::into) };
    let mut tracker = |tracker: SparseTracker, source| {
        app.world_mut().spawn((tracker, VmcTracker { from, source })).id()
    };
    let head = tracker(SparseTracker::HEAD, device(DeviceKind::Hmd, None));
    let waist = tracker(SparseTracker::PELVIS, device(DeviceKind::Tracker, Some("waist")));
    let foot = tracker(SparseTracker::LEFT_FOOT, VmcSource::Joint);
    app.update();
    let address = receiver(&app, from).link.local_address().unwrap();
    let state = |app: &App, tracker: Entity| {
        let entity = app.world().entity(tracker);
        let at = entity.get::<Transform>().unwrap().translation;
        (at, entity.get::<TrackingState>().unwrap().tracked)
    };
    assert!(!state(&app, head).1, "nothing has arrived");
    let place = |x, y, z| Place { position: DVec3::new(x, y, z), rotation: DQuat::IDENTITY };
    let all = [
        VmcMessage::Device {
            kind: DeviceKind::Hmd,
            serial: "HMD0".into(),
            place: place(0.1, 1.7, 0.2),
        },
        VmcMessage::Device {
            kind: DeviceKind::Tracker,
            serial: "foot".into(),
            place: place(9.0, 0.0, 0.0),
        },
        VmcMessage::Device {
            kind: DeviceKind::Tracker,
            serial: "waist".into(),
            place: place(0.0, 1.0, -0.1),
        },
        VmcMessage::Bone { name: "Hips".into(), place: place(1.0, 1.0, 2.0) },
    ]
    .map(|message| message.to_osc());
    bundled(&all).iter().for_each(|packet| pass(&socket, packet, address));
    app.update();
    assert_eq!(state(&app, head), (Vec3::new(0.1, 1.7, 0.2), true));
    assert_eq!(state(&app, waist), (Vec3::new(0.0, 1.0, -0.1), true));
    let (at, tracked) = state(&app, foot);
    assert!(
        tracked && at.distance(Vec3::new(1.1, 0.1, 2.0)) < 0.15,
        "{at}: faces +z, its left is +x"
    );
    // The waist goes on; the headset's battery is empty, the body has gone, and others send what is none of these.
    let foreign = OscMessage { addr: "/avatar/change".into(), args: vec![OscType::Int(1)] };
    for _ in 0..31 {
        bundled(&all[2..3]).iter().for_each(|packet| pass(&socket, packet, address));
        bundled(std::slice::from_ref(&foreign)).iter().for_each(|it| pass(&socket, it, address));
        pass(&socket, b"no packet", address);
        app.update();
    }
    assert_eq!(state(&app, head), (Vec3::new(0.1, 1.7, 0.2), false), "half a second of silence");
    assert_eq!(state(&app, foot), (at, false), "no bone for half a second");
    assert_eq!(state(&app, waist), (Vec3::new(0.0, 1.0, -0.1), true));
    for _ in 0..31 {
        pass(&socket, b"no packet", address);
        app.update();
    }
    assert!(!state(&app, waist).1, "what is no packet keeps nothing alive");
}

/// A belt tracker of another program, strapped on somehow: after a T-pose the pelvis is where it says.
#[test]
fn a_pelvis_tracker_of_a_performer_moves_a_body_once_it_is_calibrated() {
    let (socket, _) = socket();
    let mut app = app();
    let skeleton = Skeleton::default();
    let mut pose = Pose::rest();
    let ankle = skeleton.pose_joints(&pose).positions[SmplJoint::LeftAnkle.index()].z;
    pose.translation.z = skeleton.ankle_height - ankle;
    let stands = skeleton.pose_joints(&pose);
    let at = |joint: SmplJoint| {
        let j = joint.index();
        let rotation = engine_from_amass_rotation(DQuat::from_mat3(&stands.rotations[j]));
        Transform::from_translation(engine_from_amass_point(stands.positions[j]))
            .with_rotation(rotation)
    };
    let avatar = app.world_mut().spawn(KinestAvatar::default()).id();
    for (tracker, joint) in [
        (SparseTracker::HEAD, SmplJoint::Head),
        (SparseTracker::LEFT_HAND, SmplJoint::LeftWrist),
        (SparseTracker::RIGHT_HAND, SmplJoint::RightWrist),
    ] {
        app.world_mut().spawn((tracker, TrackerOf(avatar), at(joint)));
    }
    let from = app.world_mut().spawn(VmcReceiver::at(ANY)).id();
    let source = VmcSource::Device { kind: DeviceKind::Tracker, serial: Some("belt".into()) };
    let follows = VmcTracker { from, source };
    app.world_mut().spawn((SparseTracker::PELVIS, NeedsCalibration, TrackerOf(avatar), follows));
    app.update();
    let address = receiver(&app, from).link.local_address().unwrap();
    // At the small of the back, and not straight.
    let strap = Transform::from_xyz(0.02, 0.05, -0.12).with_rotation(Quat::from_rotation_x(0.5));
    // How far the body's pelvis is from the player's, who has it there for some frames.
    let off = |app: &mut App, pelvis: Transform, frames: usize| {
        let worn = pelvis * strap;
        let place =
            Place { position: worn.translation.as_dvec3(), rotation: worn.rotation.as_dquat() };
        let belt =
            VmcMessage::Device { kind: DeviceKind::Tracker, serial: "belt".into(), place }.to_osc();
        for _ in 0..frames {
            pass(&socket, &bundled(std::slice::from_ref(&belt))[0], address);
            app.update();
        }
        let body = app.world().get::<BodyPose>(avatar).unwrap();
        body.joint_transform(SmplJoint::Pelvis).translation.distance(pelvis.translation)
    };
    let stood = at(SmplJoint::Pelvis);
    let swayed =
        Transform { translation: stood.translation + Vec3::new(0.08, 0.015, 0.02), ..stood };
    let unknown = off(&mut app, swayed, 60);
    assert!(unknown > 0.05, "nobody knows how it is worn, and the body follows it: {unknown} m");
    off(&mut app, stood, 30);
    app.world_mut().trigger(Recalibrate { entity: avatar, method: CalibrationMethod::TPose });
    off(&mut app, stood, 70);
    assert!(app.world().get::<PlayerCalibration>(avatar).is_some());
    for pelvis in [stood, swayed] {
        let off = off(&mut app, pelvis, 60);
        assert!(off < 0.02, "the pelvis is {off} m from where the player has it");
    }
}

/// What leaves for a character in the other program comes from the bones of the one that is bound here.
#[test]
fn a_bound_character_is_sent_with_its_own_proportions() {
    let (socket, to) = socket();
    // In every frame.
    let (mut here, avatar) = walker(VmcPerformer { rate: 1000.0, ..VmcPerformer::to(to) });
    let skeleton = Skeleton::default();
    let is_shank = |joint: SmplJoint| matches!(joint, SmplJoint::LeftAnkle | SmplJoint::RightAnkle);
    let mut bones: Vec<Entity> = vec![];
    for joint in SmplJoint::ALL {
        // A short character with long shanks.
        let size = if is_shank(joint) { 0.9 } else { 0.7 };
        let offset = skeleton.offsets[joint.index()].as_vec3() * size;
        let parent = joint.parent().map_or(avatar, |parent| bones[parent.index()]);
        let bone = (Name::new(joint.name()), Transform::from_translation(offset), ChildOf(parent));
        bones.push(here.world_mut().spawn(bone).id());
    }
    here.world_mut().entity_mut(avatar).insert(KinestRig::default());
    let (mut received, mut places) = (Marionette::default(), vec![]);
    for _ in 0..60 {
        here.update();
        places.clear();
        for packet in take(&socket) {
            received.receive(&packet).unwrap();
            let all = messages(&packet).unwrap();
            places.extend(all.iter().filter_map(VmcMessage::read).filter_map(|it| match it {
                VmcMessage::Bone { name, place } => Some((name, place)),
                _ => None,
            }));
        }
    }
    assert!(here.world().get::<RigBones>(avatar).is_some(), "it is bound");
    assert_eq!(places.len(), 22);
    for (bone, joint) in
        [("LeftLowerLeg", SmplJoint::LeftKnee), ("RightFoot", SmplJoint::RightAnkle)]
    {
        let (_, place) = places.iter().find(|(name, _)| name == bone).unwrap();
        let size = if is_shank(joint) { 0.9 } else { 0.7 };
        let own = skeleton.offsets[joint.index()].length() * size;
        assert!((place.position.length() - own).abs() < 1e-3, "{bone}: {place:?}, {own} m");
    }
    let arrived = skeleton.pose_joints(&received.pose(&skeleton).unwrap()).positions;
    for (a, b) in [
        (SmplJoint::LeftShoulder, SmplJoint::LeftElbow),
        (SmplJoint::RightElbow, SmplJoint::RightWrist),
        (SmplJoint::LeftHip, SmplJoint::LeftKnee),
        (SmplJoint::RightKnee, SmplJoint::RightAnkle),
    ] {
        let [from, to] = [a, b].map(|joint| {
            let bone = here.world().get::<GlobalTransform>(bones[joint.index()]).unwrap();
            (bone.translation(), engine_from_amass_point(arrived[joint.index()]))
        });
        let off = (to.0 - from.0).angle_between(to.1 - from.1).to_degrees();
        assert!(off < 1.0, "{a:?}: {off}°");
    }
}

#[test]
fn a_headset_player_has_eight_trackers_in_vrchat() {
    let (socket, to) = socket();
    let (mut here, avatar) = walker(VrchatTrackers { to, ..VrchatTrackers::all() });
    let mut compared = 0;
    for _ in 0..60 {
        here.update();
        let arrived: Vec<OscMessage> =
            take(&socket).iter().flat_map(|packet| messages(packet).unwrap()).collect();
        let Some(body) = here.world().get::<BodyPose>(avatar).filter(|it| it.time().is_some())
        else {
            continue;
        };
        let place = |address: &str| {
            let found = arrived.iter().find(|message| message.addr == address);
            let numbers = &found.unwrap_or_else(|| panic!("no {address}")).args;
            let number = |k: usize| numbers[k].clone().float().unwrap();
            Vec3::new(number(0), number(1), number(2))
        };
        assert_eq!(arrived.len(), 18);
        compared += 1;
        for (address, joint) in [
            ("1", SmplJoint::Pelvis),
            ("2", SmplJoint::Spine3),
            ("3", SmplJoint::LeftAnkle),
            ("8", SmplJoint::RightElbow),
            ("head", SmplJoint::Head),
        ] {
            let sent = place(&format!("/tracking/trackers/{address}/position"));
            let at = engine_from_amass_point(body.joints_z_up().positions[joint.index()]);
            assert!(sent.distance(at * Vec3::new(-1.0, 1.0, 1.0)) < 1e-4, "{address} {joint:?}");
        }
    }
    assert!(compared > 50, "a body in {compared} of 60 frames only");
}

#[test]
fn a_live_body_is_written_in_every_format() {
    let folder = tempfile::tempdir().unwrap();
    let skeleton = Skeleton::default();
    let mut clips = vec![];
    for format in MotionFormat::ALL {
        let path = folder.path().join(format!("body.{}", format.ending()));
        let writer = MotionWriter::new(&path, 30.0).unwrap();
        let (mut here, avatar) = walker(writer);
        let mut last = Pose::rest();
        for _ in 0..62 {
            here.update();
            last = *here.world().get::<BodyPose>(avatar).unwrap().pose_z_up();
        }
        assert!(!path.exists());
        here.world_mut().entity_mut(avatar).remove::<MotionWriter>();
        let clip = capture::load(&path, &skeleton).unwrap().clip;
        assert_eq!(clip.rate_hz, 30.0);
        assert!(clip.frames.len().abs_diff(31) <= 1, "{format:?}: {}", clip.frames.len());
        let end = Pose::from(clip.frames.last().unwrap());
        assert!(geodesic_angle(end.rotations[4], last.rotations[4]) < 0.1, "{format:?}");
        clips.push(clip);
    }
    for clip in &clips[1..] {
        for (a, b) in clips[0].frames.iter().zip(&clip.frames) {
            for (a, b) in a.rotations.iter().zip(&b.rotations) {
                assert!(geodesic_angle(exp(*a), exp(*b)) < 2e-3);
            }
        }
    }
    let other = MotionWriter::new("body.fbx", 30.0).unwrap_err().to_string();
    assert!(other.contains("does not end in .npz"), "{other}");
    MotionWriter::new("body.glb", 0.0).unwrap_err();
}
