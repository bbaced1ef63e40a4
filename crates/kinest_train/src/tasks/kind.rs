//! Which task a recipe is for.

use anyhow::Context;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::path::Path;

/// What a recipe trains: the recipe's field `task`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum TaskKind {
    /// Pose estimation; recipes without the field are for it.
    #[default]
    Pose,
    /// Motion prediction on a benchmark's joint positions.
    Forecast,
    /// Motion prediction for the body of a game.
    Body,
    /// Alignment of texts and motions.
    Align,
    /// Motion tokens.
    Tokens,
    /// Motion from texts.
    Generate,
}

impl TaskKind {
    /// What the recipe at `path` trains.
    ///
    /// # Errors
    /// If it cannot be read, is not RON, or names a task that does not exist.
    pub fn of(path: &Path) -> anyhow::Result<Self> {
        #[derive(Deserialize)]
        struct Head {
            #[serde(default)]
            task: TaskKind,
        }
        Ok(read_recipe::<Head>(path)?.task)
    }
}

/// Reads a recipe, a RON file.
///
/// # Errors
/// If it cannot be read, or has an unknown field.
pub fn read_recipe<R: DeserializeOwned>(path: &Path) -> anyhow::Result<R> {
    let text = std::fs::read_to_string(path)
        .with_context(|| format!("cannot read config {}", path.display()))?;
    ron::from_str(&text).with_context(|| format!("config {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recipes_without_a_task_are_for_poses() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.train.ron");
        let of = |text: &str| {
            std::fs::write(&path, text).unwrap();
            TaskKind::of(&path)
        };
        let pose = "(batch: 3, network: Kinest((width: 8, chain: Unified)), average: Some(0.9))";
        assert_eq!(of(pose).unwrap(), TaskKind::Pose);
        assert_eq!(of("(task: Forecast, steps: 3)").unwrap(), TaskKind::Forecast);
        assert_eq!(of("(steps: 3, task: Body)").unwrap(), TaskKind::Body);
        assert_eq!(of("(task: Align)").unwrap(), TaskKind::Align);
        assert_eq!(of("(task: Tokens)").unwrap(), TaskKind::Tokens);
        assert_eq!(of("(task: Generate)").unwrap(), TaskKind::Generate);
        let message = format!("{:#}", of("(task: Dance)").unwrap_err());
        assert!(message.contains("a.train.ron") && message.contains("Dance"), "{message}");
        assert!(of("(batch: ").is_err());
    }
}
