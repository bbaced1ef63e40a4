//! Characters in an app without a window: the shipped one, several of it, files of all kinds, one
//! made of entities, and the program of the README.

#[path = "../examples/first_afternoon.rs"]
#[allow(dead_code, reason = "it is not started by its `main`")]
mod first_afternoon;
#[path = "../examples/retarget.rs"]
#[allow(dead_code, reason = "it is not started by its `main`")]
mod retarget;

use bevy::app::PluginsState;
use bevy::asset::{AssetLoadFailedEvent, AssetPath};
use bevy::gltf::{Gltf, GltfAssetLabel};
use bevy::prelude::*;
use bevy::render::RenderPlugin;
use bevy::render::settings::WgpuSettings;
use bevy::time::TimeUpdateStrategy;
use bevy::window::ExitCondition;
use bevy::winit::WinitPlugin;
use bevy_kinest::kinest::rig::{Evidence, RigOverride, VRM_EXTENSIONS};
use bevy_kinest::kinest::skeleton::{Pose, Skeleton};
use bevy_kinest::prelude::*;
use bevy_kinest::{KinestPlugins, RigFile};
use glam::DQuat;
use kinest_stage::CharacterFile;
use serde_json::{Value, json};
use std::path::Path;
use std::time::{Duration, Instant};

const MANNEQUIN: &str = "rigs/mannequin.glb";
const HEAD: Vec3 = Vec3::new(1.0, 1.5, -2.0);
const LIMBS: [[SmplJoint; 2]; 8] = [
    [SmplJoint::LeftShoulder, SmplJoint::LeftElbow],
    [SmplJoint::LeftElbow, SmplJoint::LeftWrist],
    [SmplJoint::RightShoulder, SmplJoint::RightElbow],
    [SmplJoint::RightElbow, SmplJoint::RightWrist],
    [SmplJoint::LeftHip, SmplJoint::LeftKnee],
    [SmplJoint::LeftKnee, SmplJoint::LeftAnkle],
    [SmplJoint::RightHip, SmplJoint::RightKnee],
    [SmplJoint::RightKnee, SmplJoint::RightAnkle],
];

/// The motion of an avatar's body, instead of a network.
#[derive(Component)]
struct Does(Pose);

fn act(mut bodies: Query<(&mut BodyPose, &Does)>) {
    for (mut body, Does(pose)) in &mut bodies {
        body.set_pose_z_up(*pose);
    }
}

/// An app with everything except a window and a graphics adapter.
fn app(assets: &Path) -> App {
    let mut app = App::new();
    let settings = WgpuSettings { backends: None, ..default() };
    app.add_plugins((
        DefaultPlugins
            .set(RenderPlugin { render_creation: settings.into(), ..default() })
            .set(AssetPlugin { file_path: assets.to_str().unwrap().into(), ..default() })
            .set(WindowPlugin {
                primary_window: None,
                exit_condition: ExitCondition::DontExit,
                ..default()
            })
            .disable::<WinitPlugin>()
            .disable::<bevy::log::LogPlugin>(),
        KinestPlugins,
    ))
    .insert_resource(KinestSettings::inline())
    .insert_resource(TimeUpdateStrategy::ManualDuration(Duration::from_millis(16)))
    .init_resource::<Failures>()
    .add_observer(|failed: On<RigFailed>, mut all: ResMut<Failures>| {
        all.0.push(failed.reason.clone());
    })
    .add_systems(PostUpdate, act.after(KinestSystems::Refine).before(KinestSystems::Writeback));
    while app.plugins_state() == PluginsState::Adding {
        std::thread::yield_now();
    }
    app.finish();
    app.cleanup();
    app
}

fn shipped() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../assets")
}

/// A pose in which every limb is moved; it depends on `k`.
fn pose(k: f64) -> Pose {
    let mut pose = Pose::rest();
    for (j, local) in pose.rotations.iter_mut().enumerate() {
        let turn = glam::DVec3::new(k + j as f64, 2.0 * k * j as f64, 0.7 * j as f64);
        *local *= DQuat::from_scaled_axis(
            0.5 * glam::DVec3::new(turn.x.sin(), turn.y.sin(), turn.z.cos()),
        );
    }
    pose.translation = glam::DVec3::new(k, 1.0, 1.0);
    pose
}

