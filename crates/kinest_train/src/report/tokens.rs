//! Scores of motion tokens: how near the motion that is read back is to the true one, and what it
//! costs to send, beside key frames that cost the same.

use super::table::Table;
use super::trained::TrainedModel;
use crate::data::clips::NamedClip;
use crate::tasks::tokens::codec::TokenCodec;
use anyhow::{Context, ensure};
use burn::tensor::backend::Backend;
use kinest::coordinates::heading;
use kinest::live::PosePacket;
use kinest::metrics::{BodyTrack, Metrics};
use kinest::model::tokens::{MOTION_NUMBERS, TokenConfig, Tokenising};
use kinest::motion::ClipFrame;
use kinest::skeleton::{Pose, Skeleton, SmplJoint};
use kinest::tokens::{Standing, read_motion};
use serde::Serialize;
use std::fmt::{self, Display};

/// After so many seconds the root is where it truly is: tokens say how it moves, not where it is.
const ANCHORED_EVERY: f64 = 2.0;

/// Bits of such a place: 24 for each of its two numbers, as in a packet, and 16 for the heading.
const ANCHOR_BITS: f64 = 64.0;

/// Bits of a key frame: those of a [`PosePacket`] without checksum, version and time, which tokens
/// do not have either.
const KEY_BITS: f64 = 8.0 * (PosePacket::BYTES - 9) as f64;

/// Seconds between key frames that are scored for themselves, in frames of 1/30 s.
const SPACINGS: [f64; 7] = [1.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0];

/// A trained token model.
pub type TrainedTokens = TrainedModel<Tokenising>;

/// Scores of several token models.
#[derive(Clone, Debug, Serialize)]
pub struct TokenReport {
    /// All layers of the first model.
    pub tokens: Read,
    /// Number of clips.
    pub clips: usize,
    /// Their duration, minutes.
    pub minutes: f64,
    /// Jitter of the true motion, 100 m/s³.
    pub gt_jitter_1e2_m_s3: f64,
    /// One for each model and number of layers.
    pub rows: Vec<TokenRow>,
    /// Key frames at several distances.
    pub key_frames: Vec<KeyFrames>,
}

/// Scores of a model when so many of its layers are sent.
#[derive(Clone, Debug, Serialize)]
pub struct TokenRow {
    /// Name of the model.
    pub name: String,
    /// Layers that are sent.
    pub layers: usize,
    /// The motion that is read back.
    pub tokens: Read,
    /// Share of the codes of the newest layer that were chosen in any clip, mean over the parts of
    /// the body.
    pub codes_used: f64,
    /// Bits per code of that layer if frequent codes were sent with fewer bits.
    pub entropy_bits: f64,
    /// Key frames that cost the same.
    pub key_frames: KeyFrames,
}

/// Poses sent at equal intervals, with rotations and places interpolated in between.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct KeyFrames {
    /// Seconds between two.
    pub every_s: f64,
    /// The motion that is read back.
    pub read: Read,
}

/// A motion that is read back, and its price.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Read {
    /// Thousand bits per second.
    pub kbit_s: f64,
    /// Mean distance of the joints with the root in place and its heading taken away, cm.
    pub joints_cm: f64,
    /// Mean distance of the joints in the world, where the root is put right every 2 s, cm.
    pub world_cm: f64,
    /// Jitter, 100 m/s³, of the motion as it is added up.
    pub jitter_1e2_m_s3: f64,
}

