// SPDX-License-Identifier: MIT
// Integer networks (SPEC.md, section 11), run on binary64 numbers, which are exact within its bounds.
//
// An activation is {channels, h, w, data}, `data` a typed array in raster order. conv and deconv are both sums over
// taps: a deconv of stride s is, for each of the s * s places within an output cell, a conv of some of its weights.
// Such a sum is one product of matrices, taken in tiles of 4 channels and 2 places, whose 8 sums stay in registers.

const ROWS = 4;
const BLOCK = 16; // places gathered at a time, so that they stay in the cache
const sums = new Float64Array(2 * ROWS);

/** The sum over `taps`, [row offset, column offset, row of kernel, column of kernel], of a conv or deconv. */
class Correlation {
  constructor(layer, taps, stride, step, place) {
    Object.assign(this, { layer, taps, stride, step, place });
    this.before = taps.reduce((most, [r, c]) => Math.max(most, -r, -c), 0);
    this.after = taps.reduce((most, [r, c]) => Math.max(most, r, c), 0);
    this.packed = null;
  }

  /** The weights as the tile reads them: for 4 output channels, for each input channel and tap, their 4 weights. */
  pack() {
    const { inputs, outputs, kernel, weights, op } = this.layer;
    const depth = inputs * this.taps.length;
    const packed = new Float64Array(Math.ceil(outputs / ROWS) * depth * ROWS);
    for (let o = 0; o < outputs; o++) {
      for (let i = 0; i < inputs; i++) {
        const from = (op === "conv" ? o * inputs + i : i * outputs + o) * kernel * kernel;
        const to = (o - (o % ROWS)) * depth + i * this.taps.length * ROWS + (o % ROWS);
        this.taps.forEach(([, , u, v], t) => {
          packed[to + t * ROWS] = weights[from + u * kernel + v];
        });
      }
    }
    return packed;
  }

  /** `rows` by `columns` places into the output `y`, the place (r, c) at (step * r, step * c) + place. */
  run(x, y, rows, columns, finish) {
    this.packed ??= this.pack();
    const { stride, step, taps, packed } = this;
    const { outputs, biases } = this.layer;
    const depth = x.channels * taps.length;
    const input = pad(x, this.before, this.after);
    const plane = input.h * input.w;
    const offsets = Int32Array.from(taps, ([r, c]) => (r + this.before) * input.w + c + this.before);
    const gathered = new Float64Array(BLOCK * depth);
    const sources = new Int32Array(BLOCK);
    const targets = new Int32Array(BLOCK);
    const places = rows * columns;
    for (let first = 0; first < places; first += BLOCK) {
      const count = Math.min(BLOCK, places - first);
      for (let j = 0; j < BLOCK; j++) {
        const place = first + Math.min(j, count - 1); // the last one again, to fill the tile
        const r = Math.floor(place / columns);
        const c = place - r * columns;
        sources[j] = stride * (r * input.w + c);
        targets[j] = (step * r + this.place[0]) * y.w + step * c + this.place[1];
      }
      for (let j = 0; j < count; j += 2) {
        gather(input.data, sources[j], sources[j + 1], x.channels, plane, offsets, gathered, j * depth);
      }
      for (let o = 0; o < outputs; o += ROWS) {
        for (let j = 0; j < count; j += 2) {
          tile(packed, o * depth, gathered, j * depth, depth, sums);
          for (let k = 0; k < ROWS && o + k < outputs; k++) {
            const at = (o + k) * y.h * y.w;
            y.data[at + targets[j]] = finish(biases[o + k] + sums[2 * k], o + k);
            y.data[at + targets[j + 1]] = finish(biases[o + k] + sums[2 * k + 1], o + k);
          }
        }
      }
    }
  }
}

function gather(data, a, b, channels, plane, offsets, out, at) {
  for (let i = 0; i < channels; i++, a += plane, b += plane) {
    for (let t = 0; t < offsets.length; t++) {
      out[at++] = data[a + offsets[t]];
      out[at++] = data[b + offsets[t]];
    }
  }
}

function tile(w, a, x, b, depth, out) {
  let p0 = 0, p1 = 0, q0 = 0, q1 = 0, r0 = 0, r1 = 0, s0 = 0, s1 = 0;
  for (const end = a + ROWS * depth; a < end; a += 4, b += 2) {
    const x0 = x[b];
    const x1 = x[b + 1];
    const p = w[a];
    const q = w[a + 1];
    const r = w[a + 2];
    const s = w[a + 3];
    p0 += p * x0; p1 += p * x1;
    q0 += q * x0; q1 += q * x1;
    r0 += r * x0; r1 += r * x1;
    s0 += s * x0; s1 += s * x1;
  }
  out[0] = p0; out[1] = p1; out[2] = q0; out[3] = q1;
  out[4] = r0; out[5] = r1; out[6] = s0; out[7] = s1;
}

/** x with zeros around it. */
function pad(x, before, after) {
  if (before === 0 && after === 0) return x;
  const [h, w] = [x.h + before + after, x.w + before + after];
  const data = new Int32Array(x.channels * h * w); // the input of a conv is at most 2^15 (SEM-R-100)
  for (let row = 0; row < x.channels * x.h; row++) {
    const i = Math.floor(row / x.h);
    data.set(x.data.subarray(row * x.w, (row + 1) * x.w), (i * h + (row % x.h) + before) * w + before);
  }
  return { channels: x.channels, h, w, data };
}