/// An avatar without a network, with a tracked head, that shows [`pose`].
fn avatar(app: &mut App, k: f64) -> Entity {
    let avatar = app.world_mut().spawn((KinestAvatar::new(Handle::default()), Does(pose(k)))).id();
    let head = Transform::from_translation(HEAD);
    app.world_mut().spawn((SparseTracker::HEAD, TrackerOf(avatar), head));
    avatar
}

fn dress(app: &mut App, avatar: Entity, file: impl Into<AssetPath<'static>>) {
    let scene =
        app.world().resource::<AssetServer>().load(GltfAssetLabel::Scene(0).from_asset(file));
    // Another size and place, which must not matter.
    let stand = Transform::from_xyz(5.0, 1.0, 0.0)
        .with_rotation(Quat::from_rotation_y(2.0))
        .with_scale(Vec3::splat(0.7));
    app.world_mut().entity_mut(avatar).insert((WorldAssetRoot(scene), stand, KinestRig::default()));
}

/// Runs until every character is bound, and one more frame.
fn wait_until_bound(app: &mut App) {
    wait_until(app, |app| {
        let mut rigs = app.world_mut().query::<(&KinestRig, Has<RigBones>)>();
        rigs.iter(app.world()).all(|(_, bound)| bound)
    });
}

/// Runs until `holds` returns true, and one more frame.
fn wait_until(app: &mut App, mut holds: impl FnMut(&mut App) -> bool) {
    let start = Instant::now();
    loop {
        app.update();
        if holds(app) {
            app.update();
            return;
        }
        assert!(start.elapsed() < Duration::from_secs(30), "in vain: {:?}", failures(app));
        std::thread::yield_now();
    }
}

/// Why characters were not bound, so far.
#[derive(Resource, Default)]
struct Failures(Vec<String>);

fn failures(app: &App) -> Vec<String> {
    app.world().resource::<Failures>().0.clone()
}

fn check(app: &mut App, avatar: Entity) {
    check_rig(app, avatar, avatar);
}

/// Checks that head and hands are where the body's are and feet near the body's; and that limbs which are not
/// solved for that have the body's directions.
fn check_rig(app: &mut App, avatar: Entity, rig: Entity) {
    use SmplJoint as J;
    let places = |app: &App| {
        let body = app.world().get::<BodyPose>(avatar).unwrap().clone();
        let bones = app.world().get::<RigBones>(rig).expect("it is bound").clone();
        let world = app.world();
        let character = J::ALL.map(|joint| {
            bones.bone(joint).map(|bone| world.get::<GlobalTransform>(bone).unwrap().translation())
        });
        let of = move |joint: J| {
            let bone = character[joint.index()].expect("it has a bone");
            (bone, body.joint_transform(joint).translation)
        };
        (of, bones.map().to_string())
    };
    let set_reach = |app: &mut App, reach: bool| {
        app.world_mut().get_mut::<KinestRig>(rig).unwrap().fit.reach = reach;
        app.update();
    };
    let (of, map) = places(app);
    for (joint, most) in [
        (J::Head, 1e-3),
        (J::LeftWrist, 1e-3),
        (J::RightWrist, 1e-3),
        (J::LeftAnkle, 0.1),
        (J::RightAnkle, 0.1),
    ] {
        let (bone, body) = of(joint);
        let off = bone.distance(body);
        assert!(off < most, "{} is {off} m off\n{map}", joint.name());
    }

    set_reach(app, false);
    let (of, map) = places(app);
    for [from, to] in LIMBS {
        let ((bone, body), (next_bone, next_body)) = (of(from), of(to));
        let degrees = (next_bone - bone).angle_between(next_body - body).to_degrees();
        assert!(degrees < 1.0, "{}: {degrees}°\n{map}", from.name());
    }
    set_reach(app, true);
}

