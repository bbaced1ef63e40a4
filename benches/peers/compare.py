"""Times one window of the released size: PyTorch, ONNX Runtime and the native form, taking turns.

`python compare.py GOLDEN_FOLDER WORK_FOLDER NATIVE_PROGRAM [ROUNDS]`; `run` does all of it.
"""

import os
import statistics
import subprocess
import sys
import time

import numpy as np
import onnxruntime
import torch

import kinest

golden, work, program = sys.argv[1:4]
rounds = int(sys.argv[4]) if len(sys.argv) > 4 else 15
# Windows of one turn; the first is not counted.
TURN = 5

difference = kinest.check(golden)
assert difference < 5e-5, f"the PyTorch model is off by {difference}"

torch.manual_seed(1)
model = kinest.Kinest().eval()
window = torch.randn(1, 96, 54)
weights, onnx = os.path.join(work, "released.pth"), os.path.join(work, "released.onnx")
torch.save(model.state_dict(), weights)
window.numpy().tofile(os.path.join(work, "window.f32"))
with torch.no_grad():
    expected = model(window).numpy()
    torch.onnx.export(model, (window,), onnx, input_names=["features"], dynamo=True, verbose=False)


# The linear layers with what they are given: no way to run the network does without these products.
layers = []
hooks = [
    layer.register_forward_hook(lambda layer, given, _: layers.append((layer, given[0])))
    for layer in model.modules() if isinstance(layer, torch.nn.Linear)
]
with torch.inference_mode():
    model(window)
for hook in hooks:
    hook.remove()


def products(threads):
    def turn():
        torch.set_num_threads(threads)
        with torch.inference_mode():
            times, _ = clocked(lambda: [layer(given) for layer, given in layers])
        return times, expected

    return turn


def session(threads):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    # Threads that spin after a run would take time from whoever is next.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return onnxruntime.InferenceSession(onnx, options, providers=["CPUExecutionProvider"])


def clocked(run):
    times = []
    for _ in range(TURN):
        start = time.perf_counter()
        output = run()
        times.append((time.perf_counter() - start) * 1e3)
    return times[1:], output


def pytorch(threads):
    def turn():
        torch.set_num_threads(threads)
        with torch.inference_mode():
            times, output = clocked(lambda: model(window))
        return times, output.numpy()

    return turn


def onnx_runtime(threads):
    own, features = session(threads), {"features": window.numpy()}
    return lambda: clocked(lambda: own.run(None, features)[0])


native_process = subprocess.Popen(
    [program, weights, os.path.join(work, "window.f32")],
    stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
)


def native(threads, take):
    def turn():
        native_process.stdin.write(f"{threads} {take} {TURN}\n")
        native_process.stdin.flush()
        times = [float(v) for v in native_process.stdout.readline().split()]
        output = np.fromstring(native_process.stdout.readline(), dtype=np.float32, sep=" ")
        return times[1:], output.reshape(1, -1, 132)

    return turn


peers = {}
for threads in [1, 2]:
    peers[f"PyTorch {torch.__version__}", threads] = pytorch(threads)
    peers[f"ONNX Runtime {onnxruntime.__version__}", threads] = onnx_runtime(threads)
    peers["PyTorch, linear layers alone", threads] = products(threads)
    peers["native, all frames", threads] = native(threads, "all")
    peers["native, newest frame", threads] = native(threads, "newest")

times = {peer: [] for peer in peers}
for _ in range(rounds):
    for peer, turn in peers.items():
        measured, output = turn()
        times[peer].append(statistics.median(measured))
        off = np.abs(output - expected[:, -output.shape[1]:]).max()
        assert off < 1e-3 * np.abs(expected).max(), f"{peer} is off by {off}"

print(f"load average {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores, {rounds} rounds")
print("| | threads | best, ms | median, ms | median of the native time over it |")
print("|---|---|---|---|---|")
for (name, threads), own in times.items():
    ours = times["native, all frames", threads]
    ratio = statistics.median(a / b for a, b in zip(ours, own))
    print(f"| {name} | {threads} | {min(own):.1f} | {statistics.median(own):.1f} | {ratio:.2f} |")
