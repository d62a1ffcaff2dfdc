# SPDX-License-Identifier: MIT
"""drafts/scheduled.md, kind 50: latents whose model declares strides, passes and what each pass reads."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from semdrafts.base import Draft, Parameters, ascending

NUMBERS = ("groups", "hyper", "rates", "stride", "ratio")  # members that are also parameters of a row
MEMBERS = {
    "kind", *NUMBERS, "order", "pattern", "z_input", "y_input", "hyper_net", "nets", "steps", "means", "scales",
    "tensors",
}  # fmt: skip


def valid(micro: Any, parameters: Parameters) -> bool:
    """DRAFT-R-200."""
    groups = parameters["groups"]
    return (
        set(parameters) == {"m", *NUMBERS}
        and (1 <= len(groups) <= 16 and all(micro.is_whole(width, 1, 1024) for width in groups))
        and (micro.is_whole(parameters["m"], 1, 1024) and parameters["m"] == sum(groups))
        and (micro.is_whole(parameters["hyper"], 1, 1024) and micro.is_whole(parameters["rates"], 1, 64))
        and micro.is_whole(parameters["stride"], 4, 128)
        and (micro.is_whole(parameters["ratio"], 1, 8) and parameters["ratio"] in {1, 2, 4, 8})
    )


def shapes(parameters: Parameters, width: int, height: int) -> tuple[tuple[int, int, int], tuple[int, int, int]]:
    """Those of z and y."""
    ratio, cell = parameters["ratio"], parameters["stride"] * parameters["ratio"]
    rows, columns = -(-height // cell), -(-width // cell)
    return (parameters["hyper"], rows, columns), (parameters["m"], ratio * rows, ratio * columns)


def symbols(parameters: Parameters, width: int, height: int) -> int:
    z, y = shapes(parameters, width, height)
    return 1 + z[0] * z[1] * z[2] + y[0] * y[1] * y[2]


# --- Model ----------------------------------------------------------------------------------------------------------


@dataclass
class Step:
    codes: list[tuple[int, list[int]]]  # group, classes
    context: list[Any]  # entries as in the manifest
    head: Any


@dataclass
class Model:
    rates: int
    hyper: int
    groups: list[int]
    means_first: bool
    pattern: list[list[int]]
    z_input: Any
    y_input: Any
    hyper_net: Any
    z_tables: Any
    means: list[Any] = field(default_factory=list)
    scales: list[Any] = field(default_factory=list)
    nets: list[tuple[list[int], Any]] = field(default_factory=list)  # groups that it reads, layers
    steps: list[Step] = field(default_factory=list)


def load_model(micro: Any, package: Any, parameters: Parameters) -> Model:
    builder = micro.ModelBuilder(*micro.open_package(package, MEMBERS))
    model = build(micro, builder)
    here = {name: builder.symbols[name] for name in NUMBERS}
    if here | {"m": sum(model.groups)} != parameters:  # DRAFT-R-205
        micro.fail(803, f"DRAFT-R-205: the model's {here} are not the profile's {parameters}")
    check_bounds(micro, model)
    return model


def build(micro: Any, builder: Any) -> Model:
    """DRAFT-R-201 to 204."""
    s = builder.symbols
    builder.integer("stride", 4, 128)
    ratio = builder.integer("ratio", 1, 8)
    if ratio not in {1, 2, 4, 8}:
        micro.bad_model(f"ratio is {ratio}")
    hyper_net, hyper = builder.net("hyper_net", s["hyper_net"], builder.hyper, enlargement=ratio)
    model = Model(
        rates=builder.rates,
        hyper=builder.hyper,
        groups=builder.groups,
        means_first=builder.choice("order", "scales-means", "means-scales") == "means-scales",
        pattern=pattern(micro, s["pattern"]),
        z_input=builder.requant("z_input", s["z_input"], builder.hyper),
        y_input=builder.requant("y_input", s["y_input"], sum(builder.groups)),
        hyper_net=hyper_net,
        z_tables=builder.z_tables(),
    )
    for k, channels in enumerate(model.groups):
        model.means.append(builder.requant(f"means[{k}]", builder.of_group("means", k), channels))
        model.scales.append(builder.requant(f"scales[{k}]", builder.of_group("scales", k), channels, ladder=True))
    widths = read_nets(micro, builder, model)
    read_steps(micro, builder, model, hyper, widths)
    if builder.used != set(builder.tensors):
        micro.bad_model(f"nothing uses {sorted(set(builder.tensors) - builder.used)}")
    return model


def listed(micro: Any, name: str, value: Any, least: int, most: int) -> list[Any]:
    if not isinstance(value, list) or not least <= len(value) <= most:
        micro.bad_model(f"{name} is not a list of {least} to {most}")
    return list(value)


def members(micro: Any, name: str, value: Any, *names: str) -> dict[str, Any]:
    if not isinstance(value, dict) or set(value) != set(names):
        micro.bad_model(f"{name} has not exactly the members {names}")
    return dict(value)


def pattern(micro: Any, value: Any) -> list[list[int]]:
    rows = [listed(micro, "pattern", row, 1, 8) for row in listed(micro, "pattern", value, 1, 8)]
    classes = [c for row in rows for c in row]
    if not all(type(c) is int for c in classes) or set(classes) != set(range(len(set(classes)))):
        micro.bad_model("the classes of the pattern are not 0 … n - 1")
    if len({len(row) for row in rows}) != 1:
        micro.bad_model("the rows of the pattern have several lengths")
    return rows


def read_nets(micro: Any, builder: Any, model: Model) -> list[int]:
    """The channels of their outputs."""
    widths = []
    for j, entry in enumerate(listed(micro, "nets", builder.symbols["nets"], 0, 64)):
        net = members(micro, f"nets[{j}]", entry, "of", "layers")
        if not ascending(net["of"], 0, len(model.groups) - 1, 16):
            micro.bad_model(f"nets[{j}] reads the groups {net['of']}")
        layers, width = builder.net(f"nets[{j}]", net["layers"], sum(model.groups[k] for k in net["of"]))
        model.nets.append((net["of"], layers))
        widths.append(width)
    return widths


def read_steps(micro: Any, builder: Any, model: Model, hyper: int, widths: list[int]) -> None:
    classes = max(c for row in model.pattern for c in row) + 1
    done: list[tuple[int, int]] = []
    used: set[int] = set()
    for i, entry in enumerate(listed(micro, "steps", builder.symbols["steps"], 1, 64)):
        step = members(micro, f"steps[{i}]", entry, "codes", "context", "head")
        codes = []
        for item in listed(micro, f"steps[{i}].codes", step["codes"], 1, 16):
            code = members(micro, f"steps[{i}].codes", item, "group", "classes")
            if not micro.is_integer(code["group"], 0, len(model.groups) - 1):
                micro.bad_model(f"steps[{i}] codes group {code['group']}")
            if not ascending(code["classes"], 0, classes - 1, 64):
                micro.bad_model(f"steps[{i}] codes the classes {code['classes']}")
            codes.append((code["group"], code["classes"]))
            done += [(code["group"], c) for c in code["classes"]]
        if not ascending([group for group, _ in codes], 0, 15, 16):
            micro.bad_model(f"the groups of steps[{i}] do not ascend")
        context = listed(micro, f"steps[{i}].context", step["context"], 1, 16)
        read = [width_of(micro, f"steps[{i}].context", item, hyper, widths, used) for item in context]
        head, out = builder.net(f"steps[{i}].head", step["head"], sum(read))
        if out != 2 * sum(model.groups[group] for group, _ in codes):
            micro.bad_model(f"the head of steps[{i}] gives {out} channels")
        model.steps.append(Step(codes, context, head))
    if sorted(done) != [(k, c) for k in range(len(model.groups)) for c in range(classes)]:
        micro.fail(803, "DRAFT-R-202: a group is coded at a class not once")
    if used != set(range(len(widths))):
        micro.fail(803, "DRAFT-R-203: a net is in no context")


def width_of(micro: Any, name: str, entry: Any, hyper: int, widths: list[int], used: set[int]) -> int:
    """The channels of an entry of a context."""
    if entry == "hyper":
        return hyper
    if isinstance(entry, dict) and set(entry) == {"net"} and micro.is_integer(entry["net"], 0, len(widths) - 1):
        used.add(entry["net"])
        return widths[entry["net"]]
    zeros = members(micro, name, entry, "zeros")["zeros"]
    if not micro.is_integer(zeros, 1, 4096):
        micro.bad_model(f"{name} has {zeros} channels of 0")
    return int(zeros)


def check_bounds(micro: Any, model: Model) -> None:
    rates = model.rates
    z = micro.judge_requant_bounds("z_input", model.z_input, 32768, rates)
    y = micro.judge_requant_bounds("y_input", model.y_input, 32768, rates)
    hyper = micro.judge_net_bounds("hyper_net", model.hyper_net, z, rates)
    nets = [micro.judge_net_bounds(f"nets[{j}]", layers, y, rates) for j, (_, layers) in enumerate(model.nets)]
    for i, step in enumerate(model.steps):
        read = [hyper if entry == "hyper" else nets[entry["net"]] if "net" in entry else 0 for entry in step.context]
        out = micro.judge_net_bounds(f"steps[{i}].head", step.head, max(read), rates)
        for k, _ in step.codes:
            micro.judge_requant_bounds(f"means[{k}]", model.means[k], out, rates)
            scale = model.scales[k]
            micro.judge_requant_bounds(f"scales[{k}]", scale, out, rates)
            if scale.ladder is None and not 0 <= scale.lo <= scale.hi <= 63:  # SEM-R-121
                micro.fail(804, f"SEM-R-121: scales[{k}] has the bounds {scale.lo} and {scale.hi}, and no ladder")


# --- Body -----------------------------------------------------------------------------------------------------------


def scheduled_latents(micro: Any, coder: Any, z_shape: Any, y_shape: Any, model: Model, gaussian: Any, run: Any) -> Any:
    rho = coder.decode(micro.uniform(model.rates))
    z = micro.Activation(*z_shape)
    z.at = {site: [] for site in z.sites()}
    for channel in range(model.hyper):
        for site in z.sites():
            z.at[site].append(model.z_tables[rho][channel].decode(coder))
    x_z = micro.Activation(*z_shape)
    parameters = model.z_input.parameters(rho, model.hyper)
    x_z.at = {site: model.z_input.apply(vector, parameters) for site, vector in z.at.items()}
    hyper = micro.run_net("hyper_net", model.hyper_net, x_z, rho, run)

    y, first = micro.Activation(*y_shape), [sum(model.groups[:k]) for k in range(len(model.groups))]
    y.at = {site: [0] * y.channels for site in y.sites()}
    x = []  # of each group; sites not yet decoded count as 0
    for channels in model.groups:
        group = micro.Activation(channels, y.rows, y.columns)
        group.at = {site: [0] * channels for site in y.sites()}
        x.append(group)
    for i, step in enumerate(model.steps):
        read = [entry_of(micro, model, entry, hyper, x, rho, run) for entry in step.context]
        out = micro.run_net(f"steps[{i}].head", step.head, micro.concatenate(read, y.sites()), rho, run)
        half, at = out.channels // 2, 0
        decoded = []
        for k, classes in step.codes:
            channels = model.groups[k]
            sites = [site for site in y.sites() if class_of(model, site) in classes]
            halves = [[out.at[site][start + at :][:channels] for site in sites] for start in (0, half)]
            at += channels
            means, scales = halves if model.means_first else halves[::-1]
            mu = applied(model.means[k], means, rho, channels)
            index = applied(model.scales[k], scales, rho, channels)
            if (ladder := model.scales[k].ladder) is not None:
                index = [[micro.through_ladder(v, ladder) for v in vector] for vector in index]
            for channel in range(channels):
                for n, site in enumerate(sites):
                    s = 0 if index[n][channel] == 0 else gaussian[index[n][channel]].decode(coder)  # SEM-R-092
                    y_hat = 64 * s + mu[n][channel]
                    if not -32768 <= y_hat <= 32767:  # DRAFT-R-210
                        micro.fail(403, f"DRAFT-R-210: ŷ is {y_hat} at {site}, group {k}", coder.here)
                    y.at[site][first[k] + channel] = y_hat
            decoded.append((k, sites))
        y_parameters = model.y_input.parameters(rho, y.channels)
        for k, sites in decoded:
            part = slice(first[k], first[k] + model.groups[k])
            for site in sites:
                x[k].at[site] = model.y_input.apply(y.at[site][part], y_parameters[part])
    return micro.Latents(rho, z, y)


def class_of(model: Model, site: tuple[int, int]) -> int:
    row = model.pattern[site[0] % len(model.pattern)]
    return row[site[1] % len(row)]


def applied(requant: Any, vectors: list[list[int]], rho: int, channels: int) -> list[list[int]]:
    parameters = requant.parameters(rho, channels)
    return [requant.apply(vector, parameters) for vector in vectors]


def entry_of(micro: Any, model: Model, entry: Any, hyper: Any, x: list[Any], rho: int, run: Any) -> Any:
    if entry == "hyper":
        return hyper
    if "zeros" in entry:
        return micro.Activation(entry["zeros"], hyper.rows, hyper.columns)
    groups, layers = model.nets[entry["net"]]
    joined = micro.concatenate([x[k] for k in groups], hyper.sites())
    return micro.run_net(f"nets[{entry['net']}]", layers, joined, rho, run)


def decode(micro: Any, part: Any, head: Any, package: Any, run: Any) -> Any:
    parameters = micro.parameters_of(head, 50)
    model = load_model(micro, package, parameters)
    gaussian = micro.load_gaussian(micro.GAUSSIAN_BIN)
    z_shape, y_shape = shapes(parameters, head.width, head.height)
    latents = micro.stream(part, lambda coder: scheduled_latents(micro, coder, z_shape, y_shape, model, gaussian, run))
    report = {"rate": latents.rho, "canonical": True, "shapes": {"z": z_shape, "y": y_shape}}
    return micro.Payload(latents.serialise(), report)


DRAFT = Draft(
    number=50,
    name="scheduled",
    valid=valid,
    uses_model=lambda parameters: True,
    symbols=symbols,
    decode=decode,
)
