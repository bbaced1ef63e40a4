//! Where files keep a clip: AMASS and programs that work with SMPL name and shape the same numbers
//! differently.

use super::npz::{ArrayError, NpzArchive};
use crate::skeleton::SmplJoint;
use std::io::{Read, Seek};

/// Rotation of all joints in one array.
const POSES: &str = "poses";
/// Rotation of the root, where it is apart.
const ROOT: [&str; 2] = ["root_orient", "global_orient"];
/// Rotation of the body's joints without the root.
const BODY: [&str; 2] = ["pose_body", "body_pose"];
/// Translation of the root.
const TRANSLATION: [&str; 2] = ["trans", "transl"];
/// Frames per second.
pub(super) const RATE: [&str; 6] =
    ["mocap_framerate", "mocap_frame_rate", "mocap_fps", "fps", "frame_rate", "framerate"];

/// Numbers per frame of [`POSES`]: body only, SMPL (with two joints in place of the hands), SMPL-H,
/// SMPL-X.
const POSES_WIDTHS: [u64; 4] = [66, 72, 156, 165];
/// Numbers per frame of [`BODY`]: SMPL-H and SMPL-X, SMPL.
const BODY_WIDTHS: [u64; 2] = [63, 69];

/// Rates of one file that differ by less, as a part of the rate, are one: AMASS files say
/// 120.00004577636719 and mean 120.
const RATE_TOLERANCE: f64 = 1e-3;

/// Why a file's arrays are not a clip.
pub(super) enum Fault {
    /// An array is missing, or of the wrong shape or type.
    Layout(ArrayError),
    /// The arrays are there, their numbers make no clip.
    Numbers(ArrayError),
}

impl From<ArrayError> for Fault {
    fn from(error: ArrayError) -> Self {
        Self::Layout(error)
    }
}

/// Numbers of an array, a row for each frame.
pub(super) struct Rows {
    pub field: &'static str,
    width: usize,
    numbers: Vec<f64>,
}

impl Rows {
    pub fn frames(&self) -> usize {
        self.numbers.len() / self.width
    }

    /// The numbers of a frame.
    pub fn row(&self, frame: usize) -> &[f64] {
        &self.numbers[frame * self.width..][..self.width]
    }

    fn read<R: Read + Seek>(
        archive: &mut NpzArchive<R>,
        field: &'static str,
        widths: &[u64],
        expected: &'static str,
    ) -> Result<Self, ArrayError> {
        let fits = |shape: &[u64]| width_of(shape, widths).is_none().then_some(expected);
        let (shape, numbers) = archive.array(field, fits)?;
        // `fits` has accepted the shape.
        let width = width_of(&shape, widths).unwrap_or(1) as usize;
        Ok(Self { field, width, numbers })
    }
}

/// Numbers per frame of an array of this shape, if they are one of `widths`: `[frames, width]` or
/// `[frames, joints, 3]`, with further axes of size 1 as batches leave them, also before the frames.
fn width_of(shape: &[u64], widths: &[u64]) -> Option<u64> {
    let (first, rest) = shape.split_first()?;
    let axes: Vec<u64> = rest.iter().copied().filter(|size| *size != 1).collect();
    let width = match *axes {
        [width] => Some(width),
        [joints, 3] => joints.checked_mul(3),
        _ => None,
    };
    width.filter(|w| widths.contains(w)).or_else(|| {
        let batch_of_one = *first == 1 && rest.len() > 1;
        batch_of_one.then(|| width_of(rest, widths)).flatten()
    })
}

/// The rotation of the joints, radians, in the one array or two a file has them in.
pub(super) enum Rotations {
    Whole(Rows),
    Apart { root: Rows, body: Rows },
}

