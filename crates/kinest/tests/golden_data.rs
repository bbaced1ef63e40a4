//! Compares rotations, features, windows, metrics and evaluation with the reference's golden files.
//!
//! `cargo test -p kinest --test golden_data -- --nocapture` prints the parity table: file, tensor,
//! largest difference, tolerance. Tolerances are those of `tests/golden/README.md`.

#[path = "../../../tests/golden/mod.rs"]
mod golden;

use glam::{DMat3, DVec3};
use golden::{Golden, check, load};
use kinest::features::FeatureLayout;
use kinest::live::protocol::{Protocol, clip_trackers, offline_windows, predict, score};
use kinest::live::{EngineError, PoseEngine, StreamEngine, Take};
use kinest::metrics::{BodyTrack, Metrics};
use kinest::model::{Feed, ModelSpec};
use kinest::motion::{ClipFrame, MotionClip};
use kinest::rotation::{
    SIXD, Sixd, axis_angle_from_matrix, body_matrix_from_axis_angle, matrix_from_axis_angle,
    matrix_from_sixd, raw_matrix_from_sixd, sixd_from_matrix,
};
use kinest::skeleton::{PerJoint, Skeleton, SmplJoint, global_rotations};
use kinest::tracker::TrackerSet;

/// Outputs per frame: 6D rotations of all joints.
const TARGETS: usize = SmplJoint::COUNT * SIXD;

fn f64s(golden: &Golden, name: &str) -> Vec<f64> {
    golden.f32(name).0.into_iter().map(f64::from).collect()
}

/// Rows of three as vectors.
fn vectors(values: &[f64]) -> Vec<DVec3> {
    values.chunks_exact(3).map(DVec3::from_slice).collect()
}

/// Rows of six as 6D rotations.
fn sixds(values: &[f64]) -> Vec<Sixd> {
    values.as_chunks::<SIXD>().0.to_vec()
}

/// One row of vectors per frame, one vector per joint.
fn per_joint(values: &[f64]) -> Vec<PerJoint<DVec3>> {
    vectors(values).as_chunks::<{ SmplJoint::COUNT }>().0.to_vec()
}

/// Matrices as row-major arrays.
fn row_major<'a>(matrices: impl IntoIterator<Item = &'a DMat3>) -> Vec<f64> {
    matrices.into_iter().flat_map(|m| m.transpose().to_cols_array()).collect()
}

fn flat<'a>(vectors: impl IntoIterator<Item = &'a DVec3>) -> Vec<f64> {
    vectors.into_iter().flat_map(DVec3::to_array).collect()
}

fn skeleton(golden: &Golden) -> Skeleton {
    let parents = SmplJoint::ALL.map(|j| j.parent().map_or(-1, |p| p.index() as i32));
    assert_eq!(golden.i32("parents").0, parents);
    Skeleton::from_rest_positions(&per_joint(&f64s(golden, "rest_joints"))[0], 0.0)
}

#[test]
fn rotations() {
    const TOLERANCE: f64 = 1e-5;
    let golden = load("units/rotations");
    let compare = |tensor: &str, got: Vec<f64>| {
        check("rotations", tensor, got, f64s(&golden, tensor), TOLERANCE);
    };
    let aa = vectors(&f64s(&golden, "aa"));
    let matrices: Vec<DMat3> = aa.iter().map(|a| matrix_from_axis_angle(*a)).collect();
    let body: Vec<DMat3> = aa.iter().map(|a| body_matrix_from_axis_angle(*a)).collect();
    let back: Vec<Sixd> = matrices.iter().map(|m| sixd_from_matrix(*m)).collect();
    compare("matrot_from_aa", row_major(&matrices));
    compare("body_rodrigues_from_aa", row_major(&body));
    compare("sixd_from_aa", back.concat());

    let noisy = sixds(&f64s(&golden, "sixd_noisy"));
    let raw: Vec<DMat3> = noisy.iter().map(raw_matrix_from_sixd).collect();
    let proper: Vec<DMat3> = noisy.iter().map(matrix_from_sixd).collect();
    compare("raw_matrot_from_sixd_noisy", row_major(&raw));
    compare("bgs_from_sixd_noisy", row_major(&proper));

    // At half a turn both signs of the axis are correct, so rotations are compared instead of axes.
    for (tensor, sixd) in [("aa_back", &back), ("aa_from_sixd_noisy", &noisy)] {
        let rotation = |a: DVec3| DMat3::from_quat(kinest::rotation::exp(a));
        let aa = sixd.iter().map(|s| axis_angle_from_matrix(raw_matrix_from_sixd(s)));
        let got: Vec<DMat3> = aa.map(rotation).collect();
        let want: Vec<DMat3> = vectors(&f64s(&golden, tensor)).into_iter().map(rotation).collect();
        check("rotations", tensor, row_major(&got), row_major(&want), TOLERANCE);
    }
}

