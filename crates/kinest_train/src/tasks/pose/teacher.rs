//! A trained network that another one learns from.

use crate::engine;
use anyhow::ensure;
use glam::DMat3;
use kinest::live::PoseEngine;
use kinest::live::protocol::{Protocol, estimate_rotations};
use kinest::model::ModelSpec;
use kinest::rotation::{exp, quat_from_matrix};
use kinest::skeleton::PerJoint;
use kinest::tracker::TrackerPose;
use kinest_engine::DeviceChoice;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

/// Distillation: what a trained network says is mixed into the targets.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TeacherConfig {
    /// The network's `.model.ron`.
    pub model: PathBuf,
    /// How far targets are turned from the truth towards what it says, 0 to 1.
    #[serde(default = "TeacherConfig::part")]
    pub part: f64,
}

impl TeacherConfig {
    /// Half of the way.
    pub const PART: f64 = 0.5;

    fn part() -> f64 {
        Self::PART
    }
}

/// A network whose answers are mixed into what another one is trained towards (distillation; Hinton et
/// al. 2015).
///
/// It sees windows with their future. What it says is what can be known at all from three points, so
/// that a network which sees the past only is not asked for what it can but guess.
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
    /// Opens the model that `config` names, for a student that is fed as `student` says.
    ///
    /// # Errors
    /// If the model cannot be opened, or sees other trackers or another rate.
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

    /// Turns the local rotations of the frames from `first` on, of those that `trackers` saw, towards
    /// what the network says.
    ///
    /// # Panics
    /// If the network fails, as the CPU does not, or there are fewer frames than rotations.
    pub(crate) fn mix(
        &self,
        trackers: &[Vec<TrackerPose>],
        first: usize,
        rotations: &mut [PerJoint<DMat3>],
    ) {
        let mut engine = self.engine.lock().unwrap_or_else(PoisonError::into_inner);
        let said = estimate_rotations(engine.as_mut(), trackers, Protocol::Offline, |_, _| ())
            .expect("a network on the CPU gives rotations");
        // Of the first frame nothing is said.
        let said = said.iter().skip(first - 1).take(rotations.len());
        for (truth, said) in rotations.iter_mut().zip(said) {
            for (truth, said) in truth.iter_mut().zip(said) {
                let mixed = quat_from_matrix(*truth).slerp(exp(*said), self.part);
                *truth = DMat3::from_quat(mixed);
            }
        }
    }
}
