"""KineST for PyTorch, written from its published description, to measure against.

Names of parameters are those of the released `state_dict`. `python kinest.py GOLDEN_FOLDER` compares
it with the golden files.
"""

import math
import sys
from dataclasses import dataclass, field

import torch
import torch.nn.functional as F
from torch import nn

CHAIN = [21, 19, 17, 14, 15, 12, 20, 18, 16, 13, 9, 6, 3, 0, 1, 4, 10, 2, 5, 8, 11]
JOINTS = 22


@dataclass
class Config:
    """The released sizes."""

    inputs: int = 54
    outputs: int = 132
    window: int = 96
    width: int = 256
    state: int = 16
    taps: int = 4
    head_temporal: int = 64
    head_kinematic: int = 16
    joint_width: int = 64
    attention_heads: int = 8
    feed_forward: int = 2048
    fan_hidden: int = 512
    chain: list = field(default_factory=lambda: CHAIN)


class Mamba2(nn.Module):
    """The Mamba-2 block with the scan as matrix products over chunks."""

    def __init__(self, width, head_width, c, chunk=24):
        super().__init__()
        self.inner, self.state, self.taps = 2 * width, c.state, c.taps
        self.heads, self.head_width = self.inner // head_width, head_width
        self.convolved, self.chunk = self.inner + 2 * c.state, chunk
        self.in_proj = nn.Linear(width, self.inner + self.convolved + self.heads, bias=False)
        self.conv1d = nn.Conv1d(
            self.convolved, self.convolved, c.taps, groups=self.convolved, padding=c.taps - 1
        )
        step = torch.exp(torch.rand(self.heads) * math.log(100) + math.log(1e-3))
        self.dt_bias = nn.Parameter(step + torch.log(-torch.expm1(-step)))
        self.A_log = nn.Parameter(torch.log(torch.rand(self.heads) * 15 + 1))
        self.D = nn.Parameter(torch.ones(self.heads))
        self.norm = nn.RMSNorm(self.inner, eps=1e-5)
        self.out_proj = nn.Linear(self.inner, width, bias=False)

    def forward(self, u):
        batch, tokens, _ = u.shape
        z, xbc, step = self.in_proj(u).split([self.inner, self.convolved, self.heads], 2)
        xbc = F.silu(self.conv1d(xbc.transpose(1, 2))[:, :, :tokens].transpose(1, 2))
        x, b, c = xbc.split([self.inner, self.state, self.state], 2)
        x = x.reshape(batch, tokens, self.heads, self.head_width)
        step = F.softplus(step + self.dt_bias)
        y = self.scan(x, step, -torch.exp(self.A_log), b, c) + x * self.D[:, None]
        v = y.reshape(batch, tokens, self.inner) * F.silu(z)
        return self.out_proj(self.norm(v))

    def scan(self, x, step, decay, b, c):
        batch, tokens, heads, width = x.shape
        n = min(self.chunk, tokens)
        assert tokens % n == 0
        chunks = tokens // n
        # [batch, chunks, heads, n, ..]
        sums = (step * decay).reshape(batch, chunks, n, heads).transpose(2, 3).cumsum(3)
        written = (x * step[..., None]).reshape(batch, chunks, n, heads, width).transpose(2, 3)
        b = b.reshape(batch, chunks, 1, n, -1)
        c = c.reshape(batch, chunks, 1, n, -1)
        inside = (remaining(sums) * (c @ b.transpose(3, 4))) @ written
        last = sums[..., -1:]
        left = (written * torch.exp(last - sums)[..., None]).transpose(3, 4) @ b
        # The state before each chunk: what the chunks before left, decayed.
        totals = last[..., 0].transpose(1, 2).cumsum(2)
        before = F.pad(totals, (1, -1))
        weights = torch.exp((before[..., :, None] - totals[..., None, :]).clamp(max=0))
        weights = weights * torch.ones(chunks, chunks, dtype=x.dtype).tril(-1)
        states = weights @ left.transpose(1, 2).flatten(3)
        states = states.reshape(batch, heads, chunks, width, -1).transpose(1, 2)
        across = (c @ states.transpose(3, 4)) * torch.exp(sums)[..., None]
        return (inside + across).transpose(2, 3).reshape(batch, tokens, heads, width)


def remaining(sums):
    """How much of what was written at j is left at i >= j; 0 elsewhere."""
    n = sums.shape[-1]
    difference = sums[..., :, None] - sums[..., None, :]
    later = torch.ones(n, n, dtype=torch.bool).triu(1)
    return torch.exp(difference.masked_fill(later, -math.inf))


