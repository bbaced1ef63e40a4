//! A character's bones as in the model file: names, parents, rest transforms.

use super::RigError;
use glam::{DAffine3, DMat3, DQuat, DVec3};
use std::collections::BTreeMap;

/// More bones than any body has, with hair, clothes and fingers: a whole level, in which nobody is searched.
pub(super) const MOST_BONES: usize = 4096;

/// One node of a character: its name, and its rest transform relative to its parent.
#[derive(Clone, Debug, PartialEq)]
pub struct Bone {
    /// Name in the model file; need not be unique.
    pub name: String,
    /// Index of the parent, which is smaller; `None` for roots.
    pub parent: Option<usize>,
    /// Relative to the parent, in its units.
    pub translation: DVec3,
    /// Relative to the parent.
    pub rotation: DQuat,
    /// Relative to the parent; may be negative.
    pub scale: DVec3,
}

/// All bones of a character in its rest pose, parents before children.
///
/// The space that the roots are in is **rig space**. Its scale and axes are arbitrary, though glTF
/// models have y up and face +z.
#[derive(Clone, Debug)]
pub struct BoneTree {
    bones: Vec<Bone>,
    rest: Vec<DAffine3>,
    children: Vec<Vec<usize>>,
    /// Number of each bone in the model file, if it has one.
    numbers: Vec<Option<usize>>,
    /// How reports name each bone.
    addresses: Vec<String>,
    notes: Vec<String>,
}

impl BoneTree {
    /// # Errors
    /// [`RigError::Bone`] if a parent does not come before its child, a number is not finite, or a scale is
    /// zero.
    pub fn new(bones: Vec<Bone>) -> Result<Self, RigError> {
        let mut rest: Vec<DAffine3> = Vec::with_capacity(bones.len());
        for (index, bone) in bones.iter().enumerate() {
            let fail = |problem| RigError::Bone { index, name: bone.name.clone(), problem };
            if bone.parent.is_some_and(|parent| parent >= index) {
                return Err(fail("its parent does not come before it"));
            }
            if !(bone.translation.is_finite()
                && bone.rotation.is_finite()
                && bone.scale.is_finite())
            {
                return Err(fail("its rest transform is not finite"));
            }
            let parent = bone.parent.map_or(DAffine3::IDENTITY, |parent| rest[parent]);
            let rotation = bone.rotation.normalize();
            let local =
                DAffine3::from_scale_rotation_translation(bone.scale, rotation, bone.translation);
            let world = parent * local;
            let volume = world.matrix3.determinant();
            if !rotation.is_finite() || volume.abs() < f64::MIN_POSITIVE {
                return Err(fail("its rest transform has no inverse"));
            }
            // Scales and steps that are finite need not be so one on top of the other.
            if !(volume.is_finite() && world.is_finite()) {
                return Err(fail("its rest transform is not finite"));
            }
            rest.push(world);
        }
        let mut children = vec![vec![]; bones.len()];
        for (index, bone) in bones.iter().enumerate() {
            if let Some(parent) = bone.parent {
                children[parent].push(index);
            }
        }
        let (numbers, addresses, notes) = (vec![], vec![], vec![]);
        let tree = Self { bones, rest, children, numbers, addresses, notes };
        Ok(tree.numbered(Some))
    }

    /// The same tree with the bones' numbers in the model file.
    pub(super) fn numbered(mut self, number: impl Fn(usize) -> Option<usize>) -> Self {
        self.numbers = (0..self.bones.len()).map(number).collect();
        let mut count: BTreeMap<&str, usize> = BTreeMap::new();
        self.bones.iter().for_each(|bone| *count.entry(&bone.name).or_default() += 1);
        let address = |(bone, number): (&Bone, &Option<usize>)| match number {
            Some(number) if bone.name.is_empty() || count[bone.name.as_str()] > 1 => {
                format!("#{number}")
            }
            _ => bone.name.clone(),
        };
        self.addresses = self.bones.iter().zip(&self.numbers).map(address).collect();
        self
    }

