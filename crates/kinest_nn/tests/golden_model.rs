//! Compares the network, its losses, gradients and training steps with the reference's golden
//! files. Tolerances are those of `tests/golden/README.md`.

#[path = "../../../tests/golden/mod.rs"]
mod golden;

use burn::backend::Autodiff;
use burn::module::{Module, ModuleVisitor, Param};
use burn::optim::decay::WeightDecayConfig;
use burn::optim::{AdamConfig, GradientsParams, Optimizer};
use burn::tensor::backend::AutodiffBackend;
use burn::tensor::{Tensor, TensorData};
use burn_flex::Flex;
use burn_store::ModuleSnapshot;
use golden::{Golden, check, load};
use kinest::model::{Checkpoint, Mamba2Config, NetworkConfig, ScanChain, Take};
use kinest::rotation::SIXD;
use kinest_native::NativeKinest;
use kinest_nn::import::{ImportOptions, StateDict, import_pth, import_state_dict};
use kinest_nn::layers::fused::core_on_host;
use kinest_nn::layers::kernel::{CoreKernels, Mamba2State};
use kinest_nn::layers::mamba2::Mamba2;
use kinest_nn::loss::{angular_velocity_loss, rotation_loss};
use kinest_nn::pose::{Kinest, Network};
use std::collections::BTreeMap;
use std::path::Path;

type Auto = Autodiff<Flex>;
type Named = BTreeMap<String, Vec<f32>>;

fn tensor<B: burn::tensor::backend::Backend, const D: usize>(
    golden: &Golden,
    name: &str,
) -> Tensor<B, D> {
    let (values, shape) = golden.f32(name);
    Tensor::from_data(TensorData::new(values, shape), &B::Device::default())
}

fn values<B: burn::tensor::backend::Backend, const D: usize>(tensor: Tensor<B, D>) -> Vec<f32> {
    tensor.into_data().to_vec().unwrap()
}

fn state_dict(golden: &Golden, prefix: &str) -> StateDict {
    let names = golden.names().into_iter().filter_map(|n| n.strip_prefix(prefix).map(String::from));
    names
        .map(|n| {
            let (values, shape) = golden.f32(&format!("{prefix}{n}"));
            (n, (shape, values))
        })
        .collect()
}

/// The tensors of a `state_dict`, with our names and layout.
fn converted(state_dict: StateDict) -> Named {
    let checkpoint = import_state_dict(state_dict, ImportOptions::default()).unwrap();
    let network: Network<Flex> =
        Network::from_checkpoint(&checkpoint, &Default::default()).unwrap();
    let snapshots = network.collect(None, None, true).into_iter();
    snapshots.map(|s| (s.full_path(), s.to_data().unwrap().to_vec().unwrap())).collect()
}

fn tiny_checkpoint(chain: ScanChain) -> Checkpoint {
    let path =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/golden/tiny/kinest_tiny.pth");
    import_pth(&path, ImportOptions { chain, ..ImportOptions::default() }).unwrap()
}

fn kinest<B: burn::tensor::backend::Backend>(network: Network<B>) -> Kinest<B> {
    let Network::Kinest(network) = network else { panic!("the importer only knows KineST") };
    network
}

#[test]
fn activations_and_outputs_of_both_chains() {
    compare_activations("", &CoreKernels::default());
    compare_activations(" (fused)", &CoreKernels::default().and::<Flex>(core_on_host));
}

