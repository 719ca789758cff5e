"""Values, gradients and optimizer steps of PyTorch 2.14 in float64, stored for the parity tests.

usage: python3 tools/parity/reference.py FOLDER           write FOLDER/NAME.safetensors for every case
       python3 tools/parity/reference.py --check FOLDER   compute all anew, print the worst difference to what is stored

Needs Python with torch 2.14 and safetensors. tests/parity/README.md names the keys.
"""

import argparse
import fnmatch
import inspect
import json
import math
import pathlib
import sys
import zlib
from unittest import mock

import torch
import torch.nn.functional as F
import train_gpt
from safetensors import safe_open
from safetensors.torch import save_file
from torch import nn, optim
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence
from torch.optim import lr_scheduler, swa_utils

TOLERANCE = 1e-13  # another CPU or BLAS rounds differently by about 1e-15
normal = torch.randn


def integers(*rows):
    return torch.tensor(rows, dtype=torch.int64)


def may_attend(*rows):
    """Rows of 0 and 1, True = may attend."""
    return torch.tensor(rows, dtype=torch.bool)


def prefixed(prefix, tensors):
    return {f"{prefix}.{name}": tensor for name, tensor in tensors.items()}


def values(tensors):
    """Copies without history."""
    return {name: tensor.detach().clone() for name, tensor in tensors.items()}


def statistics(module):
    return values({name: buffer for name, buffer in module.named_buffers() if name.startswith("running_")})


def randomize(module):
    """Random parameters and running statistics: no bias of zeros, no scale of ones to hide a mistake behind."""
    for parameter in module.parameters():
        nn.init.normal_(parameter, std=0.5)
    for name in statistics(module):
        nn.init.uniform_(getattr(module, name), 0.5, 1.5)
    return module


def record(f, inputs, module=None):
    """Outputs of f(**inputs), and the gradients of all floating inputs and parameters for random output gradients."""
    parameters = dict(module.named_parameters()) if module else {}
    state = statistics(module) if module else {}
    leaves = {**{n: x for n, x in inputs.items() if x.is_floating_point()}, **parameters}
    for leaf in leaves.values():
        leaf.requires_grad_()
    outputs = f(**inputs)
    grad_outputs = {n: torch.randn_like(y) for n, y in outputs.items() if y.requires_grad}
    grads = torch.autograd.grad([outputs[n] for n in grad_outputs], list(leaves.values()), list(grad_outputs.values()))
    return {**prefixed("input", inputs), **prefixed("param", parameters), **prefixed("state", state),
            **prefixed("output", outputs), **prefixed("grad_output", grad_outputs),
            **prefixed("grad", dict(zip(leaves, grads)))}


# Each of these returns the tensors and the settings of a case.


def op(f, settings, **inputs):
    return record(lambda **x: {"y": f(*x.values(), **settings)}, inputs), settings


def functions(fs, **inputs):
    """Several functions of the same inputs, an output each."""
    return record(lambda **x: {name: f(*x.values()) for name, f in fs.items()}, inputs), {}


def elementwise():
    fs = {name: lambda x, y, f=getattr(torch, name): f(x)
          for name in "abs sign floor round square reciprocal exp expm1 sin cos tanh sigmoid erf".split()}
    fs |= {name: lambda x, y, f=getattr(torch, name): f(x.abs()) for name in "log log1p sqrt rsqrt".split()}
    fs |= {name: getattr(torch, name) for name in "atan2 maximum minimum remainder".split()}
    fs |= {name: lambda x, y, f=getattr(F, name): f(x) for name in "relu leaky_relu elu silu softplus".split()}
    return functions({
        **fs,
        "leaky_relu_slope": lambda x, y: F.leaky_relu(x, 0.3),
        "elu_alpha": lambda x, y: F.elu(x, 1.7),
        "gelu_tanh": lambda x, y: F.gelu(x, approximate="tanh"),
        "softplus_beta": lambda x, y: F.softplus(x, 3, 2.5),
        "clamp": lambda x, y: torch.clamp(x, -0.5, 0.7),
        "clamp_tensors": lambda x, y: torch.clamp(x, y - 0.5, y + 0.5),
        "masked_fill": lambda x, y: torch.masked_fill(x, y > 0, 0.5),
        "lerp": lambda x, y: torch.lerp(x, y, 0.3),
        "addcmul": lambda x, y: torch.addcmul(x, x, y, value=-1.5),
    }, x=2 * normal(3, 5), y=2 * normal(3, 5))


def reductions():
    return functions({
        "var": lambda x, z: x.var(),
        "var_dims": lambda x, z: x.var(dim=(0, 2), keepdim=True, correction=0),
        "std": lambda x, z: x.std(dim=1),
        "prod": lambda x, z: z.prod(),
        "prod_dim": lambda x, z: z.prod(dim=-1, keepdim=True),
        "cumsum": lambda x, z: x.cumsum(dim=0),
        "cumprod": lambda x, z: z.cumprod(dim=-1),
        "amax": lambda x, z: z.amax(dim=(0, 1)),
        "amin": lambda x, z: z.amin(),
        "argmin": lambda x, z: z.argmin(dim=-1),
        "count_nonzero": lambda x, z: z.count_nonzero(dim=0),
        "all": lambda x, z: (z != 0).all(dim=-1),
        "any": lambda x, z: (z == 0).any(dim=0),
        **{f"norm_{p}": lambda x, z, p=float(p): torch.linalg.vector_norm(x, p, dim=(0, 1))
           for p in "0 0.5 1 2 3 inf -1 -inf".split()},
        "norm_with_zeros": lambda x, z: torch.linalg.vector_norm(z, 0.5, dim=-1),
    }, x=normal(2, 3, 4), z=torch.tensor([[2, 0, -1, 3], [0, 0, 1, 2], [1, 3, 3, -0.5]], dtype=torch.float64))


def layer(kind, settings, **inputs):
    module = randomize(kind(**settings))
    return record(lambda **x: {"y": module(*x.values())}, inputs, module), settings


def values_and_indices(f, settings, x):
    return record(lambda x: dict(zip(("values", "indices"), f(x, **settings))), {"x": x}), settings


def einsum(equation, *x):
    f = lambda *x, equation: torch.einsum(equation, *x)
    return op(f, {"equation": equation}, **{f"x{i}": t for i, t in enumerate(x)})


def cross_entropy(logits, target):
    """The classes are in the last dimension."""
    return op(lambda x, t: F.cross_entropy(x.flatten(0, -2), t.flatten()), {}, logits=logits, target=target)


def loss(f, settings, x, target):
    """f for every reduction; lists of the settings are tensors without gradients, classes are in the last dimension."""
    options = {name: torch.tensor(v) if isinstance(v, list) else v for name, v in settings.items()}
    reductions = ["mean", "sum", "none"] + ["batchmean"] * (f is F.kl_div)

    def arranged(x):
        return x.movedim(-1, 1) if f in (F.cross_entropy, F.nll_loss) and x.is_floating_point() else x

    def losses(x, target):
        return {r: f(arranged(x), arranged(target), **options, reduction=r) for r in reductions}

    return record(losses, {"x": x, "target": target}), settings