    /// The same tree with these names for reports, which are unique in the whole model.
    pub(super) fn addressed(mut self, addresses: Vec<String>) -> Self {
        self.addresses = addresses;
        self
    }

    /// The same tree with notes on how it was made.
    pub(super) fn noted(mut self, notes: Vec<String>) -> Self {
        self.notes = notes;
        self
    }

    /// The bone's name; its number in the model file, as `#12`, if it has no name of its own.
    #[must_use]
    pub fn address(&self, bone: usize) -> String {
        self.addresses[bone].clone()
    }

    /// What was unusual about the rest pose.
    pub(super) fn notes(&self) -> &[String] {
        &self.notes
    }

    /// The bones, parents before children.
    #[must_use]
    pub fn bones(&self) -> &[Bone] {
        &self.bones
    }

    /// Rest transform in rig space.
    #[must_use]
    pub fn rest(&self, bone: usize) -> DAffine3 {
        self.rest[bone]
    }

    /// Rest position in rig space.
    #[must_use]
    pub fn position(&self, bone: usize) -> DVec3 {
        self.rest[bone].translation
    }

    /// Rotation of a bone's rest axes in rig space, without scale.
    ///
    /// Under an odd number of negative scales the axes are left-handed. Then this is the rotation
    /// of the negated axes, which conjugates rotations identically: `(−R)⁻¹ Q (−R) = R⁻¹ Q R`.
    pub(crate) fn axes(&self, bone: usize) -> DQuat {
        rotation_of(&self.rest[bone])
    }

    /// The ancestors of `bone`, nearest first.
    pub(super) fn above(&self, bone: usize) -> impl Iterator<Item = usize> {
        std::iter::successors(self.bones[bone].parent, |b| self.bones[*b].parent)
    }

    /// `bone`, then its ancestors, nearest first.
    pub(super) fn upwards(&self, bone: usize) -> impl Iterator<Item = usize> {
        std::iter::once(bone).chain(self.above(bone))
    }

    /// Whether `bone` is `top` or a descendant of it.
    pub(super) fn is_under(&self, bone: usize, top: usize) -> bool {
        // Parents come before children, so beyond `top` there is no need to look.
        self.upwards(bone).take_while(|b| *b >= top).any(|b| b == top)
    }

    pub(super) fn children(&self, bone: usize) -> impl Iterator<Item = usize> {
        self.children[bone].iter().copied()
    }

    /// The lowest common ancestor, which may be one of the two.
    pub(super) fn common(&self, a: usize, b: usize) -> Option<usize> {
        self.upwards(a).find(|top| self.is_under(b, *top))
    }

    /// The chain from below `top` to `bone`: without `top`, with `bone`. Empty if `bone` is not
    /// under `top`.
    pub(super) fn path(&self, top: usize, bone: usize) -> Vec<usize> {
        if !self.is_under(bone, top) {
            return vec![];
        }
        let mut path: Vec<_> = self.upwards(bone).take_while(|b| *b != top).collect();
        path.reverse();
        path
    }

    /// The bone that is meant by a name, by the end of a path of names (`Hips/Spine`), or by its
    /// number in the model file (`#12`).
    ///
    /// # Errors
    /// [`RigError::NoBone`] if there is none, [`RigError::ManyBones`] if there are several.
    pub fn named(&self, text: &str) -> Result<usize, RigError> {
        let found = self.all_named(text);
        match found[..] {
            [bone] => Ok(bone),
            [] => Err(RigError::NoBone { name: text.into() }),
            _ => Err(RigError::ManyBones {
                name: text.into(),
                which: found.iter().map(|bone| self.way_to(*bone)).collect::<Vec<_>>().join(", "),
            }),
        }
    }

