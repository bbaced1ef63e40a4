//! Imports point downwards between crates and between the modules of a crate, and files never form
//! a circle.

#[path = "files.rs"]
mod files;

use files::files;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

/// A crate, the workspace crates it may import, and its modules, lowest layer first. Modules of one
/// layer may import each other.
struct House {
    name: &'static str,
    may_use: &'static [&'static str],
    layers: &'static [&'static [&'static str]],
}

const HOUSES: [House; 7] = [
    House {
        name: "kinest",
        may_use: &[],
        layers: &[
            &["rotation", "coordinates", "easing", "files", "math"],
            &["skeleton"],
            &["tracker", "motion", "metrics", "rig"],
            &["calibration", "refine", "events", "capture", "osc"],
            &["features", "compose"],
            &["model"],
            &["forecast", "align", "tokens"],
            &["live"],
        ],
    },
    House {
        name: "kinest_nn",
        may_use: &["kinest"],
        layers: &[
            &["tensors", "layers"],
            &["pose", "forecast", "align", "tokens", "generate", "loss"],
            &["engine", "import"],
        ],
    },
    House {
        name: "kinest_native",
        may_use: &["kinest"],
        layers: &[
            &["vectors", "numbers"],
            &["rows"],
            &["matrix"],
            &["attention", "scan"],
            &["mixing"],
            &["weights"],
            &["pack"],
            &["packed", "perceptron"],
            &["memory"],
            &["window", "stream"],
            &["engine"],
            &["forecast"],
        ],
    },
    House {
        name: "kinest_engine",
        may_use: &["kinest", "kinest_nn", "kinest_native"],
        layers: &[
            &["choice"],
            &["error"],
            &["served"],
            &["gpu"],
            &["devices"],
            &["open", "forecaster", "probe"],
        ],
    },
    House {
        name: "kinest_language",
        may_use: &["kinest", "kinest_engine"],
        layers: &[&["words"], &["library"], &["describe"], &["generate"]],
    },
    House {
        name: "bevy_kinest",
        may_use: &["kinest", "kinest_engine", "kinest_language"],
        layers: &[
            &["files"],
            &["frame"],
            &["models"],
            &["body"],
            &["trackers"],
            &["player", "osc"],
            &["replay", "rig", "xr", "forecast", "remote", "events"],
            &["vmc"],
            &["language"],
            &["gizmos", "panel"],
            &["plugins"],
        ],
    },
    House {
        name: "kinest_train",
        may_use: &["kinest", "kinest_nn", "kinest_native", "kinest_engine", "kinest_language"],
        layers: &[
            &["progress", "output"],
            &["data", "engine", "render"],
            &["run"],
            &["tasks"],
            &["report"],
            &["commands"],
        ],
    },
];

/// Segments of a path, such as `["live", "player"]`.
type Names = Vec<String>;

/// The sources of a crate, by module.
type Sources = BTreeMap<Names, File>;

struct File {
    /// Paths in the code, relative to the root of this or another crate.
    names: Vec<Names>,
    /// Re-exports: the last name of a `pub use`, and the path it stands for.
    passes_on: BTreeMap<String, Names>,
}

/// `live/player.rs` is `["live", "player"]`, `live/mod.rs` is `["live"]`, `lib.rs` is the root.
fn module(inside: &Path) -> Names {
    let path = inside.with_extension("");
    let mut names: Names = path.iter().map(|part| part.to_string_lossy().into_owned()).collect();
    if matches!(names.last().map(String::as_str), Some("mod" | "lib" | "main")) {
        names.pop();
    }
    names
}

/// The text without comments and test modules.
fn code(text: &str) -> String {
    let lines = text.lines().map(|line| line.split("//").next().unwrap_or_default());
    let code = lines.collect::<Vec<_>>().join("\n");
    code.split("#[cfg(test)]\nmod tests").next().unwrap_or_default().to_owned()
}

/// Expands `a::{b, c::{d, self}}` into paths.
fn tree(text: &str) -> Vec<Names> {
    let text = text.trim();
    let Some((before, list)) = text.split_once('{') else {
        let text = text.split(" as ").next().unwrap_or_default();
        return vec![text.split("::").map(|n| n.trim().to_owned()).collect()];
    };
    let list = list.strip_suffix('}').unwrap_or(list);
    let (mut depth, mut parts, mut part) = (0, vec![], String::new());
    for c in list.chars() {
        match c {
            ',' if depth == 0 => parts.push(std::mem::take(&mut part)),
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => {}
        }
        if c != ',' || depth > 0 {
            part.push(c);
        }
    }
    parts.push(part);
    let before: Names =
        before.split("::").map(|n| n.trim().to_owned()).filter(|n| !n.is_empty()).collect();
    let parts = parts.iter().filter(|part| !part.trim().is_empty());
    let whole = parts.flat_map(|part| tree(part)).map(|after| {
        let after = after.into_iter().filter(|name| name != "self");
        before.iter().cloned().chain(after).collect()
    });
    whole.collect()
}

