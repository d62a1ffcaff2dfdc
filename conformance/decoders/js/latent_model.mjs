// SPDX-License-Identifier: MIT
// Models of latents (SPEC.md, sections 11 and 12): kinds 6 and 7.

import { hasExactly, isInt, isObject } from "./json.mjs";
import { Convolution, Net, Requant } from "./networks.mjs";
import { EscapeTable } from "./tables.mjs";

const MEMBERS = ["kind", "rates", "hyper", "groups", "parity", "order", "context", "z_input", "y_input", "hyper_net",
  "channel_nets", "spatial_nets", "anchor_heads", "heads", "means", "scales", "tensors"];
const MAX_GROUPS = 16;
const MAX_CHANNELS = 1024;
const MAX_KERNEL = 15;
const MAX_LAYERS = 16;
const MAX_WIDTH = 4096;
const ENLARGEMENT = 4; // of z by the hyper net

const MAX_INPUT = 32768;
const MAX_SUM = 2 ** 37;
const MAX_ADDED = 2 ** 38;
const MAX_PRODUCT = 2 ** 53;

// ------------------------------------------------------------------------------------ the manifest alone, SEM-R-111

const isName = (x) => typeof x === "string";

function isRequant(x, more = []) {
  const names = [...more, "m", "s", "lo", "hi"];
  return isObject(x) && hasExactly(x, "a" in x ? [...names, "a"] : names) && isName(x.m) && isName(x.s) &&
    Number.isInteger(x.lo) && Number.isInteger(x.hi) && (!("a" in x) || isName(x.a));
}

function isLayer(x, i) {
  if (!isObject(x)) return false;
  switch (x.op) {
    case "conv":
    case "deconv":
      return hasExactly(x, ["op", "w", "b", "stride"]) && isName(x.w) && isName(x.b) && isInt(x.stride, 1, 4);
    case "requant": return isRequant(x, ["op"]);
    case "relu": return hasExactly(x, ["op"]);
    case "add": return hasExactly(x, ["op", "from"]) && isInt(x.from, 0, i - 1);
    default: return false;
  }
}

const isNet = (x) => Array.isArray(x) && x.length >= 1 && x.length <= MAX_LAYERS && x.every(isLayer);

/** What each member must be; `groups` is judged before those that have one entry a group. */
const FORMS = {
  rates: (x) => isInt(x, 1, 64),
  hyper: (x) => isInt(x, 1, MAX_CHANNELS),
  groups: (x) => Array.isArray(x) && x.length >= 1 && x.length <= MAX_GROUPS &&
    x.every((n) => isInt(n, 1, MAX_CHANNELS)) && x.reduce((sum, n) => sum + n, 0) <= MAX_CHANNELS,
  parity: (x) => isInt(x, 0, 1),
  order: (x) => x === "scales-means" || x === "means-scales",
  context: (x) => x === "all" || x === "ends",
  z_input: (x) => isRequant(x),
  y_input: (x) => isRequant(x),
  hyper_net: isNet,
  channel_nets: (x, each) => each(x, (net, k) => (k === 0 ? net === null : isNet(net))),
  spatial_nets: (x, each) => each(x, isNet),
  anchor_heads: (x, each) => x === null || each(x, isNet),
  heads: (x, each) => each(x, isNet),
  means: (x, each) => each(x, (one) => isRequant(one)),
  scales: (x, each) => each(x, (one) => isObject(one) &&
    ("ladder" in one ? isRequant(one, ["ladder"]) && isName(one.ladder) : isRequant(one))),
};

// --------------------------------------------------------------------------------------------------------- the model

/** The groups that the channel context of group k reads, in ascending order. */
export function contextGroups(context, k) {
  if (context === "all" || k < 2) return Array.from({ length: k }, (_, i) => i);
  return [0, k - 1];
}

export class LatentModel {
  static judgeManifest(s, bad) {
    if (!hasExactly(s, MEMBERS)) throw bad("other members in symbols");
    const each = (x, good) => Array.isArray(x) && x.length === s.groups.length && x.every(good);
    for (const [name, good] of Object.entries(FORMS)) if (!good(s[name], each)) throw bad(`the form of ${name}`);
  }

