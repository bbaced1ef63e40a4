//! The rest pose that a character's skins were made in.
//!
//! Nodes stand wherever the file was saved, perhaps in the middle of a jump. The inverse bind
//! matrices of a skin hold each joint's transform at the time the skin was made, in the space of
//! the mesh, which may be turned, scaled and moved against that of the nodes.

use super::tree::Bone;
use glam::{DAffine3, DMat3, DQuat, DVec3};

/// The joints of a skin with their inverse bind matrices.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Skin {
    /// Indices of nodes.
    pub joints: Vec<usize>,
    /// For each joint, the transform from the mesh's space to the joint's at the time of binding.
    pub inverse_binds: Vec<DAffine3>,
}

/// Tolerated difference between transforms that are meant to be equal; files hold `f32`.
const EQUAL: f64 = 2e-3;
/// The nodes' space is taken for the mesh's if their scales differ by less than this factor …
const SAME_SCALE: f64 = 1.05;
/// … and their axes by less than this angle, radians.
const SAME_AXES: f64 = 1.0;
/// Number of joints that are tried as the ones that stand as they were bound.
const TRIED: usize = 32;
/// Number of joints shared with another skin that are tried as the ones that tell how this one is placed.
const SHARED_TRIED: usize = 256;

/// Moves `bones` to the pose of `skins`. Bones outside all skins keep their place relative to their
/// parents. Bones that already stand in it are not changed. Returns notes on what was unusual.
pub(super) fn to_bind_pose(bones: &mut [Bone], skins: &[Skin]) -> Vec<String> {
    let local = |bone: &Bone| {
        DAffine3::from_scale_rotation_translation(bone.scale, bone.rotation, bone.translation)
    };
    let mut notes = vec![];
    let mut worlds: Vec<DAffine3> = Vec::with_capacity(bones.len());
    for bone in bones.iter() {
        worlds.push(bone.parent.map_or(DAffine3::IDENTITY, |p| worlds[p]) * local(bone));
    }
    let size = extent(worlds.iter().map(|world| world.translation));
    let mut rest: Vec<Option<DAffine3>> = vec![None; bones.len()];
    let mut moved = false;
    let mut order: Vec<&Skin> = skins.iter().collect();
    order.sort_by_key(|skin| std::cmp::Reverse(skin.joints.len()));
    for skin in order {
        let binds = binds(skin, &worlds);
        // Some exporters write identity for joints that move no vertex.
        let (empty, told): (Vec<_>, Vec<_>) =
            binds.iter().copied().partition(|(_, bind)| equal(bind, &DAffine3::IDENTITY, 1.0));
        let places = extent(told.iter().map(|(_, bind)| bind.translation));
        if told.len() < 2 || places <= 0.0 {
            let joints = skin.joints.iter().filter_map(|joint| worlds.get(*joint));
            let apart = extent(joints.map(|world| world.translation)) > EQUAL * size;
            if apart && !skin.inverse_binds.is_empty() {
                notes.push(
                    "the bind matrices of a skin say nothing: its rest pose is where its nodes are"
                        .into(),
                );
            }
            continue;
        }
        let Some(from_mesh) = nodes_from_mesh(bones, &worlds, &rest, &told, size) else {
            moved |= stays(&told, &worlds, &mut rest, size);
            continue;
        };
        for (joint, bind) in told {
            let place = from_mesh * bind;
            moved |= !equal(&place, &worlds[joint], size);
            rest[joint].get_or_insert(place);
        }
        for (joint, bind) in empty {
            let place = from_mesh * bind;
            if equal(&place, &worlds[joint], size) {
                rest[joint].get_or_insert(place);
            }
        }
    }
    if !moved {
        return notes;
    }
    notes.push("the nodes stand in another pose than the skin: the rest pose is the skin's".into());
    let mut places: Vec<DAffine3> = Vec::with_capacity(bones.len());
    for (i, bone) in bones.iter_mut().enumerate() {
        let parent = bone.parent.map_or(DAffine3::IDENTITY, |p| places[p]);
        let kept = parent * local(bone);
        if let Some(place) = rest[i].filter(|place| !equal(place, &kept, size)) {
            let inside = parent.inverse() * place;
            let (scale, rotation, translation) = inside.to_scale_rotation_translation();
            if scale.is_finite() && rotation.is_finite() && translation.is_finite() {
                (bone.scale, bone.rotation, bone.translation) = (scale, rotation, translation);
            }
        }
        places.push(parent * local(bone));
    }
    notes
}

