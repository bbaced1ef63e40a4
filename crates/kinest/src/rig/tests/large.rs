//! Trees that are larger than bodies: found in time, or refused.

use super::*;

/// Adds a chain of bones, each a step above the one before.
fn add_chain(
    bones: &mut Vec<Bone>,
    mut parent: Option<usize>,
    names: impl Iterator<Item = String>,
) {
    for name in names {
        bones.push(Bone {
            name,
            parent,
            translation: DVec3::new(0.0, 1e-3, 1e-4),
            rotation: DQuat::IDENTITY,
            scale: DVec3::ONE,
        });
        parent = Some(bones.len() - 1);
    }
}

fn nameless(count: usize) -> impl Iterator<Item = String> {
    std::iter::repeat_n(String::new(), count)
}

fn find(bones: Vec<Bone>) -> Result<RigMap, RigError> {
    let tree = BoneTree::new(bones).unwrap();
    RigMap::find(&tree, &RigOverride::default(), &BTreeMap::new())
}

/// All triples of 1,024 ancestors would be 170 million.
#[test]
fn long_chains_are_searched_in_bounded_memory_and_time() {
    for count in [1024, 4096] {
        let mut bones = vec![];
        add_chain(&mut bones, None, nameless(count));
        let error = find(bones).unwrap_err().to_string();
        assert!(error.contains("two legs could not be found"), "{error}");
    }
    let mut bones = vec![];
    add_chain(&mut bones, None, nameless(4097));
    let error = find(bones.clone()).unwrap_err().to_string();
    assert_eq!(error, "4097 nodes are no person's: export the person alone");
    let node = |bone| ModelNode { bone, number: None, shows: false };
    let nodes = bones.into_iter().map(node).collect();
    let model = ModelNodes { nodes, ..ModelNodes::default() };
    let error = model.find(&RigOverride::default()).unwrap_err();
    assert!(matches!(error, RigError::TooMany { bones: 4097 }), "{error}");
}

/// Names that hundreds of bones have make no triples of all of these.
#[test]
fn plain_names_of_hundreds_of_bones_are_searched_in_bounded_memory_and_time() {
    let mut bones = vec![];
    add_chain(&mut bones, None, nameless(1));
    for name in ["LeftArm", "LeftForeArm", "LeftHand", "RightArm", "RightForeArm", "RightHand"] {
        for _ in 0..300 {
            add_chain(&mut bones, Some(0), std::iter::once(name.to_owned()));
        }
    }
    find(bones).unwrap_err();
}

/// The bones of a character are the same beside hair and ropes of thousands of bones.
#[test]
fn a_body_is_found_beside_long_chains() {
    let rig = Build::new(MIXAMO, LEFT_RIGHT).a_pose().rig(3);
    let head = rig.joints[&J::Head];
    let mut bones = rig.tree.bones().to_vec();
    add_chain(&mut bones, Some(head), nameless(1000));
    add_chain(&mut bones, Some(0), nameless(1000));
    let map = find(bones).unwrap();
    let alone = rig.map();
    for joint in J::ALL {
        assert_eq!(map.bone(joint), alone.bone(joint), "{}", joint.name());
    }
    rig.check_map(&map);
}
