//! `--set path=value`: single values of a config, changed on the command line.

use crate::tasks::pose::config::TrainConfig;
use anyhow::{Context, anyhow, bail, ensure};
use serde_json::Value;
use std::str::FromStr;

/// One `path=value`.
///
/// The path names fields from the outside in, with dots between; the name of an enum's variant can
/// be left out (`network.width` for `network.Kinest.width`). The value is JSON, and what is no JSON
/// is a word: `0.5`, `null`, `true`, `Heading`, `{"Cosine": {"steps": 900}}`.
#[derive(Clone, Debug, PartialEq)]
pub struct Override {
    path: String,
    value: Value,
}

impl FromStr for Override {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> anyhow::Result<Self> {
        let (path, value) =
            text.split_once('=').ok_or_else(|| anyhow!("`{text}` is not path=value"))?;
        ensure!(!path.is_empty(), "`{text}` has nothing before the =");
        let value = serde_json::from_str(value).unwrap_or_else(|_| Value::String(value.into()));
        Ok(Self { path: path.into(), value })
    }
}

/// The config with these values changed.
///
/// # Errors
/// If a path does not exist or a value does not fit its field.
pub fn apply(config: &TrainConfig, overrides: &[Override]) -> anyhow::Result<TrainConfig> {
    let mut config = config.clone();
    for Override { path, value } in overrides {
        let mut whole = serde_json::to_value(&config)?;
        *place(&mut whole, path)? = value.clone();
        config = serde_json::from_value(whole).with_context(|| format!("--set {path}={value}"))?;
    }
    Ok(config)
}

fn place<'a>(whole: &'a mut Value, path: &str) -> anyhow::Result<&'a mut Value> {
    let mut here = whole;
    for name in path.split('.') {
        let fields = here.as_object_mut().with_context(|| no_field(path, name, &[]))?;
        let only = fields.keys().next().filter(|_| fields.len() == 1).cloned();
        let through = only.filter(|only| only != name && fields[only].get(name).is_some());
        let fields = match through {
            Some(variant) => fields[&variant].as_object_mut().expect("it has fields"),
            None => fields,
        };
        if !fields.contains_key(name) {
            let names: Vec<_> = fields.keys().map(String::as_str).collect();
            bail!(no_field(path, name, &names));
        }
        here = &mut fields[name];
    }
    Ok(here)
}

fn no_field(path: &str, name: &str, names: &[&str]) -> String {
    let there = if names.is_empty() { "nothing".into() } else { names.join(", ") };
    format!("--set {path}: there is no `{name}`, there is {there}")
}

#[cfg(test)]
mod tests {
    use super::super::config::Schedule;
    use super::*;
    use crate::config::Schedule;
    use kinest::features::Axes;
    use kinest::model::NetworkConfig;

    fn set(values: &[&str]) -> anyhow::Result<TrainConfig> {
        let values = values.iter().map(|v| v.parse()).collect::<anyhow::Result<Vec<_>>>()?;
        apply(&TrainConfig::default(), &values)
    }

    #[test]
    fn values_of_every_kind_are_set() {
        let config = set(&[
            "batch=7",
            "optimizer.rate=1e-3",
            "optimizer.schedule={\"Cosine\": {\"steps\": 900}}",
            "optimizer.schedule.steps=901",
            "layout.frame=Heading",
            "data.split=lists/train.txt",
            "data.augment.mirror=true",
            "network.width=64",
            "validation.hold_out=[\"CMU/08/\"]",
        ])
        .unwrap();
        assert_eq!((config.batch, config.optimizer.rate), (7, 1e-3));
        assert_eq!(config.optimizer.schedule, Schedule::Cosine { steps: 901 });
        assert_eq!(config.layout.axes, Axes::Heading);
        assert_eq!(config.data.split, Some("lists/train.txt".into()));
        assert!(config.data.augment.mirror);
        assert!(matches!(&config.network, NetworkConfig::Kinest(n) if n.width == 64));
        assert_eq!(config.validation.hold_out, ["CMU/08/"]);
        let unset = apply(&config, &["data.split=null".parse().unwrap()]).unwrap();
        assert_eq!(unset.data.split, None);
    }

    #[test]
    fn what_cannot_be_set_is_said() {
        let error = |value| format!("{:#}", set(&[value]).unwrap_err());
        assert!(error("batch").contains("path=value"));
        let unknown = error("optimizer.rat=1");
        assert!(unknown.contains("`rat`") && unknown.contains("rate"), "{unknown}");
        assert!(error("seed.x=1").contains("`x`"));
        let wrong = error("batch=many");
        assert!(wrong.contains("batch") && wrong.contains("many"), "{wrong}");
    }
}