#[test]
fn characters_of_one_file_follow_their_own_avatars_and_can_be_reloaded() {
    let mut app = app(&shipped());
    let two = [0.0, 1.0].map(|k| avatar(&mut app, k));
    for avatar in two {
        dress(&mut app, avatar, MANNEQUIN);
    }
    wait_until_bound(&mut app);
    for avatar in two {
        check(&mut app, avatar);
    }
    let bones =
        |app: &App, avatar| app.world().get::<RigBones>(avatar).unwrap().bone(SmplJoint::Head);
    assert_ne!(bones(&app, two[0]), bones(&app, two[1]));

    app.world_mut().entity_mut(two[0]).despawn();
    let third = avatar(&mut app, 2.0);
    dress(&mut app, third, MANNEQUIN);
    wait_until_bound(&mut app);
    app.world_mut().get_mut::<Does>(two[1]).unwrap().0 = pose(3.0);
    app.update();
    for avatar in [two[1], third] {
        check(&mut app, avatar);
    }

    // A second character follows the same avatar.
    let other = app.world_mut().spawn_empty().id();
    dress(&mut app, other, MANNEQUIN);
    app.world_mut().get_mut::<KinestRig>(other).unwrap().avatar = Some(third);
    wait_until_bound(&mut app);
    check_rig(&mut app, third, other);

    // The scene is loaded again into the same entity.
    app.world_mut().entity_mut(third).remove::<(WorldAssetRoot, RigBones)>().despawn_children();
    dress(&mut app, third, MANNEQUIN);
    wait_until_bound(&mut app);
    check(&mut app, third);
}

/// The mannequin's file after `change` of its JSON and its buffer.
fn changed(change: impl FnOnce(&mut Value, &mut Vec<u8>)) -> Vec<u8> {
    let file = std::fs::read(shipped().join(MANNEQUIN)).unwrap();
    let word = |at: usize| u32::from_le_bytes(file[at..at + 4].try_into().unwrap()) as usize;
    let (json, binary) = file[20..].split_at(word(12));
    let mut document: Value = serde_json::from_slice(json).unwrap();
    let mut buffer = binary[8..].to_vec();
    change(&mut document, &mut buffer);
    buffer.resize(buffer.len().next_multiple_of(4), 0);
    document["buffers"][0]["byteLength"] = json!(buffer.len());
    let mut json = document.to_string().into_bytes();
    json.resize(json.len().next_multiple_of(4), b' ');
    let length = |n: usize| (n as u32).to_le_bytes();
    let total = length(28 + json.len() + buffer.len());
    let head = [b"glTF", &length(2)[..], &total, &length(json.len()), b"JSON"].concat();
    [&head[..], &json, &length(buffer.len()), b"BIN\0", &buffer].concat()
}

/// Appends to a list of the document; returns the index.
fn add(document: &mut Value, list: &str, item: Value) -> usize {
    if document[list].is_null() {
        document[list] = json!([]);
    }
    let list = document[list].as_array_mut().unwrap();
    list.push(item);
    list.len() - 1
}

/// Appends to the buffer; returns the index of the view.
fn add_bytes(document: &mut Value, buffer: &mut Vec<u8>, bytes: &[u8]) -> usize {
    buffer.resize(buffer.len().next_multiple_of(4), 0);
    let view = json!({ "buffer": 0, "byteOffset": buffer.len(), "byteLength": bytes.len() });
    buffer.extend(bytes);
    add(document, "bufferViews", view)
}

/// The colours of the character come from a texture with this image.
fn paint(document: &mut Value, texture: Value) {
    let texture = add(document, "textures", texture);
    let material = json!({ "pbrMetallicRoughness": { "baseColorTexture": { "index": texture } } });
    let material = add(document, "materials", material);
    for mesh in document["meshes"].as_array_mut().unwrap() {
        for primitive in mesh["primitives"].as_array_mut().unwrap() {
            primitive["material"] = json!(material);
        }
    }
}