fn compare_activations(form: &str, kernels: &CoreKernels) {
    for (file, chain) in [("tiny/io", ScanChain::Released), ("tiny/io_chain22", ScanChain::Unified)]
    {
        let golden = load(file);
        let checkpoint = tiny_checkpoint(chain);
        let network = Network::<Flex>::from_checkpoint(&checkpoint, &Default::default()).unwrap();
        let network = kinest(network.with_core_kernels(kernels));
        let trace = network.trace(tensor(&golden, "input"));
        let compare = |name: &str, got: Tensor<Flex, 3>| {
            check(file, &format!("{name}{form}"), values(got), golden.f32(name).0, 5e-5);
        };
        compare("act.input_fc", trace.embedded);
        for (i, (x1, mixing)) in trace.temporal.into_iter().enumerate() {
            compare(&format!("act.tfm{i}.x1"), x1);
            compare(&format!("act.tfm{i}.x2"), mixing.x2);
            compare(&format!("act.tfm{i}.enc"), mixing.encoded);
            compare(&format!("act.tfm{i}"), mixing.y);
        }
        for (i, (scans, mixing)) in trace.kinematic.into_iter().enumerate() {
            compare(&format!("act.skfm{i}.scan_sum"), scans.scans);
            compare(&format!("act.skfm{i}.x1"), scans.x1);
            compare(&format!("act.skfm{i}.x2"), mixing.x2);
            compare(&format!("act.skfm{i}.enc"), mixing.encoded);
            compare(&format!("act.skfm{i}"), mixing.y);
        }
        compare("output", trace.output);
    }
}

#[test]
fn outputs_of_the_native_form() {
    for (file, chain) in [("tiny/io", ScanChain::Released), ("tiny/io_chain22", ScanChain::Unified)]
    {
        let golden = load(file);
        let checkpoint = tiny_checkpoint(chain);
        let mut native =
            NativeKinest::new(&checkpoint.manifest.network, checkpoint.tensors().unwrap()).unwrap();
        let (expected, _) = golden.f32("output");
        let mut output = vec![f32::NAN; expected.len()];
        native.forward(&golden.f32("input").0, Take::All, &mut output);
        check(file, "output (native)", output, expected, 5e-5);
    }
}

fn golden_block(golden: &Golden, chunk: usize) -> Mamba2<Flex> {
    let config = Mamba2Config { state: 5, taps: 4, expand: 2, head_width: 6, chunk };
    let mut block = Mamba2::<Flex>::new(&config, 12, &Default::default());
    let numbers = |name: &str| golden.f32(&format!("weight.{name}"));
    // PyTorch stores [outputs, inputs], Burn [inputs, outputs].
    let matrix = |values: &[f32], rows: usize| {
        let shape = [rows, values.len() / rows];
        let data = TensorData::new(values.to_vec(), shape);
        Tensor::<Flex, 2>::from_data(data, &Default::default()).transpose().into_data()
    };
    let whole = |name: &str| {
        let (values, shape) = numbers(name);
        matrix(&values, shape[0])
    };
    let plain = |name: &str| {
        let (values, shape) = numbers(name);
        TensorData::new(values, shape)
    };
    let (packed, _) = numbers("in_proj.weight");
    let rows = |from: usize, to: usize| matrix(&packed[from * 12..to * 12], to - from);
    let snapshots = [
        ("gate.weight", rows(0, 24)),
        ("project_in.weight", rows(24, 58)),
        ("step.weight", rows(58, 62)),
        ("conv_weight", whole("conv1d.weight")),
        ("conv_bias", plain("conv1d.bias")),
        ("step_bias", plain("dt_bias")),
        ("decay_log", plain("A_log")),
        ("skip", plain("D")),
        ("norm.gamma", plain("norm.weight")),
        ("project_out.weight", whole("out_proj.weight")),
    ]
    .map(|(name, data)| {
        let path = name.split('.').map(String::from).collect();
        burn_store::TensorSnapshot::from_data(data, path, vec![], burn::module::ParamId::new())
    });
    let result = block.apply(snapshots.to_vec(), None, None, false);
    assert!(result.missing.is_empty() && result.errors.is_empty(), "{result:?}");
    block
}

