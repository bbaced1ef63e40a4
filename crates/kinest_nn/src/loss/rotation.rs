//! The reference's losses, and joint positions for a loss of our own.
//!
//! All take 6D outputs, `[batch, frames, joints * 6]`.

use super::norm::norm;
use burn::tensor::backend::Backend;
use burn::tensor::{Tensor, TensorData};
use kinest::rotation::SIXD;
use kinest::skeleton::{Skeleton, SmplJoint};

/// Distance between 6D rotations: the L2 norm **over time** of each number's difference, averaged
/// over batch and numbers. It grows with the square root of the frame count; over one frame it is
/// the mean absolute difference.
///
/// # Shapes
/// - `predicted`, `target`: `[batch, frames, numbers]`
/// - output: one number
pub fn rotation_loss<B: Backend>(predicted: Tensor<B, 3>, target: Tensor<B, 3>) -> Tensor<B, 1> {
    norm(predicted - target, 1).mean()
}

/// Mean L1 distance of the [angular velocities](angular_velocity), radians per frame.
///
/// # Shapes
/// - `predicted`, `target`: `[batch, frames, joints * 6]`, at least two frames
/// - output: one number
pub fn angular_velocity_loss<B: Backend>(
    predicted: Tensor<B, 3>,
    target: Tensor<B, 3>,
) -> Tensor<B, 1> {
    (angular_velocity(predicted) - angular_velocity(target)).abs().mean()
}

/// The columns of the rotation matrix of each 6D, as the reference's loss builds them: the first
/// vector normalised, then the normal of both vectors, then the cross product that completes the
/// basis. Returned in the order first, second, third.
///
/// # Shapes
/// - `sixd`: `[..., 6]` flattened to `[n, 6]`
/// - each output: `[n, 3]`
fn orthonormal_columns<B: Backend>(sixd: Tensor<B, 2>) -> [Tensor<B, 2>; 3] {
    // The reference floors norms at 1e-12. f32 squares underflow far above that, so the floor
    // applies to the square; it only guards against division by zero.
    let unit = |v: Tensor<B, 2>| {
        let norm = v.clone().square().sum_dim(1).clamp_min(1e-24).sqrt();
        v / norm
    };
    let first = unit(sixd.clone().narrow(1, 0, 3));
    let third = unit(cross(first.clone(), sixd.narrow(1, 3, 3)));
    let second = cross(third.clone(), first.clone());
    [first, second, third]
}

/// # Shapes
/// - all: `[n, 3]`
fn cross<B: Backend>(a: Tensor<B, 2>, b: Tensor<B, 2>) -> Tensor<B, 2> {
    let at = |v: &Tensor<B, 2>, i: usize| v.clone().narrow(1, i, 1);
    let part = |i: usize, j: usize| at(&a, i) * at(&b, j) - at(&a, j) * at(&b, i);
    Tensor::cat(vec![part(1, 2), part(2, 0), part(0, 1)], 1)
}

/// Angular velocity of every joint between consecutive frames, in its parent's axes: the rotation
/// vector of `R_{t+1} R_tᵀ`, radians per frame.
///
/// # Shapes
/// - `sixd`: `[batch, frames, joints * 6]`
/// - output: `[batch * (frames - 1) * joints, 3]`
pub fn angular_velocity<B: Backend>(sixd: Tensor<B, 3>) -> Tensor<B, 2> {
    let [batch, frames, numbers] = sixd.dims();
    let joints = numbers / SIXD;
    let stretch = |from: usize| {
        let part = sixd.clone().narrow(1, from, frames - 1);
        orthonormal_columns(part.reshape([batch * (frames - 1) * joints, SIXD]))
    };
    // With columns r_k: tr V = Σ r_k · r'_k, and the skew part of V is Σ r_k × r'_k.
    let mut trace: Option<Tensor<B, 2>> = None;
    let mut skew: Option<Tensor<B, 2>> = None;
    for (now, next) in stretch(0).into_iter().zip(stretch(1)) {
        let dot = (now.clone() * next.clone()).sum_dim(1);
        let cross = cross(now, next);
        trace = Some(trace.map_or(dot.clone(), |t| t + dot));
        skew = Some(skew.map_or(cross.clone(), |s| s + cross));
    }
    let (Some(trace), Some(skew)) = (trace, skew) else {
        unreachable!("a rotation has three columns");
    };
    // The clamp keeps acos away from its infinite derivative; below about 0.0045 rad the angle is
    // constant and only the skew part carries a gradient.
    let cosine = ((trace - 1.0) / 2.0).clamp(-1.0 + 1e-5, 1.0 - 1e-5);
    let angle = cosine.acos();
    let scale = angle.clone() / (angle.sin() * 2.0 + 1e-5);
    skew * scale
}

/// Joint positions relative to the head, metres, in the axes the root rotation is given in: forward
/// kinematics of Gram-Schmidt rotations.
///
/// # Shapes
/// - `sixd`: `[batch, frames, joints * 6]`
/// - output: `[batch * frames, joints, 3]`
pub fn joint_positions<B: Backend>(sixd: Tensor<B, 3>, skeleton: &Skeleton) -> Tensor<B, 3> {
    let [batch, frames, numbers] = sixd.dims();
    let (rows, joints) = (batch * frames, numbers / SIXD);
    let device = sixd.device();
    let columns = orthonormal_columns(sixd.reshape([rows * joints, SIXD]));
    let columns = columns.map(|c| c.reshape([rows * joints, 3, 1]));
    let local = Tensor::cat(columns.to_vec(), 2).reshape([rows, joints, 9]);

    let mut rotations: Vec<Tensor<B, 3>> = Vec::with_capacity(joints);
    let mut positions: Vec<Tensor<B, 3>> = Vec::with_capacity(joints);
    for joint in SmplJoint::ALL {
        let own = local.clone().narrow(1, joint.index(), 1).reshape([rows, 3, 3]);
        let offset = skeleton.offsets[joint.index()].to_array().map(|v| v as f32);
        let offset =
            Tensor::<B, 3>::from_data(TensorData::new(offset.to_vec(), [1, 3, 1]), &device);
        match joint.parent().map(SmplJoint::index) {
            None => {
                rotations.push(own);
                positions.push(offset.repeat_dim(0, rows));
            }
            Some(parent) => {
                let turned = (rotations[parent].clone() * offset.swap_dims(1, 2)).sum_dim(2);
                positions.push(positions[parent].clone() + turned);
                rotations.push(rotations[parent].clone().matmul(own));
            }
        }
    }
    let head = positions[SmplJoint::Head.index()].clone();
    (Tensor::cat(positions, 2) - head).swap_dims(1, 2)
}