/// A picture of one grey pixel.
fn pixel(format: image::ImageFormat) -> Vec<u8> {
    let mut bytes = std::io::Cursor::new(vec![]);
    image::RgbImage::from_pixel(1, 1, image::Rgb([128; 3])).write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

/// The mannequin with meaningless bone names and a VRM extension that maps them.
fn vrm(version: usize) -> Vec<u8> {
    changed(|document, _| {
        let mut bones = vec![];
        for (i, node) in document["nodes"].as_array_mut().unwrap().iter_mut().enumerate() {
            let bone = match node["name"].as_str().unwrap() {
                "Hips" => "hips",
                "Spine" => "spine",
                "Spine2" => "upperChest",
                "Head" => "head",
                "LeftArm" => "leftUpperArm",
                "LeftForeArm" => "leftLowerArm",
                "LeftHand" => "leftHand",
                "RightUpLeg" => "rightUpperLeg",
                "RightLeg" => "rightLowerLeg",
                "RightFoot" => "rightFoot",
                _ => "",
            };
            if !bone.is_empty() {
                bones.push((bone, i));
            }
            node["name"] = json!(format!("node{i}"));
        }
        let humanoid = if version == 0 {
            let named = bones.iter().map(|(bone, node)| (bone.to_string(), json!({"node": node})));
            Value::Object(named.collect())
        } else {
            bones.iter().map(|(bone, node)| json!({"bone": bone, "node": node})).collect()
        };
        let name = VRM_EXTENSIONS[version];
        document["extensionsUsed"] = json!([name]);
        document["extensions"] = json!({name: {"humanoid": {"humanBones": humanoid}}});
    })
}

#[test]
fn both_vrm_versions_map_the_bones_under_their_own_ending() {
    let folder = tempfile::tempdir().unwrap();
    let mut app = app(folder.path());
    for version in [0, 1] {
        let name = format!("{version}.vrm");
        std::fs::write(folder.path().join(&name), vrm(version)).unwrap();
        let avatar = avatar(&mut app, 1.0);
        dress(&mut app, avatar, name);
        wait_until_bound(&mut app);
        check(&mut app, avatar);
        let map = app.world().get::<RigBones>(avatar).unwrap().map();
        let given = map.driven().iter().filter(|d| d.evidence == Evidence::Given).count();
        // `spine` is not the last bone of the spine.
        assert_eq!(given, 9, "{map}");
    }
}

/// Scenes with these were not spawned, because Bevy did not know all of their types.
#[test]
fn characters_with_animations_cameras_and_jpegs_are_loaded() {
    let file = changed(|document, buffer| {
        let image = add_bytes(document, buffer, &pixel(image::ImageFormat::Jpeg));
        let image = json!({ "bufferView": image, "mimeType": "image/jpeg" });
        let image = add(document, "images", image);
        paint(document, json!({ "source": image }));

        let bytes =
            |numbers: &[f32]| numbers.iter().flat_map(|n| n.to_le_bytes()).collect::<Vec<u8>>();
        let times = add_bytes(document, buffer, &bytes(&[0.0, 1.0]));
        let times = json!({ "bufferView": times, "componentType": 5126, "count": 2,
            "type": "SCALAR", "min": [0.0], "max": [1.0] });
        let times = add(document, "accessors", times);
        let turns = add_bytes(document, buffer, &bytes(&[0.0, 0.0, 0.0, 1.0, 0.0, 0.6, 0.0, 0.8]));
        let turns =
            json!({ "bufferView": turns, "componentType": 5126, "count": 2, "type": "VEC4" });
        let turns = add(document, "accessors", turns);
        let head = document["nodes"].as_array().unwrap().iter().position(|n| n["name"] == "Head");
        document["animations"] = json!([{
            "channels": [{ "sampler": 0, "target": { "node": head, "path": "rotation" } }],
            "samplers": [{ "input": times, "output": turns }],
        }]);
        let lens = json!({ "type": "perspective", "perspective": { "yfov": 1.0, "znear": 0.1 } });
        let camera = add(document, "cameras", lens);
        document["nodes"][head.unwrap()]["camera"] = json!(camera);
    });
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("a.glb"), file).unwrap();
    let mut app = app(folder.path());
    let avatar = avatar(&mut app, 1.0);
    dress(&mut app, avatar, "a.glb");
    wait_until_bound(&mut app);
    check(&mut app, avatar);
    let mut players = app.world_mut().query::<&AnimationPlayer>();
    assert_eq!(players.iter(app.world()).count(), 1);
}

