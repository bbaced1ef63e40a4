//! After the first seconds a frame allocates no memory, but for the windows that go to the network.

#[path = "headless_app/common.rs"]
#[allow(dead_code, reason = "shared with other tests, which use more of it")]
mod common;

use bevy::ecs::schedule::SingleThreadedExecutor;
use bevy::prelude::*;
use bevy_kinest::kinest::calibration::Calibration;
use bevy_kinest::kinest::skeleton::Skeleton;
use bevy_kinest::prelude::*;
use common::{Feeling, Walk, app, avatar_of, body};
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

thread_local! {
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
}

fn allocations() -> u64 {
    ALLOCATIONS.with(Cell::get)
}

/// The system's allocator, which counts what each thread asks it for.
struct Counting;

fn count() {
    // A thread that ends may have no counter any more.
    _ = ALLOCATIONS.try_with(|n| n.set(n.get() + 1));
}

// SAFETY: every call is handed on to `System` as it came, and counting allocates nothing. Without an
// allocator of one's own allocations cannot be seen.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count();
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count();
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, memory: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count();
        unsafe { System.realloc(memory, layout, size) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        unsafe { System.dealloc(memory, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// How often each of the plugins' steps has allocated, and where the count stood at the end of the last.
#[derive(Resource, Default)]
struct Steps {
    counted: u64,
    allocated: [u64; 5],
}

const NAMES: [&str; 5] = ["Sample", "Infer", "Apply", "Refine", "Writeback"];

fn begin(mut steps: ResMut<Steps>) {
    steps.counted = allocations();
}

fn end<const STEP: usize>(mut steps: ResMut<Steps>) {
    let now = allocations();
    let before = std::mem::replace(&mut steps.counted, now);
    steps.allocated[STEP] += now - before;
}

#[test]
fn frames_allocate_nothing_but_windows() {
    use KinestSystems::{Apply, Infer, Refine, Sample, Writeback};
    let mut app = app(KinestSettings::inline());
    app.init_resource::<Steps>()
        .edit_schedule(PostUpdate, |schedule| {
            schedule.set_executor(SingleThreadedExecutor::new());
        })
        .add_systems(
            PostUpdate,
            (
                begin.before(Sample),
                end::<0>.after(Sample).before(Infer),
                end::<1>.after(Infer).before(Apply),
                end::<2>.after(Apply).before(Refine),
                end::<3>.after(Refine).before(Writeback),
                end::<4>.after(Writeback),
            ),
        );
    // A body with joints, of a player of another size, and a character that is bound to it.
    let avatar = avatar_of(&mut app, Feeling::new);
    let player = Calibration::from_height(&Skeleton::default(), 1.6).unwrap();
    app.world_mut().entity_mut(avatar).insert(PlayerCalibration(player));
    let rig = app.world_mut().spawn(Transform::default()).id();
    SmplSkeleton::spawn(&mut app.world_mut().commands(), rig);
    app.world_mut().flush();
    app.world_mut().entity_mut(rig).insert(KinestRig { avatar: Some(avatar), ..default() });
    let trackers = common::trackers(&mut app);

    let walk = Walk::new();
    let mut frames = 0..;
    let mut play = |app: &mut App, count: usize| {
        for i in frames.by_ref().take(count) {
            walk.move_trackers(app, &trackers, f64::from(i) / 60.0);
            app.update();
        }
    };
    play(&mut app, 600);
    assert_eq!(body(&app, avatar).source(), PoseSource::Estimated);
    assert!(app.world().get::<RigBones>(rig).is_some(), "the character is bound");
    app.insert_resource(Steps::default());
    play(&mut app, 200);
    let allocated = app.world().resource::<Steps>().allocated;
    for (name, count) in NAMES.iter().zip(allocated) {
        match *name {
            // It counts: a window is allocated for each frame.
            "Infer" => assert!(count >= 200, "{allocated:?}"),
            _ => assert_eq!(count, 0, "{name} allocates: {NAMES:?} {allocated:?}"),
        }
    }
}
