//! Pictures of the panel.
//!
//! Needs a graphics adapter; a software adapter is enough. Without one the test prints SKIPPED and
//! passes, unless `KINEST_REQUIRE_GPU_ADAPTER=1` is set, which makes it fail.

use bevy::camera::RenderTarget;
use bevy::prelude::*;
use bevy::render::render_resource::{TextureFormat, TextureUsages};
use bevy::render::view::screenshot::{Screenshot, ScreenshotCaptured};
use bevy_kinest::bevy_egui::egui::accesskit::{Node, Rect, Role};
use bevy_kinest::bevy_egui::{EguiContext, EguiOutput, EguiPlugin};
use bevy_kinest::kinest::model::Checkpoint;
use bevy_kinest::kinest::motion::synthetic::walk_and_wave;
use bevy_kinest::prelude::*;
use bevy_kinest::{KinestPanel, KinestPanelPlugin};
use kinest_stage::{View, has_adapter};
use std::path::Path;

const SIZE: UVec2 = UVec2::new(400, 1000);
/// Frames until the network's window is full, plus 0.5 s of the plot.
const FRAMES: usize = 130;
/// Frames drawn before the one that is captured.
const SETTLE: usize = 20;
/// Maximum number of frames to wait for a picture.
const PATIENCE: usize = 500;

#[derive(Resource)]
struct Taken(Image);

/// If set to a path, the picture is saved there.
const KEEP: &str = "KINEST_KEEP_PANEL_PICTURE";

#[test]
fn the_panel_is_drawn_and_redrawn_after_changes() {
    if !has_adapter() {
        let required = std::env::var_os("KINEST_REQUIRE_GPU_ADAPTER").is_some_and(|v| v == "1");
        assert!(!required, "no graphics adapter, and KINEST_REQUIRE_GPU_ADAPTER forbids to skip");
        eprintln!("SKIPPED: no graphics adapter (Debian: mesa-vulkan-drivers libvulkan1)");
        return;
    }
    let mut app = App::new();
    app.insert_resource(KinestSettings::inline());
    View::Pictures(default()).add_plugins(&mut app, "");
    app.add_plugins((EguiPlugin::default(), KinestPlugins, KinestPanelPlugin))
        .add_systems(Startup, spawn);
    super::common::finish(&mut app);
    draw_only_pictures(&mut app, false);
    (0..FRAMES).for_each(|_| app.update());
    draw_only_pictures(&mut app, true);
    let (picture, nodes) = take(&mut app);
    if let Some(path) = std::env::var_os(KEEP) {
        picture.clone().try_into_dynamic().unwrap().to_rgb8().save(path).unwrap();
    }

    // Where a label is reported, there are dark and light pixels.
    for name in ["ready on cpu", "Trackers", "Left hand", "Pause", "Smooth", "T-pose", "Record"] {
        let place = place(&nodes, name);
        let (dark, light) = contrast(&picture, &place);
        assert!(dark > 0.3 && light > 0.02, "{name}: {dark} dark, {light} light at {place:?}");
    }
    // The head is at its tracker in the same frame, although everything moves.
    let head = place(&nodes, "head");
    let error = nodes.iter().filter(|node| node.role() == Role::Label).find(|node| {
        let at = node.bounds().unwrap();
        at.x0 > head.x1 && at.y0 < head.y1 && at.y1 > head.y0
    });
    assert_eq!(error.and_then(Node::value), Some(" 0.0"));
    // The plotted median is in the plot, between the state and the figures.
    let [above, below] = ["ready on cpu", "Inference p50"].map(|name| place(&nodes, name));
    let median = (0..SIZE.x)
        .flat_map(|x| (above.y1 as u32..below.y0 as u32).map(move |y| (x, y)))
        .filter(|&(x, y)| {
            let [r, g, b] = rgb(&picture, x, y);
            b > 170 && b > r + 70 && b > g + 20
        });
    assert!(median.count() > 60, "the median is not seen");

    // Flipping a switch changes the picture at the switch, but not at its neighbour.
    let mut refine = app.world_mut().query::<&mut KinestRefine>();
    refine.single_mut(app.world_mut()).unwrap().lock_feet = false;
    let (flipped, _) = take(&mut app);
    let differ = |name| {
        let at = pixels(&place(&nodes, name));
        at.filter(|&(x, y)| rgb(&picture, x, y) != rgb(&flipped, x, y)).count()
    };
    assert!(differ("Lock feet") > 10);
    assert_eq!(differ("Smooth"), 0);

    app.world_mut().resource_mut::<KinestPanel>().open = false;
    let (closed, _) = take(&mut app);
    let first = rgb(&closed, 0, 0);
    let all = (0..SIZE.x).flat_map(|x| (0..SIZE.y).map(move |y| (x, y)));
    assert!(all.clone().all(|(x, y)| rgb(&closed, x, y) == first), "a closed window is gone");
}