const activation = (channels, h, w, Type) => ({ channels, h, w, data: new Type(channels * h * w) });

/** A layer of weights: {op, kernel, stride, inputs, outputs, weights, biases}. */
export class Convolution {
  constructor(layer) {
    Object.assign(this, layer);
    const { kernel, stride } = layer;
    const p = (kernel - 1) / 2;
    this.parts = [];
    const places = layer.op === "conv" ? [0] : Array.from({ length: stride }, (_, i) => i);
    for (const row of places) {
      for (const column of places) {
        const taps = [];
        for (let u = 0; u < kernel; u++) {
          for (let v = 0; v < kernel; v++) {
            if (layer.op === "conv") taps.push([u - p, v - p, u, v]);
            else if ((row + p - u) % stride === 0 && (column + p - v) % stride === 0) {
              taps.push([(row + p - u) / stride, (column + p - v) / stride, u, v]);
            }
          }
        }
        const [from, to] = layer.op === "conv" ? [stride, 1] : [1, stride];
        this.parts.push(new Correlation(this, taps, from, to, [row, column]));
      }
    }
  }

  /** The output, or what `requant` makes of it, so that the sums of a large picture need not be kept. */
  run(x, rate, requant = null) {
    const { op, stride, outputs } = this;
    const finish = requant ? requant.each(rate, outputs) : (value) => value;
    const Type = requant ? Int16Array : Float64Array;
    if (op === "deconv") {
      const y = activation(outputs, x.h * stride, x.w * stride, Type);
      for (const part of this.parts) part.run(x, y, x.h, x.w, finish);
      return y;
    }
    const y = activation(outputs, Math.ceil(x.h / stride), Math.ceil(x.w / stride), Type);
    this.parts[0].run(x, y, y.h, y.w, finish);
    return y;
  }
}

/** {lo, hi, m, s, a}: m, s and a are {rates, channels, values}, a null where the addend is half a step. */
export class Requant {
  constructor(fields) {
    Object.assign(this, fields);
  }

  /** Multiplier, shift and addend of a rate and channel. */
  at(rate, channel) {
    const pick = ({ rates, channels, values }) =>
      values[(rates === 1 ? 0 : rate * channels) + (channels === 1 ? 0 : channel)];
    const s = pick(this.s);
    return [pick(this.m), s, this.a ? pick(this.a) : 2 ** (s - 1)];
  }

  /** What becomes of a value of a channel, of `count` channels from `row` on. */
  each(rate, count, row = 0) {
    const { lo, hi } = this;
    const channels = Array.from({ length: count }, (_, i) => this.at(rate, row + i));
    const multipliers = Float64Array.from(channels, ([m]) => m);
    const scales = Float64Array.from(channels, ([, s]) => 2 ** -s);
    const addends = Float64Array.from(channels, ([, , a]) => a);
    return (x, channel) => {
      const value = Math.floor((x * multipliers[channel] + addends[channel]) * scales[channel]);
      return value < lo ? lo : value > hi ? hi : value;
    };
  }

  /** x, or `count` of its channels from `first` on; `row` is the row of tensors that the first one takes. */
  run(x, rate, { first = 0, count = x.channels, row = 0 } = {}) {
    const places = x.h * x.w;
    const y = activation(count, x.h, x.w, Int16Array); // SEM-R-104
    const finish = this.each(rate, count, row);
    const from = first * places;
    for (let o = 0, i = 0; o < count; o++) {
      for (const end = i + places; i < end; i++) y.data[i] = finish(x.data[from + i], o);
    }
    return y;
  }
}

function relu(x) {
  return { ...x, data: x.data.map((value) => (value > 0 ? value : 0)) };
}

function add(x, other) {
  const y = activation(x.channels, x.h, x.w, Float64Array);
  for (let i = 0; i < y.data.length; i++) y.data[i] = x.data[i] + other.data[i];
  return y;
}

/** A net: layers {op, run} in their order. `trace` is told of each output. */
export class Net {
  constructor(layers) {
    this.layers = layers;
    this.kept = new Set(layers.filter((layer) => layer.op === "add").map((layer) => layer.from));
    /** Whether a place of the output depends on the same place of the input alone. */
    this.pointwise = layers.every((layer) => !layer.kernel || layer.kernel === 1);
  }

  run(x, rate, trace = null) {
    const outputs = new Map();
    const { layers, kept } = this;
    for (let i = 0; i < layers.length; i++) {
      const layer = layers[i];
      if (layer.op === "relu") x = relu(x);
      else if (layer.op === "add") x = add(x, outputs.get(layer.from));
      else if (layer.kernel && layers[i + 1]?.op === "requant" && !kept.has(i) && !trace) {
        x = layer.run(x, rate, layers[++i]);
      } else x = layer.run(x, rate);
      if (kept.has(i)) outputs.set(i, x);
      trace?.(i, x);
    }
    return x;
  }
}

/** Arrays of the same h and w as one, channels behind channels. */
export function join(parts) {
  const [{ h, w }] = parts;
  const Type = parts.every((part) => part.data instanceof Int16Array) ? Int16Array : Float64Array;
  const out = activation(parts.reduce((sum, part) => sum + part.channels, 0), h, w, Type);
  let at = 0;
  for (const part of parts) {
    out.data.set(part.data, at);
    at += part.data.length;
  }
  return out;
}