class SelfAttention(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.in_proj_weight = nn.Parameter(torch.empty(3 * width, width))
        nn.init.xavier_uniform_(self.in_proj_weight)
        self.in_proj_bias = nn.Parameter(torch.zeros(3 * width))
        self.out_proj = nn.Linear(width, width)

    def forward(self, x):
        batch, frames, width = x.shape
        packed = F.linear(x, self.in_proj_weight, self.in_proj_bias)
        q, k, v = packed.reshape(batch, frames, 3, self.heads, -1).permute(2, 0, 3, 1, 4).unbind(0)
        heads = F.scaled_dot_product_attention(q, k, v)
        return self.out_proj(heads.transpose(1, 2).reshape(batch, frames, width))


class EncoderLayer(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.self_attn = SelfAttention(c.width, c.attention_heads)
        self.linear1 = nn.Linear(c.width, c.feed_forward)
        self.linear2 = nn.Linear(c.feed_forward, c.width)
        self.norm1 = nn.LayerNorm(c.width)
        self.norm2 = nn.LayerNorm(c.width)

    def forward(self, x):
        x = self.norm1(x + self.self_attn(x))
        return self.norm2(x + self.linear2(F.relu(self.linear1(x))))


class Encoder(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.layers = nn.ModuleList([EncoderLayer(c)])

    def forward(self, x):
        return self.layers[0](x)


class Fan(nn.Module):
    def __init__(self, inputs, c):
        super().__init__()
        self.embedding = nn.Linear(inputs, c.fan_hidden)
        self.layers = nn.ModuleList([nn.Linear(c.fan_hidden, c.width)])

    def forward(self, x):
        return self.layers[0](self.embedding(x))


class Block(nn.Module):
    """What both kinds of blocks share: everything behind their scans."""

    def __init__(self, c):
        super().__init__()
        self.norm0 = nn.LayerNorm(c.width)
        self.norm1 = nn.LayerNorm(c.width)
        self.linear_embedding1 = nn.Linear(c.width, c.width)
        self.linear_embedding2 = nn.Linear(c.width, c.width)
        self.transformer_encoder = Encoder(c)
        self.net = nn.Sequential(nn.LayerNorm(c.width), nn.Conv1d(c.window, c.window, 1))
        self.fan = Fan(c.width, c)

    def forward(self, x):
        x = x + self.scans(self.norm0(x))
        x = x + F.silu(self.net(x))
        e = self.transformer_encoder(self.norm1(self.linear_embedding1(x)))
        return x + self.linear_embedding2(F.silu(self.fan(e)))


class Temporal(Block):
    def __init__(self, c):
        super().__init__(c)
        self.mamba2_for = Mamba2(c.width, c.head_temporal, c)
        self.mamba2_back = Mamba2(c.width, c.head_temporal, c)

    def scans(self, n):
        return self.mamba2_for(n) + self.mamba2_back(n.flip(1)).flip(1)


class Kinematic(Block):
    def __init__(self, c):
        super().__init__(c)
        self.mamba2_for1 = Mamba2(c.joint_width, c.head_kinematic, c)
        self.mamba2_back1 = Mamba2(c.joint_width, c.head_kinematic, c)
        self.linear0 = nn.Linear(c.width, JOINTS * c.joint_width)
        self.fan2 = Fan(JOINTS * c.joint_width, c)
        self.chain = c.chain

    def scans(self, n):
        batch, frames, _ = n.shape
        joints = self.linear0(n).reshape(batch, frames, JOINTS, -1)
        ahead = self.walk(self.mamba2_for1, joints, self.chain)
        back = self.walk(self.mamba2_back1, joints, self.chain[::-1])
        return self.fan2((ahead + back).flatten(2))

    def walk(self, scan, joints, chain):
        batch, frames, _, width = joints.shape
        tokens = joints[:, :, chain].reshape(batch, frames * len(chain), width)
        out = scan(tokens).reshape(batch, frames, len(chain), width)
        # Joints outside the chain are read from a place of zeros behind it.
        out = F.pad(out, (0, 0, 0, 1))
        return out[:, :, [chain.index(j) if j in chain else len(chain) for j in range(JOINTS)]]


class Blocks(nn.Module):
    def __init__(self, blocks):
        super().__init__()
        self.mlps = nn.ModuleList(blocks)


class Kinest(nn.Module):
    def __init__(self, c=None):
        super().__init__()
        c = c or Config()
        self.input_fc = nn.Linear(c.inputs, c.width)
        self.temporary = Blocks([Temporal(c), Temporal(c)])
        self.temp_spatial = Blocks([Kinematic(c), Kinematic(c)])
        self.output_fc = nn.Linear(c.width, c.outputs)

    def forward(self, x):
        x = self.input_fc(x)
        for block in [*self.temporary.mlps, *self.temp_spatial.mlps]:
            x = block(x)
        return self.output_fc(x)


def check(folder):
    """The largest difference to the golden outputs, with both chains."""
    from safetensors.torch import load_file

    weights = load_file(f"{folder}/weights.safetensors")
    # Stored by the reference and never used by it.
    weights = {k: v for k, v in weights.items() if ".mlps." not in k or ".linear1." not in k
               or "transformer" in k}
    worst = 0.0
    for file, chain in [("io", CHAIN), ("io_chain22", CHAIN[:16] + [7] + CHAIN[16:])]:
        c = Config(window=8, width=24, state=6, head_temporal=12, head_kinematic=4, joint_width=8,
                   attention_heads=4, feed_forward=40, fan_hidden=20, chain=chain)
        model = Kinest(c).eval()
        for module in model.modules():
            if isinstance(module, Mamba2):
                module.chunk = 8
        model.load_state_dict(weights)
        golden = load_file(f"{folder}/{file}.safetensors")
        with torch.no_grad():
            worst = max(worst, (model(golden["input"]) - golden["output"]).abs().max().item())
    return worst


if __name__ == "__main__":
    difference = check(sys.argv[1])
    print(f"largest difference to the golden outputs: {difference:.1e}")
    sys.exit(difference > 5e-5)
