// SPDX-License-Identifier: MIT
// The synthesis networks that a package's `architecture` describes, as lists of steps. Manifests are not trusted.
//
// A network is {inputs, channels, stride, halo, steps, linear}: sites of `inputs` channels become pictures of
// `channels`, each `stride` pixels wide. `halo` is how many sites away a pixel still depends on. A step is one of
//   {op: "conv", name, inputs, outputs, kernel}
//   {op: "bottleneck", name, channels}: x + 1x1(3x3(1x1(x))) with half the channels inside and a ReLU after the first two
//   {op: "plain", name, channels}: x + 3x3(3x3(x)) with a ReLU in between
//   {op: "shuffle", factor}: factor² channels become factor by factor sites
// Its last step is a shuffle to pixels. `linear`, where there is one, is a transposed convolution of kernel and stride
// 16 from the same input, which is added to its output.

import { Fault } from "../../../conformance/decoders/js/fault.mjs";
import { isInt, isObject } from "../../../conformance/decoders/js/json.mjs";

const PATCH = 4; // pixels on each side of a site of the last convolution
const PLAIN_DEPTH = [[2, 0], [3, 0], [3, 0]];

const malformed = (what) => new Fault(803, null, `the architecture of painter: ${what}`, "painter");

function require(holds, what) {
  if (!holds) throw malformed(what);
}

const isList = (x, length, good) => Array.isArray(x) && x.length === length && x.every(good);

/** Lists the steps of a network, named as torch.nn.Sequential numbers them. */
class Steps {
  constructor(prefix, width) {
    Object.assign(this, { prefix, width, list: [], number: 0 });
  }

  name() {
    return `${this.prefix}${this.number++}`;
  }

  conv(outputs, kernel) {
    this.list.push({ op: "conv", name: this.name(), inputs: this.width, outputs, kernel });
    this.width = outputs;
    return this;
  }

  blocks(bottleneck, plain = 0) {
    for (let i = 0; i < bottleneck; i++) this.list.push({ op: "bottleneck", name: this.name(), channels: this.width });
    for (let i = 0; i < plain; i++) this.list.push({ op: "plain", name: this.name(), channels: this.width });
    return this;
  }

  shuffle(factor) {
    this.name();
    this.list.push({ op: "shuffle", factor });
    this.width /= factor ** 2;
    return this;
  }
}

/** Convolutions of kernel 3 in a step. */
const reach = (step) => ({ conv: step.kernel === 3 ? 1 : 0, bottleneck: 1, plain: 2, shuffle: 0 })[step.op];

function network(inputs, channels, stride, steps, linear) {
  let [halo, scale] = [0, 1];
  for (const step of steps) {
    halo += reach(step) / scale;
    if (step.op === "shuffle") scale *= step.factor;
  }
  return { inputs, channels, stride, halo: Math.ceil(halo), steps, linear };
}

/** The synthesis of a package of kind 6 or 7, whose `symbols` are those of the manifest. */
export function elicNetwork(architecture, symbols) {
  require(isObject(architecture), "not an object");
  const { m, hyper, groups, lambdas, widths, transform, channels = 3, scale_head: head = "log" } = architecture;
  const { synthesis_widths: other = [], synthesis_blocks: blocks = PLAIN_DEPTH } = architecture;
  const isWidth = (n) => isInt(n, 2, 4096);
  const isDepth = (pair) => isList(pair, 2, (n) => isInt(n, 0, 32));
  require(isInt(m, 2, 1024) && channels === (symbols.kind === 6 ? 1 : 3), "m or channels");
  require(isList(groups, symbols.groups.length, (n, i) => n === symbols.groups[i]) && hyper === symbols.hyper &&
    Array.isArray(lambdas) && lambdas.length === symbols.rates, "not that of the symbol model");
  require(groups.reduce((sum, n) => sum + n, 0) === m, "groups that do not sum to m");
  require(isList(widths, 3, isWidth) && (isList(other, 0, isWidth) || isList(other, 3, isWidth)), "widths");
  require(isList(blocks, 3, isDepth) && ["log", "linear"].includes(head), "blocks");
  require(["patch", "elic"].includes(transform), "an unknown transform");
  if (transform !== "patch") throw new Fault(805, null, "the viewer has no transforms of this kind: elic", "painter");
  const [n1, n2, n3] = other.length ? other : widths;
  const [fine, middle, coarse] = blocks;
  const steps = new Steps("g_s.net.", m).conv(n3, 1).blocks(...coarse).conv(4 * n2, 1).shuffle(2).blocks(...middle)
    .conv(4 * n1, 1).shuffle(2).blocks(...fine).conv(PATCH ** 2 * channels, 3).shuffle(PATCH);
  return network(m, channels, 16, steps.list, "g_s.linear");
}

/** The decoder of a package of kind 5. */
export function vqNetwork(architecture, symbols) {
  require(isObject(architecture), "not an object");
  const { v = 1024, dim = 32, decoder_widths: widths = [64, 128, 256], decoder_blocks: blocks = [3, 4, 8] } = architecture;
  require(v === symbols.v && isInt(v, 2, 65536), "not that of the symbol model");
  require(isInt(dim, 1, 1024), "dim");
  require(Array.isArray(widths) && isInt(widths.length, 1, 5) && widths.every((n) => isInt(n, 2, 1024)), "widths");
  require(isList(blocks, widths.length, (n) => isInt(n, 0, 32)), "blocks");
  const last = widths.length - 1;
  const steps = new Steps("decoder.", dim).conv(widths[last], 3).blocks(blocks[last]);
  for (let i = last - 1; i >= 0; i--) steps.conv(4 * widths[i], 1).shuffle(2).blocks(blocks[i]);
  steps.conv(3 * PATCH ** 2, 3).shuffle(PATCH);
  return network(dim, 3, PATCH << last, steps.list, null);
}
