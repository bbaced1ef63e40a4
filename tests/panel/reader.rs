//! The panel as a screen reader sees it: texts, and named controls.

use bevy::ecs::system::SystemState;
use bevy::prelude::*;
use bevy_kinest::KinestPanelContents;
use bevy_kinest::bevy_egui::egui::accesskit::{
    Action, ActionData, ActionRequest, Node, NodeId, Role, Toggled, TreeId,
};
use bevy_kinest::bevy_egui::egui::{Context, Event, Pos2, RawInput, Rect, vec2};

const SIZE: [f32; 2] = [360.0, 1600.0];

pub struct Reader {
    context: Context,
    nodes: Vec<(NodeId, Node)>,
}

impl Reader {
    pub fn new(app: &mut App) -> Self {
        let context = Context::default();
        context.enable_accesskit();
        let mut reader = Self { context, nodes: vec![] };
        reader.show(app);
        reader
    }

    /// Draws the panel in its current state.
    pub fn show(&mut self, app: &mut App) {
        self.show_with(app, vec![]);
    }

    fn show_with(&mut self, app: &mut App, events: Vec<Event>) {
        let world = app.world_mut();
        let mut state = SystemState::<KinestPanelContents>::new(world);
        let mut contents = state.get_mut(world).unwrap();
        let screen_rect = Some(Rect::from_min_size(Pos2::ZERO, vec2(SIZE[0], SIZE[1])));
        let input = RawInput { screen_rect, events, ..default() };
        let mut output = self.context.run_ui(input, |ui| contents.ui(ui));
        output.textures_delta.clear();
        state.apply(world);
        self.nodes = output.platform_output.accesskit_update.unwrap().nodes;
    }

    /// All texts, one per line.
    pub fn text(&self) -> String {
        // Each label occurs twice: as a label and as its text run.
        let nodes = self.nodes.iter().filter(|(_, node)| node.role() != Role::TextRun);
        let texts = nodes.filter_map(|(_, node)| node.value().or(node.label()));
        texts.collect::<Vec<_>>().join("\n")
    }

    fn find(&self, name: &str, action: Action) -> &(NodeId, Node) {
        let named = |node: &Node| node.label() == Some(name) && node.supports_action(action);
        self.nodes.iter().find(|(_, node)| named(node)).unwrap_or_else(|| {
            panic!("nothing named {name} for {action:?} in\n{}", self.text());
        })
    }

    pub fn is_on(&self, name: &str) -> bool {
        self.find(name, Action::Click).1.toggled() == Some(Toggled::True)
    }

    /// Presses a button or a switch.
    pub fn press(&mut self, app: &mut App, name: &str) {
        self.act(app, name, Action::Click, None);
    }

    /// Moves a slider.
    pub fn set(&mut self, app: &mut App, name: &str, value: f64) {
        self.act(app, name, Action::SetValue, Some(ActionData::NumericValue(value)));
    }

    /// Performs an action and runs a frame.
    fn act(&mut self, app: &mut App, name: &str, action: Action, data: Option<ActionData>) {
        let target_node = self.find(name, action).0;
        let request = ActionRequest { action, target_tree: TreeId::ROOT, target_node, data };
        self.show_with(app, vec![Event::AccessKitActionRequest(request)]);
        app.update();
        self.show(app);
    }
}