#[test]
fn features() {
    const TOLERANCE: f64 = 2e-6;
    for (file, rate_hz) in [("features_60fps", 60.0), ("features_120fps", 120.0)] {
        let golden = load(&format!("units/{file}"));
        let compare = |tensor: &str, got: Vec<f64>| {
            check(file, tensor, got, f64s(&golden, tensor), TOLERANCE);
        };
        let skeleton = skeleton(&golden);
        let poses = per_joint(&golden.f64("raw_poses_aa_f64").0);
        let trans = vectors(&golden.f64("raw_trans_f64").0);
        let frames = poses.into_iter().zip(trans);
        let frames = frames.map(|(rotations, translation)| ClipFrame { translation, rotations });
        let clip = MotionClip { rate_hz, frames: frames.collect() }.resampled(60.0);

        let local: Vec<_> = clip.frames.iter().map(ClipFrame::feature_matrices).collect();
        let global: Vec<_> = local.iter().map(global_rotations).collect();
        compare("local_rotmat", row_major(local.iter().flatten()));
        compare("global_rotmat", row_major(global.iter().flatten()));

        // The first frame only serves velocities.
        let seen = &clip.frames[1..];
        let positions =
            seen.iter().map(|f| skeleton.forward(&f.body_matrices(), f.translation).positions);
        compare("joint_positions", flat(positions.collect::<Vec<_>>().iter().flatten()));

        let layout = FeatureLayout::default();
        let trackers = clip_trackers(&clip, &skeleton, TrackerSet::HeadAndHands);
        let mut features = vec![];
        let axes = layout.write_features(trackers.iter().map(Vec::as_slice), &mut features);
        compare("sparse54", features.into_iter().map(f64::from).collect());

        let mut targets = vec![];
        local[1..].iter().for_each(|l| layout.write_targets(l, &axes, &mut targets));
        compare("target132", targets.into_iter().map(f64::from).collect());

        let heads = trackers[1..].iter().flat_map(|t| {
            let (r, p) = (t[0].rotation.transpose().to_cols_array_2d(), t[0].position);
            [
                [r[0][0], r[0][1], r[0][2], p.x],
                [r[1][0], r[1][1], r[1][2], p.y],
                [r[2][0], r[2][1], r[2][2], p.z],
                [0.0, 0.0, 0.0, 1.0],
            ]
        });
        compare("head_transform", heads.flatten().collect());
    }
}

#[test]
fn windows() {
    let golden = load("units/windows");
    for tensor in golden.names() {
        let frames = tensor[1..].parse().unwrap();
        let rows = offline_windows(frames, 96).into_iter().enumerate().flat_map(|(i, w)| {
            let kept = 96 - w.keep..96;
            kept.map(move |p| [w.start + p.saturating_sub(w.padding), p, i])
        });
        let got: Vec<f64> = rows.flatten().map(|v| v as f64).collect();
        check("windows", &tensor, got, golden.i32(&tensor).0, 0.0);
    }
}

