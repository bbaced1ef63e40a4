//! A board with the panel and instructions for the player: beside the mirror, or in the window.

use crate::flow::Board;
use bevy::camera::visibility::RenderLayers;
use bevy::camera::{ClearColorConfig, RenderTarget};
use bevy::prelude::*;
use bevy::render::render_resource::TextureFormat;
use bevy_kinest::bevy_egui::{
    EguiContexts, EguiGlobalSettings, EguiPlugin, EguiPrimaryContextPass, PrimaryEguiContext, egui,
};
use bevy_kinest::prelude::*;
use bevy_kinest::{
    KinestPanel, KinestPanelContents, KinestPanelPlugin, Subtitles, TrackerRecorder,
};

/// Size of the board, points, and points per metre.
const SIZE: UVec2 = UVec2::new(840, 860);
const POINTS_PER_METRE: f32 = 640.0;
/// Place of the board, metres: left of the mirror, turned towards the player in front of it.
const PLACE: Vec3 = Vec3::new(-1.6, 1.4, -1.15);
const TURN: f32 = 0.9;
const GROUND: Color = Color::srgb(0.09, 0.10, 0.12);

/// For the headset: on the wall.
pub fn on_the_wall(app: &mut App) {
    in_the_window(app);
    let settings = EguiGlobalSettings { auto_create_primary_context: false, ..default() };
    // The panel's own window would open in the desktop window.
    app.insert_resource(settings)
        .insert_resource(KinestPanel { open: false, ..default() })
        .add_systems(Startup, hang)
        .add_systems(EguiPrimaryContextPass, show_panel);
}

/// For the desktop: in the window.
pub fn in_the_window(app: &mut App) {
    app.add_plugins((EguiPlugin::default(), KinestPanelPlugin))
        .add_systems(EguiPrimaryContextPass, say);
}

fn hang(
    mut commands: Commands,
    mut images: ResMut<Assets<Image>>,
    mut meshes: ResMut<Assets<Mesh>>,
    mut materials: ResMut<Assets<StandardMaterial>>,
) {
    let format = TextureFormat::Rgba8UnormSrgb;
    let image = images.add(Image::new_target_texture(SIZE.x, SIZE.y, format, None));
    commands.spawn((
        Camera2d,
        Camera { clear_color: ClearColorConfig::Custom(GROUND), order: -1, ..default() },
        Msaa::Off,
        RenderTarget::Image(image.clone().into()),
        RenderLayers::none(),
        PrimaryEguiContext,
    ));
    commands.spawn((
        Mesh3d(meshes.add(Rectangle::from_size(SIZE.as_vec2() / POINTS_PER_METRE))),
        MeshMaterial3d(materials.add(StandardMaterial {
            base_color_texture: Some(image),
            unlit: true,
            ..default()
        })),
        Transform::from_translation(PLACE).with_rotation(Quat::from_rotation_y(TURN)),
    ));
}

fn show_panel(mut contexts: EguiContexts, mut contents: KinestPanelContents) {
    let Ok(context) = contexts.ctx_mut() else { return };
    egui::Window::new("panel")
        .title_bar(false)
        .fixed_pos([12.0, 12.0])
        .default_width(350.0)
        .show(context, |ui| contents.ui(ui));
}

fn say(
    mut contexts: EguiContexts,
    board: Res<Board>,
    recorder: Query<&TrackerRecorder>,
    avatars: Query<(&BodyPose, &Subtitles), With<KinestAvatar>>,
) {
    // Without a camera there is nothing to draw on.
    let Ok(context) = contexts.ctx_mut() else { return };
    egui::Area::new("say".into()).anchor(egui::Align2::RIGHT_TOP, [-20.0, 20.0]).show(
        context,
        |ui| {
            ui.set_width(340.0);
            let text = |text: String, size: f32| egui::RichText::new(text).size(size);
            if let Some(left) = board.countdown {
                ui.label(text(format!("{}", left.ceil()), 120.0).strong());
                ui.label(text("Arms stretched out to the sides, palms down".into(), 26.0));
                return;
            }
            ui.label(text(board.news.clone(), 26.0).strong());
            ui.add_space(12.0);
            let how = "Hold both triggers (C): be measured\nA or X (R): record, and stop";
            ui.label(text(how.into(), 20.0));
            if let Ok(recorder) = recorder.single() {
                let frames = format!("recording: {} frames", recorder.frames());
                ui.label(text(frames, 20.0).color(egui::Color32::LIGHT_RED));
            }
            for line in avatars.iter().map(|(_, subtitles)| subtitles.text()) {
                ui.label(text(line.into(), 26.0));
            }
            if avatars.iter().all(|(body, _)| body.time().is_none()) {
                ui.label(text("The headset is not tracked yet.".into(), 20.0));
            }
        },
    );
}
