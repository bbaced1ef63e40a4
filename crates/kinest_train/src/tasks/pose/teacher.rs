//! Distillation: learning from a trained network.

use crate::engine;
use anyhow::ensure;
use glam::DMat3;
use kinest::live::PoseEngine;
use kinest::live::protocol::{Protocol, estimate_frames};
use kinest::model::ModelSpec;
use kinest::rotation::{exp, quat_from_matrix};
use kinest::skeleton::PerJoint;
use kinest::tracker::TrackerPose;
use kinest_engine::DeviceChoice;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

/// Distillation: a trained network's output is mixed into the targets.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TeacherConfig {
    /// The network's `.model.ron`.
    pub model: PathBuf,
    /// Fraction by which targets are rotated from the truth towards the teacher's output, 0 to 1.
    #[serde(default = "TeacherConfig::part")]
    pub part: f64,
}

impl TeacherConfig {
    /// Halfway.
    pub const PART: f64 = 0.5;

    fn part() -> f64 {
        Self::PART
    }
}

/// A trained network whose output is mixed into the targets of another one (distillation; Hinton et
/// al. 2015).
///
/// It takes windows and sees the future of most frames. Its output approximates what three trackers
/// determine at all, so a student that sees only the past is not trained towards what it could only
/// guess.
pub struct Teacher {
    engine: Mutex<Box<dyn PoseEngine>>,
    part: f64,
}

impl std::fmt::Debug for Teacher {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Teacher").field("part", &self.part).finish_non_exhaustive()
    }
}

impl Teacher {
    /// Opens the model in `config`, for a student with the spec `student`.
    ///
    /// # Errors
    /// If the model cannot be opened, or has other trackers or another rate.
    pub fn open(config: &TeacherConfig, student: &ModelSpec) -> anyhow::Result<Self> {
        let engine = engine::open(&config.model, DeviceChoice::Cpu)?;
        let spec = engine.spec();
        ensure!(
            spec.layout.trackers == student.layout.trackers && spec.rate_hz == student.rate_hz,
            "teacher {}: {:?} at {} Hz, the student sees {:?} at {} Hz",
            config.model.display(),
            spec.layout.trackers,
            spec.rate_hz,
            student.layout.trackers,
            student.rate_hz
        );
        Ok(Self { engine: Mutex::new(engine), part: config.part })
    }

    /// Rotates the local rotations of the frames from `first` on, of those seen by `trackers`,
    /// towards the teacher's output.
    ///
    /// # Panics
    /// If the network fails, which it does not on the CPU, or there are fewer frames than
    /// rotations.
    pub(crate) fn mix(
        &self,
        trackers: &[Vec<TrackerPose>],
        first: usize,
        rotations: &mut [PerJoint<DMat3>],
    ) {
        let mut engine = self.engine.lock().unwrap_or_else(PoisonError::into_inner);
        let said = estimate_frames(engine.as_mut(), trackers, Protocol::Offline, |_, _| ())
            .expect("a network on the CPU gives rotations");
        // There is no output for the first frame.
        let said = said.iter().skip(first - 1).take(rotations.len());
        for (truth, said) in rotations.iter_mut().zip(said) {
            for (truth, said) in truth.iter_mut().zip(&said.0) {
                let mixed = quat_from_matrix(*truth).slerp(exp(*said), self.part);
                *truth = DMat3::from_quat(mixed);
            }
        }
    }
}