/// Paths in the code that start with `start`, such as `crate::`.
fn written(code: &str, start: &str) -> Vec<Names> {
    let found = code.match_indices(start).filter(|(at, _)| {
        !code[..*at].ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == ':')
    });
    let path = found.map(|(at, _)| {
        let rest = &code[at..];
        let end = rest.find(|c: char| !(c.is_alphanumeric() || c == '_' || c == ':'));
        let path = &rest[..end.unwrap_or(rest.len())];
        path.split("::").filter(|n| !n.is_empty()).map(String::from).collect()
    });
    path.collect()
}

fn read(text: &str, module: &[String], children: &BTreeSet<String>) -> File {
    let code = code(text);
    let (mut names, mut passes_on, mut rest) = (vec![], BTreeMap::new(), String::new());
    // Makes a path relative to the crate's root.
    let whole = |path: Names, bare: bool| -> Names {
        let first = path.first().cloned().unwrap_or_default();
        match first.as_str() {
            "crate" => path,
            "self" => [&["crate".into()], module, &path[1..]].concat(),
            "super" => {
                let ups = path.iter().take_while(|n| *n == "super").count();
                let up = &module[..module.len().saturating_sub(ups)];
                [&["crate".into()], up, &path[ups..]].concat()
            }
            name if bare && children.contains(name) => [&["crate".into()], module, &path].concat(),
            _ => path,
        }
    };
    for (i, statement) in code.split(';').enumerate() {
        let use_at = statement.find("use ").filter(|at| {
            let before = statement[..*at].trim_end();
            let line = before.rsplit('\n').next().unwrap_or_default().trim();
            line.is_empty() || line.starts_with("pub") || line.ends_with(']')
        });
        match use_at {
            Some(at) if !statement[at..].contains('=') => {
                let line = statement[..at].rsplit('\n').next().unwrap_or_default();
                for path in tree(&statement[at + 4..]) {
                    let path = whole(path, true);
                    match line.trim_start().starts_with("pub") {
                        true => _ = passes_on.insert(path.last().cloned().unwrap(), path),
                        false => names.push(path),
                    }
                }
            }
            _ => {
                _ = i;
                rest.push_str(statement);
                rest.push(';');
            }
        }
    }
    for start in ["crate::", "super::"] {
        names.extend(written(&rest, start).into_iter().map(|path| whole(path, false)));
    }
    for House { name, .. } in HOUSES {
        names.extend(written(&rest, &format!("{name}::")));
    }
    File { names, passes_on }
}

fn sources(root: &Path) -> Sources {
    let texts = files(root, &["rs"]).into_iter().map(|file| {
        let module = module(file.strip_prefix(root).unwrap());
        (module, fs::read_to_string(&file).unwrap())
    });
    // A binary beside a library has the root's module name, too.
    let mut all: BTreeMap<Names, String> = BTreeMap::new();
    for (module, text) in texts {
        all.entry(module).or_default().push_str(&text);
    }
    let children = |module: &Names| -> BTreeSet<String> {
        let inside = all.keys().filter(|m| m.len() == module.len() + 1 && m.starts_with(module));
        inside.filter_map(|m| m.last().cloned()).collect()
    };
    all.iter().map(|(m, text)| (m.clone(), read(text, m, &children(m)))).collect()
}

/// The module that defines the item at a path from the crate's root, following re-exports.
fn home(sources: &Sources, path: &[String], depth: usize) -> Names {
    let mut module = vec![];
    for (i, name) in path.iter().enumerate().skip(1) {
        let inner = [module.as_slice(), std::slice::from_ref(name)].concat();
        if sources.contains_key(&inner) {
            module = inner;
            continue;
        }
        let elsewhere = sources.get(&module).and_then(|source| source.passes_on.get(name));
        if let Some(at) = elsewhere.filter(|at| at[0] == "crate" && depth < 8) {
            return home(sources, &[at.as_slice(), &path[i + 1..]].concat(), depth + 1);
        }
        break;
    }
    module
}

