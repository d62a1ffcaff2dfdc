# SPDX-License-Identifier: MIT
"""The long run: trains a package's network further, larger if the plan says so, in stages that each end in weights to ship.

    OMP_NUM_THREADS=1 python -m tools.train.long PACKAGE PHOTOS --plan tools/train/elic-small-2.json --out RUN

One process, one thread, at any pace: schedule and random numbers follow the step, so a run that was killed goes on with the
losses it would have had. RUN gets `checkpoint.pt` and the one before it, `log.jsonl`, `baseline.json` (the package's network
on the held-out photographs) and at the end of each stage `snapshots/stage-K.pt`, which tools.train.pack packs, with a line in
`snapshots/metrics.jsonl`. SIGTERM saves and stops.
"""

from __future__ import annotations

import argparse
import fcntl
import json
import math
import os
import pickle
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from refcodec.transforms.elic.config import ElicConfig
from refcodec.transforms.elic.network import Elic
from tools import program
from tools.train import elic, grow, heldout, photos, session, warm
from tools.train.losses import distortion
from tools.train.plans import Plan

SAVE_EVERY = 150.0  # seconds by the clock
HOPELESS = 50  # steps in a row without a finite gradient


class Run:
    """Everything a checkpoint holds."""

    def __init__(self, net: Elic, plan: Plan) -> None:
        self.plan, self.step, self.seconds = plan, 0, 0.0
        self.net = net.to(memory_format=torch.channels_last).train()  # type: ignore[call-overload]
        named = list(self.net.named_parameters())
        self.groups = [
            {"params": [p for n, p in named if ".linear." not in n], "scale": 1.0},
            {"params": [p for n, p in named if ".linear." in n], "scale": plan.linear},
        ]
        self.optimiser = torch.optim.Adam(self.groups, lr=1e-3, fused=True)
        self.ema = {k: v.clone() for k, v in self.net.state_dict().items()}

    def averaged(self) -> Elic:
        net = Elic(self.net.cfg)
        net.load_state_dict(self.ema)
        return net.to(memory_format=torch.channels_last).eval()  # type: ignore[call-overload, no-any-return]

    def draw(self, pictures: list[NDArray[np.uint8]], side: int, rng: np.random.Generator) -> NDArray[np.uint8]:
        """Return a random crop uint8[side, side, C]."""
        return photos.crop(pictures, side, rng)

    def distortion(self, x: Tensor, target: Tensor, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
        """Return (distortion [B] in units of MSE on 0..1, MSE [B])."""
        return distortion(x, target, self.plan.structure)

    def advance(self, pictures: list[NDArray[np.uint8]]) -> tuple[float, ...]:
        """One step: (loss, bpp, MSE, norm of the gradient)."""
        plan, crop = self.plan, self.plan.crop(self.step)
        rng = np.random.default_rng([plan.seed, self.step])
        torch.manual_seed(plan.seed * 1_000_003 + self.step)
        pixels = np.stack([self.draw(pictures, crop.side, rng) for _ in range(crop.number)])
        x = session.tensor(pixels, "cpu").contiguous(memory_format=torch.channels_last)
        rounds = [rng.permutation(self.net.cfg.rates) for _ in range(-(-crop.number // self.net.cfg.rates))]
        rate = torch.from_numpy(np.concatenate(rounds)[: crop.number])
        with torch.autocast("cpu", dtype=torch.bfloat16):
            out = self.net(x, rate)
        lam = torch.tensor(self.net.cfg.lambdas)[rate]
        d, mse = self.distortion(out.x, x, rng)
        bpp = (out.y_bits + out.z_bits) / crop.side**2
        loss = ((bpp + lam * 255**2 * d) * 0.08 / lam.sqrt()).mean()
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        norm = float(torch.nn.utils.clip_grad_norm_(self.net.parameters(), 3.0))
        for group in self.optimiser.param_groups:
            group["lr"] = plan.rate(self.step) * group["scale"]
        if math.isfinite(norm):
            self.optimiser.step()
            keep = min(plan.ema, (1 + self.step) / (10 + self.step))
            live = self.net.state_dict()
            torch._foreach_lerp_(list(self.ema.values()), [live[k] for k in self.ema], 1 - keep)
        self.step += 1
        return float(loss.detach()), float(bpp.detach().mean()), float(mse.detach().mean()), norm

    def state(self, data: str) -> dict[str, Any]:
        return {
            "net": self.net.state_dict(), "optimiser": self.optimiser.state_dict(), **self.snapshot(data),
        }  # fmt: skip

    def snapshot(self, data: str) -> dict[str, Any]:
        """What tools/train/pack.py reads."""
        return {
            "ema": self.ema, "step": self.step, "seconds": self.seconds, "config": self.net.cfg.to_dict(), "data": data,
            "seed": self.plan.seed,
        }  # fmt: skip

    def resume(self, state: dict[str, Any]) -> None:
        self.net.load_state_dict(state["net"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.ema = state["ema"]
        self.step, self.seconds = state["step"], state["seconds"]


def write(state: dict[str, Any], path: Path) -> None:
    """Whole or not at all, whenever the machine stops."""
    part = path.with_name(path.name + ".part")
    with part.open("wb") as f:
        torch.save(state, f)
        f.flush()
        os.fsync(f.fileno())
    os.replace(part, path)


def save(run: Run, data: str, out: Path) -> None:
    path = out / "checkpoint.pt"
    if path.exists():
        (out / "before.pt").unlink(missing_ok=True)
        os.link(path, out / "before.pt")
    write(run.state(data), path)


def found(out: Path) -> dict[str, Any] | None:
    """Return the newest readable checkpoint, None without one."""
    for name in ("checkpoint.pt", "before.pt"):
        try:
            state: dict[str, Any] = torch.load(out / name, weights_only=True)
        except FileNotFoundError:
            continue
        except (RuntimeError, OSError, EOFError, pickle.UnpicklingError) as e:
            print(f"{name} cannot be read ({e})", flush=True)
            continue
        return state
    return None


def log(out: Path, **row: Any) -> None:
    line = json.dumps(row)
    print(line, flush=True)
    with (out / "log.jsonl").open("a") as f:
        f.write(line + "\n")


def cut(path: Path, step: int) -> None:
    """A run that was killed logged more than it saved."""
    if path.exists():
        rows = [line for line in path.read_text().splitlines() if session.step_of(line) <= step]
        path.write_text("".join(f"{line}\n" for line in rows))


def begin(package: Path, plan: Plan, pictures: list[NDArray[np.uint8]]) -> Elic:
    torch.manual_seed(plan.seed)
    old = warm.read(package)
    cfg = plan.config(old.cfg)
    return old if cfg == old.cfg else grow.grow(old, cfg, pictures, np.random.default_rng(plan.seed))


def baseline(
    package: Path, out: Path, parts: list[NDArray[np.uint8]], rates: Sequence[int] | None
) -> list[heldout.Row]:
    path = out / "baseline.json"
    if not path.exists():
        path.write_text(json.dumps(heldout.measure(warm.read(package), parts, rates)))
    rows: list[heldout.Row] = json.loads(path.read_text())
    return rows


def work(
    args: argparse.Namespace,
    plan: Plan,
    pictures: list[NDArray[np.uint8]],
    data: str,
    make: Callable[[Elic, Plan], Run] = Run,
    rates: Sequence[int] | None = None,
    window: tuple[float, float] = heldout.WINDOW,
) -> None:
    """Train on all pictures but the last `elic.HELD_OUT`, which are measured at `rates` (None: all).

    make: returns a run that is to begin. window: of the BD-rates, bits per pixel.
    """
    out: Path = args.out
    train, parts = pictures[: -elic.HELD_OUT], [photos.centre(p, heldout.SIDE) for p in pictures[-elic.HELD_OUT :]]
    base, state = baseline(args.package, out, parts, rates), found(out)
    if state is None:
        run = make(begin(args.package, plan, train), plan)
    else:
        if state["data"] != data:
            raise SystemExit(f"error: {out} was trained on other pictures")
        run = make(Elic(ElicConfig.from_dict(state["config"])), plan)
        run.resume(state)
        del state
    cut(out / "log.jsonl", run.step)
    cut(out / "snapshots/metrics.jsonl", run.step)
    sums, steps, bad, saved, cpu = np.zeros(4), 0, 0, time.monotonic(), time.process_time() - run.seconds

    def examine() -> dict[str, Any]:
        rows = heldout.measure(run.averaged(), parts, rates)
        return {
            "step": run.step,
            "seconds": round(run.seconds),
            "bd": heldout.against(base, rows, window),
            "held_out": rows,
        }

    if run.step == 0:
        log(out, **examine())
    with session.interruptible() as asked:
        while not asked() and (not args.steps or run.step < args.steps):
            values = run.advance(train)
            run.seconds = time.process_time() - cpu
            bad = 0 if math.isfinite(values[3]) else bad + 1
            if bad > HOPELESS:
                raise SystemExit("error: no finite gradient any more")
            if not bad:
                sums, steps = sums + values, steps + 1
            number, stage, at = plan.stage(run.step - 1)
            if run.step % args.log_every == 0 and steps:
                loss, bpp, mse, norm = sums / steps
                log(
                    out, step=run.step, stage=number, seconds=round(run.seconds), loss=round(loss, 4), bpp=round(bpp, 4),
                    psnr=round(-10 * math.log10(mse), 3), lr=float(f"{plan.rate(run.step - 1):.3g}"), norm=round(norm, 3),
                    crop=plan.crop(run.step - 1).side,
                )  # fmt: skip
                sums, steps = np.zeros(4), 0
            ended = at + 1 == stage.steps
            if ended:
                (out / "snapshots").mkdir(exist_ok=True)
                write(run.snapshot(data), out / f"snapshots/stage-{number}.pt")
                row = {"stage": number, **examine()}
                with (out / "snapshots/metrics.jsonl").open("a") as f:
                    f.write(json.dumps(row) + "\n")
                log(out, **row)
            elif run.step % args.examine_every == 0:
                log(out, **examine())
            if ended or time.monotonic() - saved > SAVE_EVERY:
                save(run, data, out)
                saved = time.monotonic()
        save(run, data, out)
    log(out, step=run.step, seconds=round(run.seconds), stopped=True)


def options(ap: argparse.ArgumentParser) -> None:
    """Add the options that every long run has."""
    ap.add_argument("--plan", type=Path, required=True)
    ap.add_argument("--out", type=Path, required=True)
    ap.add_argument("--steps", type=int, default=0, help="stop there (0: go on until told to stop)")
    ap.add_argument("--log-every", type=int, default=100, help="steps")
    ap.add_argument("--examine-every", type=int, default=3000, help="steps between looks at the held-out pictures")


@contextmanager
def exclusive(out: Path) -> Iterator[None]:
    """Make the folder of a run, and hold its lock; exit if another process does."""
    out.mkdir(parents=True, exist_ok=True)
    with (out / "lock").open("a+") as lock:  # holds the number of the process, for pause.sh
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as e:
            raise SystemExit(f"error: a run in {out} is going on") from e
        lock.truncate(0)
        print(os.getpid(), file=lock, flush=True)
        yield


def main(argv: list[str] | None = None) -> None:
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("package", type=Path)
    ap.add_argument("photos", type=Path)
    options(ap)
    args = ap.parse_args(argv)
    torch.set_num_threads(1)
    with exclusive(args.out):
        files = photos.require_listing(args.photos, elic.HELD_OUT)
        data = photos.digest(args.photos, files)
        work(args, Plan.read(args.plan), [photos.load(p) for p in files], data)


if __name__ == "__main__":
    raise SystemExit(program.run(main))
