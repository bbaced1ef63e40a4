//! Draws random windows from clips, as batches of tensors.

use super::cut::Cut;
use super::teacher::Teacher;
use crate::data::augment::{self, Augment};
use crate::data::config::DataConfig;
use crate::data::motion_store::MotionStore;
use crate::data::sampler::Sampler;
use crate::run::{Examples, random_stream};
use burn::tensor::backend::Backend;
use burn::tensor::{Tensor, TensorData};
use glam::DMat3;
use kinest::features::{Axes, FeatureLayout};
use kinest::metrics::FeetTrack;
use kinest::motion::ClipFrame;
use kinest::skeleton::{CONTACTS, PerJoint, Skeleton, global_rotations};
use kinest::tracker::{TrackerFrame, TrackerPose};
use kinest_nn::layers::statistics::DataStatistics;
use rand::Rng;
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

/// The windows of one pass.
#[derive(Clone, Debug)]
pub struct MotionBatch<B: Backend> {
    /// `[batch, window, inputs]`
    pub features: Tensor<B, 3>,
    /// `[batch, output frames, targets]`, for the frames of the window that the network outputs.
    pub targets: Tensor<B, 3>,
}

/// Windows in main memory.
#[derive(Clone, Debug, PartialEq)]
pub struct Draw {
    /// `[windows, window, inputs]`
    pub features: Vec<f32>,
    /// `[windows, output frames, targets]`
    pub targets: Vec<f32>,
    windows: usize,
    /// Frames per window.
    frames: usize,
    /// Frames with targets per window.
    output_frames: usize,
}

impl Draw {
    /// Shape of the features.
    #[must_use]
    pub fn features_shape(&self) -> [usize; 3] {
        let inputs = self.features.len() / (self.windows * self.frames);
        [self.windows, self.frames, inputs]
    }

    /// Shape of the targets.
    #[must_use]
    pub fn targets_shape(&self) -> [usize; 3] {
        let numbers = self.targets.len() / (self.windows * self.output_frames);
        [self.windows, self.output_frames, numbers]
    }

    /// Copies the windows to a device.
    pub fn to_batch<B: Backend>(&self, device: &B::Device) -> MotionBatch<B> {
        let tensor = |values: &[f32], shape: [usize; 3]| {
            Tensor::from_data(TensorData::new(values.to_vec(), shape), device)
        };
        MotionBatch {
            features: tensor(&self.features, self.features_shape()),
            targets: tensor(&self.targets, self.targets_shape()),
        }
    }
}

/// Clips from which windows are drawn.
#[derive(Debug)]
pub struct WindowDataset {
    clips: Sampler,
    skeleton: Skeleton,
    layout: FeatureLayout,
    cut: Cut,
    augment: Augment,
    teacher: Option<Teacher>,
}

/// Features of every frame in a window, and targets of the frames that have some.
type Window = (Vec<f32>, Vec<f32>);

impl WindowDataset {
    /// Keeps the clips that are long enough for a window.
    ///
    /// # Errors
    /// If there are none.
    pub fn new(
        store: MotionStore,
        config: &DataConfig,
        layout: FeatureLayout,
        cut: Cut,
        skeleton: Skeleton,
    ) -> anyhow::Result<Self> {
        // A higher pace needs more frames, and velocities need one frame before the first.
        let needed = (cut.window as f64 * (1.0 + config.augment.speed)).ceil() as usize + 1;
        let clips = Sampler::new(store, config.sampling, needed)?;
        Ok(Self { clips, skeleton, layout, cut, augment: config.augment, teacher: None })
    }

    /// Mixes a teacher's output into all targets.
    #[must_use]
    pub fn with_teacher(self, teacher: Teacher) -> Self {
        Self { teacher: Some(teacher), ..self }
    }

    /// The clips in use.
    #[must_use]
    pub fn clips(&self) -> &Sampler {
        &self.clips
    }