/// A circle of files that import each other, if there is one.
fn circle(needs: &BTreeMap<Names, BTreeSet<Names>>) -> Option<Vec<String>> {
    fn walk(
        at: &Names,
        needs: &BTreeMap<Names, BTreeSet<Names>>,
        way: &mut Vec<Names>,
        done: &mut BTreeSet<Names>,
    ) -> Option<Vec<String>> {
        if let Some(start) = way.iter().position(|m| m == at) {
            way.push(at.clone());
            return Some(way[start..].iter().map(|m| m.join("::")).collect());
        }
        if done.contains(at) {
            return None;
        }
        way.push(at.clone());
        let next = needs.get(at).into_iter().flatten();
        let found = next.into_iter().find_map(|next| walk(next, needs, way, done));
        if found.is_none() {
            way.pop();
            done.insert(at.clone());
        }
        found
    }
    let mut done = BTreeSet::new();
    needs.keys().find_map(|at| walk(at, needs, &mut vec![], &mut done))
}

/// Errors in a crate, and the number of imports checked.
fn look(house: &House, root: &Path) -> (Vec<String>, usize) {
    let (mut wrong, mut seen) = (vec![], 0);
    let sources = sources(root);
    let layer = |module: &str| house.layers.iter().position(|layer| layer.contains(&module));
    let mut needs: BTreeMap<Names, BTreeSet<Names>> = BTreeMap::new();
    for (module, source) in &sources {
        let top = module.first().map(String::as_str);
        if let Some(top) = top
            && layer(top).is_none()
        {
            wrong.push(format!("`{top}` has no layer: give it one in tests/layers.rs"));
        }
        for path in &source.names {
            let other = HOUSES.iter().map(|h| h.name).find(|name| *name == path[0]);
            if let Some(other) = other.filter(|other| *other != house.name) {
                seen += 1;
                if !house.may_use.contains(&other) {
                    wrong.push(format!("{} uses the crate {other}", module.join("::")));
                }
            }
            if path[0] != "crate" {
                continue;
            }
            seen += 1;
            let target = home(&sources, path, 0);
            if target.is_empty() || target == *module {
                continue;
            }
            if let (Some(own), Some(its)) = (top.and_then(layer), layer(&target[0]))
                && its > own
            {
                let (module, target) = (module.join("::"), target.join("::"));
                wrong.push(format!("{module} uses {target}, which is above it"));
            }
            needs.entry(module.clone()).or_default().insert(target);
        }
    }
    wrong.extend(circle(&needs).map(|way| format!("a circle: {}", way.join(" → "))));
    (wrong, seen)
}

#[test]
fn imports_point_downwards_in_every_crate() {
    let mut wrong = vec![];
    for house in &HOUSES {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(house.name).join("src");
        let (faults, seen) = look(house, &root);
        println!("{}: {seen} imports", house.name);
        assert!(seen > 5, "{}: {seen} imports, looked in vain", house.name);
        wrong.extend(faults.into_iter().map(|fault| format!("{}: {fault}", house.name)));
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn the_scan_detects_wrong_layers_crates_and_circles() {
    let root = std::env::temp_dir().join(format!("layers-{}", std::process::id()));
    let write = |path: &str, text: &str| {
        let path = root.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    };
    let house = House { name: "kinest", may_use: &[], layers: &[&["low"], &["high", "other"]] };
    write("lib.rs", "pub mod low;\npub mod high;\npub use high::Tower;\n");
    write("low.rs", "// use crate::high::Tower;\npub struct Cellar;\n");
    write(
        "high/mod.rs",
        "mod tower;\nmod stairs;\npub use tower::Tower;\nuse crate::low::Cellar;\n",
    );
    write(
        "high/tower.rs",
        "use super::stairs::{Step, Rail};\npub struct Tower(crate::low::Cellar);\n",
    );
    write("high/stairs.rs", "pub struct Step;\npub struct Rail;\n");
    assert_eq!(look(&house, &root).0, [""; 0]);

    write("high/stairs.rs", "pub struct Step(super::Tower);\npub struct Rail;\n");
    let circle = look(&house, &root).0;
    assert_eq!(circle, ["a circle: high::stairs → high::tower → high::stairs"]);
    write("high/stairs.rs", "use bevy_kinest::{prelude::*, BodyPose};\n");
    assert_eq!(look(&house, &root).0, ["high::stairs uses the crate bevy_kinest"; 2]);
    fs::remove_dir_all(&root).unwrap();
}
