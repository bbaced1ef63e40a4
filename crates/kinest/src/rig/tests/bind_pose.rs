//! The rest pose is the one the skins were made in, wherever the nodes stand.

use super::*;

/// The rig as a file has it: its bones as nodes, all but the armature in one skin, whose mesh's
/// space is placed in rig space by `from_mesh`.
fn model(rig: &Rig, from_mesh: DAffine3) -> ModelNodes {
    let nodes = rig.tree.bones().iter().enumerate();
    let nodes =
        nodes.map(|(i, bone)| ModelNode { bone: bone.clone(), number: Some(i), shows: false });
    let joints: Vec<usize> = (1..rig.tree.bones().len()).collect();
    let skin = skin(rig, &joints, from_mesh);
    ModelNodes { nodes: nodes.collect(), skins: vec![skin], humanoid: BTreeMap::new() }
}

fn skin(rig: &Rig, joints: &[usize], from_mesh: DAffine3) -> Skin {
    let inverse = |joint: &usize| rig.tree.rest(*joint).inverse() * from_mesh;
    Skin { joints: joints.to_vec(), inverse_binds: joints.iter().map(inverse).collect() }
}

/// Turns every bone but the armature, as an animation does.
fn animate(model: &mut ModelNodes, seed: u64) {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    for node in &mut model.nodes[1..] {
        node.bone.rotation *= exp(random_vector(&mut random) * 0.5);
    }
    model.nodes[1].bone.translation += random_vector(&mut random) * 0.3;
}

fn find(model: &ModelNodes) -> FoundRig {
    model.find(&RigOverride::default()).unwrap()
}

/// Asserts that the rest pose is the rig's but for a similarity, and that the map is the same.
fn check(rig: &Rig, found: &FoundRig) {
    rig.check_map(&found.map);
    let size = |tree: &BoneTree| {
        let [head, foot] = [J::Head, J::LeftAnkle].map(|joint| tree.position(rig.joints[&joint]));
        head.distance(foot)
    };
    let scale = size(&found.tree) / size(&rig.tree);
    let hips = rig.joints[&J::Pelvis];
    let moved = found.tree.rest(hips) * rig.tree.rest(hips).inverse();
    for bone in 1..rig.tree.bones().len() {
        let (is, right) = (found.tree.rest(bone), moved * rig.tree.rest(bone));
        let name = &rig.tree.bones()[bone].name;
        let off = is.translation.distance(right.translation);
        assert!(off < 1e-4 * scale * size(&rig.tree), "{name} is off by {off}");
        let turn = is.matrix3 * right.matrix3.inverse();
        assert!(turn.abs_diff_eq(DMat3::IDENTITY, 1e-3), "{name} is turned: {turn}");
    }
}

#[test]
fn nodes_in_the_bind_pose_stay_exactly_as_they_are() {
    for build in conventions() {
        let rig = build.a_pose().rig(1);
        let found = find(&model(&rig, DAffine3::from_scale(DVec3::splat(100.0))));
        assert_eq!(found.tree.bones(), rig.tree.bones());
        assert!(found.tree.notes().is_empty(), "{}", found.map);
    }
}

#[test]
fn a_file_saved_in_the_middle_of_a_jump_has_the_rest_pose_of_its_skin() {
    let z_up = DMat3::from_quat(UPRIGHT.conjugate());
    for (seed, build) in conventions().into_iter().enumerate() {
        for (armature, from_mesh) in [
            (DMat3::IDENTITY, DAffine3::IDENTITY),
            (DMat3::IDENTITY * 0.01, DAffine3::IDENTITY),
            // Meshes in centimetres with z up, under an armature that undoes both.
            (z_up * 0.01, DAffine3::from_mat3(z_up * 0.01)),
            (DMat3::IDENTITY, DAffine3::from_mat3(DMat3::from_rotation_z(2.0) * 3.0)),
        ] {
            let rig = Build { armature, ..build.clone().a_pose() }.rig(seed as u64);
            let mut model = model(&rig, from_mesh);
            let still = find(&model);
            for frame in 0..3 {
                animate(&mut model, frame);
                let found = find(&model);
                check(&rig, &found);
                assert_eq!(
                    still.map.to_string().lines().next(),
                    found.map.to_string().lines().next()
                );
                assert!(found.map.notes().iter().any(|note| note.contains("skin's")));
                assert!(found.map.up.angle_between(DVec3::Y) < 1.0, "{}", found.map.up);
            }
        }
    }
}

