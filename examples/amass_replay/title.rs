//! The window's title.

use super::playback::Playback;
use bevy::prelude::*;
use bevy::time::common_conditions::on_real_timer;
use bevy_kinest::prelude::*;
use bevy_kinest::{KinestModels, ModelState};
use std::time::Duration;

/// Update interval: slow enough to read.
const EVERY: Duration = Duration::from_millis(500);

pub fn plugin(app: &mut App) {
    app.add_systems(Last, write.run_if(on_real_timer(EVERY)));
}

fn write(
    playback: Res<Playback>,
    models: Res<KinestModels>,
    avatar: Single<(&KinestAvatar, &BodyPose, &MotionReplay)>,
    mut window: Single<&mut Window>,
) {
    let (avatar, body, replay) = *avatar;
    let list = &playback.playlist;
    let mut title = format!("{} ({}/{})", list.name(), list.at() + 1, list.len());
    if let Some(errors) = replay.errors(body)
        && body.source() == PoseSource::Estimated
    {
        let mean = errors.iter().sum::<f64>() / errors.len() as f64;
        title += &format!(" | {:.1} cm off", 1e2 * mean);
    }
    if let Some(status) = models.get(&avatar.model)
        && let (ModelState::Running { device }, Some(latency)) = (&status.state, status.latency)
    {
        let (p50, p95) = (latency.p50_ms, latency.p95_ms);
        title += &format!(" | {device}: median {p50:.1} ms, p95 {p95:.1} ms");
    }
    window.title = title;
}
