//! The whole plugin with its network on wgpu gives the same bodies as on the CPU.
//!
//! Needs a graphics adapter; a software adapter is enough. Without one the tests print so and pass,
//! unless `KINEST_REQUIRE_GPU_ADAPTER=1` is set, which makes them fail.

#[path = "headless_app/common.rs"]
#[allow(dead_code, reason = "shared with other tests, and not all of it is needed here")]
mod common;

use bevy::prelude::*;
use bevy_kinest::KinestFellBack;
use bevy_kinest::kinest::model::Checkpoint;
use bevy_kinest::kinest::skeleton::PerJoint;
use bevy_kinest::prelude::*;
use common::*;
use std::path::Path;

/// Two walking players, the second half a second behind. Returns the joints of both in each frame,
/// or why the device cannot be used.
fn walk(device: DeviceChoice) -> Result<Vec<[PerJoint<Vec3>; 2]>, String> {
    let mut app = app(KinestSettings { device, ..KinestSettings::inline() });
    let path =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../assets/models/kinest_full.model.ron");
    let model = PoseModel::from_checkpoint(Checkpoint::load(&path).unwrap());
    let model = app.world_mut().resource_mut::<Assets<PoseModel>>().add(model);
    let players = [0.0, 0.5].map(|behind| {
        let avatar = app.world_mut().spawn(KinestAvatar::new(model.clone())).id();
        (avatar, trackers_of(&mut app, avatar), behind)
    });
    let (walk, mut devices, mut seen) = (Walk::new(), vec![], vec![]);
    for frame in 0..120 {
        for (_, trackers, behind) in &players {
            walk.move_trackers(&mut app, trackers, f64::from(frame) / 60.0 + behind);
        }
        app.update();
        if let Some(fell) = messages::<KinestFellBack>(&app).pop() {
            return Err(fell.reason);
        }
        devices.extend(messages::<KinestReady>(&app).into_iter().map(|ready| ready.device));
        seen.push(players.each_ref().map(|(avatar, ..)| joints(&app, *avatar)));
    }
    devices.dedup();
    assert_eq!(devices, [device.name()]);
    for (avatar, ..) in players {
        assert_eq!(body(&app, avatar).source(), PoseSource::Estimated);
    }
    Ok(seen)
}

#[test]
fn bodies_on_wgpu_match_the_cpu() {
    let on_wgpu = match walk(DeviceChoice::Wgpu) {
        Ok(seen) => seen,
        Err(reason) => {
            let required = std::env::var_os("KINEST_REQUIRE_GPU_ADAPTER").is_some_and(|v| v == "1");
            assert!(!required, "KINEST_REQUIRE_GPU_ADAPTER forbids to skip: {reason}");
            return eprintln!("SKIPPED, no graphics adapter: {reason}");
        }
    };
    let on_cpu = walk(DeviceChoice::Cpu).unwrap();
    let pairs = || on_wgpu.iter().flatten().zip(on_cpu.iter().flatten());
    let apart = pairs().map(|(a, b)| farthest(a, b)).fold(0.0, f32::max);
    println!("{apart:e} m apart at most");
    assert!(apart < 1e-3, "{apart} m");
    let (first, last) = (&on_cpu[0][0], &on_cpu[119][0]);
    assert!(farthest(first, last) > 0.5, "somebody who stands still proves little");
}
