//! Sends bodies to a marionette.

use crate::body::BodyPose;
use crate::osc::{OscLink, local};
use crate::rig::{KinestRig, RigBones};
use bevy::prelude::*;
use kinest::osc::vmc::{MARIONETTE_PORT, Performer};
use kinest::osc::{HumanCharacter, HumanFrame};
use std::collections::BTreeMap;
use std::net::SocketAddr;

/// On an avatar: sends its body to a program that shows VMC (a *marionette*), or to one that mixes
/// it (port 39540).
///
/// If a [`KinestRig`] shows the body, the bones of its character are sent, with the character's
/// proportions, for a program that has loaded the same character; otherwise SMPL's bones. Sending
/// never blocks: a packet that cannot be sent at once is dropped. A program that starts later or
/// restarts gets whole bodies from then on.
///
/// ```
/// # use bevy::prelude::*;
/// # use bevy_kinest::prelude::*;
/// use bevy_kinest::VmcPerformer;
///
/// # fn spawn(mut commands: Commands, assets: Res<AssetServer>) {
/// let model = assets.load("models/kinest_full.model.ron");
/// commands.spawn((KinestAvatar::new(model), VmcPerformer::default()));
/// # }
/// ```
#[derive(Component, Clone, Debug, Reflect)]
#[reflect(Component, Default, Clone)]
#[require(Shown)]
pub struct VmcPerformer {
    /// Where the program listens: 127.0.0.1:39539.
    pub to: SocketAddr,
    /// Bodies per second, at most one per frame.
    pub rate: f32,
    /// Without a character: whether to send an upper chest, which not every character has. If
    /// false, the chest has the rotation of both.
    pub upper_chest: bool,
    /// Weights of facial expressions, by their names in the character.
    pub blends: BTreeMap<String, f32>,
    /// Its socket and state.
    #[reflect(ignore)]
    pub link: OscLink,
}

/// The character that shows the body, and its mapping.
#[derive(Component, Default)]
pub(super) struct Shown(Option<(Entity, HumanCharacter)>);

impl Default for VmcPerformer {
    fn default() -> Self {
        Self {
            to: local(MARIONETTE_PORT),
            rate: 60.0,
            upper_chest: false,
            blends: BTreeMap::new(),
            link: OscLink::default(),
        }
    }
}

impl VmcPerformer {
    /// A performer for a program at another address.
    #[must_use]
    pub fn to(to: SocketAddr) -> Self {
        Self { to, ..Self::default() }
    }
}

pub(super) fn send(
    time: Res<Time<Real>>,
    mut avatars: Query<(NameOrEntity, &BodyPose, &mut VmcPerformer, &mut Shown)>,
    rigs: Query<(Entity, &KinestRig, Ref<RigBones>)>,
    places: Query<&GlobalTransform>,
) {
    let now = time.elapsed();
    for (avatar, body, mut performer, mut known) in &mut avatars {
        // Changes in every frame, so change detection would be useless.
        let performer = performer.bypass_change_detection();
        let shows = |rig: Entity, shown: &KinestRig| shown.avatar.unwrap_or(rig) == avatar.entity;
        let character = rigs.iter().find(|(rig, shown, _)| shows(*rig, shown));
        match &character {
            None => known.0 = None,
            Some((rig, _, bones)) => {
                let is_known = known.0.as_ref().is_some_and(|(known, _)| known == rig);
                if !is_known || bones.is_added() {
                    known.0 = Some((*rig, bones.humanoid()));
                }
            }
        }
        if body.time().is_none() || !performer.link.is_due(now, performer.rate) {
            continue;
        }
        let space_from_world = body.world_from_space.affine().inverse();
        let of_character = known.0.as_ref().zip(character).and_then(|((_, human), it)| {
            human.frame(|bone| {
                let place = places.get(it.2.entity(bone)?).ok()?;
                let place = space_from_world * place.affine();
                Some(place.as_daffine3())
            })
        });
        let frame = of_character.unwrap_or_else(|| {
            HumanFrame::of_pose(body.pose_z_up(), body.skeleton(), performer.upper_chest)
        });
        let to = performer.to;
        performer.link.open_for(to, now, &format!("VMC performer {avatar}"));
        let packets =
            Performer { blends: performer.blends.clone() }.packets(now.as_secs_f64(), &frame);
        packets.iter().for_each(|packet| performer.link.send(packet, to));
    }
}
