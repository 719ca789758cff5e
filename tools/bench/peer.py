#!/usr/bin/env python3
"""PyTorch's side of bench, under the names of its items: what torch_bench.py has, and what it lacks.

usage: peer.py ITEM... [--mode eager|compile] [--opt default|foreach|fused] [--seconds S] [--label L]

A line of JSON per item, as torch_bench.py prints them. It is looked for in /peers (where run.sh puts it), in
$HEED_SHARED/peers and in ../shared/peers beside the repository. OMP_NUM_THREADS sets the number of threads."""
import os
import re
import subprocess
import sys
import types

split = next((i for i, a in enumerate(sys.argv) if i and a.startswith("--")), len(sys.argv))
wanted, options = set(sys.argv[1:split]), sys.argv[split:]
if not wanted:
    sys.exit(__doc__)

here = os.path.dirname(os.path.abspath(__file__))
places = ["/peers", os.path.join(os.environ.get("HEED_SHARED", "/nowhere"), "peers"), os.path.join(here, "../../../shared/peers")]
path = next((p for p in (os.path.join(folder, "torch_bench.py") for folder in places) if os.path.exists(p)), None)
if path is None:
    sys.exit("peer.py: there is no torch_bench.py in " + ", ".join(places))
sys.argv = [path, "list", *options]
with open(path) as file:
    text = file.read()
torch_bench = types.ModuleType("torch_bench")
sys.modules["torch_bench"] = torch_bench
exec(compile(text[: text.index("if A.work == 'list'")], path, "exec"), torch_bench.__dict__)  # all but its main
torch, F = torch_bench.torch, torch_bench.F

# ---- its names are not always ours, and it prints more than was asked for
optimizer = {"default": "loop"}.get(torch_bench.A.opt, torch_bench.A.opt)
plain_emit, plain_fb = torch_bench.emit, torch_bench.fb


def emit(name, result, **more):
    name = {f"adamw_124m_{optimizer}": "adamw_124m"}.get(name, name)
    if name in wanted:
        plain_emit(name, result, torch=torch.__version__, **more)


def fb(name, *arguments, **more):
    if f"{name}_fwd" in wanted or f"{name}_fwdbwd" in wanted:
        plain_fb(name, *arguments, **more)


torch_bench.emit, torch_bench.fb = emit, fb


# ---- the encoder's states projected once, before the first step
class Projected(torch_bench.Seq2Seq):
    def forward(self, a, b, y):
        keys, h = self.enc(self.es(a))
        projected, outs = self.Ua(keys), []
        for i in range(b.size(1)):
            q = (h[0] if isinstance(h, tuple) else h).permute(1, 0, 2)
            w = F.softmax(self.Va(torch.tanh(self.Wa(q) + projected)).squeeze(2).unsqueeze(1), -1)
            o, h = self.dec(torch.cat((self.et(b[:, i : i + 1]), torch.bmm(w, keys)), 2), h)
            outs.append(self.o(o))
        return F.cross_entropy(torch.cat(outs, 1).view(-1, self.V), y.view(-1))


def projected(name, cell, gates):
    def run():
        data = [torch_bench.ids(10000, 32, 30) for _ in range(3)]
        flops = torch_bench.s2s_flops(gates) - 3 * 2 * 32 * 30 * 29 * 500 * 500
        torch_bench.train(name, Projected(cell), data, 960, "tgt_tokens", flops=flops)

    return run


# ---- weights, cache and all that is computed in bf16
def generate_bf16():
    torch_bench.A.autocast, torch_bench.emit = True, lambda _, *result, **more: emit("gpt2_generate_hand_bf16", *result, **more)
    torch_bench.W["handgen"]()
    torch_bench.A.autocast, torch_bench.emit = False, emit


