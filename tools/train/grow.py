# SPDX-License-Identifier: MIT
"""Function-preserving growth: a trained ELIC network of the patch transform becomes part of a larger one.

New residual blocks end in a zero convolution, so they begin as the identity. New channels have random weights that make
them and zero weights that read them, so nothing changes at first and both get gradients. New latent channels form new groups
behind the old ones: principal directions of picture patches that the old linear path does not span, read with zero weights
by all that was there.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from refcodec.transforms.elic.config import ElicConfig
from refcodec.transforms.elic.network import Elic
from tools.train import photos

PATCHES = 25_000
QUIET = 0.5  # factor on the gains of new latents, which cost more than they give before their contexts are trained
NEW_ROW = 0.3  # factor on the random weights of new channels of a residual stream


def _span(count: int, start: int = 0) -> Tensor:
    return torch.arange(start, start + count)


def _join(*parts: tuple[int, int]) -> Tensor:
    """Places of old channels where several inputs lie side by side; parts: (old count, new count)."""
    out, start = [], 0
    for old, new in parts:
        out.append(_span(old, start))
        start += new
    return torch.cat(out)


def copy(new: Any, old: Any, into: Tensor | None = None, of: Tensor | None = None) -> None:
    """Old outputs stand at `into` and old inputs at `of` (the first ones where not given); old outputs read no new input."""
    transposed = isinstance(old, nn.ConvTranspose2d)
    w_new, w_old = (m.weight.data.transpose(0, 1) if transposed else m.weight.data for m in (new, old))
    into = _span(w_old.shape[0]) if into is None else into
    of = _span(w_old.shape[1]) if of is None else of
    rows = torch.zeros((len(into), *w_new.shape[1:]), dtype=w_old.dtype)
    rows[:, of] = w_old
    w_new[into] = rows
    new.bias.data[into] = old.bias.data


def _net(new: nn.Module, old: nn.Module) -> None:
    """g_a.net or g_s.net: layer by layer, blocks matched scale by scale, new ones the identity."""
    mine: list[Any] = list(new.children())
    theirs: list[Any] = list(old.children())
    i = j = 0
    while i < len(mine) or j < len(theirs):
        fresh: Any = mine[i] if i < len(mine) else None
        known: Any = theirs[j] if j < len(theirs) else None
        if hasattr(fresh, "branch") and type(fresh) is type(known):
            a, b = fresh.branch, known.branch
            for k in range(0, len(b), 2):
                copy(a[k], b[k])
            grown = len(a[-1].weight) - len(b[-1].weight)
            if grown:
                a[-1].weight.data[-grown:].mul_(NEW_ROW)
            i, j = i + 1, j + 1
        elif hasattr(fresh, "branch"):  # a block too many: the identity
            fresh.branch[-1].weight.data.zero_()
            fresh.branch[-1].bias.data.zero_()
            i += 1
        elif type(fresh) is not type(known):
            raise ValueError("the new architecture has fewer blocks than the old one")
        else:
            if isinstance(fresh, nn.Conv2d):
                copy(fresh, known)  # pixel shuffles keep the first channels first
            i, j = i + 1, j + 1


def _stack(new: nn.Module, old: nn.Module, of: Tensor | None = None) -> None:
    convs = [[m for m in s.modules() if isinstance(m, nn.Conv2d | nn.ConvTranspose2d)] for s in (new, old)]
    if len(convs[0]) != len(convs[1]):
        raise ValueError("entropy nets grow in width, not in depth")
    for i, (a, b) in enumerate(zip(*convs, strict=True)):
        copy(a, b, of=of if i == 0 else None)


@torch.no_grad()
def grow(old: Elic, cfg: ElicConfig, pictures: list[NDArray[np.uint8]], rng: np.random.Generator) -> Elic:
    """A network of `cfg` that does what `old` does, for pictures of which no new latent channel sends anything."""
    was = old.cfg
    if (
        cfg.transform != "patch"
        or was.transform != "patch"
        or cfg.groups[: len(was.groups)] != was.groups
        or cfg.lambdas != was.lambdas
    ):
        raise ValueError("growth keeps the transform, the old groups and the rates")
    net = Elic(cfg)
    pairs: list[tuple[Any, Any]] = [(net.g_a, old.g_a), (net.g_s, old.g_s)]
    for new, known in pairs:
        _net(new.net, known.net)
        copy(new.linear, known.linear)
    for stack, known in ((net.entropy.h_a, old.entropy.h_a), (net.entropy.h_s, old.entropy.h_s)):
        _stack(stack, known)
    hyper = (was.hyper_width, cfg.hyper_width)
    for k in range(len(was.groups)):
        if k:
            _stack(net.entropy.channel[k], old.entropy.channel[k])
        _stack(net.entropy.spatial[k], old.entropy.spatial[k])
        parts = [(was.spatial_channels(k), cfg.spatial_channels(k))]
        parts += [(was.channel_layers(k)[-1][1], cfg.channel_layers(k)[-1][1])] if k else []
        _stack(net.entropy.head[k], old.entropy.head[k], _join(*parts, hyper))
    for name in ("log_gain", "log_inverse"):
        value, before = getattr(net, name).data, getattr(old, name).data
        value[:, was.m :] = before[:, -was.groups[-1] :].mean(1, keepdim=True)
        value[:, : was.m] = before
    net.log_gain.data[:, was.m :] += np.log(QUIET)
    for name in ("log_gain_z", "z_loc", "z_log_scale"):
        value, before = getattr(net, name).data, getattr(old, name).data
        value[:, : was.hyper] = before
    if cfg.m > was.m:
        _directions(net, old, pictures, rng)
    return net


def _directions(net: Elic, old: Elic, pictures: list[NDArray[np.uint8]], rng: np.random.Generator) -> None:
    """New latents: the principal directions of what patches have outside the span of the old synthesis."""
    cfg, m = net.cfg, old.cfg.m
    g_a: Any = net.g_a
    g_s: Any = net.g_s
    before: Any = old.g_s
    patches = np.stack([photos.crop(pictures, 16, rng) for _ in range(PATCHES)]).astype(np.float64)
    flat = patches.transpose(0, 3, 1, 2).reshape(len(patches), -1) / 255 - 0.5
    known, _ = np.linalg.qr(before.linear.weight.data.double().reshape(m, -1).numpy().T)
    rest = flat - (flat @ known) @ known.T
    values, vectors = np.linalg.eigh(rest.T @ rest / len(rest))
    order = np.argsort(values)[::-1][: cfg.m - m]
    basis = torch.tensor(vectors[:, order].T.copy(), dtype=torch.float32).view(-1, cfg.channels, 16, 16)
    for t in (g_a, g_s):
        t.linear.weight.data[m:] = basis
    g_a.linear.bias.data[m:] = 0
    last = g_a.net[-1]
    last.weight.data[m:] *= 0.1
    last.bias.data[m:] = 0
    log_std = torch.tensor(0.5 * np.sqrt(np.maximum(values[order], 1e-8)), dtype=torch.float32).log()
    for k in range(len(old.cfg.groups), len(cfg.groups)):
        c, start = cfg.groups[k], sum(cfg.groups[:k]) - m
        head: Any = net.entropy.head[k][-1]  # type: ignore[index]
        head.weight.data.mul_(0.1)
        head.bias.data.zero_()
        head.bias.data[slice(c, 2 * c) if cfg.means_first else slice(0, c)] = log_std[start : start + c]


def macs(cfg: ElicConfig) -> dict[str, float]:
    """Multiplications per pixel of the decoder's and the encoder's parts, in thousands; a context at all sites of both passes."""
    net, size = Elic(cfg), 256
    found: dict[str, float] = {}

    def count(name: str) -> Any:
        def hook(m: Any, x: tuple[Tensor, ...], y: Tensor) -> None:
            sites = x[0] if isinstance(m, nn.ConvTranspose2d) else y
            found[name] = found.get(name, 0.0) + m.weight.numel() * sites.shape[2] * sites.shape[3] / size**2 / 1000

        return hook

    for name, m in net.named_modules():
        if isinstance(m, nn.Conv2d | nn.ConvTranspose2d):
            m.register_forward_hook(count(".".join(name.split(".")[: 2 if name.startswith("entropy") else 1])))
    with torch.no_grad():
        net.eval()(torch.rand(1, cfg.channels, size, size), torch.tensor([0]))
    heads = found.pop("entropy.head", 0.0) / 2  # the training pass runs both at every site
    return {**{k: round(v, 2) for k, v in found.items()}, "entropy.head": round(heads, 2)}