    /// Mean and standard deviation over `samples` windows.
    #[must_use]
    pub fn statistics(&self, seed: u64, samples: usize) -> DataStatistics {
        // Example numbers that training never reaches.
        let windows = self.windows(seed, u64::MAX - samples as u64, samples);
        let moments = |numbers: usize, of: fn(&Window) -> &Vec<f32>| {
            let rows = || windows.iter().flat_map(|w| of(w).chunks_exact(numbers));
            let count = rows().count().max(1) as f64;
            let mut mean = vec![0.0_f64; numbers];
            let mut square = vec![0.0_f64; numbers];
            for row in rows() {
                for (i, v) in row.iter().map(|v| f64::from(*v)).enumerate() {
                    mean[i] += v / count;
                    square[i] += v * v / count;
                }
            }
            let std = mean.iter().zip(&square).map(|(m, s)| (s - m * m).max(0.0).sqrt() as f32);
            (mean.iter().map(|m| *m as f32).collect::<Vec<_>>(), std.collect::<Vec<_>>())
        };
        let (input_mean, input_std) = moments(self.layout.inputs(), |w| &w.0);
        let (target_mean, _) = moments(self.layout.targets(), |w| &w.1);
        DataStatistics { input_mean, input_std, target_mean }
    }

    fn windows(&self, seed: u64, first: u64, count: usize) -> Vec<Window> {
        let draw = |i| self.window(&mut random_stream(seed, first + i as u64));
        (0..count).into_par_iter().map(draw).collect()
    }

    fn window(&self, rng: &mut ChaCha8Rng) -> Window {
        let index = self.clips.pick(rng);
        let Cut { window, output_frames, behind } = self.cut;
        let change = self.augment.draw(rng);
        let used = (window as f64 * change.pace).ceil() as usize;
        // Random numbers far beyond those that the window uses otherwise: the rest of it is the same without.
        let mut ahead = rng.clone();
        ahead.set_word_pos(1 << 40);
        let mut clip = self.clips.stretch(index, used + 1, rng);
        let Augment { splice, .. } = self.augment;
        if splice.chance > 0.0 && ahead.random::<f64>() < splice.chance {
            let donor = self.clips.donor(&clip.frames, splice, &self.skeleton, &mut ahead);
            augment::splice(&mut clip.frames, &donor);
        }

        let at = |i: usize| {
            let frame = if self.augment.speed == 0.0 {
                clip.frames[i]
            } else {
                let seconds = i as f64 * change.pace / clip.rate_hz;
                ClipFrame::from(&clip.pose_at(seconds))
            };
            change.frame(&frame)
        };
        let mut frames: Vec<ClipFrame> = (0..=window).map(at).collect();
        self.augment.change_depth(&mut frames, &self.skeleton, &mut ahead);

        // The first frame only serves velocities.
        let answered = window + 1 - behind - output_frames..window + 1 - behind;
        let mut trackers = Vec::with_capacity(window + 1);
        let mut rotations: Vec<PerJoint<DMat3>> = Vec::with_capacity(output_frames);
        let mut answered_frames = vec![];
        for (i, frame) in frames.into_iter().enumerate() {
            let (poses, local) = self.trackers(&frame);
            trackers.push(poses);
            if answered.contains(&i) {
                rotations.push(local);
            }
            if self.layout.contacts && (answered.contains(&i) || answered.contains(&(i + 1))) {
                answered_frames.push(frame);
            }
        }
        let contacts = self.contacts(&answered_frames, clip.rate_hz);
        change.place(&mut trackers, &mut rotations);
        if let Some(teacher) = &self.teacher {
            teacher.mix(&trackers, answered.start, &mut rotations);
        }
        self.augment.disturb(&mut trackers, self.layout.trackers, clip.rate_hz, rng);

        let mut features = Vec::with_capacity(window * self.layout.inputs());
        let mut targets = Vec::with_capacity(output_frames * self.layout.targets());
        let newest = self.layout.write_features(trackers.iter().map(Vec::as_slice), &mut features);
        for (i, (local, trackers)) in rotations.iter().zip(&trackers[answered]).enumerate() {
            let axes = match self.layout.axes {
                Axes::World | Axes::Heading => newest,
                Axes::OwnHeading => self.layout.window_axes(&trackers[0]),
            };
            self.layout.write_targets(local, &axes, &mut targets);
            if let Some(contacts) = contacts.get(i) {
                targets.extend(contacts.map(|touches| f32::from(u8::from(touches))));
            }
        }
        (features, targets)
    }