    /// The bones that a name, a path or a number may mean.
    pub(super) fn all_named(&self, text: &str) -> Vec<usize> {
        let all = 0..self.bones.len();
        let exact: Vec<usize> = all.clone().filter(|b| self.bones[*b].name == text).collect();
        if !exact.is_empty() {
            return exact;
        }
        if let Some(number) = text.strip_prefix('#').and_then(|n| n.parse().ok()) {
            return all.filter(|b| self.numbers[*b] == Some(number)).collect();
        }
        let path: Vec<&str> = text.split('/').collect();
        let ends = |bone: usize| {
            let names = self.upwards(bone).map(|b| Some(self.bones[b].name.as_str()));
            let names = names.chain(std::iter::repeat(None));
            path.iter().rev().zip(names).all(|(part, name)| Some(*part) == name)
        };
        all.filter(|b| ends(*b)).collect()
    }

    /// Number and path of a bone, for a choice between several.
    fn way_to(&self, bone: usize) -> String {
        let mut names: Vec<&str> = self.upwards(bone).map(|b| &*self.bones[b].name).collect();
        names.reverse();
        let number = self.numbers[bone].map_or(String::new(), |number| format!("#{number} "));
        format!("{number}`{}`", names.join("/"))
    }
}

/// Rotation of a transform's axes without scale; see [`BoneTree::axes`]. None at all if it is flat.
pub(crate) fn rotation_of(transform: &DAffine3) -> DQuat {
    let m = transform.matrix3;
    let sign = m.determinant().signum();
    let x = (m.x_axis * sign).normalize();
    let y = (m.y_axis * sign).reject_from_normalized(x).normalize();
    let rotation = DQuat::from_mat3(&DMat3::from_cols(x, y, x.cross(y))).normalize();
    if rotation.is_finite() { rotation } else { DQuat::IDENTITY }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bone(parent: Option<usize>, scale: DVec3) -> Bone {
        let rotation = DQuat::from_rotation_z(0.4);
        Bone { name: "b".into(), parent, translation: DVec3::new(0.0, 2.0, 0.0), rotation, scale }
    }

    #[test]
    fn rest_transforms_inherit_scales() {
        let tree =
            BoneTree::new(vec![bone(None, DVec3::splat(0.1)), bone(Some(0), DVec3::ONE)]).unwrap();
        let up = DQuat::from_rotation_z(0.4) * DVec3::Y;
        assert!((tree.position(1) - (DVec3::Y * 2.0 + up * 0.2)).length() < 1e-12);
        assert!(tree.axes(1).angle_between(DQuat::from_rotation_z(0.8)) < 1e-7);
    }

    #[test]
    fn mirrored_axes_conjugate_rotations_as_the_matrix_does() {
        let tree = BoneTree::new(vec![bone(None, DVec3::new(-2.0, 2.0, 2.0))]).unwrap();
        let (m, turn) = (tree.rest(0).matrix3, DQuat::from_rotation_x(0.7));
        let by_matrix = m.inverse() * DMat3::from_quat(turn) * m;
        let by_axes = DMat3::from_quat(tree.axes(0).conjugate() * turn * tree.axes(0));
        assert!(by_matrix.abs_diff_eq(by_axes, 1e-12));
    }

    #[test]
    fn errors_name_the_bad_bone() {
        let late = BoneTree::new(vec![bone(Some(0), DVec3::ONE)]).unwrap_err().to_string();
        assert!(late.contains("bone 0") && late.contains("parent"), "{late}");
        let flat = BoneTree::new(vec![bone(None, DVec3::ZERO)]).unwrap_err().to_string();
        assert!(flat.contains("no inverse"), "{flat}");
        let vast = |parent| bone(parent, DVec3::splat(1e80));
        let chain = BoneTree::new(vec![vast(None), vast(Some(0))]).unwrap_err().to_string();
        assert!(chain.contains("bone 1") && chain.contains("not finite"), "{chain}");
        let tree = BoneTree::new(vec![bone(None, DVec3::ONE), bone(None, DVec3::ONE)]).unwrap();
        assert!(matches!(tree.named("b"), Err(RigError::ManyBones { .. })));
        assert!(matches!(tree.named("c"), Err(RigError::NoBone { .. })));
    }
}