impl Rotations {
    /// Reads them.
    pub fn read<R: Read + Seek>(archive: &mut NpzArchive<R>) -> Result<Self, Fault> {
        let shape = "[frames, 66, 72, 156 or 165] or [frames, 22, 24, 52 or 55, 3]: axis-angles";
        if archive.has(POSES) {
            return Ok(Self::Whole(Rows::read(archive, POSES, &POSES_WIDTHS, shape)?));
        }
        let (root, body) = (first_of(archive, &ROOT), first_of(archive, &BODY));
        let (root, body) = match (root, body) {
            (Some(root), Some(body)) => (root, body),
            (None, None) => {
                let problem = "missing; needed is `poses`, or `root_orient` or `global_orient` \
                               with `pose_body` or `body_pose`";
                return Err(missing(POSES, problem));
            }
            (None, Some(body)) => {
                let problem = format!("missing, and so is `{}`; `{body}` lacks the root", ROOT[1]);
                return Err(missing(ROOT[0], &problem));
            }
            (Some(root), None) => {
                let problem =
                    format!("missing, and so is `{}`; `{root}` is only the root", BODY[1]);
                return Err(missing(BODY[0], &problem));
            }
        };
        let shape = "[frames, 3] or [frames, 1, 3]: axis-angle";
        let root = Rows::read(archive, root, &[3], shape)?;
        let shape = "[frames, 63 or 69] or [frames, 21 or 23, 3]: axis-angles";
        let body = Rows::read(archive, body, &BODY_WIDTHS, shape)?;
        if body.frames() != root.frames() {
            return Err(other_length(&body, &root));
        }
        Ok(Self::Apart { root, body })
    }

    pub fn frames(&self) -> usize {
        self.of_root().frames()
    }

    /// The array with the root's rotation.
    pub fn of_root(&self) -> &Rows {
        match self {
            Self::Whole(rows) | Self::Apart { root: rows, .. } => rows,
        }
    }

    /// The axis-angle of a joint, and the array it is from.
    pub fn joint(&self, frame: usize, joint: SmplJoint) -> (&[f64], &'static str) {
        let (rows, first) = match self {
            Self::Whole(rows) => (rows, 3 * joint.index()),
            Self::Apart { root, .. } if joint == SmplJoint::Pelvis => (root, 0),
            Self::Apart { body, .. } => (body, 3 * (joint.index() - 1)),
        };
        (&rows.row(frame)[first..][..3], rows.field)
    }
}

/// The translation of the root, metres: as many frames as `rotations` has.
pub(super) fn translation<R: Read + Seek>(
    archive: &mut NpzArchive<R>,
    rotations: &Rotations,
) -> Result<Rows, Fault> {
    let Some(field) = first_of(archive, &TRANSLATION) else {
        return Err(missing(TRANSLATION[0], &format!("missing, and so is `{}`", TRANSLATION[1])));
    };
    let rows = Rows::read(archive, field, &[3], "[frames, 3]")?;
    match rows.frames() == rotations.frames() {
        true => Ok(rows),
        false => Err(other_length(&rows, rotations.of_root())),
    }
}

/// Frames per second, and the array they are from. A file may say them under several names, if it
/// says the same.
pub(super) fn rate<R: Read + Seek>(
    archive: &mut NpzArchive<R>,
) -> Result<(f64, &'static str), Fault> {
    let one = |shape: &[u64]| (!shape.iter().all(|s| *s == 1)).then_some("one number");
    let mut said: Option<(f64, &'static str)> = None;
    for field in RATE {
        if !archive.has(field) {
            continue;
        }
        let (_, values) = archive.array(field, one)?;
        match said {
            None => said = Some((values[0], field)),
            Some((rate, first)) if (values[0] - rate).abs() > RATE_TOLERANCE * rate.abs() => {
                let problem = format!("{} Hz, but `{first}` says {rate} Hz", values[0]);
                return Err(Fault::Numbers(ArrayError { field, problem }));
            }
            Some(_) => {}
        }
    }
    let names = RATE[1..].join("`, `");
    said.ok_or_else(|| missing(RATE[0], &format!("missing, and so are `{names}`")))
}

/// Whether the archive has the rotations of a body, of whatever layout.
pub(super) fn has_rotations<R: Read + Seek>(archive: &NpzArchive<R>) -> bool {
    let parts = ROOT.iter().chain(&BODY);
    archive.has(POSES) || parts.into_iter().any(|field| archive.has(field))
}

fn first_of<R: Read + Seek>(
    archive: &NpzArchive<R>,
    names: &[&'static str],
) -> Option<&'static str> {
    names.iter().copied().find(|field| archive.has(field))
}

fn missing(field: &'static str, problem: &str) -> Fault {
    Fault::Layout(ArrayError { field, problem: problem.into() })
}

fn other_length(rows: &Rows, others: &Rows) -> Fault {
    let (frames, expected) = (rows.frames(), others.frames());
    let problem = format!("{frames} frames, but `{}` has {expected}", others.field);
    Fault::Numbers(ArrayError { field: rows.field, problem })
}

#[cfg(test)]
mod tests;