/// The usable bind transforms of a skin: joints that exist, matrices with an inverse.
fn binds(skin: &Skin, worlds: &[DAffine3]) -> Vec<(usize, DAffine3)> {
    let pairs = skin.joints.iter().zip(&skin.inverse_binds).filter(|(joint, inverse)| {
        let volume = inverse.matrix3.determinant();
        **joint < worlds.len() && inverse.is_finite() && volume.is_finite() && volume != 0.0
    });
    let binds = pairs.map(|(joint, inverse)| (*joint, inverse.inverse()));
    binds.filter(|(_, bind)| bind.is_finite()).collect()
}

/// The transform from a skin's mesh to the nodes' space; `None` if the nodes stand in the bind pose.
fn nodes_from_mesh(
    bones: &[Bone],
    worlds: &[DAffine3],
    rest: &[Option<DAffine3>],
    binds: &[(usize, DAffine3)],
    size: f64,
) -> Option<DAffine3> {
    // A skin that shares joints with another one is placed so that these agree.
    let shared: Vec<DAffine3> =
        binds.iter().filter_map(|(joint, bind)| Some(rest[*joint]? * bind.inverse())).collect();
    let agreeing = |a: &DAffine3| shared.iter().filter(|b| equal(a, b, size)).count();
    if let Some(best) = shared.iter().take(SHARED_TRIED).max_by_key(|a| agreeing(a)) {
        return Some(*best);
    }
    let depth =
        |joint: usize| std::iter::successors(bones[joint].parent, |b| bones[*b].parent).count();
    let (top, top_bind) = binds.iter().min_by_key(|(joint, _)| depth(*joint))?;
    let by_top = worlds[*top] * top_bind.inverse();
    if binds.iter().all(|(joint, bind)| equal(&(by_top * *bind), &worlds[*joint], size)) {
        return None;
    }
    // Where most joints stand as they were bound, only some were moved.
    let armature = bones[*top].parent.map_or(DAffine3::IDENTITY, |parent| worlds[parent]);
    let standing = |a: &DAffine3| {
        binds.iter().filter(|(joint, bind)| equal(&(*a * *bind), &worlds[*joint], size)).count()
    };
    let tried = binds.iter().take(TRIED).map(|(joint, bind)| worlds[*joint] * bind.inverse());
    let most = tried.chain([DAffine3::IDENTITY, armature]).max_by_key(standing);
    if let Some(most) = most.filter(|a| 2 * standing(a) > binds.len()) {
        return Some(most);
    }
    // The topmost joint may be animated too. The space of the scene or of the armature is nearer to
    // what the author saw, unless it is plainly another one.
    let near = |a: &DAffine3| {
        let (scale, turn) = (volume(a) / volume(&by_top), axes(a).angle_between(axes(&by_top)));
        let scale = scale.cbrt();
        scale < SAME_SCALE && scale > SAME_SCALE.recip() && turn < SAME_AXES
    };
    Some([DAffine3::IDENTITY, armature].into_iter().find(near).unwrap_or(by_top))
}

/// Records that the joints of a skin stand where they were bound. Returns whether one of them was
/// moved by an earlier skin.
fn stays(
    binds: &[(usize, DAffine3)],
    worlds: &[DAffine3],
    rest: &mut [Option<DAffine3>],
    size: f64,
) -> bool {
    let mut moved = false;
    for (joint, _) in binds {
        let place = rest[*joint].get_or_insert(worlds[*joint]);
        moved |= !equal(place, &worlds[*joint], size);
    }
    moved
}

fn volume(a: &DAffine3) -> f64 {
    a.matrix3.determinant().abs()
}

fn axes(a: &DAffine3) -> DQuat {
    let m = a.matrix3 * a.matrix3.determinant().signum();
    let x = m.x_axis.normalize_or(DVec3::X);
    let y = m.y_axis.reject_from_normalized(x).normalize_or(x.any_orthonormal_vector());
    DQuat::from_mat3(&DMat3::from_cols(x, y, x.cross(y))).normalize()
}

/// Whether two transforms are equal but for rounding, in a model of this size.
fn equal(a: &DAffine3, b: &DAffine3, size: f64) -> bool {
    let scale = volume(b).cbrt().max(f64::MIN_POSITIVE);
    a.translation.distance(b.translation) <= EQUAL * size
        && a.matrix3.abs_diff_eq(b.matrix3, 2.0 * EQUAL * scale)
}

fn extent(points: impl Iterator<Item = DVec3>) -> f64 {
    let (low, high) = points.fold((DVec3::MAX, DVec3::MIN), |(l, h), p| (l.min(p), h.max(p)));
    (high - low).max(DVec3::ZERO).length()
}