/// The example shows every character, whatever pictures are painted on it.
#[test]
fn textures_that_bevy_cannot_decode_are_left_out() {
    type Paint = fn(&mut Value, &mut Vec<u8>) -> Value;
    let images: [(&str, usize, Paint); 5] = [
        ("a JPEG that says it is a PNG", 0, |document, buffer| {
            let view = add_bytes(document, buffer, &pixel(image::ImageFormat::Jpeg));
            let image = json!({ "bufferView": view, "mimeType": "image/png" });
            json!({ "source": add(document, "images", image) })
        }),
        ("a PNG that is cut off", 1, |document, buffer| {
            let view = add_bytes(document, buffer, &pixel(image::ImageFormat::Png)[..40]);
            let image = json!({ "bufferView": view, "mimeType": "image/png" });
            json!({ "source": add(document, "images", image) })
        }),
        ("WebP", 1, |document, buffer| {
            document["extensionsUsed"] = json!(["EXT_texture_webp"]);
            document["extensionsRequired"] = json!(["EXT_texture_webp"]);
            let view = add_bytes(document, buffer, b"RIFF0000WEBPVP8 ");
            let image = json!({ "bufferView": view, "mimeType": "image/webp" });
            let image = add(document, "images", image);
            json!({ "extensions": { "EXT_texture_webp": { "source": image } } })
        }),
        (
            "a file that is not there",
            1,
            |document, _| json!({ "source": add(document, "images", json!({ "uri": "../body%20skin.png" })) }),
        ),
        ("no image at all", 1, |_, _| json!({})),
    ];
    let folder = tempfile::tempdir().unwrap();
    for (what, missing, image) in images {
        let file = changed(|document, buffer| {
            let texture = image(document, buffer);
            paint(document, texture);
        });
        let path = folder.path().join("Her 1.VRM");
        std::fs::write(&path, file).unwrap();
        let character = CharacterFile::read(&path).unwrap();
        assert_eq!(character.missing_textures(), missing, "{what}");

        let mut app = app(folder.path());
        let avatar = avatar(&mut app, 1.0);
        let file = character.add_to(&app);
        dress(&mut app, avatar, file);
        wait_until_bound(&mut app);
        check(&mut app, avatar);
        let materials = app.world().resource::<Assets<StandardMaterial>>();
        let painted = materials.iter().filter(|(_, m)| m.base_color_texture.is_some()).count();
        assert_eq!(painted > 0, missing == 0, "{what}");
    }
}

/// Text, a buffer in another file, and the character in the second of two scenes.
#[test]
fn a_character_in_several_files_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let mut text = Value::Null;
    let mut bytes = vec![];
    changed(|document, buffer| {
        document["buffers"][0]["uri"] = json!("the%20body.bin");
        document["buffers"][0]["byteLength"] = json!(buffer.len());
        let scenes = document["scenes"].as_array_mut().unwrap();
        scenes.insert(0, json!({ "nodes": [] }));
        document["scene"] = json!(1);
        (text, bytes) = (document.clone(), buffer.clone());
    });
    std::fs::write(folder.path().join("the body.bin"), bytes).unwrap();
    let path = folder.path().join("character.gltf");
    for scenes in [text["scenes"].clone(), Value::Null] {
        text["scenes"] = scenes;
        text.as_object_mut().unwrap().retain(|_, value| !value.is_null());
        std::fs::write(&path, text.to_string()).unwrap();
        let mut app = app(folder.path());
        let avatar = avatar(&mut app, 1.0);
        let file = CharacterFile::read(&path).unwrap().add_to(&app);
        dress(&mut app, avatar, file);
        wait_until_bound(&mut app);
        check(&mut app, avatar);
    }
}

#[test]
fn files_that_are_no_character_are_refused_with_a_reason() {
    let folder = tempfile::tempdir().unwrap();
    let whole = std::fs::read(shipped().join(MANNEQUIN)).unwrap();
    let packed = changed(|document, _| {
        document["extensionsRequired"] = json!(["KHR_draco_mesh_compression"]);
    });
    for (name, bytes, reason) in [
        ("text.glb", b"a text".to_vec(), "not a whole glTF"),
        ("number.gltf", b"7".to_vec(), "no `asset`"),
        ("short.vrm", whole[..2000].to_vec(), "cut off"),
        ("head.glb", b"glTF\x02\0".to_vec(), "cut off"),
        ("old.glb", [b"glTF\x01\0\0\0", &whole[8..]].concat(), "version 1"),
        ("packed.glb", packed, "KHR_draco_mesh_compression"),
    ] {
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        let error = CharacterFile::read(&path).unwrap_err().to_string();
        assert!(error.contains(reason) && error.contains(name), "{error}");
    }
    let missing = CharacterFile::read(&folder.path().join("none.glb")).unwrap_err();
    assert!(missing.to_string().contains("none.glb"), "{missing}");
}