  /** Shapes: everything that is SEM-E-803. */
  constructor(s, tensors, bad) {
    this.bad = bad;
    this.tensors = tensors;
    this.used = new Set();
    this.rates = s.rates;
    const { kind, rates, hyper, groups, parity, order, context } = s;
    Object.assign(this, { kind, hyper, groups, parity, order, context, shared: { rates, hyper, groups, parity } });
    this.m = groups.reduce((sum, n) => sum + n, 0);
    this.zInput = this.requant(s.z_input, hyper);
    this.yInput = this.requant(s.y_input, this.m);
    this.hyperNet = this.net(s.hyper_net, hyper, ENLARGEMENT);
    const wide = this.hyperNet.outputs;
    this.parts = groups.map((channels, k) => {
      const inputs = contextGroups(this.context, k).reduce((sum, g) => sum + groups[g], 0);
      const channel = k === 0 ? null : this.net(s.channel_nets[k], inputs);
      const spatial = this.net(s.spatial_nets[k], channels);
      const both = wide + (channel?.outputs ?? 0);
      const anchorHead = s.anchor_heads && this.net(s.anchor_heads[k], both);
      const head = this.net(s.heads[k], spatial.outputs + both);
      for (const one of [anchorHead, head]) {
        if (one && one.outputs !== 2 * channels) throw bad("a head of another width than two for each channel");
      }
      const mean = this.requant(s.means[k], channels);
      const scale = this.requant(s.scales[k], channels);
      const ladder = "ladder" in s.scales[k] ? this.ladder(s.scales[k].ladder) : null;
      return { channels, channel, spatial, anchorHead, head, mean, scale, ladder };
    });
    this.zTables = this.readTables();
    for (const name of Object.keys(tensors)) if (!this.used.has(name)) throw bad(`nothing uses tensor ${name}`);
  }

  tensor(name, dtype, fits) {
    const found = this.tensors[name];
    if (!found) throw this.bad(`there is no tensor ${name}`);
    if (found.dtype !== dtype) throw this.bad(`tensor ${name} is not of dtype ${dtype}`);
    if (!fits(found.shape)) throw this.bad(`the shape of tensor ${name}`);
    this.used.add(name);
    return found;
  }

  requant(x, channels) {
    const fits = (shape) => shape.length === 2 &&
      [1, this.rates].includes(shape[0]) && [1, channels].includes(shape[1]);
    const rows = (name, dtype) => {
      const { shape, values } = this.tensor(name, dtype, fits);
      return { rates: shape[0], channels: shape[1], values };
    };
    const a = "a" in x ? rows(x.a, "I64") : null;
    return new Requant({ op: "requant", lo: x.lo, hi: x.hi, m: rows(x.m, "I16"), s: rows(x.s, "U8"), a });
  }

  convolution(x, inputs) {
    const side = x.op === "conv" ? [null, inputs] : [inputs, null];
    const w = this.tensor(x.w, "I16", (shape) => shape.length === 4 && shape[2] === shape[3] && shape[2] % 2 === 1 &&
      shape[2] <= MAX_KERNEL && side.every((n, i) => n === null ? isInt(shape[i], 1, MAX_WIDTH) : shape[i] === n));
    const outputs = w.shape[x.op === "conv" ? 0 : 1];
    const b = this.tensor(x.b, "I64", (shape) => shape.length === 1 && shape[0] === outputs);
    const [kernel, weights, biases] = [w.shape[2], w.values, b.values];
    return new Convolution({ op: x.op, kernel, stride: x.stride, inputs, outputs, weights, biases });
  }

  /** SEM-R-111, 115, 123: a net of `inputs` channels that enlarges its input so many times. */
  net(list, inputs, enlargement = 1) {
    let channels = inputs;
    let times = 1;
    const shapes = [];
    const layers = list.map((x, i) => {
      let layer = x;
      if (x.op === "conv" || x.op === "deconv") {
        layer = this.convolution(x, channels);
        if (enlargement === 1 && x.stride !== 1) throw this.bad("a stride in a net that has none");
        if (x.op === "deconv") times *= x.stride;
        else if (times % x.stride) throw this.bad("a stride that does not divide the enlargement");
        else times /= x.stride;
        if (times > enlargement) throw this.bad("a net that enlarges too far");
        channels = layer.outputs;
      } else if (x.op === "requant") layer = this.requant(x, channels);
      else if (x.op === "add" && shapes[x.from] !== `${channels} ${times}`) {
        throw this.bad("an add of another shape");
      }
      shapes[i] = `${channels} ${times}`;
      return layer;
    });
    if (times !== enlargement) throw this.bad("a net that enlarges otherwise");
    return Object.assign(new Net(layers), { outputs: channels });
  }

  /** SEM-R-124. */
  ladder(name) {
    const { values } = this.tensor(name, "I32", (shape) => shape.length === 1 && shape[0] === 63);
    if (values.some((t, i) => i > 0 && values[i - 1] >= t)) throw this.bad("a ladder that does not ascend");
    return values;
  }

