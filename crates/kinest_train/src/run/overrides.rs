//! `--set path=value`: overrides of single recipe values on the command line.

use super::values;
use anyhow::{Context, anyhow, bail, ensure};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use std::str::FromStr;

/// One `path=value`.
///
/// The path names fields from the outside in, separated by dots; the name of an enum's variant may
/// be omitted (`network.width` for `network.Kinest.width`). The value is written as in a recipe,
/// for instance `0.5`, `None`, `Heading`, `Cosine(steps: 900)` or `(mirror: true)`, or as JSON;
/// anything else is a string, such as `lists/train.txt`.
#[derive(Clone, Debug, PartialEq)]
pub struct Override {
    path: String,
    text: String,
}

impl FromStr for Override {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> anyhow::Result<Self> {
        let (path, value) =
            text.split_once('=').ok_or_else(|| anyhow!("`{text}` is not path=value"))?;
        ensure!(!path.is_empty(), "`{text}` has nothing before the =");
        Ok(Self { path: path.into(), text: value.into() })
    }
}

/// The recipe with these values, applied in order.
///
/// # Errors
/// If a path does not exist or a value does not fit its field.
pub fn apply<T: Serialize + DeserializeOwned>(
    recipe: T,
    overrides: &[Override],
) -> anyhow::Result<T> {
    overrides.iter().try_fold(recipe, |recipe, Override { path, text }| {
        let change = || {
            let mut whole = serde_json::to_value(&recipe)?;
            let value = values::parse(text).unwrap_or_else(|| Value::String(text.clone()));
            *place(&mut whole, path)? = value;
            // Refuses unknown fields, and missing ones.
            anyhow::Ok(serde_json::from_value(whole)?)
        };
        change().with_context(|| format!("--set {path}={text}"))
    })
}