#[test]
fn bones_are_printed_for_programs() {
    let report = json!(retarget::bones(&shipped().join(MANNEQUIN)));
    let map = report["map"].as_object().unwrap();
    assert_eq!(map.len(), SmplJoint::COUNT);
    assert_eq!((&map["pelvis"], &map["l_wrist"]), (&json!("Hips"), &json!("LeftHand")));
    assert!(report["confidence"].as_f64().unwrap() > 0.5, "{report}");

    let folder = tempfile::tempdir().unwrap();
    let lamp = folder.path().join("lamp.gltf");
    let text = json!({ "asset": { "version": "2.0" }, "nodes": [{ "name": "Lamp" }] });
    std::fs::write(&lamp, text.to_string()).unwrap();
    for path in [lamp, folder.path().join("none.glb")] {
        let report = json!(retarget::bones(&path));
        assert!(report["failed"].as_str().is_some_and(|reason| !reason.is_empty()), "{report}");
        assert_eq!(report.as_object().unwrap().len(), 1);
    }
}

/// The README's program: one player waves, another is replayed beside it.
#[test]
fn the_program_of_the_readme_shows_two_players() {
    let mut app = app(&shipped());
    first_afternoon::plugin(&mut app);
    wait_until_bound(&mut app);
    let mut players = app.world_mut().query::<(Entity, Has<MotionReplay>, &BodyPose)>();
    wait_until(&mut app, |app| {
        players.iter(app.world()).all(|(.., body)| body.source() == PoseSource::Estimated)
    });
    let all: Vec<_> = players
        .iter(app.world())
        .map(|(player, is_replayed, body)| {
            (player, is_replayed, body.joint_transform(SmplJoint::Head).translation)
        })
        .collect();
    assert_eq!(all.iter().filter(|(_, is_replayed, _)| *is_replayed).count(), 1);
    for (player, ..) in &all {
        check(&mut app, *player);
    }
    let heads: Vec<Vec3> = all.iter().map(|(.., head)| *head).collect();
    assert!(heads.len() == 2 && heads[0].distance(heads[1]) > 0.8, "{heads:?}");
}

/// Whoever copies the README's program gets what the example shows.
#[test]
fn the_program_of_the_readme_is_the_examples() {
    let [readme, example] = ["../../README.md", "../../examples/first_afternoon.rs"].map(|path| {
        std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
    });
    let start = readme.find("fn spawn_players").expect("the README has a program");
    let end = start + readme[start..].find("fn spawn_view").expect("and a view of the players");
    let program = readme[start..end].trim();
    assert!(program.len() > 1000 && example.contains(program), "not in the example:\n{program}");
}

#[test]
fn a_character_is_rebound_when_its_files_are_reloaded() {
    let folder = tempfile::tempdir().unwrap();
    let [model, file] = ["a.glb", "a.rig.ron"].map(|name| folder.path().join(name));
    std::fs::copy(shipped().join(MANNEQUIN), &model).unwrap();
    std::fs::write(&file, "(skip: [LeftKnee])").unwrap();
    let mut app = app(folder.path());
    let avatar = avatar(&mut app, 1.0);
    dress(&mut app, avatar, "a.glb");
    let server = app.world().resource::<AssetServer>().clone();
    let handle = server.load("a.rig.ron");
    // Without a file watcher, only assets with a live handle can be reloaded.
    let _whole_file: Handle<Gltf> = server.load("a.glb");
    app.world_mut().get_mut::<KinestRig>(avatar).unwrap().file = Some(handle);
    let bone = |app: &App, joint| app.world().get::<RigBones>(avatar)?.bone(joint);
    wait_until_bound(&mut app);
    assert_eq!(bone(&app, SmplJoint::LeftKnee), None);

    // A rig file with an error changes nothing.
    std::fs::write(&file, "(skip: [LeftKne])").unwrap();
    server.reload("a.rig.ron");
    wait_until(&mut app, |app| {
        !app.world().resource::<Messages<AssetLoadFailedEvent<RigFile>>>().is_empty()
    });
    assert!(bone(&app, SmplJoint::RightKnee).is_some());
    assert_eq!(bone(&app, SmplJoint::LeftKnee), None);
    std::fs::write(&file, "()").unwrap();
    server.reload("a.rig.ron");
    wait_until(&mut app, |app| bone(app, SmplJoint::LeftKnee).is_some());
    check(&mut app, avatar);

    // The scene file, as exported by another tool.
    let before = bone(&app, SmplJoint::Head).unwrap();
    std::fs::write(&model, vrm(1)).unwrap();
    server.reload("a.glb");
    wait_until(&mut app, |app| bone(app, SmplJoint::Head).is_some_and(|head| head != before));
    assert!(app.world().get_entity(before).is_err(), "the old scene is gone");
    check(&mut app, avatar);
    let name = app.world().get::<Name>(bone(&app, SmplJoint::Head).unwrap()).unwrap();
    assert!(name.starts_with("node"), "{name}");
}

