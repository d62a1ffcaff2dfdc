// SPDX-License-Identifier: MIT
// Runs a synthesis network in bands of rows, so that memory does not grow with the height of a picture. A band has as
// many more rows on each side as its pixels depend on, so that pictures do not depend on how they are divided.

import { MAX_BYTES, limitWork } from "./limits.mjs";
import { CHANNELS, Layout, shuffle } from "./map.mjs";
import { weightsOf } from "./weights.mjs";

const BAND_BYTES = 2 ** 28;
const FEWEST_ROWS = 4; // of a band
const SITES = 64; // that a convolution computes for all output channels, before it goes on

/** The maps that a network needs for so many rows of w sites: numbers of each of two maps, two inner ones and `linear`. */
function mapSizes(network, h, w) {
  const sizes = [0, 0, 0];
  let [scale, width] = [1, network.inputs];
  const grow = (slot, channels) => {
    sizes[slot] = Math.max(sizes[slot], new Layout(h * scale, w * scale).size(channels));
  };
  grow(0, width);
  network.steps.forEach((step, i) => {
    if (step.op === "conv") width = step.outputs;
    if (step.op === "bottleneck") grow(1, Math.floor(width / 2));
    if (step.op === "plain") grow(1, width);
    if (step.op === "shuffle" && i < network.steps.length - 1) {
      scale *= step.factor;
      width /= step.factor ** 2;
    }
    grow(0, width);
  });
  const linear = network.linear ? new Layout(h, w).size(network.channels * network.stride ** 2) : 0;
  return [sizes[0], sizes[0], sizes[1], sizes[1], linear];
}

const sum = (numbers) => numbers.reduce((total, n) => total + n, 0);

/** Products of a site of the input, of a network with weights. */
function productsOf({ steps, linear }) {
  let area = 1;
  let total = linear ? linear.rows * linear.depth : 0;
  for (const { op, factor, convs } of steps) {
    total += area * sum(convs.map(({ rows, depth }) => rows * depth));
    if (op === "shuffle") area *= factor ** 2;
  }
  return total;
}

/** A network with its weights; `run` paints. `bandBytes`: memory of a band's maps, where a few rows do not need more. */
export class Synthesis {
  constructor(network, tensors, prefix, kernel, bandBytes = BAND_BYTES) {
    Object.assign(this, { network, kernel, bandBytes }, weightsOf(network, tensors, prefix));
    this.products = productsOf(this);
  }

  /** The rows of a band of a map of h rows of w sites. Throws a Fault beyond a limit. */
  rowsOfBand(h, w) {
    const bytesOf = (rows) => 4 * sum(mapSizes(this.network, Math.min(h, rows + 2 * this.network.halo), w));
    const most = MAX_BYTES / 2;
    // A band computes the rows of its halo anew: it should not be much smaller.
    const few = Math.max(FEWEST_ROWS, 2 * this.network.halo);
    const fewest = Math.min(h, bytesOf(few) > most ? FEWEST_ROWS : few);
    limitWork("painting", bytesOf(fewest), h * w * this.products);
    let rows = h;
    while (rows > fewest && bytesOf(rows) > this.bandBytes) rows = Math.max(fewest, Math.floor(rows * 0.75));
    return rows;
  }

  /**
   * Paint h rows of w sites: `fill(data, at, layout, top)` writes the rows from `top` on, of which there are layout.h, and
   * `take(image, top)` gets the pixels of a band, whose first row of sites is `top`. Yields the share that is done.
   */
  *run(h, w, fill, take) {
    const rows = this.rowsOfBand(h, w);
    const { halo } = this.network;
    for (let top = 0; top < h; top += rows) {
      const from = Math.max(0, top - halo);
      const count = Math.min(rows, h - top);
      const until = Math.min(h, top + count + halo);
      const band = new Band(this, until - from, w);
      fill(band.data, band.slots[0], band.layout, from);
      for (const done of band.run()) yield (top + done * count) / h;
      take(band.pixels((top - from) * this.network.stride, count * this.network.stride), top);
    }
  }
}