#[test]
fn mamba_block_with_any_chunk_and_from_a_state() {
    const FILE: &str = "units/mamba2_block";
    let golden = load(FILE);
    let input: Tensor<Flex, 3> = tensor(&golden, "input");
    let compare = |what: &str, name: &str, got: Vec<f32>| {
        check(FILE, &format!("{name} ({what})"), got, golden.f32(name).0, 1e-5);
    };
    let compare_state = |what: &str, ssm: &str, tail: &str, state: Mamba2State<Flex>| {
        compare(what, ssm, values(state.ssm));
        compare(what, tail, values(state.conv_tail));
    };
    // Chunks of one token are the recurrence itself.
    for chunk in [1, 4, 7, 23, 64] {
        let (what, block) = (format!("chunk {chunk}"), golden_block(&golden, chunk));
        let (output, state) = block.forward_from(input.clone(), None);
        compare(&what, "output", values(output.clone()));
        compare_state(&what, "final_state", "final_conv_tail", state);

        let (head, state) = block.forward_from(input.clone().narrow(1, 0, 11), None);
        compare_state(&what, "state_after_11", "conv_tail_after_11", state.clone());
        let (tail, state) = block.forward_from(input.clone().narrow(1, 11, 12), Some(state));
        let both = Tensor::cat(vec![head, tail], 1);
        compare(&format!("{what}, in two stretches"), "output", values(both));
        compare_state(
            &format!("{what}, in two stretches"),
            "final_state",
            "final_conv_tail",
            state,
        );
    }
    let inner = golden_block(&golden, 8).inner(input, None);
    compare("inner", "inner.z", values(inner.z));
    compare("inner", "inner.dt", values(inner.scan.step));
    compare("inner", "inner.x", values(inner.scan.x));
    compare("inner", "inner.B", values(inner.scan.b));
    compare("inner", "inner.C", values(inner.scan.c));
}

/// Unweighted terms of the reference's training loss.
struct LossTerms<B: burn::tensor::backend::Backend> {
    rotation: Tensor<B, 1>,
    root: Tensor<B, 1>,
    angular_velocity: Tensor<B, 1>,
}

fn motion_loss<B: burn::tensor::backend::Backend>(
    predicted: Tensor<B, 3>,
    target: Tensor<B, 3>,
) -> LossTerms<B> {
    let root = |x: &Tensor<B, 3>| x.clone().narrow(2, 0, SIXD);
    LossTerms {
        rotation: rotation_loss(predicted.clone(), target.clone()),
        root: rotation_loss(root(&predicted), root(&target)),
        angular_velocity: angular_velocity_loss(predicted, target),
    }
}

fn total<B: burn::tensor::backend::Backend>(terms: &LossTerms<B>) -> Tensor<B, 1> {
    terms.rotation.clone() + terms.root.clone() * 0.02 + terms.angular_velocity.clone()
}

#[test]
fn losses_and_their_gradients() {
    for (file, value_tolerance, gradient_tolerance) in
        [("units/loss_random", 1e-5, 2e-3), ("units/loss_motion", 1e-6, 1e-8)]
    {
        let golden = load(file);
        for part in ["global", "root", "smooth", "total"] {
            let predicted = tensor::<Auto, 3>(&golden, "pred").require_grad();
            let terms = motion_loss(predicted.clone(), tensor(&golden, "target"));
            let loss = match part {
                "global" => terms.rotation,
                "root" => terms.root,
                "smooth" => terms.angular_velocity,
                _ => total(&terms),
            };
            let name = format!("value64_loss_{part}");
            check(file, &name, values(loss.clone()), golden.f64(&name).0, value_tolerance);
            let gradient = predicted.grad(&loss.backward()).unwrap();
            let name = format!("grad_loss_{part}");
            check(file, &name, values(gradient), golden.f32(&name).0, gradient_tolerance);
        }
    }
}

/// Gradients of all parameters, by name.
struct Gradients<'a> {
    gradients: &'a <Auto as AutodiffBackend>::Gradients,
    path: Vec<String>,
    found: Named,
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
        let gradient = param.val().grad(self.gradients).expect("every parameter has a gradient");
        self.found.insert(self.path.join("."), values(gradient));
    }
}

