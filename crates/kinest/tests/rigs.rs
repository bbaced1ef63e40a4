//! The rig finder on a folder of real skeletons, which are not part of this repository.
//!
//! `KINEST_RIGS=folder cargo test -p kinest --test rigs -- --ignored --nocapture` reads the folder's
//! `truth.json`: for each file the node of each joint (`null`: there is none), `_expect` (`bind`,
//! `refuse`, `either`) and `_also` (other nodes that are as right). `KINEST_RIGS_VERBOSE=1` prints
//! the maps.

use kinest::rig::{ModelNodes, RigOverride, RigReport};
use kinest::skeleton::SmplJoint as J;
use serde_json::Value;
use std::path::PathBuf;

/// What is wrong with a map, joint by joint. Spines of other lengths share out the rotation, so
/// their inner bones are not compared.
fn faults(found: &Value, truth: &Value) -> Vec<String> {
    let compared = J::ALL.into_iter().filter(|j| !matches!(j, J::Spine1 | J::Spine2));
    let faults = compared.filter_map(|joint| {
        let joint = joint.name().to_lowercase();
        let (is, right) = (&found["map"][&joint], &truth[&joint]);
        let also = truth["_also"][&joint].as_array();
        let is_right = is == right || also.is_some_and(|also| also.contains(is));
        (!is_right).then(|| format!("{joint} is {is}, not {right}"))
    });
    faults.collect()
}

#[test]
#[ignore = "needs a folder of skeletons, named by KINEST_RIGS"]
fn real_skeletons_are_mapped_as_their_truth_says() {
    let folder = PathBuf::from(std::env::var_os("KINEST_RIGS").expect("KINEST_RIGS is not set"));
    let truth = std::fs::read(folder.join("truth.json")).unwrap();
    let truth: serde_json::Map<String, Value> = serde_json::from_slice(&truth).unwrap();
    let mut wrong = vec![];
    for (file, truth) in &truth {
        let nodes = ModelNodes::from_gltf_file(folder.join(file)).unwrap();
        let found = nodes.find(&RigOverride::default()).map(|found| found.map);
        let report = serde_json::to_value(RigReport::from(&found)).unwrap();
        let expected = truth["_expect"].as_str().unwrap();
        let problems = match (&found, expected) {
            (Ok(_), "refuse") => vec!["it should be refused".into()],
            (Ok(_), _) => faults(&report, truth),
            (Err(error), "bind") => vec![error.to_string()],
            (Err(_), _) => vec![],
        };
        let sure =
            found.as_ref().map_or("refused".into(), |map| format!("{:.2}", map.confidence()));
        println!("{:<6} {sure:>8} {file}", if problems.is_empty() { "right" } else { "WRONG" });
        problems.iter().for_each(|problem| println!("       {problem}"));
        if let (Ok(map), Some(_)) = (&found, std::env::var_os("KINEST_RIGS_VERBOSE")) {
            println!("{map}");
        }
        if !problems.is_empty() {
            wrong.push(file);
        }
    }
    assert!(wrong.is_empty(), "{wrong:?}");
}
