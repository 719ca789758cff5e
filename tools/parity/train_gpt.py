"""The training of train_gpt again, in PyTorch: the same initial weights, the same batches, the same schedule.

usage: train_gpt --text FILE --steps 0 --out runs/initial [its options]
       python3 tools/parity/train_gpt.py runs/initial FILE --steps N

Prints the validation loss as train_gpt does, with --tokenizer characters and no dropout. Needs Python with
torch and safetensors.
"""

import argparse
import json
import math
import pathlib
import time

import torch
import torch.nn.functional as F
from safetensors.torch import load_file
from torch import nn

MASK = 2**64 - 1


class Rng:
    """core/rng.h"""

    def __init__(self, seed):
        self.seed, self.counter = seed, 0

    @staticmethod
    def scramble(key, index):
        z = (key + (index + 1) * 0x9E3779B97F4A7C15) & MASK
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
        return z ^ (z >> 31)

    def below(self, n):
        key = self.scramble(self.seed, self.counter)
        self.counter += 1
        return int((self.scramble(key, 0) >> 11) * 2.0**-53 * n)


def linear(inputs, outputs):
    return nn.utils.skip_init(nn.Linear, inputs, outputs)


def rotated(x):
    """Columns i and i + D / 2 turned by place * 10000^(-2 i / D): x [B, heads, T, D]"""
    half = x.shape[-1] // 2
    angle = torch.arange(x.shape[-2])[:, None] * 10000.0 ** (-torch.arange(half) / half)
    a, b = x[..., :half], x[..., half:]
    return torch.cat([a * angle.cos() - b * angle.sin(), b * angle.cos() + a * angle.sin()], -1)


class Block(nn.Module):
    def __init__(self, width, heads, kv_heads, rotary):
        super().__init__()
        self.heads, self.kv_heads, self.rotary, self.head = heads, kv_heads, rotary, width // heads
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.attention = nn.Module()
        self.attention.in_proj_weight = nn.Parameter(torch.empty(width + 2 * kv_heads * self.head, width))
        self.attention.in_proj_bias = nn.Parameter(torch.empty(width + 2 * kv_heads * self.head))
        self.attention.out_proj = linear(width, width)
        self.mlp = nn.ModuleDict({"up": linear(width, 4 * width), "down": linear(4 * width, width)})

    def forward(self, x):
        B, T, C = x.shape
        kv = self.kv_heads * self.head
        all = F.linear(self.norm1(x), self.attention.in_proj_weight, self.attention.in_proj_bias)
        q, k, v = (t.view(B, T, -1, self.head).transpose(1, 2) for t in all.split([C, kv, kv], 2))
        if self.rotary:
            q, k = rotated(q), rotated(k)
        k, v = (t.repeat_interleave(self.heads // self.kv_heads, 1) for t in (k, v))
        y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.attention.out_proj(y.transpose(1, 2).reshape(B, T, C))
        return x + self.mlp["down"](F.gelu(self.mlp["up"](self.norm2(x))))


class Gpt(nn.Module):
    def __init__(self, vocab, context, width, layers, heads, kv_heads, rotary):
        super().__init__()
        self.token = nn.Embedding(vocab, width)
        self.position = None if rotary else nn.Embedding(context, width)
        self.blocks = nn.ModuleList([Block(width, heads, kv_heads, rotary) for _ in range(layers)])
        self.norm = nn.LayerNorm(width)

    def forward(self, ids):
        x = self.token(ids)
        if self.position:
            x = x + self.position(torch.arange(ids.shape[1]))
        for block in self.blocks:
            x = block(x)
        return F.linear(self.norm(x), self.token.weight)


def encoded(path, tokenizer):
    ids = {c: i for i, c in enumerate(tokenizer["vocab"])}
    return torch.tensor([ids[c] for c in path.read_bytes().decode()], dtype=torch.int64)


def rate(step, warm, total, floor=0.1):
    if step < warm:
        return (step + 1) / warm
    done = (step - warm) / (total - warm) if step < total else 1
    return floor + (1 - floor) * (1 + math.cos(math.pi * done)) / 2


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=pathlib.Path)
    parser.add_argument("text", type=pathlib.Path)
    parser.add_argument("--steps", type=int, default=2000)
    arguments = parser.parse_args()

    o = json.loads((arguments.run / "run.json").read_text())[-1]["options"]
    tokenizer = json.loads((arguments.run / "tokenizer.json").read_text())["model"]
    assert o["dropout"] == 0 and tokenizer["type"] == "characters", "only characters, without dropout"
    text = arguments.text.read_bytes()
    ids = encoded(arguments.text, tokenizer)
    cut = len(text) - int(o["validation"] * len(text))
    while text[cut] & 0xC0 == 0x80:
        cut -= 1
    training = len(text[:cut].decode())

    model = Gpt(len(tokenizer["vocab"]), o["context"], o["width"], o["layers"], o["heads"], o["kv-heads"] or o["heads"],
                o["positions"] == "rotary")
    model.load_state_dict(load_file(arguments.run / "checkpoint-000000" / "model.safetensors"))
    names = dict(model.named_parameters())
    decays = [p for n, p in names.items() if not n.endswith("bias") and "norm" not in n]
    others = [p for n, p in names.items() if n.endswith("bias") or "norm" in n]
    optimizer = torch.optim.AdamW([{"params": decays, "weight_decay": o["decay"]}, {"params": others, "weight_decay": 0}],
                                  lr=o["lr"], betas=(0.9, 0.99), fused=True)
    rng, B, T = Rng(o["seed"]), o["batch"], o["context"]

    start = time.perf_counter()
    for step in range(arguments.steps):
        for group in optimizer.param_groups:
            group["lr"] = o["lr"] * rate(step, o["warmup"], arguments.steps)
        optimizer.zero_grad()
        for _ in range(o["accumulate"]):
            begins = [rng.below(training - T) for _ in range(B)]
            x = torch.stack([ids[b:b + T] for b in begins])
            y = torch.stack([ids[b + 1:b + 1 + T] for b in begins])
            loss = F.cross_entropy(model(x).flatten(0, 1), y.flatten()) / o["accumulate"]
            loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        if step % 200 == 199:
            print(f"step {step + 1}  loss {loss.item() * o['accumulate']:.4f}", flush=True)
    seconds = time.perf_counter() - start

    windows = (len(ids) - training - 1) // T
    n = max(1, min(o["eval-tokens"] // T, windows))
    total = 0.0
    with torch.no_grad():
        for i in range(n):
            b = training + i * windows // n * T
            total += F.cross_entropy(model(ids[None, b:b + T])[0], ids[b + 1:b + 1 + T]).item()
    print(f"validation loss {total / n:.6f} over {n} windows, {arguments.steps * o['accumulate'] * B * T / seconds:.0f} tokens per second")


if __name__ == "__main__":
    main()