/// Each figure with its unit in the reference's report (jitter is in m/s³).
fn figures(m: &Metrics) -> [(&'static str, f64, f64); 9] {
    let report = m.report();
    [
        ("mpjre", m.mpjre, report.mpjre_deg),
        ("mpjpe", m.mpjpe, report.mpjpe_cm),
        ("mpjve", m.mpjve.unwrap(), report.mpjve_cm_s.unwrap()),
        ("handpe", m.handpe, report.hand_pe_cm),
        ("upperpe", m.upperpe, report.upper_pe_cm),
        ("lowerpe", m.lowerpe, report.lower_pe_cm),
        ("rootpe", m.rootpe, report.root_pe_cm),
        ("pred_jitter", m.pred_jitter.unwrap(), report.jitter_1e2_m_s3.unwrap() * 100.0),
        ("gt_jitter", m.gt_jitter.unwrap(), report.gt_jitter_1e2_m_s3.unwrap() * 100.0),
    ]
}

#[test]
fn metrics() {
    let golden = load("units/metrics");
    let track = |who: &str| {
        let angles = golden.f64(&format!("{who}_angle")).0;
        let rotations = angles.chunks_exact(63).map(|body| {
            let mut all = [DVec3::ZERO; SmplJoint::COUNT];
            all[1..].copy_from_slice(&vectors(body));
            all
        });
        BodyTrack {
            rotations: rotations.collect(),
            positions: per_joint(&golden.f64(&format!("{who}_position")).0),
        }
    };
    let metrics = Metrics::compare(&track("pred"), &track("gt"), 60.0);
    for (name, raw, reported) in figures(&metrics) {
        for (tensor, got) in [(format!("raw_{name}"), raw), (format!("reported_{name}"), reported)]
        {
            let want = golden.f64(&tensor).0;
            let tolerance = 1e-9 * want[0].abs();
            check("metrics", &tensor, [got], want, tolerance);
        }
    }
}

/// An engine that returns a fixed output.
struct Recital {
    spec: ModelSpec,
    output: Vec<f32>,
}

impl PoseEngine for Recital {
    fn spec(&self) -> &ModelSpec {
        &self.spec
    }
    fn device(&self) -> &str {
        "recital"
    }
    fn output_frames(&self) -> usize {
        self.spec().window
    }
    fn streams(&mut self) -> Option<&mut dyn StreamEngine> {
        None
    }
    fn infer(&mut self, _: &[f32], batch: usize, take: Take) -> Result<Vec<f32>, EngineError> {
        assert_eq!((batch, take), (1, Take::All));
        Ok(self.output.clone())
    }
}

/// Evaluates one sequence from network output to figures, with the functions that evaluate models.
#[test]
fn evaluation() {
    const TOLERANCE: f64 = 1e-5;
    let golden = load("units/evaluation");
    let compare = |tensor: &str, got: Vec<f64>| {
        check("evaluation", tensor, got, f64s(&golden, tensor), TOLERANCE);
    };
    let skeleton = skeleton(&golden);
    let root = vectors(&f64s(&golden, "gt_root_aa"));
    let body = f64s(&golden, "gt_body_aa");
    let trans = vectors(&f64s(&golden, "gt_trans"));
    let frames = root.iter().zip(body.chunks_exact(63)).zip(trans).map(|((root, body), trans)| {
        let rotations = [vec![*root], vectors(body)].concat().try_into().unwrap();
        ClipFrame { translation: trans, rotations }
    });
    let mut frames: Vec<ClipFrame> = frames.collect();
    // The file lacks the frame before the first, which serves velocities only; the engine ignores
    // it.
    frames.insert(0, frames[0]);
    let truth = MotionClip { rate_hz: 60.0, frames };

    let (output, shape) = golden.f32("pred_sixd");
    let window = shape[0];
    assert_eq!(shape[1], TARGETS);
    let spec = ModelSpec {
        layout: FeatureLayout::default(),
        rate_hz: 60.0,
        window,
        feed: Feed::Windows,
        skeleton: skeleton.clone(),
    };
    let mut engine = Recital { spec, output };
    let predicted =
        predict(&mut engine, &truth, &skeleton, &[], Protocol::Offline, |_, _| ()).unwrap().motion;

    let joints = |frames: &[ClipFrame], placed: bool| {
        let position = |f: &ClipFrame| {
            let at = if placed { f.translation } else { DVec3::ZERO };
            flat(&skeleton.forward(&f.body_matrices(), at).positions)
        };
        frames.iter().flat_map(position).collect::<Vec<_>>()
    };
    compare("pred_root_aa", flat(predicted.frames.iter().map(|f| &f.rotations[0])));
    compare("pred_body_aa", flat(predicted.frames.iter().flat_map(|f| &f.rotations[1..])));
    compare("pred_joints_without_translation", joints(&predicted.frames, false));
    compare("recovered_root_translation", flat(predicted.frames.iter().map(|f| &f.translation)));
    compare("pred_joints", joints(&predicted.frames, true));
    compare("gt_joints", joints(&truth.frames[1..], true));

    let metrics = score(&predicted, &truth, &skeleton).unwrap();
    for (name, _, reported) in figures(&metrics) {
        let tensor = format!("reported_{name}");
        let want = golden.f64(&tensor).0;
        let relative = if name.ends_with("jitter") { 1e-4 } else { 1e-5 };
        let tolerance = relative * want[0].abs();
        check("evaluation", &tensor, [reported], want, tolerance);
    }
}
