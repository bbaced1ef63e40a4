//! Motion of other skeletons, as BVH, AMC, glTF and VRM animation files have it, on SMPL's 22 joints, and back.
//!
//! [`load`] reads any motion file by its contents. Files with bones of their own become [`BoneMotion`], their
//! bones are found as those of characters are ([`RigMap`](crate::rig::RigMap)), and each joint turns as its bone
//! does since a pose in which it is known how the body stands ([`BoneMotion::to_clip`]). [`save`] writes a clip in
//! any format.
//!
//! ```no_run
//! let loaded = kinest::capture::load("walk.bvh", &kinest::skeleton::Skeleton::default())?;
//! println!("{} frames at {} Hz", loaded.clip.frames.len(), loaded.clip.rate_hz);
//! for note in &loaded.notes {
//!     println!("note: {note}");
//! }
//! kinest::capture::save("walk.glb", &loaded.clip, &kinest::skeleton::Skeleton::default())?;
//! # Ok::<(), kinest::capture::CaptureError>(())
//! ```

mod amc;
mod bones;
mod bvh;
mod figure;
mod format;
mod gltf;
mod load;
mod rate;
mod recording;
mod scan;
mod write_bvh;
mod write_gltf;

pub use amc::{AcclaimSkeleton, read_amc, read_asf};
pub use bones::{BoneMotion, BonePose};
pub use bvh::read_bvh;
pub use format::{MotionFormat, save};
pub use gltf::read_gltf;
pub use load::{Loaded, load, load_animation, load_bvh, load_gltf, load_recording};
pub use write_bvh::write_bvh;
pub use write_gltf::{write_glb, write_vrma};

use crate::motion::MotionError;
use crate::rig::{GltfError, RigError};
use std::path::PathBuf;

/// Why motion could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum CaptureError {
    /// The file cannot be opened.
    #[error("cannot read motion file {path}")]
    Read {
        /// The file.
        path: PathBuf,
        /// The operating system's error.
        #[source]
        source: std::io::Error,
    },
    /// A line is not what it should be.
    #[error("motion file {path}, line {line}: {problem}")]
    Line {
        /// The file.
        path: PathBuf,
        /// Line number, from 1.
        line: usize,
        /// What is wrong with it.
        problem: String,
    },
    /// The contents of the file are of no format that is read.
    #[error(
        "motion file {path} is {kind}; motion is read from BVH, AMC with its .asf, glTF (.glb, .gltf, .vrm), VRM \
         animations (.vrma), AMASS .npz and recordings with bodies (.jsonl)"
    )]
    Unknown {
        /// The file.
        path: PathBuf,
        /// What it is, as far as is known.
        kind: &'static str,
    },
    /// An AMC file has no skeleton beside it.
    #[error(
        "motion file {path} is an AMC file, whose skeleton is an .asf file beside it: there are {found}"
    )]
    NoSkeleton {
        /// The file.
        path: PathBuf,
        /// What there is.
        found: String,
    },
    /// The bones are not those of a person.
    #[error("the bones of motion file {path} are not found")]
    Rig {
        /// The file.
        path: PathBuf,
        /// What was found.
        #[source]
        source: Box<RigError>,
    },
    /// A frame is no place for a body.
    #[error("motion file {path}, frame {frame}, bone `{bone}`: {problem}")]
    Frame {
        /// The file.
        path: PathBuf,
        /// Number of the frame, from 0.
        frame: usize,
        /// The bone.
        bone: String,
        /// What is wrong with its place.
        problem: String,
    },
    /// The file has the motion of devices, and of no body.
    #[error("motion file {path} is {kind}, without a body; {way}")]
    NoBody {
        /// The file.
        path: PathBuf,
        /// What it is.
        kind: &'static str,
        /// How a body is made of it.
        way: &'static str,
    },
    /// A glTF or VRM animation file is damaged, or has no motion of a person.
    #[error("motion file {path}")]
    Gltf {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        #[source]
        source: GltfError,
    },
    /// Only glTF files have several animations to choose from.
    #[error("motion file {path} has no animations to choose from")]
    NoAnimations {
        /// The file.
        path: PathBuf,
    },
    /// A file is to be written whose ending is no format's.
    #[error("motion file {path} does not end in {known}")]
    Ending {
        /// The file.
        path: PathBuf,
        /// The endings of the formats.
        known: String,
    },
    /// A file is to be written at a rate that no motion has.
    #[error("motion file {path}: {rate_hz} is not a frame rate from 1 to 1000 Hz")]
    Rate {
        /// The file.
        path: PathBuf,
        /// The rate.
        rate_hz: f64,
    },
    /// A clip has more frames than its format can hold.
    #[error("motion file {path} cannot hold more than {most} frames")]
    TooLong {
        /// The file.
        path: PathBuf,
        /// Most frames.
        most: usize,
    },
    /// The file cannot be written.
    #[error("cannot write motion file {path}")]
    Write {
        /// The file.
        path: PathBuf,
        /// The operating system's error.
        #[source]
        source: std::io::Error,
    },
    /// A `.npz` file, or one of a kind that is not read.
    #[error(transparent)]
    Motion(#[from] MotionError),
}

/// A problem in a line of text.
#[derive(Debug, PartialEq)]
pub struct LineError {
    /// Line number, from 1.
    pub line: usize,
    /// What is wrong with it.
    pub problem: String,
}

impl LineError {
    pub(crate) fn new(line: usize, problem: impl Into<String>) -> Self {
        Self { line, problem: problem.into() }
    }
}