fn spawn(
    mut commands: Commands,
    mut images: ResMut<Assets<Image>>,
    mut models: ResMut<Assets<PoseModel>>,
) {
    let format = TextureFormat::Rgba8UnormSrgb;
    let mut image = Image::new_target_texture(SIZE.x, SIZE.y, format, None);
    image.texture_descriptor.usage |= TextureUsages::COPY_SRC;
    commands.spawn((Camera2d, RenderTarget::Image(images.add(image).into())));

    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let checkpoint = Checkpoint::load(root.join("assets/models/kinest_small.model.ron")).unwrap();
    let skeleton = checkpoint.manifest.spec.skeleton.clone();
    commands.spawn((
        KinestAvatar::new(models.add(PoseModel::from_checkpoint(checkpoint))),
        MotionReplay::clip(walk_and_wave(&skeleton), skeleton),
    ));
}

/// On a software adapter drawing takes longer than everything else.
fn draw_only_pictures(app: &mut App, on: bool) {
    let mut cameras = app.world_mut().query::<&mut Camera>();
    cameras.iter_mut(app.world_mut()).for_each(|mut camera| camera.is_active = on);
}

/// The current picture and its accessibility nodes.
fn take(app: &mut App) -> (Image, Vec<Node>) {
    let mut contexts = app.world_mut().query::<&mut EguiContext>();
    contexts.single_mut(app.world_mut()).unwrap().get_mut().enable_accesskit();
    // Until windows and switches are still, and textures are uploaded.
    (0..SETTLE).for_each(|_| app.update());

    let mut targets = app.world_mut().query::<&RenderTarget>();
    let RenderTarget::Image(target) = targets.single(app.world()).unwrap().clone() else {
        panic!("the camera draws into an image");
    };
    app.world_mut().spawn(Screenshot::image(target.handle)).observe(
        |mut shot: On<ScreenshotCaptured>, mut commands: Commands| {
            commands.insert_resource(Taken(std::mem::take(&mut shot.image)));
        },
    );
    let image = (0..PATIENCE).find_map(|_| {
        app.update();
        app.world_mut().remove_resource::<Taken>()
    });
    let mut outputs = app.world_mut().query::<&EguiOutput>();
    let output = outputs.single(app.world()).unwrap();
    let update = output.platform_output.accesskit_update.as_ref().unwrap();
    let nodes = update.nodes.iter().map(|(_, node)| node.clone()).collect();
    (image.expect("the adapter did not give the picture back").0, nodes)
}

fn place(nodes: &[Node], name: &str) -> Rect {
    let named = |node: &&Node| node.value() == Some(name) || node.label() == Some(name);
    let node = nodes.iter().find(named).unwrap_or_else(|| panic!("the panel has no {name}"));
    node.bounds().unwrap()
}

fn pixels(place: &Rect) -> impl Iterator<Item = (u32, u32)> + use<> {
    let Rect { x0, y0, x1, y1 } = *place;
    let (xs, ys) = (x0.max(0.0) as u32..x1 as u32, y0.max(0.0) as u32..y1 as u32);
    assert!(xs.end <= SIZE.x && ys.end <= SIZE.y, "{place:?} is outside of the picture");
    xs.flat_map(move |x| ys.clone().map(move |y| (x, y)))
}

fn rgb(picture: &Image, x: u32, y: u32) -> [u8; 3] {
    let at = 4 * (y * SIZE.x + x) as usize;
    let pixel = &picture.data.as_ref().unwrap()[at..at + 3];
    [pixel[0], pixel[1], pixel[2]]
}

/// Fractions of dark and light pixels in a rectangle.
fn contrast(picture: &Image, place: &Rect) -> (f32, f32) {
    let brightness = |(x, y)| rgb(picture, x, y).into_iter().max().unwrap();
    let all: Vec<u8> = pixels(place).map(brightness).collect();
    let part =
        |is: fn(u8) -> bool| all.iter().filter(|b| is(**b)).count() as f32 / all.len() as f32;
    (part(|b| b < 90), part(|b| b > 130))
}