/// Scores `models` on `clips`, which are at `rate_hz`.
///
/// # Errors
/// If there is no clip or no model, or a model has another rate or cannot be loaded.
pub fn evaluate_tokens<B: Backend>(
    models: &[TrainedTokens],
    clips: &[NamedClip],
    rate_hz: f64,
    skeleton: &Skeleton,
    device: &B::Device,
) -> anyhow::Result<TokenReport> {
    let motions: Vec<Vec<Pose>> =
        clips.iter().map(|clip| clip.clip.frames.iter().map(Pose::from).collect()).collect();
    let truths = Truths::new(motions, skeleton);
    let frames: usize = truths.list.iter().map(|truth| truth.poses.len()).sum();
    ensure!(frames > 0, "there is no motion to score tokens on");
    let mut rows = vec![];
    for TrainedTokens { name, checkpoint } in models {
        let config = &checkpoint.manifest.network;
        let codec = TokenCodec::<B>::new(checkpoint, device.clone())
            .with_context(|| format!("model {name}"))?;
        let codes: Vec<_> = truths.list.iter().map(|truth| codec.encode(&truth.poses)).collect();
        for layers in 1..=config.layers {
            let bits = config.bits_per_second(rate_hz, layers) + ANCHOR_BITS / ANCHORED_EVERY;
            let mut sums = Sums::default();
            for (truth, codes) in truths.list.iter().zip(&codes) {
                let numbers = codec.decode(codes, layers)?;
                let frames = truth.poses.len();
                let numbers = &numbers[..frames * MOTION_NUMBERS];
                let whole = read_motion(numbers, Standing::of(&truth.poses[0]), rate_hz);
                sums.add(truth, &whole, &truth.anchored(numbers, rate_hz), skeleton, rate_hz);
            }
            let counts = counts(&codes, config, layers - 1);
            rows.push(TokenRow {
                name: name.clone(),
                layers,
                tokens: sums.read(bits),
                codes_used: mean(counts.iter().map(|counts| {
                    counts.iter().filter(|n| **n > 0).count() as f64 / config.codes as f64
                })),
                entropy_bits: mean(counts.iter().map(|counts| entropy(counts))),
                key_frames: truths.key_frames(KEY_BITS / bits, rate_hz, skeleton),
            });
        }
    }
    let first = models.first().context("there is no model to evaluate")?;
    let layers = first.checkpoint.manifest.network.layers;
    let key_frames = |frames: f64| truths.key_frames(frames / 30.0, rate_hz, skeleton);
    Ok(TokenReport {
        tokens: rows[layers - 1].tokens,
        clips: truths.list.len(),
        minutes: frames as f64 / rate_hz / 60.0,
        gt_jitter_1e2_m_s3: truths.jitter(rate_hz, skeleton),
        rows,
        key_frames: SPACINGS.map(key_frames).into(),
    })
}

/// The true motions.
struct Truths {
    list: Vec<Truth>,
}

/// A true motion.
struct Truth {
    poses: Vec<Pose>,
    track: BodyTrack,
    in_place: BodyTrack,
}

impl Truths {
    fn new(motions: Vec<Vec<Pose>>, skeleton: &Skeleton) -> Self {
        let motions = motions.into_iter().filter(|poses| !poses.is_empty());
        let truth = |poses: Vec<Pose>| Truth {
            track: track(&poses, skeleton),
            in_place: in_place(&poses, skeleton),
            poses,
        };
        Self { list: motions.map(truth).collect() }
    }

    /// Scores key frames every `every_s` seconds.
    fn key_frames(&self, every_s: f64, rate_hz: f64, skeleton: &Skeleton) -> KeyFrames {
        let mut sums = Sums::default();
        for truth in &self.list {
            let read = truth.keyed(every_s * rate_hz);
            sums.add(truth, &read, &read, skeleton, rate_hz);
        }
        KeyFrames { every_s, read: sums.read(KEY_BITS / every_s) }
    }

    fn jitter(&self, rate_hz: f64, skeleton: &Skeleton) -> f64 {
        let mut sums = Sums::default();
        self.list.iter().for_each(|t| sums.add(t, &t.poses, &t.poses, skeleton, rate_hz));
        sums.read(0.0).jitter_1e2_m_s3
    }
}

impl Truth {
    /// The motion with these numbers, put where the truth is every two seconds.
    fn anchored(&self, numbers: &[f32], rate_hz: f64) -> Vec<Pose> {
        let frames = (ANCHORED_EVERY * rate_hz).round() as usize;
        let pieces = numbers.chunks(frames * MOTION_NUMBERS).enumerate();
        let piece = |(i, numbers): (usize, &[f32])| {
            // What moves a body is relative to the frame before.
            let before = &self.poses[(i * frames).saturating_sub(1)];
            read_motion(numbers, Standing::of(before), rate_hz)
        };
        pieces.flat_map(piece).collect()
    }

    /// The motion from key frames every `every` frames, and one at the end.
    fn keyed(&self, every: f64) -> Vec<Pose> {
        let last = (self.poses.len() - 1) as f64;
        let sent = |number: f64| {
            let at = (number * every).min(last);
            let (before, past) = (at.floor() as usize, at.fract());
            let pose = match past > 0.0 {
                true => self.poses[before].interpolate(&self.poses[before + 1], past),
                false => self.poses[before],
            };
            let packet = PosePacket { time: 0.0, pose }.encode();
            (at, PosePacket::decode(&packet).map_or(pose, |packet| packet.pose))
        };
        let frame = |i: usize| {
            let number = (i as f64 / every).floor();
            let ((from, a), (to, b)) = (sent(number), sent(number + 1.0));
            let part = if to > from { (i as f64 - from) / (to - from) } else { 0.0 };
            a.interpolate(&b, part.clamp(0.0, 1.0))
        };
        (0..self.poses.len()).map(frame).collect()
    }
}

fn track(poses: &[Pose], skeleton: &Skeleton) -> BodyTrack {
    let frames: Vec<ClipFrame> = poses.iter().map(ClipFrame::from).collect();
    BodyTrack::new(&frames, skeleton)
}