def rope(settings, **inputs):
    """Pairs of columns are complex numbers, multiplied by e^(i angle)."""
    def f(x, positions=None):
        width = settings.get("width", x.shape[-1])
        positions = torch.arange(x.shape[-2]) if positions is None else positions
        frequencies = settings.get("base", 10000.0) ** (-2 * torch.arange(width // 2) / width)
        angles = (positions + settings.get("offset", 0)).unsqueeze(-1) * frequencies
        pairs, rest = x.split([width, x.shape[-1] - width], -1)
        if settings.get("interleaved"):
            z = torch.view_as_complex(pairs.unflatten(-1, (-1, 2)).contiguous())
        else:
            z = torch.complex(*pairs.chunk(2, -1))
        z = z * torch.polar(torch.ones_like(angles), angles)
        turned = torch.view_as_real(z).flatten(-2) if settings.get("interleaved") else torch.cat([z.real, z.imag], -1)
        return {"y": torch.cat([turned, rest], -1)}

    return record(f, inputs), settings


def batch_norm(kind, settings, x, training=True):
    module = randomize(kind(**settings)).train(training)

    def f(x):
        y = module(x)
        return {"y": y, **(statistics(module) if training else {})}

    return record(f, {"x": x}, module), {**settings, "training": training}


def dropout_evaluation(settings, x):
    return op(nn.Dropout(**settings).eval(), {}, x=x)[0], {**settings, "training": False}


class FeedForward(nn.Module):
    def __init__(self, width, hidden, activation, bias=True):
        super().__init__()
        self.up, self.down = nn.Linear(width, hidden, bias), nn.Linear(hidden, width, bias)
        self.gate = nn.Linear(width, hidden, bias) if activation == "swiglu" else None
        self.activation = getattr(F, activation, None)

    def forward(self, x):
        return self.down(F.silu(self.gate(x)) * self.up(x) if self.gate else self.activation(self.up(x)))


def scaled_dot_product_attention(settings, **inputs):
    def f(q, k, v, bias=None, mask=None):
        lengths = q.shape[-2], k.shape[-2]
        if settings.get("causal") == "lower_right":
            mask = torch.ones(lengths, dtype=torch.bool).tril(lengths[1] - lengths[0])
        y = F.scaled_dot_product_attention(q, k, v, bias if mask is None else mask, scale=settings.get("scale"),
                                           is_causal=settings.get("causal") == "upper_left")
        return {"y": y}

    return record(f, inputs), settings


def hidden(may_attend):
    """PyTorch's modules take True = may not attend, or numbers to add."""
    return ~may_attend if may_attend is not None and may_attend.dtype == torch.bool else may_attend


def causal_mask(length):
    return torch.ones(length, length).tril() == 0


def multi_head_attention(causal=False, weights_have_gradients=False, settings={}, **inputs):
    """key defaults to query, value to key."""
    settings = {"embed_dim": 4, "num_heads": 2, "bias": True, **settings}
    module = randomize(nn.MultiheadAttention(**settings, batch_first=True))

    def f(query, key=None, value=None, key_mask=None, mask=None, bias=None):
        key = query if key is None else key
        value = key if value is None else value
        masks = {"key_padding_mask": hidden(key_mask),
                 "attn_mask": causal_mask(query.shape[1]) if causal else hidden(mask) if bias is None else bias}
        y, weights_per_head = module(query, key, value, **masks, average_attn_weights=False)
        _, weights = module(query, key, value, **masks, average_attn_weights=True)
        returned = {"weights": weights, "weights_per_head": weights_per_head}
        return {"y": y, **(returned if weights_have_gradients else values(returned))}

    return record(f, inputs, module), {**settings, "causal": causal}


SMALL = {"d_model": 4, "nhead": 2, "dim_feedforward": 5, "dropout": 0.3, "batch_first": True}


def transformer_settings(activation="relu", norm_first=False, bias=True, layer_norm_eps=1e-5):
    return {"activation": activation, "norm_first": norm_first, "bias": bias, "layer_norm_eps": layer_norm_eps}


def transformer_encoder(settings={}, num_layers=0, causal=False, **inputs):
    """A layer, or some and a norm."""
    settings = transformer_settings(**settings)
    module = nn.TransformerEncoderLayer(**SMALL, **settings)
    if num_layers:
        module = nn.TransformerEncoder(module, num_layers, nn.LayerNorm(4), enable_nested_tensor=False)
    randomize(module.eval())

    def f(x, mask=None, key_mask=None):
        mask = causal_mask(x.shape[1]) if causal else hidden(mask)
        return {"y": module(x, mask, src_key_padding_mask=hidden(key_mask))}

    return record(f, inputs, module), {**SMALL, **settings, "num_layers": num_layers, "causal": causal}


def transformer_decoder(settings={}, num_layers=0, causal=False, **inputs):
    settings = transformer_settings(**settings)
    module = nn.TransformerDecoderLayer(**SMALL, **settings)
    if num_layers:
        module = nn.TransformerDecoder(module, num_layers, nn.LayerNorm(4))
    randomize(module.eval())

    def f(x, memory, key_mask=None, memory_mask=None, memory_key_mask=None):
        y = module(x, memory, causal_mask(x.shape[1]) if causal else None, hidden(memory_mask),
                   tgt_key_padding_mask=hidden(key_mask), memory_key_padding_mask=hidden(memory_key_mask))
        return {"y": y}

    return record(f, inputs, module), {**SMALL, **settings, "num_layers": num_layers, "causal": causal}


def transformer(settings={}, **inputs):
    """Causal in the target; padding of the source is hidden from the memory's readers, too."""
    settings = {**transformer_settings(**settings), "num_encoder_layers": 2, "num_decoder_layers": 1}
    module = randomize(nn.Transformer(**SMALL, **settings).eval())

    def f(source, target, source_key_mask, target_key_mask):
        y = module(source, target, tgt_mask=causal_mask(target.shape[1]), src_key_padding_mask=~source_key_mask,
                   tgt_key_padding_mask=~target_key_mask, memory_key_padding_mask=~source_key_mask)
        return {"y": y}

    return record(f, inputs, module), {**SMALL, **settings}


def gpt(settings, **inputs):
    module = randomize(train_gpt.Gpt(**settings))
    return record(lambda ids: {"y": module(ids)}, inputs, module), settings


def cell(kind, settings, **inputs):
    """One step of an RNN or a GRU."""
    module = randomize(kind(**settings))
    return record(lambda x, h: {"h_next": module(x, h)}, inputs, module), settings


def lstm_cell(settings, **inputs):
    module = randomize(nn.LSTMCell(**settings))
    return record(lambda x, h, c: dict(zip(("h_next", "c_next"), module(x, (h, c)))), inputs, module), settings


def recurrent(kind, settings, **inputs):
    """Padded outputs are zero, the final states are those of each row's last step."""
    settings = {"num_layers": 1, "bidirectional": False, **settings}
    module = randomize(kind(**settings, batch_first=True))

    def f(x, h0=None, c0=None, lengths=None):
        packed = x if lengths is None else pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)
        y, last = module(packed, h0 if c0 is None else (h0, c0))
        if lengths is not None:
            y, _ = pad_packed_sequence(y, batch_first=True, total_length=x.shape[1])
        return {"y": y, **dict(zip(("h_n", "c_n"), last if kind is nn.LSTM else (last,)))}

    return record(f, inputs, module), settings


def lstm(settings, **inputs):
    return recurrent(nn.LSTM, settings, **inputs)


def learning_rates(schedule, steps):
    """What PyTorch's schedule makes of a learning rate of 1."""
    optimizer = optim.SGD([nn.Parameter(torch.zeros(1))], lr=1.0)
    scheduler = schedule(optimizer)
    rates = []
    for _ in range(steps):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    return torch.tensor(rates)


def after_warmup(optimizer, warmup, scheduler):
    parts = [lr_scheduler.LinearLR(optimizer, start_factor=1 / warmup, total_iters=warmup - 1), scheduler]
    return lr_scheduler.SequentialLR(optimizer, parts, milestones=[warmup])


def cosine_with_warmup(optimizer, warmup, total):
    return after_warmup(optimizer, warmup, lr_scheduler.CosineAnnealingLR(optimizer, T_max=total - warmup))


def linear_with_warmup(optimizer, warmup, total, floor):
    line = lr_scheduler.LinearLR(optimizer, start_factor=1.0, end_factor=floor, total_iters=total - warmup)
    return after_warmup(optimizer, warmup, line)


def noam(width, warmup):
    """Vaswani et al. 2017, equation 3."""
    return lambda step: width**-0.5 * min((step + 1) ** -0.5, (step + 1) * warmup**-1.5)


def schedules(warmup=5, total=50):
    """Element s is the factor of step s, s = 0 ... total, or ... total - 1 for the one-cycle schedules."""
    kinds = {"constant": lambda o: lr_scheduler.ConstantLR(o, factor=1.0),
             "warmup": lambda o: lr_scheduler.LinearLR(o, start_factor=1 / warmup, total_iters=warmup - 1),
             "linear": lambda o: linear_with_warmup(o, warmup, total, 0.1),
             "cosine": lambda o: lr_scheduler.CosineAnnealingLR(o, T_max=total),
             "cosine_with_warmup": lambda o: cosine_with_warmup(o, warmup, total),
             "cosine_restarts": lambda o: lr_scheduler.CosineAnnealingWarmRestarts(o, T_0=8),
             "cosine_restarts_longer": lambda o: lr_scheduler.CosineAnnealingWarmRestarts(o, 3, 2, eta_min=0.1),
             "step": lambda o: lr_scheduler.StepLR(o, step_size=7),
             "step_gamma": lambda o: lr_scheduler.StepLR(o, step_size=7, gamma=0.5),
             "multi_step": lambda o: lr_scheduler.MultiStepLR(o, milestones=[4, 20, 20, 31]),
             "multi_step_gamma": lambda o: lr_scheduler.MultiStepLR(o, milestones=[4, 20], gamma=0.5),
             "exponential": lambda o: lr_scheduler.ExponentialLR(o, gamma=0.9),
             "polynomial": lambda o: lr_scheduler.PolynomialLR(o, total_iters=40),
             "polynomial_power": lambda o: lr_scheduler.PolynomialLR(o, total_iters=40, power=2.5),
             "noam": lambda o: lr_scheduler.LambdaLR(o, noam(64, 10))}
    cycles = {"one_cycle": {}, "one_cycle_factors": {"pct_start": 0.45, "div_factor": 10, "final_div_factor": 50}}
    factors = {name: learning_rates(schedule, total + 1) for name, schedule in kinds.items()}
    for name, how in cycles.items():
        factors[name] = learning_rates(
            lambda o: lr_scheduler.OneCycleLR(o, max_lr=1.0, total_steps=total, cycle_momentum=False, **how), total)
    return prefixed("output", factors), {"warmup": warmup, "total": total}


def plateau(settings):
    """output.factors[i] is the factor after the first i + 1 of input.losses."""
    losses = torch.rand(60) / 2 + torch.linspace(2, 1, 60)
    losses = losses.flip(0) if settings.get("mode") == "max" else losses
    optimizer = optim.SGD([nn.Parameter(torch.zeros(1))], lr=1.0)
    scheduler = lr_scheduler.ReduceLROnPlateau(optimizer, **settings)
    factors = []
    for loss in losses:
        scheduler.step(loss)
        factors.append(optimizer.param_groups[0]["lr"])
    used = ("mode", "factor", "patience", "threshold", "threshold_mode", "cooldown")
    return ({"input.losses": losses, "output.factors": torch.tensor(factors)},
            {**{name: getattr(scheduler, name) for name in used}, "min_lr": scheduler.min_lrs[0]})


def clip_grad_norm(max_norm):
    gradients = {"a": normal(3, 4), "b": normal(5)}
    leaves = {name: nn.Parameter(torch.zeros_like(g)) for name, g in gradients.items()}
    for name, leaf in leaves.items():
        leaf.grad = gradients[name].clone()
    norm = nn.utils.clip_grad_norm_(leaves.values(), max_norm)
    clipped = {name: leaf.grad for name, leaf in leaves.items()}
    return {**prefixed("input", gradients), "output.norm": norm, **prefixed("output", clipped)}, {"max_norm": max_norm}


def clip_grad_value(clip_value):
    leaf = nn.Parameter(torch.zeros(3, 4))
    leaf.grad = normal(3, 4)
    gradient = leaf.grad.clone()
    nn.utils.clip_grad_value_([leaf], clip_value)
    return {"input.a": gradient, "output.a": leaf.grad}, {"clip_value": clip_value}


def warm_average(decay):
    """TensorFlow's num_updates."""
    return lambda average, value, n: average.lerp(value, 1 - min(decay, (1 + int(n)) / (10 + int(n))))


def ema(decay, warmup):
    """output.average[i] is the average of the first i + 1 of input.values."""
    model = nn.ParameterList([nn.Parameter(torch.zeros(3))])
    average = swa_utils.AveragedModel(model, avg_fn=warm_average(decay) if warmup else swa_utils.get_ema_avg_fn(decay))
    parameters, averages = normal(20, 3), []
    for value in parameters:
        model[0].data.copy_(value)
        average.update_parameters(model)
        averages.append(average.module[0].detach().clone())
    return ({"input.values": parameters, "output.average": torch.stack(averages)}, {"decay": decay, "warmup": warmup})


class Perceptron(nn.Module):
    def __init__(self):
        super().__init__()
        self.up, self.down = nn.Linear(3, 4), nn.Linear(4, 2)

    def forward(self, x):
        return self.down(torch.tanh(self.up(x)))


class Lion(optim.Optimizer):
    """Chen et al. 2023, algorithm 2."""

    def __init__(self, params, lr=1e-4, betas=(0.9, 0.99), weight_decay=0.0):
        super().__init__(params, {"lr": lr, "betas": betas, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            beta1, beta2 = group["betas"]
            for p in group["params"]:
                m = self.state[p].setdefault("exp_avg", torch.zeros_like(p))
                update = beta1 * m + (1 - beta1) * p.grad
                p -= group["lr"] * (torch.sign(update) + group["weight_decay"] * p)
                m.copy_(beta2 * m + (1 - beta2) * p.grad)


class Muon(optim.Muon):
    """PyTorch's, iterating in the type of the parameter and not in bfloat16."""

    def step(self):
        with mock.patch.object(torch.Tensor, "bfloat16", torch.Tensor.clone):
            super().step()


def grouped(kind, named_parameters, settings, groups):
    """kind(...) with PyTorch's parameter groups: the first pattern that matches a name is its group, lr is a factor."""
    lr = settings.get("lr", inspect.signature(kind).parameters["lr"].default)
    patterns = [group["pattern"] for group in groups]
    parts = [{**group, "lr": lr * group.get("lr", 1), "params": []} for group in groups] + [{"params": []}]
    for name, parameter in named_parameters:
        place = next((i for i, pattern in enumerate(patterns) if fnmatch.fnmatchcase(name, pattern)), -1)
        parts[place]["params"].append(parameter)
    return kind([{k: v for k, v in part.items() if k != "pattern"} for part in parts if part["params"]], **settings)


USED_SETTINGS = {optim.SGD: ("lr", "momentum", "nesterov", "weight_decay"),
                 optim.Adagrad: ("lr", "lr_decay", "weight_decay", "initial_accumulator_value", "eps"),
                 optim.RMSprop: ("lr", "alpha", "eps", "weight_decay", "momentum", "centered"),
                 optim.Adadelta: ("lr", "rho", "eps", "weight_decay"),
                 optim.Adam: ("lr", "betas", "eps", "weight_decay", "amsgrad"),
                 optim.AdamW: ("lr", "betas", "eps", "weight_decay", "amsgrad"),
                 optim.Adamax: ("lr", "betas", "eps", "weight_decay"),
                 Lion: ("lr", "betas", "weight_decay"),
                 Muon: ("lr", "weight_decay", "momentum", "nesterov", "ns_coefficients", "eps", "ns_steps",
                        "adjust_lr_fn")}


def used_settings(optimizer, groups):
    return {**{name: optimizer.defaults[name] for name in USED_SETTINGS[type(optimizer)]}, "groups": groups}


def train(kind, settings, groups=(), others=None, schedule=None, steps=50):
    """Steps on loss = mean((down(tanh(up(x))) - target)^2) / 2; output.loss[s] is the loss before step s + 1.

    others are the settings of the AdamW that steps the biases.
    """
    x, target, model = normal(6, 3), normal(6, 2), randomize(Perceptron())
    named = list(model.named_parameters())
    taken = [(name, p) for name, p in named if others is None or p.ndim == 2]
    optimizer = grouped(kind, taken, settings, groups)
    second = None if others is None else optim.AdamW([p for _, p in named if p.ndim != 2], **others)
    scheduler = schedule(optimizer) if schedule else None
    tensors = {"input.x": x, "input.target": target, **prefixed("param", values(model.state_dict()))}
    if schedule:
        tensors["input.factors"] = learning_rates(schedule, steps)
    losses = []
    for step in range(1, steps + 1):
        model.zero_grad()
        loss = F.mse_loss(model(x), target) / 2
        loss.backward()
        if step == 1:
            tensors |= prefixed("grad", values({name: p.grad for name, p in model.named_parameters()}))
        optimizer.step()
        if second:
            second.step()
        if scheduler:
            scheduler.step()
        losses.append(loss.item())
        if step in (1, 2, 5, steps):
            tensors |= prefixed(f"step_{step}", values(model.state_dict()))
    used = used_settings(optimizer, groups)
    if second:
        used["others"] = used_settings(second, ())
    return {**tensors, "output.loss": torch.tensor(losses)}, used


# No decay for biases, a third of the rate and another decay for a layer.
GROUPS = ({"pattern": "*.bias", "weight_decay": 0.0}, {"pattern": "up.*", "lr": 0.3, "weight_decay": 0.2})

CLASS_WEIGHTS = [0.5, 1.0, 2.0, 0.3, 1.7]
SOME_CLASSES = integers([4, 0, 2], [2, 3, 1])
HALVES = torch.arange(12.0, dtype=torch.float64).reshape(3, 4) / 4 - 0.5  # distances of 0, 0.5 and 1 from 1: corners

CASES = {
    # ops
    "relu": lambda: op(F.relu, {}, x=normal(3, 5)),
    "gelu": lambda: op(F.gelu, {}, x=4 * normal(3, 5)),
    "elementwise": elementwise,
    "reductions": reductions,
    "logsumexp": lambda: op(torch.logsumexp, {"dim": -1}, x=3 * normal(2, 3, 5)),
    "topk": lambda: values_and_indices(torch.topk, {"k": 2, "dim": -1}, normal(3, 5)),
    "sort": lambda: values_and_indices(torch.sort, {"dim": -1, "descending": False, "stable": True}, normal(3, 5)),
    "sort_descending_equals": lambda: values_and_indices(
        torch.sort, {"dim": 0, "descending": True, "stable": True}, torch.floor(3 * torch.rand(8, 3))),
    "pad": lambda: op(F.pad, {"pad": [1, 2, 0, 3], "value": 0.5}, x=normal(2, 3, 2)),
    "pad_cropped": lambda: op(F.pad, {"pad": [-1, 2, 1, -2], "value": 0}, x=normal(2, 3, 4)),
    "unfold": lambda: op(torch.Tensor.unfold, {"dimension": 1, "size": 3, "step": 2}, x=normal(2, 8, 3)),
    "diagonal": lambda: op(torch.diagonal, {"offset": 1, "dim1": -1, "dim2": 0}, x=normal(4, 2, 3)),
    "diagonal_below": lambda: op(torch.diagonal, {"offset": -1, "dim1": 0, "dim2": 1}, x=normal(4, 3, 2)),
    "movedim": lambda: op(torch.movedim, {"source": [0, -1], "destination": [-2, 0]}, x=normal(2, 3, 4, 5)),
    "roll": lambda: op(torch.roll, {"shifts": -2, "dims": 1}, x=normal(2, 5)),
    "repeat": lambda: op(lambda x, counts: x.repeat(counts), {"counts": [2, 3, 2]}, x=normal(3, 2)),
    "repeat_interleave": lambda: op(torch.repeat_interleave, {"repeats": 3, "dim": 0}, x=normal(3, 2)),
    "index_one": lambda: op(lambda x, i: x[:, i], {}, x=normal(2, 4, 3), i=integers([3, 0, -1], [1, 1, 2])),
    "index_beside": lambda: op(
        lambda x, i, j: x[1:, i, j, 1], {}, x=normal(3, 2, 3, 2), i=integers([0, -1, 1]), j=integers([2], [0])),
    "index_apart": lambda: op(
        lambda x, i, j: x[:, i, :, j], {}, x=normal(2, 3, 2, 3), i=integers([0, -1, 1]), j=integers([2], [0])),
    "index_number_between": lambda: op(
        lambda x, i, j: x[:, i, 1, j], {}, x=normal(2, 3, 2, 3), i=integers([0, -1, 1]), j=integers([2], [0])),
    "index_mask": lambda: op(
        lambda x, mask: x[:, mask], {}, x=normal(2, 2, 3, 2), mask=integers([1, 0, 1], [0, 1, 1]) == 1),
    "index_mask_beside": lambda: op(
        lambda x, mask, i: x[mask, 1:, i], {}, x=normal(3, 2, 3), mask=integers(1, 0, 1) == 1, i=integers(2, 0)),
    "scatter": lambda: op(
        lambda x, index, src, dim: x.scatter(dim, index, src), {"dim": 1},
        x=normal(2, 4), index=integers([2, 0, 3], [1, 2, 0]), src=normal(2, 3)),
    "index_add": lambda: op(
        lambda x, index, src, dim, alpha: x.index_add(dim, index, src, alpha=alpha), {"dim": 1, "alpha": -0.5},
        x=normal(2, 3, 2), index=integers(2, 0, 2, 1), src=normal(2, 4, 2)),
    "take_along_dim": lambda: op(
        torch.take_along_dim, {"dim": 1}, x=normal(1, 4, 3), index=integers([[2], [0]], [[1], [1]])),
    "einsum_attention": lambda: einsum("bthd,bshd->bhts", normal(2, 3, 2, 4), normal(2, 5, 2, 4)),
    "einsum_bilinear": lambda: einsum("bn,anm,bm->ba", normal(2, 3), normal(5, 3, 4), normal(2, 4)),
    "einsum_diagonals": lambda: einsum("iij,jkk->ik", normal(3, 3, 2), normal(2, 4, 4)),
    "einsum_dots": lambda: einsum("i...j,j...->...i", normal(2, 3, 1, 4), normal(4, 5)),
    "einsum_dots_summed": lambda: einsum("...ij,jk->ik", normal(2, 3, 4), normal(4, 5)),
    "einsum_implied": lambda: einsum("ba,Cbd,d", normal(2, 3), normal(4, 2, 5), normal(5)),
    "einsum_stretched": lambda: einsum("ij,jk->k", normal(3, 1), normal(4, 5)),
    "softmax": lambda: op(F.softmax, {"dim": -1}, x=3 * normal(2, 3, 5)),
    "softmax_dim_1": lambda: op(F.softmax, {"dim": 1}, x=3 * normal(2, 3, 5)),
    "log_softmax": lambda: op(F.log_softmax, {"dim": -1}, x=3 * normal(2, 3, 5)),
    "cross_entropy": lambda: cross_entropy(3 * normal(2, 3, 5), integers([4, 0, 2], [2, 2, 1])),
    "cross_entropy_weight": lambda: loss(
        F.cross_entropy, {"weight": CLASS_WEIGHTS, "ignore_index": 2}, 3 * normal(2, 3, 5), SOME_CLASSES),
    "cross_entropy_smoothing": lambda: loss(
        F.cross_entropy, {"label_smoothing": 0.1}, 3 * normal(2, 3, 5), SOME_CLASSES),
    "cross_entropy_everything": lambda: loss(
        F.cross_entropy, {"weight": CLASS_WEIGHTS, "ignore_index": 2, "label_smoothing": 0.1},
        3 * normal(2, 3, 5), SOME_CLASSES),
    "cross_entropy_probabilities": lambda: loss(
        F.cross_entropy, {}, 3 * normal(2, 3, 5), normal(2, 3, 5).softmax(-1)),
    "cross_entropy_probabilities_everything": lambda: loss(
        F.cross_entropy, {"weight": CLASS_WEIGHTS, "label_smoothing": 0.1},
        3 * normal(2, 3, 5), normal(2, 3, 5).softmax(-1)),
    "nll_loss": lambda: loss(F.nll_loss, {}, normal(2, 3, 5), SOME_CLASSES),
    "nll_loss_everything": lambda: loss(
        F.nll_loss, {"weight": CLASS_WEIGHTS, "ignore_index": 2}, normal(2, 3, 5), SOME_CLASSES),
    "binary_cross_entropy_with_logits": lambda: loss(
        F.binary_cross_entropy_with_logits, {}, 10 * normal(3, 4), torch.rand(3, 4)),
    "binary_cross_entropy_with_logits_everything": lambda: loss(
        F.binary_cross_entropy_with_logits, {"weight": [[0.5], [1.5], [2.0]], "pos_weight": [0.3, 1.0, 2.5, 4.0]},
        torch.cat([normal(2, 4), torch.zeros(1, 4)]), torch.rand(3, 4)),
    "mse_loss": lambda: loss(F.mse_loss, {}, normal(3, 4), normal(3, 4)),
    "l1_loss": lambda: loss(F.l1_loss, {}, HALVES, torch.ones(3, 4)),
    "huber_loss": lambda: loss(F.huber_loss, {}, 2 * normal(3, 4), normal(3, 4)),
    "huber_loss_delta": lambda: loss(F.huber_loss, {"delta": 0.5}, HALVES, torch.ones(3, 4)),
    "kl_div": lambda: loss(F.kl_div, {}, normal(3, 4).log_softmax(-1), normal(3, 4).softmax(-1)),
    "kl_div_log_target": lambda: loss(
        F.kl_div, {"log_target": True}, normal(3, 4).log_softmax(-1), normal(3, 4).log_softmax(-1)),
    "cosine_similarity": lambda: op(F.cosine_similarity, {"dim": 1, "eps": 1e-8}, a=normal(3, 4), b=normal(3, 4)),
    "cosine_similarity_broadcast": lambda: op(
        F.cosine_similarity, {"dim": 0, "eps": 0.01}, a=normal(3, 4), b=normal(2, 3, 1)),
    "rms_norm_no_affine": lambda: op(F.rms_norm, {"normalized_shape": [5]}, x=normal(2, 3, 5)),
    "rms_norm": lambda: op(lambda x, weight, **s: F.rms_norm(x, [5], weight, **s), {"eps": 0.1},
                           x=normal(2, 3, 5), weight=normal(5)),
    "group_norm": lambda: op(
        lambda x, weight, bias, num_groups, eps: F.group_norm(x, num_groups, weight, bias, eps),
        {"num_groups": 2, "eps": 0.1}, x=normal(2, 6, 3, 2), weight=normal(6), bias=normal(6)),
    "group_norm_no_affine": lambda: op(F.group_norm, {"num_groups": 3, "eps": 1e-5}, x=normal(4, 6)),
    "glu": lambda: op(F.glu, {"dim": 1}, x=normal(2, 6, 3)),
    "swiglu": lambda: op(lambda gate, x: F.silu(gate) * x, {}, gate=normal(3, 5), x=normal(3, 5)),
    "conv1d": lambda: op(F.conv1d, {}, x=normal(2, 3, 7), weight=normal(4, 3, 3)),
    "conv1d_everything": lambda: op(
        F.conv1d, {"stride": 2, "padding": 3, "dilation": 2, "groups": 2},
        x=normal(2, 4, 7), weight=normal(6, 2, 3), bias=normal(6)),
    "conv2d": lambda: op(F.conv2d, {}, x=normal(2, 3, 5, 6), weight=normal(4, 3, 3, 2)),
    "conv2d_everything": lambda: op(
        F.conv2d, {"stride": [1, 2], "padding": [2, 1], "dilation": [2, 1], "groups": 2},
        x=normal(2, 4, 5, 6), weight=normal(6, 2, 3, 2), bias=normal(6)),
    "conv2d_depthwise": lambda: op(
        F.conv2d, {"padding": [1, 1], "groups": 3}, x=normal(2, 3, 5, 6), weight=normal(6, 1, 3, 3)),
    "max_pool2d": lambda: op(F.max_pool2d, {"kernel_size": [2, 2]}, x=normal(2, 3, 5, 4)),
    "max_pool2d_everything": lambda: op(
        F.max_pool2d,
        {"kernel_size": [3, 2], "stride": [2, 1], "padding": [1, 1], "dilation": [1, 2], "ceil_mode": True},
        x=normal(2, 4, 6)),
    "max_pool2d_ties": lambda: op(
        F.max_pool2d, {"kernel_size": [2, 3], "stride": [1, 1]}, x=torch.randint(0, 3, (2, 6, 6)).double()),
    "avg_pool2d": lambda: op(F.avg_pool2d, {"kernel_size": [2, 2]}, x=normal(2, 3, 5, 4)),
    "avg_pool2d_ceil": lambda: op(
        F.avg_pool2d, {"kernel_size": [2, 3], "stride": [2, 3], "padding": [1, 1], "ceil_mode": True},
        x=normal(2, 5, 7)),
    "avg_pool2d_exclude_pad": lambda: op(
        F.avg_pool2d, {"kernel_size": [3, 2], "stride": [2, 2], "padding": [1, 1], "ceil_mode": True,
                       "count_include_pad": False}, x=normal(2, 6, 5)),
    "adaptive_avg_pool2d": lambda: op(F.adaptive_avg_pool2d, {"output_size": [3, 2]}, x=normal(2, 3, 5, 4)),
    "adaptive_avg_pool2d_finer": lambda: op(F.adaptive_avg_pool2d, {"output_size": [7, 1]}, x=normal(2, 5, 4)),
    "rope": lambda: rope({}, x=normal(2, 3, 6)),
    "rope_interleaved": lambda: rope({"interleaved": True, "base": 100.0, "offset": 5}, x=normal(2, 3, 6)),
    "rope_positions": lambda: rope(
        {"width": 4}, x=normal(2, 2, 3, 7), positions=integers([0, 3, 1000], [2, 1, 65535]).unsqueeze(1)),
    "rope_interleaved_positions": lambda: rope(
        {"interleaved": True, "width": 4}, x=normal(2, 3, 7), positions=integers(3, 1, 4)),
    "layer_norm_no_affine": lambda: op(F.layer_norm, {"normalized_shape": [5]}, x=normal(2, 3, 5)),
    "scaled_dot_product_attention": lambda: scaled_dot_product_attention(
        {}, q=normal(2, 2, 3, 4), k=normal(2, 2, 3, 4), v=normal(2, 2, 3, 5)),
    "scaled_dot_product_attention_lengths": lambda: scaled_dot_product_attention(
        {}, q=normal(2, 2, 2, 4), k=normal(2, 2, 5, 4), v=normal(2, 2, 5, 3)),
    "scaled_dot_product_attention_scale": lambda: scaled_dot_product_attention(
        {"scale": 0.3}, q=normal(2, 2, 3, 4), k=normal(2, 2, 3, 4), v=normal(2, 2, 3, 4)),
    "scaled_dot_product_attention_bias": lambda: scaled_dot_product_attention(
        {}, q=normal(2, 2, 3, 4), k=normal(2, 2, 5, 4), v=normal(2, 2, 5, 4), bias=normal(2, 2, 3, 5)),
    "scaled_dot_product_attention_bias_broadcast": lambda: scaled_dot_product_attention(
        {}, q=normal(2, 2, 3, 4), k=normal(2, 2, 5, 4), v=normal(2, 2, 5, 4), bias=normal(3, 5)),
    "scaled_dot_product_attention_mask": lambda: scaled_dot_product_attention(
        {}, q=normal(2, 2, 3, 4), k=normal(2, 2, 5, 4), v=normal(2, 2, 5, 4),
        mask=may_attend([1, 0, 1, 1, 0], [0, 0, 0, 1, 0], [1, 1, 1, 1, 1])),
    "scaled_dot_product_attention_fully_masked": lambda: scaled_dot_product_attention(
        {}, q=normal(2, 2, 3, 4), k=normal(2, 2, 3, 4), v=normal(2, 2, 3, 4),
        mask=may_attend([1, 0, 1], [0, 0, 0], [0, 1, 1])),
    "scaled_dot_product_attention_causal": lambda: scaled_dot_product_attention(
        {"causal": "upper_left"}, q=normal(2, 2, 4, 3), k=normal(2, 2, 4, 3), v=normal(2, 2, 4, 3)),
    "scaled_dot_product_attention_causal_upper_left": lambda: scaled_dot_product_attention(
        {"causal": "upper_left"}, q=normal(2, 2, 3, 4), k=normal(2, 2, 5, 4), v=normal(2, 2, 5, 4)),
    "scaled_dot_product_attention_causal_lower_right": lambda: scaled_dot_product_attention(
        {"causal": "lower_right"}, q=normal(2, 2, 3, 4), k=normal(2, 2, 5, 4), v=normal(2, 2, 5, 4)),
    # modules
    "linear": lambda: layer(nn.Linear, {"in_features": 3, "out_features": 4, "bias": True}, x=normal(2, 5, 3)),
    "linear_no_bias": lambda: layer(nn.Linear, {"in_features": 3, "out_features": 4, "bias": False}, x=normal(5, 3)),
    "bilinear": lambda: layer(nn.Bilinear, {"in1_features": 3, "in2_features": 4, "out_features": 5},
                              x1=normal(2, 6, 3), x2=normal(2, 6, 4)),
    "embedding": lambda: layer(nn.Embedding, {"num_embeddings": 5, "embedding_dim": 3},
                               index=integers([1, 3, 1, 0], [4, 1, 0, 1])),
    "layer_norm": lambda: layer(nn.LayerNorm, {"normalized_shape": 5, "eps": 1e-5}, x=normal(2, 3, 5)),
    "dropout_evaluation": lambda: dropout_evaluation({"p": 0.5}, normal(3, 5)),
    "feed_forward_relu": lambda: layer(FeedForward, {"width": 3, "hidden": 5, "activation": "relu"}, x=normal(2, 4, 3)),
    "feed_forward_gelu": lambda: layer(FeedForward, {"width": 3, "hidden": 5, "activation": "gelu"}, x=normal(2, 4, 3)),
    "rms_norm_module": lambda: layer(nn.RMSNorm, {"normalized_shape": 5, "eps": None}, x=normal(2, 3, 5)),
    "rms_norm_module_eps": lambda: layer(nn.RMSNorm, {"normalized_shape": 5, "eps": 0.1}, x=normal(2, 3, 5)),
    "group_norm_module": lambda: layer(
        nn.GroupNorm, {"num_groups": 2, "num_channels": 6, "eps": 1e-3}, x=normal(2, 6, 3, 4)),
    "conv1d_module": lambda: layer(
        nn.Conv1d, {"in_channels": 4, "out_channels": 6, "kernel_size": 3, "stride": 2, "padding": 1, "dilation": 2,
                    "groups": 2, "bias": True}, x=normal(2, 4, 9)),
    "conv2d_module": lambda: layer(
        nn.Conv2d, {"in_channels": 4, "out_channels": 6, "kernel_size": (3, 2), "stride": (1, 2), "padding": (2, 1),
                    "dilation": (2, 1), "groups": 2, "bias": True}, x=normal(2, 4, 5, 6)),
    "conv2d_module_no_bias": lambda: layer(
        nn.Conv2d, {"in_channels": 3, "out_channels": 4, "kernel_size": (3, 3), "stride": (1, 1), "padding": (1, 1),
                    "dilation": (1, 1), "groups": 1, "bias": False}, x=normal(2, 3, 4, 5)),
    "feed_forward_swiglu": lambda: layer(
        FeedForward, {"width": 3, "hidden": 5, "activation": "swiglu", "bias": False}, x=normal(2, 4, 3)),
    "batch_norm_1d_length": lambda: batch_norm(
        nn.BatchNorm1d, {"num_features": 3, "eps": 1e-3, "momentum": 0.2}, normal(5, 3, 4)),
    "batch_norm_1d_evaluation": lambda: batch_norm(
        nn.BatchNorm1d, {"num_features": 3, "eps": 1e-5, "momentum": 0.1}, normal(5, 3), training=False),
    "batch_norm_1d": lambda: batch_norm(
        nn.BatchNorm1d, {"num_features": 3, "eps": 1e-5, "momentum": 0.1}, normal(5, 3)),
    "batch_norm_2d": lambda: batch_norm(
        nn.BatchNorm2d, {"num_features": 3, "eps": 1e-5, "momentum": 0.1}, normal(2, 3, 4, 2)),
    "batch_norm_2d_evaluation": lambda: batch_norm(
        nn.BatchNorm2d, {"num_features": 3, "eps": 1e-5, "momentum": 0.1}, normal(2, 3, 4, 2), training=False),
    "multi_head_attention_self": lambda: multi_head_attention(query=normal(2, 3, 4)),
    "multi_head_attention_no_bias": lambda: multi_head_attention(settings={"bias": False}, query=normal(2, 3, 4)),
    "multi_head_attention_cross": lambda: multi_head_attention(query=normal(2, 3, 4), key=normal(2, 5, 4)),
    "multi_head_attention_query_key_value": lambda: multi_head_attention(
        query=normal(2, 3, 4), key=normal(2, 5, 4), value=normal(2, 5, 4)),
    "multi_head_attention_causal": lambda: multi_head_attention(causal=True, query=normal(2, 4, 4)),
    "multi_head_attention_key_mask": lambda: multi_head_attention(
        query=normal(2, 3, 4), key=normal(2, 5, 4), key_mask=may_attend([1, 1, 1, 0, 0], [0, 1, 0, 1, 1])),
    "multi_head_attention_causal_key_mask": lambda: multi_head_attention(
        causal=True, query=normal(2, 4, 4), key_mask=may_attend([1, 1, 0, 0], [1, 1, 1, 0])),
    "multi_head_attention_weight_gradients": lambda: multi_head_attention(
        weights_have_gradients=True, query=normal(2, 3, 4), key=normal(2, 5, 4)),
    "multi_head_attention_mask": lambda: multi_head_attention(
        query=normal(2, 3, 4), key=normal(2, 5, 4),
        mask=may_attend([1, 0, 1, 1, 0], [0, 0, 0, 1, 0], [1, 1, 1, 1, 1])),
    "multi_head_attention_bias": lambda: multi_head_attention(
        query=normal(2, 3, 4), key=normal(2, 5, 4), bias=normal(3, 5)),
    "multi_head_attention_kdim_vdim": lambda: multi_head_attention(
        settings={"kdim": 3, "vdim": 6}, query=normal(2, 3, 4), key=normal(2, 5, 3), value=normal(2, 5, 6)),
    "multi_head_attention_kdim_no_bias": lambda: multi_head_attention(
        settings={"kdim": 3, "bias": False}, query=normal(2, 3, 4), key=normal(2, 5, 3), value=normal(2, 5, 4)),
    "transformer_encoder_layer": lambda: transformer_encoder(x=normal(2, 3, 4)),
    "transformer_encoder_layer_pre_norm": lambda: transformer_encoder(
        {"norm_first": True, "activation": "gelu", "layer_norm_eps": 1e-3}, x=normal(2, 3, 4)),
    "transformer_encoder_layer_no_bias": lambda: transformer_encoder({"bias": False}, x=normal(2, 3, 4)),
    "transformer_encoder_layer_masks": lambda: transformer_encoder(
        x=normal(2, 3, 4), mask=may_attend([1, 0, 1], [1, 1, 0], [1, 1, 1]), key_mask=may_attend([1, 1, 1], [1, 1, 0])),
    "transformer_encoder": lambda: transformer_encoder(
        num_layers=2, causal=True, x=normal(2, 4, 4), key_mask=may_attend([1, 1, 1, 1], [1, 1, 1, 0])),
    "transformer_encoder_pre_norm": lambda: transformer_encoder(
        {"norm_first": True}, num_layers=2, x=normal(2, 4, 4), key_mask=may_attend([1, 1, 0, 1], [1, 0, 0, 0])),
    "transformer_decoder_layer": lambda: transformer_decoder(x=normal(2, 3, 4), memory=normal(2, 5, 4)),
    "transformer_decoder_layer_pre_norm": lambda: transformer_decoder(
        {"norm_first": True, "activation": "gelu"}, x=normal(2, 3, 4), memory=normal(2, 5, 4)),
    "transformer_decoder_layer_no_bias": lambda: transformer_decoder(
        {"bias": False}, x=normal(2, 3, 4), memory=normal(2, 5, 4)),
    "transformer_decoder_layer_masks": lambda: transformer_decoder(
        causal=True, x=normal(2, 3, 4), memory=normal(2, 5, 4), key_mask=may_attend([1, 1, 1], [1, 1, 0]),
        memory_mask=may_attend([1, 0, 1, 1, 0], [0, 1, 0, 1, 0], [1, 1, 1, 1, 1]),
        memory_key_mask=may_attend([1, 1, 1, 1, 0], [1, 1, 0, 0, 0])),
    "transformer_decoder": lambda: transformer_decoder(
        num_layers=2, causal=True, x=normal(2, 3, 4), memory=normal(2, 5, 4),
        memory_key_mask=may_attend([1, 1, 1, 1, 0], [1, 1, 0, 0, 0])),
    "transformer": lambda: transformer(
        source=normal(2, 5, 4), target=normal(2, 3, 4), source_key_mask=may_attend([1, 1, 1, 1, 1], [1, 1, 1, 0, 0]),
        target_key_mask=may_attend([1, 1, 0], [1, 1, 1])),
    "transformer_pre_norm": lambda: transformer(
        {"norm_first": True, "activation": "gelu"}, source=normal(2, 5, 4), target=normal(2, 3, 4),
        source_key_mask=may_attend([1, 1, 1, 1, 1], [1, 1, 1, 0, 0]), target_key_mask=may_attend([1, 1, 0], [1, 1, 1])),
    "gpt": lambda: gpt(
        {"vocab": 5, "context": 4, "width": 4, "layers": 2, "heads": 2, "kv_heads": 2, "rotary": False},
        ids=integers([0, 4, 2, 2], [1, 0, 3, 4])),
    "gpt_rotary": lambda: gpt(
        {"vocab": 5, "context": 6, "width": 8, "layers": 1, "heads": 4, "kv_heads": 2, "rotary": True},
        ids=integers([0, 4, 2, 2, 1], [1, 0, 3, 4, 4])),
    "rnn_cell": lambda: cell(nn.RNNCell, {"input_size": 3, "hidden_size": 4}, x=normal(2, 3), h=normal(2, 4)),
    "rnn_cell_relu": lambda: cell(
        nn.RNNCell, {"input_size": 3, "hidden_size": 4, "nonlinearity": "relu"}, x=normal(2, 3), h=normal(2, 4)),
    "gru_cell": lambda: cell(nn.GRUCell, {"input_size": 3, "hidden_size": 4}, x=normal(2, 3), h=normal(2, 4)),
    "rnn": lambda: recurrent(nn.RNN, {"input_size": 3, "hidden_size": 4}, x=normal(2, 5, 3)),
    "rnn_no_bias": lambda: recurrent(nn.RNN, {"input_size": 3, "hidden_size": 4, "bias": False}, x=normal(2, 5, 3)),
    "rnn_relu_everything": lambda: recurrent(
        nn.RNN, {"input_size": 3, "hidden_size": 4, "num_layers": 2, "bidirectional": True, "nonlinearity": "relu"},
        x=normal(3, 5, 3), h0=normal(4, 3, 4), lengths=integers(2, 5, 4)),
    "gru": lambda: recurrent(nn.GRU, {"input_size": 3, "hidden_size": 4}, x=normal(2, 5, 3)),
    "gru_no_bias": lambda: recurrent(
        nn.GRU, {"input_size": 3, "hidden_size": 4, "num_layers": 2, "bias": False}, x=normal(2, 5, 3)),
    "gru_bidirectional_lengths": lambda: recurrent(
        nn.GRU, {"input_size": 3, "hidden_size": 4, "bidirectional": True}, x=normal(3, 5, 3), lengths=integers(3, 5, 1)),
    "gru_everything": lambda: recurrent(
        nn.GRU, {"input_size": 3, "hidden_size": 4, "num_layers": 2, "bidirectional": True},
        x=normal(3, 5, 3), h0=normal(4, 3, 4), lengths=integers(2, 5, 4)),
    "lstm_no_bias": lambda: lstm({"input_size": 3, "hidden_size": 4, "bias": False}, x=normal(2, 5, 3)),
    "lstm_cell": lambda: lstm_cell({"input_size": 3, "hidden_size": 4}, x=normal(2, 3), h=normal(2, 4), c=normal(2, 4)),
    "lstm": lambda: lstm({"input_size": 3, "hidden_size": 4}, x=normal(2, 5, 3)),
    "lstm_two_layers": lambda: lstm({"input_size": 3, "hidden_size": 4, "num_layers": 2}, x=normal(2, 5, 3)),
    "lstm_bidirectional": lambda: lstm({"input_size": 3, "hidden_size": 4, "bidirectional": True}, x=normal(2, 5, 3)),
    "lstm_initial_state": lambda: lstm(
        {"input_size": 3, "hidden_size": 4}, x=normal(2, 5, 3), h0=normal(1, 2, 4), c0=normal(1, 2, 4)),
    "lstm_lengths": lambda: lstm(
        {"input_size": 3, "hidden_size": 4}, x=normal(3, 5, 3), lengths=integers(3, 5, 1)),
    "lstm_bidirectional_lengths": lambda: lstm(
        {"input_size": 3, "hidden_size": 4, "bidirectional": True}, x=normal(3, 5, 3), lengths=integers(3, 5, 1)),
    "lstm_everything": lambda: lstm(
        {"input_size": 3, "hidden_size": 4, "num_layers": 2, "bidirectional": True},
        x=normal(3, 5, 3), h0=normal(4, 3, 4), c0=normal(4, 3, 4), lengths=integers(2, 5, 4)),
    # optimizers
    "sgd": lambda: train(optim.SGD, {"lr": 0.1}),
    "sgd_momentum": lambda: train(optim.SGD, {"lr": 0.1, "momentum": 0.9}),
    "sgd_nesterov": lambda: train(optim.SGD, {"lr": 0.1, "momentum": 0.9, "nesterov": True}),
    "sgd_weight_decay": lambda: train(optim.SGD, {"lr": 0.1, "weight_decay": 0.1}),
    "sgd_nesterov_weight_decay": lambda: train(
        optim.SGD, {"lr": 0.1, "momentum": 0.9, "nesterov": True, "weight_decay": 0.1}),
    "adamw": lambda: train(optim.AdamW, {}),
    "adamw_weight_decay": lambda: train(optim.AdamW, {"lr": 0.05, "weight_decay": 0.1}),
    "adamw_betas": lambda: train(optim.AdamW, {"lr": 0.05, "betas": (0.8, 0.95), "eps": 1e-6, "weight_decay": 0.0}),
    "adamw_schedule": lambda: train(
        optim.AdamW, {"lr": 0.05, "weight_decay": 0.1}, schedule=lambda o: cosine_with_warmup(o, warmup=5, total=50)),
    "adamw_amsgrad": lambda: train(optim.AdamW, {"lr": 0.05, "betas": (0.8, 0.9), "amsgrad": True}, GROUPS),
    "sgd_groups": lambda: train(optim.SGD, {"lr": 0.1, "momentum": 0.9, "weight_decay": 0.1}, GROUPS),
    "adam": lambda: train(optim.Adam, {}),
    "adam_amsgrad": lambda: train(
        optim.Adam, {"lr": 0.05, "betas": (0.8, 0.9), "eps": 1e-6, "weight_decay": 0.1, "amsgrad": True}, GROUPS),
    "adamax": lambda: train(optim.Adamax, {}),
    "adamax_options": lambda: train(
        optim.Adamax, {"lr": 0.05, "betas": (0.8, 0.95), "eps": 1e-3, "weight_decay": 0.1}, GROUPS),
    "adagrad": lambda: train(optim.Adagrad, {}),
    "adagrad_options": lambda: train(
        optim.Adagrad, {"lr": 0.1, "lr_decay": 0.05, "weight_decay": 0.1, "initial_accumulator_value": 0.3,
                        "eps": 1e-3}, GROUPS),
    "rmsprop": lambda: train(optim.RMSprop, {}),
    "rmsprop_momentum": lambda: train(optim.RMSprop, {"momentum": 0.9, "weight_decay": 0.1}, GROUPS),
    "rmsprop_centered": lambda: train(optim.RMSprop, {"lr": 0.02, "alpha": 0.9, "eps": 1e-3, "centered": True}),
    "rmsprop_options": lambda: train(
        optim.RMSprop, {"lr": 0.02, "alpha": 0.9, "eps": 1e-3, "weight_decay": 0.1, "momentum": 0.5, "centered": True},
        GROUPS),
    "adadelta": lambda: train(optim.Adadelta, {}),
    "adadelta_options": lambda: train(
        optim.Adadelta, {"lr": 0.5, "rho": 0.8, "eps": 1e-3, "weight_decay": 0.1}, GROUPS),
    "lion": lambda: train(Lion, {}),
    "lion_options": lambda: train(Lion, {"lr": 0.01, "betas": (0.8, 0.95), "weight_decay": 0.1}, GROUPS),
    "muon": lambda: train(Muon, {}, others={}),
    "muon_options": lambda: train(
        Muon, {"lr": 0.05, "weight_decay": 0.2, "momentum": 0.8, "nesterov": False, "ns_coefficients": (3.0, -3.2, 1.2),
               "eps": 1e-3, "ns_steps": 3, "adjust_lr_fn": "match_rms_adamw"}, GROUPS[1:],
        others={"lr": 0.05, "weight_decay": 0.1}),
    "muon_spectral_unclamped": lambda: train(
        Muon, {"lr": 0.05, "adjust_lr_fn": "spectral_unclamped"}, others={"lr": 0.05}),
    "clip_grad_norm": lambda: clip_grad_norm(1.0),
    "clip_grad_norm_inactive": lambda: clip_grad_norm(100.0),
    "clip_grad_value": lambda: clip_grad_value(0.5),
    "ema": lambda: ema(0.9, False),
    "ema_warmup": lambda: ema(0.5, True),
    "plateau": lambda: plateau({"patience": 4}),
    "plateau_absolute": lambda: plateau(
        {"factor": 0.5, "patience": 2, "threshold": 0.05, "threshold_mode": "abs", "cooldown": 3, "min_lr": 0.05}),
    "plateau_max": lambda: plateau({"mode": "max", "factor": 0.7, "patience": 1, "threshold": 0.01}),
    "plateau_max_absolute": lambda: plateau(
        {"mode": "max", "factor": 0.7, "patience": 1, "threshold": 0.02, "threshold_mode": "abs", "cooldown": 1}),
    "schedules": schedules,
}


def compute(name):
    torch.manual_seed(zlib.crc32(name.encode()))
    tensors, settings = CASES[name]()
    metadata = {"case": name, "torch": torch.__version__, "settings": json.dumps(settings)}
    return {key: x.detach().clone(memory_format=torch.contiguous_format) for key, x in tensors.items()}, metadata


def difference(tensors, metadata, path):
    """The largest difference to what is stored; infinity if that is another case or not there."""
    if not path.exists():
        return math.inf
    with safe_open(path, "pt") as file:
        stored, stored_metadata = {key: file.get_tensor(key) for key in file.keys()}, file.metadata()
    if stored_metadata["settings"] != metadata["settings"] or stored.keys() != tensors.keys():
        return math.inf
    pairs = [(stored[key], tensors[key]) for key in tensors]
    if any(a.shape != b.shape or a.dtype != b.dtype for a, b in pairs):
        return math.inf
    return torch.cat([(a.double() - b.double()).abs().flatten() for a, b in pairs]).nan_to_num(math.inf).max().item()


def write(folder):
    """A file that agrees is left alone: the order of its metadata is not reproducible."""
    for name in CASES:
        tensors, metadata = compute(name)
        path = folder / f"{name}.safetensors"
        if difference(tensors, metadata, path) > TOLERANCE:
            save_file(tensors, path, metadata)


def check(folder):
    unknown = {path.stem for path in folder.glob("*.safetensors")} - CASES.keys()
    if unknown:
        sys.exit(f"{folder}: no case makes {sorted(unknown)}")
    worst, name = max((difference(*compute(name), folder / f"{name}.safetensors"), name) for name in CASES)
    print(f"{len(CASES)} cases, worst difference {worst:.2g} in {name}")
    sys.exit(worst > TOLERANCE)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(usage=__doc__.split("usage: ")[1].split("\n\n")[0])
    parser.add_argument("--check", action="store_true")
    parser.add_argument("folder", type=pathlib.Path)
    options = parser.parse_args()
    torch.set_default_dtype(torch.float64)
    (check if options.check else write)(options.folder)
