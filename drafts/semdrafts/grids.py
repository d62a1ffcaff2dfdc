# SPDX-License-Identifier: MIT
"""drafts/grids.md, kind 48: grids of indices whose frequencies integer networks give."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from semdrafts.base import Draft, Parameters

MEMBERS = {"kind", "v", "grids", "split", "contexts", "nets", "tensors"}
MOST = 2**14  # symbols of a table
T = [
    1048576, 1037281, 1026107, 1015054, 1004120, 993303, 982604, 972019, 961548, 951191, 940944, 930809, 920782, 910863,
    901051, 891345, 881744, 872246, 862850, 853555, 844361, 835265, 826268, 817367, 808563, 799853, 791237, 782714,
    774282, 765942, 757691, 749529, 741455, 733468, 725567, 717752, 710020, 702372, 694806, 687321, 679917, 672593,
    665348, 658181, 651091, 644078, 637140, 630276, 623487, 616771, 610127, 603555, 597053, 590622, 584260, 577966,
    571740, 565581, 559489, 553462, 547500, 541603, 535768, 529997,
]  # fmt: skip

# ---------------------------------------------------------------------------------------------------------------- Row


def valid_grids(micro: Any, grids: Any) -> bool:
    def one(entry: Any) -> bool:
        if isinstance(entry, list):
            return len(entry) == 2 and all(micro.is_whole(side, 1, 1024) for side in entry)
        return bool(micro.is_whole(entry, 1, 1024))

    return isinstance(grids, list) and 1 <= len(grids) <= 16 and all(one(entry) for entry in grids)


def valid(micro: Any, parameters: Parameters) -> bool:
    """DRAFT-R-300."""
    return (
        set(parameters) == {"v", "grids"}
        and micro.is_whole(parameters["v"], 2, 65536)
        and valid_grids(micro, parameters["grids"])
    )


def shapes(parameters: Parameters, width: int, height: int) -> list[tuple[int, int]]:
    return [
        (entry[0], entry[1]) if isinstance(entry, list) else (-(-height // entry), -(-width // entry))
        for entry in parameters["grids"]
    ]


# -------------------------------------------------------------------------------------------------------------- Model


@dataclass
class Head:
    rows: list[list[int]]  # of w, one for each code word
    b: list[int]
    logits: Any  # Requant


@dataclass
class Model:
    v: int
    split: int
    contexts: list[dict[str, Any]]
    embeddings: list[list[list[int]]]  # of each grid, [index][channel]
    nets: list[tuple[Any, Head]]


def load(micro: Any, package: Any, parameters: Parameters) -> Model:
    symbols, found = micro.open_package(package, MEMBERS)
    builder = object.__new__(micro.ModelBuilder)  # reads tensors, layers and requants; R is 1
    builder.symbols, builder.tensors, builder.used, builder.rates = symbols, found, set(), 1
    v, grids, split = symbols["v"], symbols["grids"], symbols["split"]
    if not micro.is_integer(v, 2, 65536) or not valid_grids(micro, grids):
        micro.bad_model("DRAFT-R-301: v or grids")
    if not micro.is_integer(split, 1, min(v, MOST)) or -(-v // split) > MOST:
        micro.bad_model("DRAFT-R-301: split")
    entries, contexts = listed(micro, symbols["nets"], 1, 64, "nets"), symbols["contexts"]
    listed(micro, contexts, len(grids), len(grids), "contexts")
    embeddings = [context_of(micro, builder, k, v, len(entries), entry) for k, entry in enumerate(contexts)]
    widths: list[set[int]] = [set() for _ in entries]
    for k, context in enumerate(contexts):
        for one in context["passes"]:
            widths[one["net"]].add(sum(len(embeddings[j][0]) for j in [k, *context["from"]]))
    if any(len(found_widths) != 1 for found_widths in widths):
        micro.bad_model("DRAFT-R-304: a net without a pass, or with inputs of different widths")
    nets = [net_of(micro, builder, i, v, min(widths[i]), entry) for i, entry in enumerate(entries)]
    if builder.used != set(found):
        micro.bad_model(f"nothing uses {sorted(set(found) - builder.used)}")
    if {"v": v, "grids": grids} != parameters:
        micro.fail(803, "DRAFT-R-306: v and grids are not those of the profile")
    model = Model(v, split, contexts, embeddings, nets)
    check_bounds(micro, model)
    return model


def listed(micro: Any, value: Any, least: int, most: int, where: str) -> list[Any]:
    if not isinstance(value, list) or not least <= len(value) <= most:
        micro.bad_model(f"DRAFT-R-301: {where} is not a list of {least} to {most}")
    return list(value)


def whole(micro: Any, value: Any, least: int, most: int, where: str) -> int:
    if not micro.is_integer(value, least, most):
        micro.bad_model(f"DRAFT-R-301: {where} is not an integer from {least} to {most}")
    return int(value)


def has(micro: Any, value: Any, members: set[str], where: str) -> None:
    if not isinstance(value, dict) or set(value) != members:
        micro.bad_model(f"DRAFT-R-301: {where} has not the members {sorted(members)}")


def context_of(micro: Any, builder: Any, k: int, v: int, nets: int, entry: Any) -> list[list[int]]:
    """Return the embedding of an object of `contexts`, after checking it."""
    where = f"contexts[{k}]"
    has(micro, entry, {"from", "embedding", "schedule", "passes"}, where)
    before = [whole(micro, j, 0, k - 1, where) for j in listed(micro, entry["from"], 0, k, where)]
    if before != sorted(set(before)):
        micro.bad_model(f"DRAFT-R-301: {where}.from does not ascend")
    tensor = builder.tensor(entry["embedding"], "I16", 2)
    if tensor.shape[0] != v or tensor.shape[1] > 1024:
        micro.bad_model(f"DRAFT-R-301: the embedding of {where} is {tensor.shape}")
    for one in listed(micro, entry["passes"], 1, 64, where):
        has(micro, one, {"step", "net"}, where)
        whole(micro, one["step"], 1, 16, where)
        whole(micro, one["net"], 0, nets - 1, where)
    period = len(listed(micro, entry["schedule"], 1, 16, where))
    sites: list[list[tuple[int, int]]] = [[] for _ in entry["passes"]]
    for r, row in enumerate(entry["schedule"]):
        for c, n in enumerate(listed(micro, row, period, period, where)):
            sites[whole(micro, n, 0, len(sites) - 1, where)].append((r, c))
    for one, own in zip(entry["passes"], sites, strict=True):
        s = one["step"]
        if period % s != 0 or own == [] or any(r % s != 0 or c % s != 0 for r, c in own):
            micro.bad_model(f"DRAFT-R-303: a pass of {where}")
    d = tensor.shape[1]
    return [list(tensor.values[i * d : i * d + d]) for i in range(v)]


def net_of(micro: Any, builder: Any, i: int, v: int, channels: int, entry: Any) -> tuple[Any, Head]:
    where = f"nets[{i}]"
    has(micro, entry, {"context", "head"}, where)
    context, features = builder.net(f"{where}.context", entry["context"], channels)
    if any(isinstance(layer, micro.Linear) and layer.s != 1 for layer in context):
        micro.bad_model(f"DRAFT-R-305: a stride of {where}")
    head = entry["head"]
    has(micro, head, {"w", "b", "logits"}, f"{where}.head")
    w, b = builder.tensor(head["w"], "I16", 2), builder.tensor(head["b"], "I64", 1)
    if w.shape != [v, features] or b.shape != [v]:
        micro.bad_model(f"DRAFT-R-301: {where}.head: w {w.shape}, b {b.shape} for {features} features")
    rows = [list(w.values[o * features : o * features + features]) for o in range(v)]
    return context, Head(rows, list(b.values), builder.requant(f"{where}.head.logits", head["logits"], v))


def check_bounds(micro: Any, model: Model) -> None:
    reach = [0] * len(model.nets)
    for k, context in enumerate(model.contexts):
        x = max(abs(value) for j in [k, *context["from"]] for vector in model.embeddings[j] for value in vector)
        for one in context["passes"]:
            reach[one["net"]] = max(reach[one["net"]], x)
    for i, (context, head) in enumerate(model.nets):
        x = micro.judge_net_bounds(f"nets[{i}].context", context, reach[i], 1)
        if x > 32768:  # SEM-R-100
            micro.fail(804, f"SEM-R-100: the input of the head of nets[{i}] can reach {x}")
        sums = [abs(bias) + x * sum(map(abs, row)) for row, bias in zip(head.rows, head.b, strict=True)]
        if max(sums) > 2**37:  # SEM-R-101
            micro.fail(804, f"SEM-R-101: a sum of the head of nets[{i}] can reach {max(sums)}")
        micro.judge_requant_bounds(f"nets[{i}].head.logits", head.logits, max(sums), 1)


# -------------------------------------------------------------------------------------------------------- Frequencies


def weights(logits: list[int]) -> list[int]:
    largest = max(logits)
    return [T[(largest - x) % 64] >> (largest - x) // 64 for x in logits]


def table(micro: Any, given: list[int]) -> list[int]:
    n, total = len(given), sum(given)
    frequencies = [1 + (2**16 - n) * weight // total for weight in given]
    frequencies[given.index(max(given))] += 2**16 - sum(frequencies)
    return list(micro.cumulative_of(frequencies))


def index(micro: Any, coder: Any, logits: list[int], split: int) -> int:
    every = weights(logits)
    parts = [sum(every[start : start + split]) for start in range(0, len(every), split)]
    start = split * int(coder.decode(table(micro, parts)))
    return start + int(coder.decode(table(micro, weights(logits[start : start + split]))))


# --------------------------------------------------------------------------------------------------------------- Body


def index_grids(micro: Any, coder: Any, model: Model, sizes: list[tuple[int, int]], run: Any) -> list[Any]:
    found: list[dict[tuple[int, int], int]] = []
    for k, (h, w) in enumerate(sizes):
        context, own = model.contexts[k], model.embeddings[k]
        indices: dict[tuple[int, int], int] = {}
        period = len(context["schedule"])
        for n, one in enumerate(context["passes"]):
            every = [(r, c) for r in range(h) for c in range(w)]
            sites = [(r, c) for r, c in every if context["schedule"][r % period][c % period] == n]
            if not sites:
                continue
            s = one["step"]
            a = micro.Activation(0, -(-h // s), -(-w // s))
            for r, c in a.sites():
                here = indices.get((s * r, s * c))
                a.at[r, c] = [0] * len(own[0]) if here is None else list(own[here])
                for j in context["from"]:
                    rows, columns = sizes[j]
                    there = found[j][s * r * rows // h, s * c * columns // w]
                    a.at[r, c] += model.embeddings[j][there]
            a.channels = len(a.at[0, 0])
            net, head = model.nets[one["net"]]
            f = micro.run_net("context", net, a, 0, run, [(r // s, c // s) for r, c in sites])
            parameters = head.logits.parameters(0, model.v)
            coded = {}
            for r, c in sites:
                vector = f.at[r // s, c // s]
                sums = [
                    bias + sum(x * y for x, y in zip(row, vector, strict=True))
                    for row, bias in zip(head.rows, head.b, strict=True)
                ]
                coded[r, c] = index(micro, coder, head.logits.apply(sums, parameters), model.split)
            indices |= coded
        found.append(indices)
    return [[[found[k][r, c] for c in range(w)] for r in range(h)] for k, (h, w) in enumerate(sizes)]


def decode(micro: Any, part: Any, head: Any, package: Any, run: Any) -> Any:
    parameters = micro.parameters_of(head, 48)
    model = load(micro, package, parameters)
    sizes = shapes(parameters, head.width, head.height)
    grids = micro.stream(part, lambda coder: index_grids(micro, coder, model, sizes, run))
    codes = [code for grid in grids for row in grid for code in row]
    s = b"".join(code.to_bytes(2, "big") for code in codes)
    return micro.Payload(s, {"shape": [list(size) for size in sizes], "value": codes, "canonical": True})


DRAFT = Draft(
    number=48,
    name="grids",
    valid=valid,
    uses_model=lambda parameters: True,
    symbols=lambda parameters, width, height: sum(h * w for h, w in shapes(parameters, width, height)),
    decode=decode,
)
