//! A network that sees everything relative to the head does not depend on the place in the world:
//! the same motion at another place and heading gives the same body there.

use burn_flex::{Flex, FlexDevice};
use glam::{DQuat, DVec3};
use kinest::features::{Axes, FeatureLayout, SixdDecode};
use kinest::live::PoseEstimator;
use kinest::live::protocol::{Protocol, clip_trackers, predict};
use kinest::model::{Feed, KinestConfig, Mamba2Config, MlpConfig, ModelSpec, NetworkConfig};
use kinest::motion::{ClipFrame, MotionClip, synthetic};
use kinest::rotation::geodesic_angle;
use kinest::skeleton::{Pose, Skeleton};
use kinest::tracker::{TrackerFrame, TrackerSet};
use kinest_nn::engine::BurnEngine;
use kinest_nn::pose::Network;

/// Small networks with random weights: one outputs whole windows, one the newest frame.
fn networks() -> [NetworkConfig; 2] {
    let scan = Mamba2Config { state: 4, taps: 4, expand: 2, head_width: 8, chunk: 8 };
    [
        NetworkConfig::Kinest(KinestConfig {
            window: 12,
            width: 16,
            temporal_blocks: 1,
            kinematic_blocks: 1,
            temporal_scan: scan,
            kinematic_scan: scan,
            joint_width: 4,
            attention_heads: 2,
            feed_forward: 16,
            fan_hidden: 8,
            ..KinestConfig::default()
        }),
        NetworkConfig::Mlp(MlpConfig { offsets: vec![0, 3, 9], width: 32, ..MlpConfig::default() }),
    ]
}

fn engine(config: &NetworkConfig) -> BurnEngine<Flex> {
    use burn::tensor::backend::Backend;
    Flex::seed(&FlexDevice, 11);
    let layout = FeatureLayout {
        axes: Axes::Heading,
        decode: SixdDecode::GramSchmidt,
        ..FeatureLayout::default()
    };
    let window = config.window();
    let spec = ModelSpec {
        layout,
        rate_hz: 60.0,
        window,
        feed: Feed::Windows,
        skeleton: Skeleton::default(),
    };
    BurnEngine::from_network(Network::new(config, &FlexDevice).unwrap(), spec, FlexDevice, "cpu")
}

/// A turn about the vertical, then a shift over the floor.
struct Elsewhere {
    turn: DQuat,
    shift: DVec3,
}

impl Elsewhere {
    fn pose(&self, frame: &ClipFrame) -> Pose {
        let mut pose = Pose::from(frame);
        pose.rotations[0] = self.turn * pose.rotations[0];
        pose.translation = self.turn * pose.translation + self.shift;
        pose
    }
}

/// f32 rounding: features of magnitude 1, then a few layers.
const TOLERANCE: f64 = 2e-4;

fn same(a: &Pose, b: &Pose, what: &str) {
    assert!((a.translation - b.translation).length() < TOLERANCE, "{what}");
    for (j, (a, b)) in a.rotations.iter().zip(&b.rotations).enumerate() {
        assert!(geodesic_angle(*a, *b) < TOLERANCE, "{what}: joint {j}");
    }
}

#[test]
fn a_moved_motion_gives_the_moved_body() {
    let skeleton = Skeleton::default();
    let here = synthetic::walk_and_wave(&skeleton);
    let here = MotionClip { frames: here.frames[150..210].to_vec(), ..here };
    let elsewhere =
        Elsewhere { turn: DQuat::from_rotation_z(2.2), shift: DVec3::new(-7.0, 3.0, 0.0) };
    let moved = |clip: &MotionClip| MotionClip {
        frames: clip.frames.iter().map(|f| ClipFrame::from(&elsewhere.pose(f))).collect(),
        ..*clip
    };
    let there = moved(&here);
    for config in networks() {
        for protocol in [Protocol::Offline, Protocol::Online] {
            let predicted = |clip| {
                predict(&mut engine(&config), clip, &skeleton, &[], protocol, |_, _| ())
                    .unwrap()
                    .motion
            };
            let (a, b) = (predicted(&here), predicted(&there));
            assert_eq!(a.frames.len(), 59);
            for (i, (a, b)) in a.frames.iter().zip(&b.frames).enumerate() {
                same(&elsewhere.pose(a), &Pose::from(b), &format!("{protocol:?} frame {i}"));
            }
            let turned = |f: &ClipFrame| Pose::from(f).rotations[5];
            let differ = geodesic_angle(turned(&a.frames[0]), turned(&a.frames[58]));
            assert!(differ > 10.0 * TOLERANCE, "the network does not look at its input: {differ}");
        }

        let estimates = |clip: &MotionClip| {
            let mut estimator = PoseEstimator::new(Box::new(engine(&config)));
            let rows = clip_trackers(clip, &skeleton, TrackerSet::HeadAndHands);
            let estimate = |(i, poses)| {
                estimator.push(TrackerFrame::new(i as f64 / 60.0, poses)).unwrap();
                estimator.estimate().unwrap()
            };
            rows.into_iter().enumerate().map(estimate).collect::<Vec<Pose>>()
        };
        for (i, (a, b)) in estimates(&here).iter().zip(&estimates(&there)).enumerate() {
            same(&elsewhere.pose(&ClipFrame::from(a)), b, &format!("estimate {i}"));
        }
    }
}