/// The value at a path, created if absent: some fields are written only if they have a value, and
/// so is everything inside an option that is `None`.
fn place<'a>(whole: &'a mut Value, path: &str) -> anyhow::Result<&'a mut Value> {
    let mut here = whole;
    for name in path.split('.') {
        if here.is_null() {
            *here = Value::Object(Map::new());
        }
        let Value::Object(fields) = here else { bail!("there is nothing inside of {here}") };
        let only = fields.keys().next().filter(|_| fields.len() == 1).cloned();
        let is_variant = |key: &String| key != name && key.starts_with(char::is_uppercase);
        here = match only.filter(is_variant) {
            Some(variant) => {
                let content = &mut fields[&variant];
                let Value::Object(fields) = content else {
                    bail!("there is no `{name}` inside of {variant}: {content}")
                };
                fields.entry(name).or_insert(Value::Null)
            }
            None => fields.entry(name).or_insert(Value::Null),
        };
    }
    Ok(here)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;

    /// Every kind of field that occurs in recipes.
    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
    #[serde(default, deny_unknown_fields)]
    struct Recipe {
        number: u64,
        real: f64,
        small: f32,
        switch: bool,
        text: String,
        kind: Kind,
        choice: Choice,
        option: Option<f64>,
        path: Option<std::path::PathBuf>,
        list: Vec<usize>,
        names: Vec<String>,
        pair: (f64, f64),
        inside: Inside,
        optional: Option<Inside>,
        #[serde(skip_serializing_if = "Option::is_none")]
        hidden: Option<Inside>,
    }

    #[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Inside {
        a: u32,
        b: Option<Kind>,
    }

    #[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
    enum Kind {
        #[default]
        Usual,
        Other,
    }

    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
    #[serde(deny_unknown_fields)]
    enum Choice {
        Plain,
        Struct { x: f64, y: Option<u8> },
        Newtype(Inside),
        Pair(u8, u8),
    }

    impl Default for Recipe {
        fn default() -> Self {
            Self {
                number: 1,
                real: 0.5,
                small: 1e-5,
                switch: false,
                text: "some".into(),
                kind: Kind::default(),
                choice: Choice::Plain,
                option: Some(1.0),
                path: None,
                list: vec![1],
                names: vec![],
                pair: (0.0, 1.0),
                inside: Inside::default(),
                optional: None,
                hidden: None,
            }
        }
    }

    fn set(values: &[&str]) -> anyhow::Result<Recipe> {
        let values = values.iter().map(|v| v.parse()).collect::<anyhow::Result<Vec<_>>>()?;
        apply(Recipe::default(), &values)
    }

    /// In RON and, where different, in JSON.
    #[test]
    fn values_of_every_kind_are_set() {
        let d = Recipe::default;
        let inside = Inside { a: 7, b: None };
        let choice = Choice::Struct { x: 2.0, y: Some(3) };
        let names = vec!["CMU/08/".into(), "CMU/61/".into()];
        let cases: &[(&[&str], Recipe)] = &[
            (&["number=18_446_744_073_709_551_615"], Recipe { number: u64::MAX, ..d() }),
            (&["real=1e-3", "real=0.001"], Recipe { real: 1e-3, ..d() }),
            (&["real=2"], Recipe { real: 2.0, ..d() }),
            (&["small=0.1"], Recipe { small: 0.1, ..d() }),
            (&["switch=true"], Recipe { switch: true, ..d() }),
            (&["text=a word", "text=\"a word\""], Recipe { text: "a word".into(), ..d() }),
            (&["text=Word"], Recipe { text: "Word".into(), ..d() }),
            (&["option=None", "option=null"], Recipe { option: None, ..d() }),
            (&["option=Some(0.9)", "option=0.9"], Recipe { option: Some(0.9), ..d() }),
            (
                &["path=lists/train.txt", "path=Some(\"lists/train.txt\")"],
                Recipe { path: Some("lists/train.txt".into()), ..d() },
            ),
            (&["list=[0, 1, 3]", "list=[0,1,3,]"], Recipe { list: vec![0, 1, 3], ..d() }),
            (&["list=[]"], Recipe { list: vec![], ..d() }),
            (&["names=[\"CMU/08/\", \"CMU/61/\"]"], Recipe { names, ..d() }),
            (&["pair=(0.1, 0.2)", "pair=[0.1, 0.2]"], Recipe { pair: (0.1, 0.2), ..d() }),
            (&["kind=Other", "kind=\"Other\""], Recipe { kind: Kind::Other, ..d() }),
            (
                &["choice=Struct(x: 2.0, y: Some(3))", "choice={\"Struct\": {\"x\": 2, \"y\": 3}}"],
                Recipe { choice, ..d() },
            ),
            (
                &["choice=Newtype((a: 7, b: None))", "choice=Newtype((a: 7))"],
                Recipe { choice: Choice::Newtype(inside.clone()), ..d() },
            ),
            (&["choice=Pair(1, 2)"], Recipe { choice: Choice::Pair(1, 2), ..d() }),
            (
                &["inside=(a: 7)", "inside.a=7", "inside={\"a\": 7}"],
                Recipe { inside: inside.clone(), ..d() },
            ),
            (
                &["inside.b=Some(Other)", "inside.b=Other"],
                Recipe { inside: Inside { a: 0, b: Some(Kind::Other) }, ..d() },
            ),
            (
                &["optional=Some((a: 7))", "optional=(a: 7)", "optional.a=7"],
                Recipe { optional: Some(inside.clone()), ..d() },
            ),
            (&["hidden=Some((a: 7))", "hidden.a=7"], Recipe { hidden: Some(inside), ..d() }),
        ];
        for (texts, expected) in cases {
            for text in *texts {
                assert_eq!(set(&[text]).unwrap(), *expected, "{text}");
            }
        }
        // Applied in order, with and without the name of the variant.
        for x in ["choice.x=4", "choice.Struct.x=4"] {
            let both = set(&["choice=Struct(x: 2, y: None)", x]).unwrap();
            assert_eq!(both.choice, Choice::Struct { x: 4.0, y: None });
        }
        let inner = set(&["choice=Newtype((a: 1))", "choice.b=Other"]).unwrap();
        assert_eq!(inner.choice, Choice::Newtype(Inside { a: 1, b: Some(Kind::Other) }));
    }

    #[test]
    fn invalid_overrides_are_explained() {
        let error = |value| format!("{:#}", set(&[value]).unwrap_err());
        assert!(error("number").contains("path=value"));
        let unknown = error("inside.c=1");
        assert!(unknown.contains("`c`") && unknown.contains("`a`"), "{unknown}");
        assert!(error("number.x=1").contains("inside of 1"));
        let wrong = error("number=many");
        assert!(wrong.contains("number=many") && wrong.contains("u64"), "{wrong}");
        let wrong = error("choice=Strukt(x: 1)");
        assert!(wrong.contains("`Strukt`") && wrong.contains("`Struct`"), "{wrong}");
        assert!(error("choice=Struct(y: 1)").contains("`x`"));
        assert!(error("optional.b=Other").contains("missing field `a`"));
    }
}