# ---- its fused attention, with heads 128 wide as well
def attention(name, width, length, causal, backward):
    q, k, v = (torch.randn(1, 12, length, width).requires_grad_(backward) for _ in range(3))
    g = torch.randn(1, 12, length, width)
    flops = 4 * 12 * length * length * width / (2 if causal else 1) * (3.5 if backward else 1)

    def run():
        o = F.scaled_dot_product_attention(q, k, v, is_causal=causal)
        if backward:
            torch.autograd.grad(o, (q, k, v), g)

    from torch.nn.attention import SDPBackend, sdpa_kernel

    with sdpa_kernel(SDPBackend.FLASH_ATTENTION):
        torch_bench.reset_peak()
        before = torch_bench.vm("VmRSS")
        r = torch_bench.timeit(run, torch_bench.A.seconds / 4, min_n=3, warm=2)
    delta = round(torch_bench.vm("VmHWM") - before)
    emit(name, r, gflops=round(flops / r["median"] / 1e9, 1), peak_delta_mb=delta)


# ---- products that it lacks: the scores of the encoder-decoder's heads, where a projection left them, and GPT-2's head
def product(name, a, b):
    flops = 2 * a.numel() * b.size(-1)
    with torch.no_grad():
        r = torch_bench.timeit(lambda: a @ b, torch_bench.A.seconds / 8, inner=max(1, int(2e9 / flops)))
    emit(name, r, gflops=round(flops / r["median"] / 1e9, 1))


def heads():
    qkv = torch.randn(32, 32, 3, 4, 64)
    q, k = (qkv[:, :, i].transpose(1, 2) for i in (0, 1))
    product("bmm128_32x32x64_heads", q, k.transpose(-1, -2))


# ---- small ops from C++, as heed's are; from Python where its headers are not there
def small_ops(names):
    program = "/tmp/heed_peer_ops"
    include = "/usr/include/torch/csrc/api/include"
    if not os.path.exists(include):
        sys.stderr.write("peer.py: no libtorch-dev here: PyTorch's small ops are timed from Python\n")
        return torch_bench.W["overhead"]()
    subprocess.run(["g++", "-O2", "-std=c++20", "-I" + include, os.path.join(here, "peer/small_ops.cpp"), "-o", program]
                   + ["-ltorch", "-ltorch_cpu", "-lc10"], check=True)
    subprocess.run([program, str(torch_bench.A.seconds), torch_bench.A.label, *names], check=True)


works = {
    "mlp_b64": "mlp64",
    "mlp_b512": "mlp512",
    "lstm_charlm": "lstm",
    "nanogpt_baby": "gptbaby",
    "nanogpt_char_drop0": "gptchar",
    "nanogpt_char_drop0.2": "gptchard",
    "gpt2_124m_b4t64": "gpt2",
    "transformer_encdec": "encdec",
    "seq2seq_gru_bahdanau": "s2sgru",
    "seq2seq_lstm_bahdanau": "s2slstm",
    "cnn_28x28_b64": "cnn",
    "adamw_124m": "adamw",
    "clip_grad_norm_124m": "adamw",
    "gpt2_generate_hand": "handgen",
}
own = {
    "gpt2_generate_hand_bf16": generate_bf16,
    "seq2seq_gru_bahdanau_projected": projected("seq2seq_gru_bahdanau_projected", "gru", 3),
    "seq2seq_lstm_bahdanau_projected": projected("seq2seq_lstm_bahdanau_projected", "lstm", 4),
    "mm_1x768x50257": lambda: product("mm_1x768x50257", torch.randn(1, 768), torch.randn(768, 50257)),
    "bmm128_32x32x64_heads": heads,
}
small = sorted(name for name in wanted if name.startswith("overhead_"))
if small:
    small_ops(small)
asked = set()
for name in sorted(wanted.difference(small)):
    shape = re.fullmatch(r"sdpa_(d128_)?T(\d+)_(causal|full)_(fwd|fwdbwd)", name)
    if shape:
        attention(name, 128 if shape[1] else 64, int(shape[2]), shape[3] == "causal", shape[4] == "fwdbwd")
    elif name in own:
        own[name]()
    elif name.startswith(("mm_", "bmm")):
        asked.add("gemm")
    else:
        asked.add(works.get(name, "kernels"))
for work in sorted(asked):
    torch_bench.W[work]()