/** The maps of one band in the kernel's memory: [x, x, inner, inner, linear], and behind them the weights of a step. */
class Band {
  constructor(synthesis, h, w) {
    Object.assign(this, synthesis);
    this.layout = new Layout(h, w);
    const all = [...this.steps.flatMap((step) => step.convs), ...(this.linear ? [this.linear] : [])];
    const most = (size) => all.reduce((largest, one) => Math.max(largest, size(one)), 0);
    const guard = w * this.network.stride + 4; // a convolution reads a row before its first site
    let at = guard;
    const place = (numbers) => {
      at += numbers;
      return at - numbers;
    };
    this.slots = mapSizes(this.network, h, w).map(place);
    this.offsets = place(most(({ depth }) => depth));
    this.weightsAt = place(most(({ weights }) => weights.length));
    this.biasesAt = place(most(({ rows }) => rows));
    this.kernel.reserve(4 * at);
    this.data = this.kernel.floats;
  }

  /** Yields the share of the products that is done. */
  *run() {
    let done = 0;
    if (this.linear) {
      this.sums(this.linear, this.layout, this.slots[0], this.slots[4]);
      done += this.linear.rows * this.linear.depth;
    }
    this.current = { layout: this.layout, at: this.slots[0], other: this.slots[1], width: this.network.inputs };
    for (const step of this.steps.slice(0, -1)) {
      const { h, w } = this.current.layout;
      for (const products of this[step.op](step)) {
        done += (products * h * w) / (this.layout.h * this.layout.w);
        yield done / this.products;
      }
    }
  }

  /** The map becomes the one that a step has written. */
  turn(layout, width) {
    const { at, other } = this.current;
    this.current = { layout, at: other, other: at, width };
  }

  *shuffle({ factor }) {
    const { layout, at, other, width } = this.current;
    const next = new Layout(factor * layout.h, factor * layout.w);
    shuffle(this.data, at, layout, other, next, width, factor);
    this.turn(next, width / factor ** 2);
  }

  *conv({ convs: [only] }) {
    const { layout, at, other } = this.current;
    this.sums(only, layout, at, other);
    this.turn(layout, only.outputs);
    yield only.rows * only.depth;
  }

  *bottleneck({ convs: [first, middle, last] }) {
    const { layout, at } = this.current;
    const [inner, second] = this.slots.slice(2);
    this.sums(first, layout, at, inner, { relu: true });
    yield first.rows * first.depth;
    this.sums(middle, layout, inner, second, { relu: true });
    yield middle.rows * middle.depth;
    this.sums(last, layout, second, at, { add: true });
    yield last.rows * last.depth;
  }

  *plain({ convs: [first, last] }) {
    const { layout, at } = this.current;
    this.sums(first, layout, at, this.slots[2], { relu: true });
    yield first.rows * first.depth;
    this.sums(last, layout, this.slots[2], at, { add: true });
    yield last.rows * last.depth;
  }

  /** One convolution, from the map at x to that at `out`. */
  sums({ inputs, kernel, depth, rows, weights, biases }, layout, x, out, { relu = false, add = false } = {}) {
    const { data, offsets, weightsAt, biasesAt } = this;
    const { row, plane, first, count } = layout;
    if (kernel > 1) layout.clear(data, x, inputs);
    data.set(weights, weightsAt);
    data.set(biases, biasesAt);
    const half = (kernel - 1) / 2;
    for (let i = 0, at = offsets; i < inputs; i++) {
      for (let u = -half; u <= half; u++) {
        for (let v = -half; v <= half; v++) this.kernel.ints[at++] = 4 * (i * plane + u * row + v);
      }
    }
    for (let site = 0; site < count; site += SITES) {
      const sites = Math.min(SITES, count - site);
      this.kernel.conv(4 * (x + first + site), 4 * offsets, depth, 4 * weightsAt, 4 * biasesAt, rows / CHANNELS,
        4 * (out + first + site), 4 * plane, 4 * sites, relu ? 0 : -Infinity, add ? 1 : 0);
    }
  }

  /** {channels, width, height, at(channel, row)}: `height` rows of pixels from `top` on, each a Float32Array. */
  pixels(top, height) {
    const { data, current, layout, slots } = this;
    const { channels, stride, linear } = this.network;
    const width = layout.w * stride;
    const out = new Float32Array(width);
    const add = (at, source, factor, channel, r) => {
      const [site, i] = [Math.floor(r / factor), r % factor];
      for (let j = 0; j < factor; j++) {
        let read = at + ((channel * factor + i) * factor + j) * source.plane + source.at(site);
        for (let c = j; c < width; c += factor) out[c] += data[read++];
      }
    };
    return {
      channels, width, height,
      at: (channel, r) => {
        out.fill(0.5);
        add(current.at, current.layout, this.steps.at(-1).factor, channel, top + r);
        if (linear) add(slots[4], layout, stride, channel, top + r);
        return out;
      },
    };
  }
}
