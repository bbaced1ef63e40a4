//! Values and gradients of the golden files. Tolerances are those of `tests/golden/README.md`.

use crate::golden::{Golden, check, load};
use crate::values;
use burn::backend::Autodiff;
use burn::module::{Module, ModuleMapper, ModuleVisitor, Param};
use burn::tensor::backend::{AutodiffBackend, Backend};
use burn::tensor::{DType, Tensor, TensorData};
use burn_flex::Flex;
use kinest::model::NamedTensors;
use kinest::model::forecast::{ForecastConfig, Fusion, KsofConfig, SiMlpeConfig};
use kinest_nn::forecast::{ForecastNetwork, Forecaster};
use kinest_nn::loss::{
    BranchWeights, KsofTerms, joint_distance, joint_velocity_distance, predicted_acceleration,
};
use kinest_nn::tensors::with_tensors;
use std::collections::BTreeMap;
use std::path::Path;

type Auto = Autodiff<Flex>;

/// Of outputs, activations and losses.
const VALUES: f64 = 1e-5;

/// Of gradients, as a share of the largest value of each tensor.
const GRADIENTS: f64 = 1e-4;

const JPS_WEIGHT: f64 = 0.1;

/// The dimensions of a golden case, from `config.json`.
fn config(case: &str) -> ForecastConfig {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/golden/ksof/config.json");
    let text = std::fs::read_to_string(path).unwrap();
    let cases: serde_json::Value = serde_json::from_str(&text).unwrap();
    let size = |name: &str| cases[case][name].as_u64().unwrap() as usize;
    let (history, horizon, numbers) = (size("T"), size("N"), size("D"));
    if case == "simlpe" {
        let blocks = size("blocks");
        return ForecastConfig::SiMlpe(SiMlpeConfig { history, horizon, numbers, blocks });
    }
    let fusion = match cases[case]["sof"].as_str() {
        Some("topk") => Fusion::default(),
        Some("linear") => Fusion::Linear,
        other => panic!("{case}: fusion {other:?}"),
    };
    ForecastConfig::Ksof(KsofConfig {
        history,
        horizon,
        numbers,
        residual: cases[case]["residual"].as_bool().unwrap(),
        channels: size("channels"),
        temporal_blocks: size("tcn"),
        taps: size("k"),
        hidden: size("hidden"),
        graph_blocks: size("blocks"),
        gate: cases[case]["gate"].as_bool().unwrap().then_some(4),
        fusion,
        dropout: cases[case]["p"].as_f64().unwrap(),
    })
}

/// How a golden tensor is laid out.
enum Layout {
    /// As ours.
    Same,
    /// `[outputs, inputs]` or `[outputs, inputs, taps]`, ours is `[taps * inputs, outputs]`.
    OutputsFirst,
}

