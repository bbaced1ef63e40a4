//! Reflection of the plugins' types, as used by inspectors, scenes and scripts.

use crate::common::*;
use bevy::ecs::reflect::{
    AppTypeRegistry, ReflectComponent, ReflectEvent, ReflectMessage, ReflectResource,
};
use bevy::prelude::*;
use bevy::reflect::serde::{ReflectDeserializer, ReflectSerializer};
use bevy::reflect::{FromReflect, GetPath, Reflect, TypeRegistration, TypeRegistry};
use bevy_kinest::kinest::calibration::Calibration;
use bevy_kinest::kinest::skeleton::Skeleton;
use bevy_kinest::prelude::*;
use bevy_kinest::{Ahead, Extrapolation, Forecast};
use serde::de::DeserializeSeed;
use std::fs;
use std::path::Path;
use std::time::Duration;

/// A registry with the types that the plugins register, and no others.
fn registry() -> AppTypeRegistry {
    let mut app = App::new();
    app.insert_resource(AppTypeRegistry::default());
    add_plugins(&mut app, KinestSettings::default(), Path::new(env!("CARGO_TARGET_TMPDIR")));
    app.world().resource::<AppTypeRegistry>().clone()
}

/// Name and derives of each public struct or enum in `text`.
fn derives(text: &str) -> Vec<(String, String)> {
    let mut found = vec![];
    for part in text.split("#[derive(").skip(1) {
        let Some((derived, rest)) = part.split_once(")]") else { continue };
        let item =
            rest.lines().find(|l| l.starts_with("pub struct ") || l.starts_with("pub enum "));
        let next =
            rest.lines().find(|l| !l.starts_with("#[") && !l.starts_with("//") && !l.is_empty());
        if let (Some(item), Some(next)) = (item, next)
            && item == next
        {
            let word = item.split([' ', '(', '<', ';']).nth(2).unwrap();
            found.push((word.to_string(), derived.to_string()));
        }
    }
    found
}

fn sources(folder: &Path) -> String {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let text = |path: std::path::PathBuf| {
        if path.is_dir() { sources(&path) } else { fs::read_to_string(path).unwrap() }
    };
    // Optional plugins have their own tests.
    let optional = ["panel", "xr", "vmc", "osc"];
    entries.filter(|path| !optional.iter().any(|name| path.ends_with(name))).map(text).collect()
}

/// A thread's channels cannot be made by reflection.
const NOT_REFLECTED: [&str; 1] = ["MotionGenerator"];

type Has = fn(&TypeRegistration) -> bool;

#[test]
fn every_public_component_resource_message_and_event_is_registered() {
    let registry = registry();
    let registry = registry.read();
    let kinds: [(&str, Has); 4] = [
        ("Component", |r| r.data::<ReflectComponent>().is_some()),
        ("Resource", |r| r.data::<ReflectResource>().is_some()),
        ("Message", |r| r.data::<ReflectMessage>().is_some()),
        ("EntityEvent", |r| r.data::<ReflectEvent>().is_some()),
    ];
    let types = derives(&sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src")));
    let mut missing = vec![];
    let mut seen = 0;
    for (name, derived) in types.iter().filter(|(name, _)| !NOT_REFLECTED.contains(&&**name)) {
        for (kind, has) in &kinds {
            if derived.split(", ").any(|word| word == *kind) {
                seen += 1;
                if !registry.get_with_short_type_path(name).is_some_and(has) {
                    missing.push(format!("{kind} {name}"));
                }
            }
        }
    }
    assert!(missing.is_empty(), "not registered: {missing:?}");
    assert!(seen >= 25, "only {seen} found: is the source read as it should be?");
}

/// Serialises and deserialises by reflection alone.
fn round_trip<T: Reflect + FromReflect>(value: &T, registry: &TypeRegistry) -> T {
    let text = ron::to_string(&ReflectSerializer::new(value, registry)).unwrap();
    let mut reader = ron::Deserializer::from_str(&text).unwrap();
    let read = ReflectDeserializer::new(registry).deserialize(&mut reader).unwrap();
    T::from_reflect(&*read).unwrap()
}

#[test]
fn settings_are_read_back_from_a_scene_file() {
    let registry = registry();
    let registry = registry.read();
    let mut settings = KinestSettings::inline();
    settings.dropout.hold = 0.7;
    assert_eq!(round_trip(&settings, &registry), settings);
    let mut refine = KinestRefine::none();
    refine.one_euro.beta = 0.3;
    assert_eq!(round_trip(&refine, &registry), refine);
    for ahead in [Ahead::Age, Ahead::By(Duration::from_millis(30))] {
        let forecast = Forecast { ahead, baseline: Extrapolation::Hold, ..default() };
        assert_eq!(round_trip(&forecast, &registry), forecast);
    }
    let mut player = Calibration::from_height(&Skeleton::default(), 1.6).unwrap();
    player.devices[1].position.y = 0.05;
    let player = PlayerCalibration(player);
    assert_eq!(round_trip(&player, &registry), player);
}

#[test]
fn a_pose_is_reflected_joint_by_joint() {
    let body = BodyPose::default();
    let knee: &glam::DQuat = body.path("pose.rotations[4]").unwrap();
    assert_eq!(*knee, body.pose_z_up().rotations[4]);
    let rig: bool = *KinestRig::default().path("fit.scale").unwrap();
    assert!(rig);
}
