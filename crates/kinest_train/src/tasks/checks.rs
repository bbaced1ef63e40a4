//! Checks that recipes of several tasks share.

use super::kind::TaskKind;
use crate::run::config::ValidationConfig;
use anyhow::ensure;

/// Checks that a recipe is for the task whose fields it has.
pub(super) fn is_for(found: TaskKind, task: TaskKind) -> anyhow::Result<()> {
    ensure!(found == task, "`task` is {found:?}, the other fields are those of {task:?}");
    Ok(())
}

/// Checks that there is no list of validation clips; the error says what `has` prefixes instead.
pub(super) fn has_no_split(validation: &ValidationConfig, has: &str) -> anyhow::Result<()> {
    ensure!(
        validation.split.is_none(),
        "`validation.split` is for poses; {has} `validation.hold_out`"
    );
    Ok(())
}

/// Checks the weights of a loss, by name.
pub(super) fn weights<const N: usize>(weights: [(&str, f64); N]) -> anyhow::Result<()> {
    for (name, weight) in weights {
        ensure!(weight.is_finite() && weight >= 0.0, "`loss.{name}` {weight} is no weight");
    }
    Ok(())
}

/// Checks that numbers of a loss, by name, are not below 0.
pub(super) fn not_below_0<const N: usize>(numbers: [(&str, f64); N]) -> anyhow::Result<()> {
    for (name, number) in numbers {
        ensure!(number.is_finite() && number >= 0.0, "`loss.{name}` {number} is below 0");
    }
    Ok(())
}