/// Our name for a golden parameter, and its layout there.
fn our_name(name: &str) -> (String, Layout) {
    use Layout::{OutputsFirst, Same};
    let half = |part: &str| match part {
        "a" => "first",
        "b" => "second",
        _ => panic!("{name}"),
    };
    let graph = |part: &str| match part {
        "a" => "adjacency",
        "w" => "weight",
        "b" => "bias",
        _ => panic!("{name}"),
    };
    let norm = |part: &str| match part {
        "weight" => "gamma",
        "bias" => "beta",
        "running_mean" => "running_mean",
        "running_var" => "running_variance",
        _ => panic!("{name}"),
    };
    let layer = |kind: &str, part: &str| match kind {
        "g" => format!("layer.{}", graph(part)),
        "n" => format!("norm.{}", norm(part)),
        _ => panic!("{name}"),
    };
    let parts: Vec<&str> = name.split('.').collect();
    match parts[..] {
        ["time_in", part] => (format!("temporal.embed.{part}"), OutputsFirst),
        ["time_out", part] => (format!("temporal.regress.{part}"), OutputsFirst),
        ["tcn", i, at, "c", .., part] => {
            let part = match part {
                "original0" => "gain",
                "original1" => "direction",
                other => other,
            };
            (format!("temporal.blocks.{i}.{}.{part}", half(at)), OutputsFirst)
        }
        ["joint", part] => (format!("graph.embed.{part}"), OutputsFirst),
        ["first", kind, part] => (format!("graph.first.{}", layer(kind, part)), Same),
        ["blocks", i, at, kind, part] => {
            (format!("graph.blocks.{i}.{}.{}", half(at), layer(kind, part)), Same)
        }
        ["last", part] => (format!("graph.last.{}", graph(part)), Same),
        ["to_n", part] => (format!("graph.to_horizon.{part}"), OutputsFirst),
        ["gate", "a", part] => (format!("gate.squeeze.{part}"), OutputsFirst),
        ["gate", "b", part] => (format!("gate.expand.{part}"), OutputsFirst),
        ["c", i, part] => (format!("fusion.scales.{i}.{part}"), OutputsFirst),
        ["skip", part] => (format!("fusion.skip.{part}"), OutputsFirst),
        ["mix", part] => (format!("fusion.mix.{part}"), OutputsFirst),
        ["inp", part] => (format!("embed.{part}"), OutputsFirst),
        ["t", i, part] => (format!("blocks.{i}.time_mixer.{part}"), Same),
        ["n", i, part] => (format!("blocks.{i}.norm.{}", norm(part)), Same),
        ["out", part] => (format!("regress.{part}"), OutputsFirst),
        ["head", part] => (format!("to_horizon.{part}"), OutputsFirst),
        _ => panic!("unknown parameter {name}"),
    }
}

/// The golden parameters or gradients with `prefix`, with our names and layout.
fn parameters(golden: &Golden, prefix: &str) -> NamedTensors {
    let names = golden.names().into_iter();
    let names = names.filter_map(|name| name.strip_prefix(prefix).map(String::from));
    // We compute the cosine transform; the weights of the branches are not the network's.
    let names = names.filter(|name| name != "dct" && name != "log_var");
    let converted = names.map(|name| {
        let (values, shape) = golden.f32(&format!("{prefix}{name}"));
        let (ours, layout) = our_name(&name);
        let (outputs, inputs, taps) = match (layout, &shape[..]) {
            (Layout::OutputsFirst, &[outputs, 1, 1]) => return (ours, (vec![outputs], values)),
            (Layout::OutputsFirst, &[outputs, inputs]) => (outputs, inputs, 1),
            (Layout::OutputsFirst, &[outputs, inputs, taps]) => (outputs, inputs, taps),
            _ => return (ours, (shape, values)),
        };
        let at = |tap: usize, input: usize, output: usize| {
            values[(output * inputs + input) * taps + tap]
        };
        let moved = (0..taps * inputs * outputs).map(|i| {
            let (row, output) = (i / outputs, i % outputs);
            at(row / inputs, row % inputs, output)
        });
        (ours, (vec![taps * inputs, outputs], moved.collect()))
    });
    converted.collect()
}

fn tensor<B: Backend>(golden: &Golden, name: &str) -> Tensor<B, 3> {
    let (values, shape) = golden.f32(name);
    Tensor::from_data(TensorData::new(values, shape), &B::Device::default())
}

/// The network of a golden case with its weights, of which none may be left over or lack.
fn network<B: Backend>(case: &str, golden: &Golden) -> ForecastNetwork<B> {
    let config = config(case);
    let weights = parameters(golden, "weight.");
    let found: Vec<_> = weights.iter().map(|(n, (shape, _))| (n.as_str(), &shape[..])).collect();
    assert_eq!(config.tensors().iter().collect::<Vec<_>>(), found, "{case}");
    with_tensors(ForecastNetwork::new(&config, &B::Device::default()).unwrap(), weights)
}

const KSOF_CASES: [&str; 4] = ["faithful", "residual", "longer", "linear"];