/// The default skeleton as named entities, without a file.
fn entities(app: &mut App, avatar: Entity) -> Vec<Entity> {
    let skeleton = Skeleton::default();
    let mut joints: Vec<Entity> = vec![];
    for joint in SmplJoint::ALL {
        let parent = joint.parent().map_or(avatar, |parent| joints[parent.index()]);
        let offset = Transform::from_translation(skeleton.offsets[joint.index()].as_vec3());
        joints.push(app.world_mut().spawn((Name::new(joint.name()), offset, ChildOf(parent))).id());
    }
    joints
}

#[test]
fn existing_bone_entities_are_bound_released_and_rebound() {
    let mut app = app(&shipped());
    let avatar = avatar(&mut app, 0.5);
    let joints = entities(&mut app, avatar);
    let rest: Vec<Transform> = joints.iter().map(|j| *app.world().get(*j).unwrap()).collect();
    let file = RigFile(RigOverride { skip: [SmplJoint::LeftKnee].into(), ..default() });
    let file = app.world_mut().resource_mut::<Assets<RigFile>>().add(file);
    let rig = KinestRig { file: Some(file.clone()), ..default() };
    app.world_mut().entity_mut(avatar).insert(rig);
    wait_until_bound(&mut app);
    let bone = |app: &App, joint| app.world().get::<RigBones>(avatar).unwrap().bone(joint);
    assert_eq!(bone(&app, SmplJoint::LeftKnee), None);
    assert_eq!(bone(&app, SmplJoint::RightKnee), Some(joints[5]));

    // After a change of the file, bones move from the rest pose, not from the current pose.
    let changed = RigFile(RigOverride::default());
    app.world_mut().resource_mut::<Assets<RigFile>>().insert(&file, changed).unwrap();
    for _ in 0..3 {
        app.update();
    }
    assert_eq!(bone(&app, SmplJoint::LeftKnee), Some(joints[4]));
    check(&mut app, avatar);

    app.world_mut().entity_mut(avatar).remove::<KinestRig>();
    app.update();
    for (joint, rest) in joints.iter().zip(&rest) {
        assert_eq!(app.world().get::<Transform>(*joint), Some(rest));
    }
    assert!(app.world().get::<RigBones>(avatar).is_none());
}

#[test]
fn a_rig_that_is_not_humanoid_is_reported_and_not_moved() {
    let mut app = app(&shipped());
    let avatar = avatar(&mut app, 0.5);
    let lamp =
        app.world_mut().spawn((Name::new("Lamp"), Transform::default(), ChildOf(avatar))).id();
    app.world_mut().entity_mut(avatar).insert(KinestRig::default());
    app.update();
    let failures = failures(&app);
    assert!(failures.iter().any(|reason| reason.contains("two legs")), "{failures:?}");
    assert_eq!(app.world().get::<Transform>(lamp), Some(&Transform::default()));
}

#[test]
fn a_character_that_cannot_be_loaded_is_reported() {
    let mut app = app(&shipped());
    let avatar = avatar(&mut app, 0.5);
    dress(&mut app, avatar, "nowhere.glb");
    wait_until(&mut app, |app| failures(app).iter().any(|reason| reason.contains("nowhere.glb")));
}