/// The tiny network with its last layer replaced, as the golden files for training require.
fn training_network(golden: &Golden) -> Kinest<Auto> {
    let mut weights = state_dict(&load("tiny/weights"), "");
    weights.extend(state_dict(golden, "override."));
    let mut checkpoint = import_state_dict(weights, ImportOptions::default()).unwrap();
    let NetworkConfig::Kinest(config) = &mut checkpoint.manifest.network else { unreachable!() };
    // The golden files were made without dropout.
    config.dropout = 0.0;
    kinest(Network::from_checkpoint(&checkpoint, &Default::default()).unwrap())
}

#[test]
fn parameter_gradients() {
    const FILE: &str = "tiny/grads";
    let golden = load(FILE);
    let network = training_network(&golden);
    let output = network.forward(tensor(&golden, "input"));
    let terms = motion_loss(output, tensor(&golden, "target"));
    let loss = total(&terms);
    let losses = [&loss, &terms.rotation, &terms.root, &terms.angular_velocity];
    check(FILE, "losses", losses.map(|l| values(l.clone())[0]), golden.f32("losses").0, 1e-5);

    let gradients = loss.backward();
    let mut visitor = Gradients { gradients: &gradients, path: vec![], found: Named::new() };
    network.visit(&mut visitor);
    let expected = converted(state_dict(&golden, "grad."));
    assert_eq!(visitor.found.keys().collect::<Vec<_>>(), expected.keys().collect::<Vec<_>>());
    let largest = |name: &str| {
        // The reference packs query, key and value into one tensor, whose largest gradient sets the
        // tolerance. The key's bias alone has zero gradient, because softmax is invariant to it.
        let part = ["query", "key", "value"].into_iter().find(|p| name.contains(&format!(".{p}.")));
        let names = match part {
            Some(part) => ["query", "key", "value"].map(|p| name.replace(part, p)).to_vec(),
            None => vec![name.to_string()],
        };
        let all = names.iter().flat_map(|n| &expected[n]);
        all.fold(0.0_f64, |m, v| m.max(f64::from(v.abs())))
    };
    for (name, want) in &expected {
        check(FILE, name, visitor.found[name].clone(), want.clone(), 1e-4 * largest(name));
    }
}

#[test]
fn ten_adam_steps() {
    const FILE: &str = "tiny/adam";
    let golden = load(FILE);
    let mut network = training_network(&golden);
    let decay = WeightDecayConfig::new(1e-5);
    let mut adam = AdamConfig::new().with_epsilon(1e-8).with_weight_decay(Some(decay)).init();
    let mut start = state_dict(&load("tiny/weights"), "");
    start.extend(state_dict(&golden, "override."));
    let before = converted(start.clone());
    let mut losses = vec![];
    for step in 1..=10 {
        let output = network.forward(tensor(&golden, "input"));
        let loss = total(&motion_loss(output, tensor(&golden, "target")));
        losses.push(values(loss.clone())[0]);
        let gradients = GradientsParams::from_grads(loss.backward(), &network);
        network = adam.step(3e-4, network, gradients);
        if step == 1 || step == 10 {
            let mut moved = start.clone();
            moved.extend(state_dict(&golden, &format!("step{step}.")));
            let snapshots = network.collect(None, None, true).into_iter();
            let ours: Named = snapshots
                .map(|s| (s.full_path(), s.to_data().unwrap().to_vec().unwrap()))
                .collect();
            // The file has seven of the parameters, those that differ from the start.
            for (name, want) in converted(moved).into_iter().filter(|(n, w)| before[n] != *w) {
                check(FILE, &format!("step{step} {name}"), ours[&name].clone(), want, 5e-6);
            }
        }
    }
    check(FILE, "losses", losses, golden.f64("losses").0, 1e-5);
}
