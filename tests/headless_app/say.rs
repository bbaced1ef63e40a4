//! Avatars that do what is written.

use crate::common::*;
use bevy::prelude::*;
use bevy_kinest::kinest::skeleton::Group;
use bevy_kinest::prelude::*;
use bevy_kinest::{MakingMotion, MotionGenerator, MotionMade, NoMotion, Say};

/// What was made, and what could not be, in turn.
#[derive(Resource, Default)]
struct Heard(Vec<(Entity, Result<String, String>)>);

fn app_that_hears() -> App {
    let mut app = app(KinestSettings { blend: 0.0, ..KinestSettings::inline() });
    app.insert_resource(MotionGenerator::synthetic()).init_resource::<Heard>();
    app.add_observer(|made: On<MotionMade>, mut heard: ResMut<Heard>| {
        heard.0.push((made.entity, Ok(format!("{} frames", made.clip.frames.len()))));
    });
    app.add_observer(|no: On<NoMotion>, mut heard: ResMut<Heard>| {
        heard.0.push((no.entity, Err(no.error.to_string())));
    });
    app
}

fn hear(app: &mut App, count: usize) -> (Entity, Result<String, String>) {
    update_until(app, |app| app.world().resource::<Heard>().0.len() >= count);
    app.world().resource::<Heard>().0[count - 1].clone()
}

#[test]
fn an_avatar_does_what_is_written() {
    let mut app = app_that_hears();
    let avatar = app.world_mut().spawn((KinestAvatar::default(), SmplSkeleton::default())).id();
    app.world_mut().entity_mut(avatar).insert(Say::new("a person waves with the right hand"));
    app.update();
    assert!(app.world().get::<MakingMotion>(avatar).is_some());
    let (entity, made) = hear(&mut app, 1);
    assert_eq!(entity, avatar);
    made.unwrap();
    assert!(app.world().get::<MakingMotion>(avatar).is_none());
    let wrist = |app: &App, wrist: SmplJoint| joints(app, avatar)[wrist.index()].y;
    let (mut right, mut left) = (0.0_f32, 0.0_f32);
    for _ in 0..240 {
        app.update();
        if body(&app, avatar).time().is_some() {
            right = right.max(wrist(&app, SmplJoint::RightWrist));
            left = left.max(wrist(&app, SmplJoint::LeftWrist));
        }
    }
    assert!(right > 1.2 && right > left + 0.1, "the right hand at {right} m, the left at {left} m");
}

#[test]
fn a_text_that_says_nothing_is_answered_and_one_that_is_taken_back_is_not() {
    let mut app = app_that_hears();
    let avatar = app.world_mut().spawn(KinestAvatar::default()).id();
    app.world_mut().entity_mut(avatar).insert(Say::new("xyzzy plugh"));
    let (entity, made) = hear(&mut app, 1);
    assert_eq!(entity, avatar);
    let error = made.unwrap_err();
    assert!(error.contains("xyzzy"), "{error}");
    // Taken back, then replaced: only the last is made.
    app.world_mut().entity_mut(avatar).insert(Say::new("walks"));
    app.update();
    app.world_mut().entity_mut(avatar).remove::<Say>();
    app.update();
    assert!(app.world().get::<MakingMotion>(avatar).is_none());
    let say = Say::new("").group(Group::RightArm, "waves");
    app.world_mut().entity_mut(avatar).insert(say);
    let (_, made) = hear(&mut app, 2);
    made.unwrap();
    assert_eq!(app.world().resource::<Heard>().0.len(), 2);
}