    /// Which of [`CONTACTS`] touch the floor in each of `frames` but the first, which only serves speeds.
    fn contacts(&self, frames: &[ClipFrame], rate_hz: f64) -> Vec<[bool; CONTACTS]> {
        let touching = FeetTrack::new(frames, &self.skeleton).touching(rate_hz);
        touching.into_iter().skip(1).collect()
    }

    /// Perfect trackers of a frame, and its local rotations.
    fn trackers(&self, frame: &ClipFrame) -> (Vec<TrackerPose>, PerJoint<DMat3>) {
        let local = frame.feature_matrices();
        let mut joints = self.skeleton.forward(&frame.body_matrices(), frame.translation);
        joints.rotations = global_rotations(&local);
        (TrackerFrame::from_joints(self.layout.trackers, 0.0, &joints).poses, local)
    }
}

impl Examples for WindowDataset {
    type Draw = Draw;

    /// # Panics
    /// If `count` is 0.
    fn draw(&self, seed: u64, first: u64, count: usize) -> Draw {
        assert!(count > 0, "a draw has windows");
        let (features, targets): (Vec<_>, Vec<_>) =
            self.windows(seed, first, count).into_iter().unzip();
        let (features, targets) = (features.concat(), targets.concat());
        let Cut { window: frames, output_frames, .. } = self.cut;
        Draw { features, targets, windows: count, frames, output_frames }
    }