/// The motion with the root in one place and its heading taken away.
fn in_place(poses: &[Pose], skeleton: &Skeleton) -> BodyTrack {
    let placed = poses.iter().map(|pose| {
        let mut pose = *pose;
        let heading = heading(glam::DMat3::from_quat(pose.rotations[0]));
        pose.rotations[0] = glam::DQuat::from_rotation_z(-heading) * pose.rotations[0];
        pose.translation = glam::DVec3::ZERO;
        pose
    });
    track(&placed.collect::<Vec<_>>(), skeleton)
}

/// Sums over the frames of clips.
#[derive(Default)]
struct Sums {
    frames: f64,
    joints: f64,
    world: f64,
    /// Sum of jitter, and the frames that it is of.
    jitter: [f64; 2],
}

impl Sums {
    fn add(
        &mut self,
        truth: &Truth,
        whole: &[Pose],
        anchored: &[Pose],
        skeleton: &Skeleton,
        rate_hz: f64,
    ) {
        let sum = |distances: Vec<f64>| distances.iter().sum::<f64>();
        self.frames += truth.poses.len() as f64;
        self.joints += sum(in_place(whole, skeleton).distances(&truth.in_place));
        self.world += sum(track(anchored, skeleton).distances(&truth.track));
        let metrics = Metrics::compare(&track(whole, skeleton), &truth.track, rate_hz);
        if let Some(jitter) = metrics.pred_jitter {
            let frames = whole.len() as f64;
            self.jitter = [self.jitter[0] + frames * jitter, self.jitter[1] + frames];
        }
    }

    fn read(&self, bits_per_second: f64) -> Read {
        Read {
            kbit_s: bits_per_second / 1000.0,
            joints_cm: 100.0 * self.joints / self.frames,
            world_cm: 100.0 * self.world / self.frames,
            jitter_1e2_m_s3: self.jitter[0] / self.jitter[1].max(1.0) / 100.0,
        }
    }
}

/// How often each code of a layer was chosen, for each part of the body.
fn counts(clips: &[Vec<u32>], config: &TokenConfig, layer: usize) -> Vec<Vec<u64>> {
    let mut counts = vec![vec![0; config.codes]; config.parts.count()];
    let width = counts.len() * config.layers;
    for token in clips.iter().flat_map(|codes| codes.chunks(width)) {
        for (counts, codes) in counts.iter_mut().zip(token.chunks(config.layers)) {
            counts[codes[layer] as usize] += 1;
        }
    }
    counts
}

/// Bits per choice.
fn entropy(counts: &[u64]) -> f64 {
    let all = counts.iter().sum::<u64>() as f64;
    let chosen = counts.iter().filter(|n| **n > 0).map(|n| *n as f64 / all);
    chosen.map(|share| -share * share.log2()).sum()
}

fn mean(values: impl ExactSizeIterator<Item = f64>) -> f64 {
    let count = values.len() as f64;
    values.sum::<f64>() / count
}

impl Display for TokenReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let read = |read: &Read| {
            [read.joints_cm, read.world_cm, read.jitter_1e2_m_s3].map(|v| format!("{v:.2}"))
        };
        let mut table = Table::new(&[
            "model",
            "layers",
            "kbit/s",
            "joints cm",
            "world cm",
            "jitter 100 m/s3",
            "codes used %",
            "bits",
            "key frames: s",
            "joints cm",
            "world cm",
            "jitter",
        ]);
        for row in &self.rows {
            let mut cells = vec![row.name.clone(), row.layers.to_string()];
            cells.push(format!("{:.3}", row.tokens.kbit_s));
            cells.extend(read(&row.tokens));
            cells.push(format!("{:.0}", 100.0 * row.codes_used));
            cells.push(format!("{:.1}", row.entropy_bits));
            cells.push(format!("{:.2}", row.key_frames.every_s));
            cells.extend(read(&row.key_frames.read));
            table.rows.push(cells);
        }
        write!(
            f,
            "{} clips, {:.1} minutes; true jitter {:.2}. Beside each model, key frames that cost the \
             same.\n\n{table}",
            self.clips, self.minutes, self.gt_jitter_1e2_m_s3
        )?;
        let mut table = Table::new(&["key frames: s", "kbit/s", "joints cm", "world cm", "jitter"]);
        for KeyFrames { every_s, read: figures } in &self.key_frames {
            let mut cells = vec![format!("{every_s:.2}"), format!("{:.3}", figures.kbit_s)];
            cells.extend(read(figures));
            table.rows.push(cells);
        }
        let numbers = 4 * SmplJoint::COUNT + 3;
        let raw = |bytes: usize| (8 * bytes * numbers) as f64 * 30.0 / 1000.0;
        write!(
            f,
            "\n{table}\nEvery frame at 30 Hz, as quaternions: {:.1} kbit/s in f32, {:.1} in f16.\n",
            raw(4),
            raw(2)
        )
    }
}

