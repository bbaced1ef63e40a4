//! The fused Mamba-2 pass of [`kinest_nn::layers::fused`] as a differentiable Burn operation.

use burn::backend::Autodiff;
use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::NoCheckpointing;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::tensor::backend::Backend;
use burn::tensor::{Tensor, TensorData, TensorPrimitive};
use burn_flex::Flex;
use kinest_nn::layers::fused::{CoreNumbers, CoreShape, core_backward, core_forward, core_on_host};
use kinest_nn::layers::kernel::{CoreKernels, CoreTensors, Mamba2State};
use std::sync::Arc;

/// Kernels with the fused pass for networks on the CPU, with and without autodiff. Other back ends
/// ignore them.
#[must_use]
pub fn kernels() -> CoreKernels {
    CoreKernels::default().and::<Autodiff<Flex>>(differentiable_core).and::<Flex>(core_on_host)
}

#[derive(Debug)]
struct Core;

impl<B: Backend> Backward<B, 9> for Core {
    type State = (Arc<CoreNumbers>, CoreShape, B::Device);

    fn backward(
        self,
        ops: Ops<Self::State, 9>,
        grads: &mut Gradients,
        _checkpointer: &mut Checkpointer,
    ) {
        let (numbers, s, device) = ops.state;
        let gradient = grads.consume::<B>(&ops.node);
        let gradient = Tensor::<B, 3>::from_primitive(TensorPrimitive::Float(gradient));
        let gradient: Vec<f32> = gradient.into_data().into_vec().expect("networks compute in f32");
        let g = core_backward(&numbers, s, &gradient);
        let inner = s.heads * s.head_width;
        let convolved = inner + 2 * s.state;
        let gradients = [
            (g.gate, vec![s.batch, s.tokens, inner]),
            (g.before_conv, vec![s.batch, s.tokens, convolved]),
            (g.step, vec![s.batch, s.tokens, s.heads]),
            (g.conv_weight, vec![s.taps, convolved]),
            (g.conv_bias, vec![convolved]),
            (g.step_bias, vec![s.heads]),
            (g.decay_log, vec![s.heads]),
            (g.skip, vec![s.heads]),
            (g.norm, vec![inner]),
        ];
        for (parent, (values, shape)) in ops.parents.into_iter().zip(gradients) {
            if let Some(parent) = parent {
                let data = TensorData::new(values, shape);
                grads.register::<B>(parent.id, B::float_from_data(data, &device));
            }
        }
    }
}

fn differentiable_core<B: Backend>(
    tensors: CoreTensors<Autodiff<B>>,
) -> (Tensor<Autodiff<B>, 3>, Mamba2State<Autodiff<B>>) {
    let t = tensors.clone();
    let nodes = [
        t.gate.into_primitive().tensor().node,
        t.before_conv.into_primitive().tensor().node,
        t.step.into_primitive().tensor().node,
        t.conv_weight.into_primitive().tensor().node,
        t.conv_bias.into_primitive().tensor().node,
        t.step_bias.into_primitive().tensor().node,
        t.decay_log.into_primitive().tensor().node,
        t.skip.into_primitive().tensor().node,
        t.norm.into_primitive().tensor().node,
    ];
    let device = tensors.gate.device();
    let (numbers, shape) = CoreNumbers::read(tensors);
    let (values, state) = core_forward(&numbers, shape);
    let state = state.write(shape, &device);
    let dims = [shape.batch, shape.tokens, shape.heads * shape.head_width];
    let output = B::float_from_data(TensorData::new(values, dims), &device);
    let output = match Backward::<B, 9>::prepare::<NoCheckpointing>(Core, nodes)
        .compute_bound()
        .stateful()
    {
        OpsKind::Tracked(prep) => prep.finish((Arc::new(numbers), shape, device), output),
        OpsKind::UnTracked(prep) => prep.finish(output),
    };
    (Tensor::from_primitive(TensorPrimitive::Float(output)), state)
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::Distribution;
    use kinest::model::Mamba2Config;
    use kinest_nn::layers::mamba2::Mamba2;

    /// The fused pass and the Burn operations have the same outputs, states and gradients of inputs
    /// and weights, from a zero state and from the middle of a sequence.
    #[test]
    fn the_fused_pass_matches_the_burn_operations() {
        type A = Autodiff<Flex>;
        let device = Default::default();
        Flex::seed(&device, 3);
        let config = Mamba2Config { state: 5, taps: 4, expand: 2, head_width: 6, chunk: 7 };
        let mut block = Mamba2::<A>::new(&config, 12, &device);
        block.use_core_kernels(&kernels());
        let random =
            || Tensor::<A, 3>::random([3, 40, 12], Distribution::Normal(0.0, 1.0), &device);
        let (input, weight) = (random().require_grad(), random());
        let middle = block.forward_from(random(), None).1;
        let middle = Mamba2State { conv_tail: middle.conv_tail.detach(), ssm: middle.ssm.detach() };
        let run = |fused: bool, start: &Option<Mamba2State<A>>| {
            let (output, end) = match fused {
                true => block.stream(input.clone(), start.clone()),
                false => block.forward_from(input.clone(), start.clone()),
            };
            let gradients = (output.clone() * weight.clone()).sum().backward();
            let by_input = input.grad(&gradients).expect("the input is tracked");
            let params = burn::optim::GradientsParams::from_grads(gradients, &block);
            let mut all = vec![output.into_data(), by_input.into_data()];
            all.extend([end.conv_tail.into_data(), end.ssm.into_data()]);
            for id in burn::module::list_param_ids(&block) {
                let gradient = params
                    .get::<Flex, 1>(id)
                    .map(Tensor::into_data)
                    .or_else(|| params.get::<Flex, 2>(id).map(Tensor::into_data));
                all.push(gradient.expect("every weight has a gradient"));
            }
            all
        };
        let compare = |start| run(true, &start).into_iter().zip(run(false, &start));
        for (i, (a, b)) in compare(None).chain(compare(Some(middle))).enumerate() {
            let (a, b): (Vec<f32>, Vec<f32>) = (a.into_vec().unwrap(), b.into_vec().unwrap());
            let largest = b.iter().fold(0.0_f32, |m, v| m.max(v.abs()));
            for (a, b) in a.iter().zip(&b) {
                assert!((a - b).abs() <= 2e-5 * largest.max(1e-3), "tensor {i}: {a} {b}");
            }
        }
    }
}