  /** SEM-R-122: the tables of z, by rate and channel. */
  readTables() {
    const fits = (shape) => shape.length === 2 && shape[0] === this.rates && shape[1] === this.hyper;
    const { values: offsets } = this.tensor("z.offset", "I16", fits);
    const { values: sizes } = this.tensor("z.size", "I32", fits);
    if (sizes.some((n) => n < 1)) throw this.bad("a table of z without symbols");
    const count = sizes.reduce((sum, n) => sum + n + 1, 0);
    const { values: all } = this.tensor("z.freq", "U16", (shape) => shape.length === 1 && shape[0] === count);
    let at = 0;
    return Array.from(sizes, (size, i) => {
      const frequencies = all.subarray(at, at + size + 1);
      at += size + 1;
      const sum = frequencies.reduce((total, f) => total + f, 0);
      if (frequencies.includes(0) || sum !== 65536) throw this.bad("the frequencies of a table of z");
      if (offsets[i] < -32767 || offsets[i] + size - 1 > 32767) throw this.bad("values of z beyond 16 bits");
      return new EscapeTable(offsets[i], frequencies);
    });
  }

  // ------------------------------------------------------------------------------ bounds, SEM-R-100 to 105 and 121

  judgeBounds(beyond) {
    const z = this.requantBound(this.zInput, MAX_INPUT, beyond);
    const y = this.requantBound(this.yInput, MAX_INPUT, beyond);
    const hyper = this.netBound(this.hyperNet, z, beyond);
    for (const part of this.parts) {
      const channel = part.channel ? this.netBound(part.channel, y, beyond) : 0;
      const spatial = this.netBound(part.spatial, y, beyond);
      const inputs = [[part.anchorHead, Math.max(channel, hyper)], [part.head, Math.max(spatial, channel, hyper)]];
      for (const [head, x] of inputs) {
        if (!head) continue;
        const out = this.netBound(head, x, beyond);
        this.requantBound(part.mean, out, beyond);
        this.requantBound(part.scale, out, beyond);
      }
      const { lo, hi } = part.scale;
      if (!part.ladder && (lo < 0 || hi > 63)) throw beyond("an index of a Gaussian table can be beyond 0 to 63");
    }
  }

  /** The largest magnitude of a requant's output, its input being at most x. */
  requantBound(requant, x, beyond) {
    const { lo, hi, m, s, a } = requant;
    if (lo > hi || lo < -32768 || hi > 32767) throw beyond("the bounds of a requant"); // SEM-R-104
    if (m.values.some((n) => n < 1)) throw beyond("a multiplier"); // SEM-R-102
    if (s.values.some((n) => n < 1 || n > 52)) throw beyond("a shift");
    const rates = Math.max(m.rates, s.rates, a?.rates ?? 1);
    const channels = Math.max(m.channels, s.channels, a?.channels ?? 1);
    for (let rate = 0; rate < rates; rate++) {
      for (let channel = 0; channel < channels; channel++) {
        const [multiplier, , addend] = requant.at(rate, channel);
        if (x * multiplier + Math.abs(addend) >= MAX_PRODUCT) throw beyond("a product"); // SEM-R-103
      }
    }
    return Math.max(Math.abs(lo), Math.abs(hi));
  }

  netBound(net, x, beyond) {
    const bounds = [];
    for (const layer of net.layers) {
      if (layer.op === "requant") x = this.requantBound(layer, x, beyond);
      else if (layer.op === "add") {
        x += bounds[layer.from];
        if (x > MAX_ADDED) throw beyond("a sum of two layers"); // SEM-R-105
      } else if (layer.op !== "relu") {
        if (x > MAX_INPUT) throw beyond("the input of a conv"); // SEM-R-100
        x = this.sumBound(layer, x);
        if (x > MAX_SUM) throw beyond("a sum"); // SEM-R-101
      }
      bounds.push(x);
    }
    return x;
  }

  sumBound({ op, inputs, outputs, kernel, weights, biases }, x) {
    const area = kernel * kernel;
    const sums = new Float64Array(outputs);
    for (let at = 0, block = 0; at < weights.length; block++) {
      const o = op === "conv" ? Math.floor(block / inputs) : block % outputs;
      for (const end = at + area; at < end; at++) sums[o] += Math.abs(weights[at]);
    }
    return sums.reduce((most, sum, o) => Math.max(most, Math.abs(biases[o]) + x * sum), 0);
  }
}