impl TokenReport {
    /// One row per model and number of layers.
    ///
    /// # Errors
    /// Never in practice, since it is written to memory.
    pub fn csv(&self) -> anyhow::Result<Vec<u8>> {
        let mut csv = csv::Writer::from_writer(vec![]);
        let figures = ["joints_cm", "world_cm", "jitter_1e2_m_s3"];
        let names = ["model", "layers", "kbit_s"].map(String::from).into_iter();
        let names = names.chain(figures.map(String::from));
        let names =
            names.chain(["codes_used", "entropy_bits", "key_frames_every_s"].map(String::from));
        csv.write_record(names.chain(figures.map(|name| format!("key_frames_{name}"))))?;
        let read = |read: &Read| [read.joints_cm, read.world_cm, read.jitter_1e2_m_s3];
        for row in &self.rows {
            let mut numbers = vec![row.tokens.kbit_s];
            numbers.extend(read(&row.tokens));
            numbers.extend([row.codes_used, row.entropy_bits, row.key_frames.every_s]);
            numbers.extend(read(&row.key_frames.read));
            let names = [row.name.clone(), row.layers.to_string()].into_iter();
            csv.write_record(names.chain(numbers.iter().map(f64::to_string)))?;
        }
        csv.into_inner().context("cannot write CSV")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kinest::motion::synthetic::walk_and_wave;
    use kinest::tokens::write_motion;

    fn truths(poses: Vec<Pose>) -> Truths {
        Truths::new(vec![poses], &Skeleton::default())
    }

    #[test]
    fn bits_and_choices_are_counted() {
        assert!((entropy(&[1, 0, 1, 2]) - 1.5).abs() < 1e-12);
        let config = TokenConfig { codes: 3, layers: 2, ..TokenConfig::default() };
        let clips = [vec![0, 2, 1, 2], vec![0, 0]];
        assert_eq!(counts(&clips, &config, 0), [[2, 1, 0]]);
        assert_eq!(counts(&clips, &config, 1), [[1, 0, 2]]);
    }

    /// Between two key frames a body that glides is where it was, but for what packets round; one
    /// that goes and comes back is not.
    #[test]
    fn key_frames_are_interpolated() {
        let glide = |height: fn(usize) -> f64| {
            let pose = |i: usize| {
                let mut pose = Pose::rest();
                pose.translation = glam::DVec3::new(0.01 * i as f64, 0.0, height(i));
                pose
            };
            truths((0..=60).map(pose).collect())
        };
        let figures = |truths: &Truths| truths.key_frames(1.0, 30.0, &Skeleton::default());
        let KeyFrames { every_s, read } = figures(&glide(|_| 0.9));
        assert_eq!((every_s, read.kbit_s), (1.0, 0.776));
        assert!(read.world_cm < 0.4 && read.joints_cm < 0.4, "{read:?}");
        // 10 cm up in the middle of each second, so 5 cm on average, all of it the root's.
        let hop = figures(&glide(|i| 0.9 + 0.1 * (1.0 - ((i % 30) as f64 / 15.0 - 1.0).abs())));
        assert!((hop.read.world_cm - 4.9).abs() < 0.3, "{hop:?}");
        assert!(hop.read.joints_cm < 0.4, "{hop:?}");
    }

    /// Numbers that are right give the true motion, and those of a body that stands are put right
    /// every two seconds.
    #[test]
    fn the_root_is_put_right_every_two_seconds() {
        let clip = walk_and_wave(&Skeleton::default()).resampled(30.0);
        let poses: Vec<Pose> = clip.frames.iter().map(Pose::from).collect();
        let truths = truths(poses);
        let truth = &truths.list[0];
        let mut numbers = write_motion(&truth.poses, 30.0);
        let off = |numbers: &[f32], frame: usize| {
            let read = truth.anchored(numbers, 30.0);
            assert_eq!(read.len(), truth.poses.len());
            read[frame].translation.distance(truth.poses[frame].translation)
        };
        assert!((0..truth.poses.len()).all(|frame| off(&numbers, frame) < 1e-3));
        for row in numbers.as_chunks_mut::<MOTION_NUMBERS>().0 {
            row[1..3].fill(0.0);
        }
        let way = truth.poses[119].translation.distance(truth.poses[59].translation);
        assert!(way > 0.3, "{way}");
        assert!((off(&numbers, 119) - way).abs() < 0.05);
        let step = truth.poses[120].translation.distance(truth.poses[119].translation);
        assert!((off(&numbers, 120) - step).abs() < 0.02);
    }
}