#[test]
fn skins_of_one_file_may_have_meshes_in_different_spaces() {
    let rig = Build::new(MIXAMO, LEFT_RIGHT).a_pose().rig(2);
    let mut model = model(&rig, DAffine3::IDENTITY);
    let hat = DAffine3::from_scale_rotation_translation(
        DVec3::splat(100.0),
        DQuat::from_rotation_x(1.0),
        DVec3::new(0.0, 3.0, 1.0),
    );
    let count = rig.tree.bones().len();
    model.skins = vec![
        skin(&rig, &(5..9).collect::<Vec<_>>(), hat),
        skin(&rig, &(1..count).collect::<Vec<_>>(), DAffine3::IDENTITY),
    ];
    animate(&mut model, 4);
    check(&rig, &find(&model));
}

#[test]
fn joints_that_move_no_vertex_may_have_no_bind_matrix() {
    let rig = Build::new(UNREAL, ["l", "r"]).a_pose().rig(3);
    let mut model = model(&rig, DAffine3::IDENTITY);
    let root = rig.tree.named("root").unwrap();
    let Skin { joints, inverse_binds } = &mut model.skins[0];
    for (joint, inverse) in joints.iter().zip(inverse_binds) {
        if *joint == root || rig.tree.bones()[*joint].name.starts_with("ik_") {
            *inverse = DAffine3::IDENTITY;
        }
    }
    animate(&mut model, 5);
    let found = find(&model);
    for (joint, bone) in &rig.joints {
        let off = found.tree.position(*bone).distance(rig.tree.position(*bone));
        assert!(off < 1e-4, "{} is off by {off}", joint.name());
    }
}

#[test]
fn bind_matrices_that_say_nothing_are_left_alone_with_a_note() {
    let rig = Build::new(MIXAMO, LEFT_RIGHT).rig(6);
    for garbage in [
        DAffine3::IDENTITY,
        DAffine3::from_translation(DVec3::Y),
        DAffine3::from_scale(DVec3::ZERO),
        DAffine3::from_scale(DVec3::NAN),
    ] {
        let mut model = model(&rig, DAffine3::IDENTITY);
        model.skins[0].inverse_binds.fill(garbage);
        let found = find(&model);
        assert_eq!(found.tree.bones(), rig.tree.bones());
        assert!(found.map.notes().iter().any(|note| note.contains("say nothing")), "{garbage}");
    }
}

#[test]
fn a_few_moved_bones_do_not_move_the_others() {
    let rig = Build::new(MIXAMO, LEFT_RIGHT).a_pose().rig(7);
    let mesh = DAffine3::from_mat3(DMat3::from_rotation_y(0.5));
    let mut model = model(&rig, mesh);
    let hand = rig.joints[&J::LeftWrist];
    model.nodes[hand].bone.rotation *= DQuat::from_rotation_x(1.0);
    let found = find(&model);
    for bone in 0..rig.tree.bones().len() {
        let is = found.tree.rest(bone);
        assert!(is.abs_diff_eq(rig.tree.rest(bone), 1e-6), "{}", rig.tree.bones()[bone].name);
    }
}

#[test]
fn hidden_props_are_left_out() {
    let rig = Build::new(MIXAMO, LEFT_RIGHT).rig(8);
    let mut model = ModelNodes::default();
    for (i, bone) in rig.tree.bones().iter().enumerate() {
        model.nodes.push(ModelNode { bone: bone.clone(), number: Some(i), shows: false });
    }
    let mut sword = model.nodes[rig.joints[&J::RightWrist]].clone();
    sword.bone.name = "Sword".into();
    sword.bone.parent = Some(rig.joints[&J::RightWrist]);
    sword.bone.scale = DVec3::ZERO;
    model.nodes.push(sword);
    let found = find(&model);
    rig.check_map(&found.map);
    assert!(found.map.to_string().contains("`Sword` is scaled to nothing"), "{}", found.map);
}