#[test]
fn outputs_and_activations_of_ksof() {
    for case in KSOF_CASES {
        let file = format!("ksof/{case}");
        let golden = load(&file);
        let ForecastNetwork::Ksof(network) = network::<Flex>(case, &golden) else {
            panic!("{case}")
        };
        let trace = network.trace(tensor(&golden, "input"));
        let compare = |name: &str, got: Tensor<Flex, 3>| {
            check(&file, name, values(got), golden.f32(name).0, VALUES);
        };
        // Ours are `[batch, numbers, …]`.
        let compare_turned = |name: &str, got: Tensor<Flex, 3>| compare(name, got.swap_dims(1, 2));
        let temporal = trace.temporal.unwrap();
        compare_turned("act.velocity", temporal.velocity);
        compare_turned("act.time_embedding", temporal.embedded);
        for (i, block) in temporal.blocks.into_iter().enumerate() {
            compare_turned(&format!("act.tcn{i}"), block);
        }
        compare_turned("act.predicted_velocity", temporal.predicted_velocity);
        compare_turned("act.k_tcn", temporal.output);
        let graph = trace.graph.unwrap();
        compare("act.joint_embedding", graph.embedded);
        compare("act.graph_hidden", graph.hidden);
        compare("act.graph_out", graph.observed);
        compare_turned("act.s_gcn", graph.output);
        compare_turned("act.fused", trace.fused);
        compare("output_k", trace.forecast.temporal.unwrap());
        compare("output_s", trace.forecast.graph.unwrap());
        compare("output", trace.forecast.future);
    }
}

#[test]
fn output_of_simlpe() {
    let golden = load("ksof/simlpe");
    let network = network::<Flex>("simlpe", &golden);
    let output = network.forecast(tensor(&golden, "input")).future;
    check("ksof/simlpe", "output", values(output), golden.f32("output").0, VALUES);
}

/// Casts all parameters.
struct Cast(DType);

impl ModuleMapper<Auto> for Cast {
    fn map_float<const D: usize>(
        &mut self,
        param: Param<Tensor<Auto, D>>,
    ) -> Param<Tensor<Auto, D>> {
        param.map(|tensor| {
            let trained = tensor.is_require_grad();
            Tensor::from_inner(tensor.inner().cast(self.0)).set_require_grad(trained)
        })
    }
}

/// Gradients of all parameters that have one, by name.
struct Gradients<'a> {
    gradients: &'a <Auto as AutodiffBackend>::Gradients,
    path: Vec<String>,
    found: BTreeMap<String, Vec<f64>>,
}

impl ModuleVisitor<Auto> for Gradients<'_> {
    fn enter_module(&mut self, name: &str, container: &str) {
        // Checkpoints omit the names of enum variants.
        if !container.starts_with("Enum") {
            self.path.push(name.into());
        }
    }
    fn exit_module(&mut self, _: &str, container: &str) {
        if !container.starts_with("Enum") {
            self.path.pop();
        }
    }
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<Auto, D>>) {
        if let Some(gradient) = param.val().grad(self.gradients) {
            self.found.insert(self.path.join("."), wide(gradient));
        }
    }
}

fn gradients<M: Module<Auto>>(
    module: &M,
    gradients: &<Auto as AutodiffBackend>::Gradients,
) -> BTreeMap<String, Vec<f64>> {
    let mut visitor = Gradients { gradients, path: vec![], found: BTreeMap::new() };
    module.visit(&mut visitor);
    visitor.found
}

fn wide<B: Backend, const D: usize>(tensor: Tensor<B, D>) -> Vec<f64> {
    tensor.into_data().convert::<f64>().to_vec().unwrap()
}

fn largest(values: &[f32]) -> f64 {
    values.iter().fold(0.0, |most, v| most.max(f64::from(v.abs())))
}

/// The training mode of a golden case, computed in one precision.
struct Training {
    golden: Golden,
    /// Names the case and the precision.
    file: String,
    dtype: DType,
    /// Factor of the tolerances.
    slack: f64,
}