    fn tensors(draw: &Draw) -> Vec<(&'static str, Vec<usize>, &[f32])> {
        vec![
            ("features", draw.features_shape().to_vec(), &draw.features),
            ("targets", draw.targets_shape().to_vec(), &draw.targets),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::augment::{GripOffset, Splice, TrackerDropout, TrackerNoise, WornTrackers};
    use crate::data::motion_store::{ClipRecord, FileStamp};
    use burn_flex::Flex;
    use glam::DVec3;
    use kinest::motion::MotionClip;
    use kinest::rotation::SIXD;
    use kinest::skeleton::SmplJoint;

    /// Number of targets per frame.
    const TARGETS: usize = SmplJoint::COUNT * SIXD;

    fn clip(frames: usize) -> MotionClip {
        let frame = |i: usize| {
            let t = i as f64 / 60.0;
            ClipFrame {
                translation: DVec3::new(0.3 * t, -t, 0.9),
                rotations: std::array::from_fn(|j| {
                    let k = j as f64;
                    let base =
                        if j == 0 { DVec3::X * std::f64::consts::FRAC_PI_2 } else { DVec3::ZERO };
                    base + DVec3::new((t + k).sin(), (2.0 * t + k).cos(), (t - k).sin()) * 0.2
                }),
            }
        };
        MotionClip { rate_hz: 60.0, frames: (0..frames).map(frame).collect() }
    }

    fn store(clips: &[(&str, usize)]) -> MotionStore {
        let record = |(name, frames): &(&str, usize)| {
            ClipRecord::new(name, FileStamp::default(), &clip(*frames))
        };
        MotionStore::from_records(60.0, clips.iter().map(record)).unwrap()
    }

    const CUT: Cut = Cut { window: 12, output_frames: 12, behind: 0 };

    fn dataset(augment: Augment) -> WindowDataset {
        dataset_of(augment, FeatureLayout::default())
    }

    fn dataset_of(augment: Augment, layout: FeatureLayout) -> WindowDataset {
        let config = DataConfig { augment, ..DataConfig::default() };
        let store = store(&[("a", 40), ("b", 3), ("c", 90)]);
        WindowDataset::new(store, &config, layout, CUT, Skeleton::default()).unwrap()
    }

    #[test]
    fn a_number_always_gives_the_same_window() {
        let set = dataset(Augment {
            mirror: true,
            speed: 0.2,
            size: 0.1,
            heading: true,
            floor: 1.0,
            splice: Splice { chance: 0.5, candidates: 3 },
            depth: 0.2,
            noise: TrackerNoise { position: 0.01, rotation: 0.1, seconds: 0.0 },
            grip: GripOffset { position: 0.01, rotation: 0.1 },
            dropout: TrackerDropout { chance: 0.5, seconds: (0.1, 0.2) },
            worn: WornTrackers::default(),
        });
        let some = set.draw(7, 3, 5);
        assert_ne!(set.draw(7, 8, 5), some);
        assert_ne!(set.draw(8, 3, 5), some);
        let (two, three) = (set.draw(7, 3, 2), set.draw(7, 5, 3));
        assert_eq!([two.features, three.features].concat(), some.features);
        assert_eq!([two.targets, three.targets].concat(), some.targets);
        let batch = some.to_batch::<Flex>(&Default::default());
        assert_eq!((batch.features.dims(), batch.targets.dims()), ([5, 12, 54], [5, 12, TARGETS]));
        assert_eq!(set.clips().size().0, 2, "the clip of three frames is too short");
    }

    /// The same motion at another place and heading: nothing changes for a network that sees
    /// everything relative to the head; for one that sees the world, everything is rotated alike.
    #[test]
    fn a_moved_window_has_the_same_features_unless_they_are_in_world_axes() {
        let elsewhere = Augment { heading: true, floor: 5.0, ..Augment::default() };
        let windows = |augment, axes| {
            let layout = FeatureLayout { axes, ..FeatureLayout::default() };
            dataset_of(augment, layout).windows(3, 1, 8)
        };
        let pairs =
            |axes| windows(Augment::default(), axes).into_iter().zip(windows(elsewhere, axes));
        for (here, there) in pairs(Axes::Heading) {
            for (a, b) in here.0.iter().chain(&here.1).zip(there.0.iter().chain(&there.1)) {
                assert!((a - b).abs() < 1e-5, "{a} {b}");
            }
        }
        let vector = |v: &[f32]| DVec3::new(v[0].into(), v[1].into(), v[2].into());
        let mut turns = vec![];
        for (here, there) in pairs(Axes::World) {
            // Angle between the x axes of the first tracker, projected to the floor.
            let [a, b] = [&here.0, &there.0].map(|w| vector(w).truncate());
            let turn = DMat3::from_rotation_z(a.angle_to(b));
            turns.push(a.angle_to(b).abs());
            let shift = vector(&there.0[36..]) - turn * vector(&here.0[36..]);
            assert!(shift.z.abs() < 1e-5 && shift.length() > 1e-3);
            for (a, b) in here.0.chunks_exact(54).zip(there.0.chunks_exact(54)) {
                // Rotations are rotated; rotation changes in tracker axes are not; positions are
                // rotated and moved; velocities are rotated.
                for (i, (a, b)) in a.chunks_exact(3).zip(b.chunks_exact(3)).enumerate() {
                    let expected = match i {
                        0..6 | 15..18 => turn * vector(a),
                        6..12 => vector(a),
                        _ => turn * vector(a) + shift,
                    };
                    assert!((expected - vector(b)).length() < 1e-5, "vector {i}");
                }
            }
            for (a, b) in here.1.chunks_exact(TARGETS).zip(there.1.chunks_exact(TARGETS)) {
                for k in [0, 3] {
                    assert!((turn * vector(&a[k..]) - vector(&b[k..])).length() < 1e-5);
                }
                assert_eq!(a[6..], b[6..]);
            }
        }
        assert!(turns.iter().any(|t| *t > 1.0), "{turns:?}");
    }

    /// Spliced windows have other hands and the same legs; the others are the same to the last bit.
    #[test]
    fn splicing_changes_arms_and_nothing_else() {
        let splice = Splice { chance: 0.5, candidates: 2 };
        let with = |splice| dataset(Augment { splice, ..Augment::default() }).windows(3, 1, 60);
        let mut spliced = 0;
        for (without, with) in with(Splice::default()).iter().zip(&with(splice)) {
            if without == with {
                continue;
            }
            spliced += 1;
            let rows = without.1.chunks_exact(TARGETS).zip(with.1.chunks_exact(TARGETS));
            for (without, with) in rows {
                for leg in [SmplJoint::LeftHip, SmplJoint::RightKnee, SmplJoint::Spine2] {
                    let at = SIXD * leg.index()..SIXD * (leg.index() + 1);
                    assert_eq!(without[at.clone()], with[at]);
                }
            }
            let elbow = SIXD * SmplJoint::LeftElbow.index();
            assert_ne!(without.1[elbow..elbow + SIXD], with.1[elbow..elbow + SIXD]);
        }
        assert!((18..42).contains(&spliced), "{spliced}");
    }

    /// A network that sees the body: the numbers of head and hands and the rotations are those of one that does
    /// not, and contacts follow.
    #[test]
    fn trackers_on_the_body_and_contacts_come_last() {
        let wide = FeatureLayout {
            trackers: kinest::tracker::TrackerSet::HeadHandsAndBody,
            contacts: true,
            deviations: true,
            ..FeatureLayout::default()
        };
        let worn = WornTrackers { chance: 0.5, pelvis: 1.0, ..WornTrackers::default() };
        let augment = Augment { worn, ..Augment::default() };
        let windows = |layout| dataset_of(augment, layout).windows(5, 1, 40);
        let (mut with, mut touching) = (0, 0);
        for (wide, narrow) in windows(wide).iter().zip(windows(FeatureLayout::default())) {
            for (wide, narrow) in wide.0.chunks_exact(158).zip(narrow.0.chunks_exact(54)) {
                assert_eq!(&wide[..54], narrow);
                assert_eq!(wide[151..], [0.0; 7]);
                with += usize::from(wide[150] == 1.0);
            }
            for (wide, narrow) in wide.1.chunks_exact(136).zip(narrow.1.chunks_exact(TARGETS)) {
                assert_eq!(&wide[..TARGETS], narrow);
                assert!(wide[TARGETS..].iter().all(|v| *v == 0.0 || *v == 1.0));
                touching += wide[TARGETS..].iter().filter(|v| **v == 1.0).count();
            }
        }
        assert!((100..400).contains(&with), "{with} of 480");
        // This body flies at 1 m/s.
        assert_eq!(touching, 0);
    }

    /// A lost hand is marked in the validity inputs, if the layout has them, and held in any case.
    #[test]
    fn dropout_shows_in_the_validity_numbers() {
        let dropout = TrackerDropout { chance: 1.0, seconds: (0.05, 0.1) };
        let augment = Augment { dropout, ..Augment::default() };
        let told = FeatureLayout { validity: true, ..FeatureLayout::default() };
        let [told, untold] = [told, FeatureLayout::default()]
            .map(|layout| dataset_of(augment, layout).windows(5, 1, 20));
        let mut lost = 0;
        for (told, untold) in told.iter().zip(&untold) {
            let rows: Vec<&[f32]> = told.0.chunks_exact(57).collect();
            for (i, (row, untold)) in rows.iter().zip(untold.0.chunks_exact(54)).enumerate() {
                assert_eq!(&row[..54], untold);
                assert_eq!(row[54], 1.0, "heads are not lost");
                for hand in [1, 2] {
                    let pose = |row: &[f32]| {
                        [&row[6 * hand..6 * hand + 6], &row[36 + 3 * hand..39 + 3 * hand]].concat()
                    };
                    let still = row[45 + 3 * hand..48 + 3 * hand] == [0.0; 3];
                    if row[54 + hand] == 0.0 {
                        lost += 1;
                        assert!(still && (i == 0 || pose(rows[i - 1]) == pose(row)));
                    } else {
                        let found = i > 0 && rows[i - 1][54 + hand] == 0.0;
                        assert!(still == found || i == 0, "velocity starts a frame later");
                    }
                }
            }
        }
        assert!(lost > 50, "{lost}");
    }

    #[test]
    fn statistics_match_the_windows() {
        let set = dataset(Augment::default());
        let s = set.statistics(1, 50);
        // The head of the moving root stays near 0.9 m plus the upper body.
        assert!(s.input_mean[38] > 1.2 && s.input_mean[38] < 1.8, "{}", s.input_mean[38]);
        assert!(s.input_std[46] < 0.01 && (s.input_mean[46] + 1.0 / 60.0).abs() < 0.01);
    }
}