impl Training {
    /// A case in 64 bits, and in 32.
    ///
    /// Batch normalisation over the four samples of the files divides by deviations down to
    /// `sqrt(1e-5)`, and so enlarges rounding errors up to 300 times: the files' own 32 bits are
    /// up to 4e-6 off. That the formulas are the same is tested in 64 bits, with the tolerances of
    /// the README; in 32 bits there is room for as much again and the order of sums of other
    /// processors.
    fn of(case: &str) -> [Self; 2] {
        [(DType::F64, 1.0), (DType::F32, 3.0)].map(|(dtype, slack)| Self {
            golden: load(&format!("ksof/{case}")),
            file: format!("ksof/{case} ({})", dtype.name()),
            dtype,
            slack,
        })
    }

    fn tensor(&self, name: &str) -> Tensor<Auto, 3> {
        tensor(&self.golden, name).cast(self.dtype)
    }

    fn check(&self, name: &str, got: Tensor<Auto, 1>) {
        check(&self.file, name, wide(got), self.golden.f32(name).0, VALUES * self.slack);
    }

    fn check_gradient(&self, name: &str, got: &[f64], want: &[f32], scale: f64) {
        let (got, want) = (got.iter().copied(), want.iter().copied());
        check(&self.file, &format!("grad.{name}"), got, want, GRADIENTS * self.slack * scale);
    }

    fn check_gradients(&self, found: &BTreeMap<String, Vec<f64>>) {
        let expected = parameters(&self.golden, "grad.");
        assert_eq!(found.keys().collect::<Vec<_>>(), expected.keys().collect::<Vec<_>>());
        for (name, (_, want)) in &expected {
            // A normalisation subtracts the bias of the layer before it, whose gradient is then
            // nothing but rounding errors: the weight of that layer sets the tolerance.
            let layer = ["layer.bias", "time_mixer.bias"].iter().any(|end| name.ends_with(end));
            let weight = layer.then(|| &expected[&name.replace("bias", "weight")].1);
            self.check_gradient(name, &found[name], want, largest(weight.unwrap_or(want)));
        }
    }
}

#[test]
fn losses_and_gradients_of_ksof() {
    for (case, training) in KSOF_CASES.iter().flat_map(|case| Training::of(case).map(|t| (case, t)))
    {
        let golden = &training.golden;
        let network = network::<Auto>(case, golden).map(&mut Cast(training.dtype));
        let (log_variances, shape) = golden.f32("train.log_var");
        let weights = with_tensors(
            BranchWeights::<Auto>::new(&Default::default()),
            [("log_variances".into(), (shape, log_variances))].into(),
        );
        let weights = weights.map(&mut Cast(training.dtype));

        let (forecast, _) = network.learn(training.tensor("input"));
        let target = training.tensor("target");
        let distance = |predicted| joint_distance(predicted, target.clone());
        let terms = KsofTerms {
            future: distance(forecast.future.clone()),
            temporal: forecast.temporal.map(distance),
            graph: forecast.graph.map(distance),
            acceleration: predicted_acceleration(forecast.future.clone()),
        };
        training.check("train.output", forecast.future.flatten(0, 2));
        training.check("train.final", terms.future.clone());
        training.check("train.loss_k", terms.temporal.clone().unwrap());
        training.check("train.loss_s", terms.graph.clone().unwrap());
        training.check("train.jps", terms.acceleration.clone());
        let loss = weights.total(terms, JPS_WEIGHT);
        training.check("train.loss", loss.clone());

        let found = loss.backward();
        training.check_gradients(&gradients(&network, &found));
        let own = &gradients(&weights, &found)["log_variances"];
        let want = golden.f32("grad.log_var").0;
        training.check_gradient("log_var", own, &want, largest(&want));
    }
}

#[test]
fn loss_and_gradients_of_simlpe() {
    for training in Training::of("simlpe") {
        let network = network::<Auto>("simlpe", &training.golden);
        let network = network.map(&mut Cast(training.dtype));
        let future = network.learn(training.tensor("input")).0.future;
        let target = training.tensor("target");
        let loss = joint_distance(future.clone(), target.clone())
            + joint_velocity_distance(future, target);
        training.check("train.loss", loss.clone());
        training.check_gradients(&gradients(&network, &loss.backward()));
    }
}
