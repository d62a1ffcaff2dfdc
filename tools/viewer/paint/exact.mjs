// SPDX-License-Identifier: MIT
// The integer networks of a model on a kernel. Sums are exact in binary64 in any order (SPEC.md, section 11), so that
// symbols are the same; only the time is another.

const CHANNELS = 4; // output channels that the kernel computes at once
const TILE = 4; // sites that it computes at once
const SITES = 64; // that it computes for all output channels, before they are requantised
const BAND = 2 ** 20; // numbers of the input that are in its memory at once, where a row is not longer

/** Whether the kernel has the sums of a layer: not those of a stride of more than 1, or over no tap at all. */
const isPlain = ({ op, kernel, stride, parts }) => kernel &&
  (op === "deconv" || stride === 1) && parts.every(({ taps }) => taps.length);

/** Have the convolutions of a model of latents run on a kernel. */
export function accelerate(model, kernel) {
  if (!kernel.exact) return;
  const nets = [model.hyperNet, ...model.parts.flatMap(({ channel, spatial, anchorHead, head }) =>
    [channel, spatial, anchorHead, head])];
  for (const layer of nets.filter(Boolean).flatMap((net) => net.layers)) {
    if (isPlain(layer)) layer.run = (x, rate, requant = null) => run(layer, kernel, x, rate, requant);
  }
}

/** As `Convolution.run` of networks.mjs. */
function run(layer, kernel, x, rate, requant) {
  const { op, stride, outputs, parts } = layer;
  const finish = requant ? requant.each(rate, outputs) : (value) => value;
  const scale = op === "deconv" ? stride : 1;
  const [h, w] = [x.h * scale, x.w * scale];
  const y = { channels: outputs, h, w, data: new (requant ? Int16Array : Float64Array)(outputs * h * w) };
  for (const part of parts) new Sums(layer, part, kernel, x, y, finish).run();
  return y;
}

/** The sums over some taps, at every site of the input: {taps, before, after, place} of a `Correlation`. */
class Sums {
  constructor(layer, part, kernel, x, y, finish) {
    Object.assign(this, { layer, part, kernel, x, y, finish });
    this.border = Math.max(part.before, part.after); // zeros around the input
    this.row = x.w + this.border;
    this.rows = Math.min(x.h, Math.max(1, Math.floor(BAND / (x.channels * this.row)))); // of a band
    this.plane = (this.rows + 2 * this.border) * this.row + this.border + TILE + SITES;
    this.depth = x.channels * part.taps.length;
    part.packed ??= part.pack();
    this.blocks = Math.ceil(layer.outputs / CHANNELS);
    this.out = x.channels * this.plane;
    this.weights = this.out + CHANNELS * this.blocks * SITES;
    this.offsets = this.weights + part.packed.length;
    kernel.reserve(8 * this.offsets + 4 * this.depth);
    this.data = kernel.doubles;
  }

  run() {
    const { part, row, plane, x } = this;
    this.data.set(part.packed, this.weights);
    let at = 2 * this.offsets;
    for (let i = 0; i < x.channels; i++) {
      for (const [r, c] of part.taps) this.kernel.ints[at++] = 8 * (i * plane + r * row + c);
    }
    for (let top = 0; top < x.h; top += this.rows) this.band(top, Math.min(this.rows, x.h - top));
  }

  /** `count` rows of sites from row `top` on. */
  band(top, count) {
    const { data, border, row, plane, x, blocks } = this;
    data.fill(0, 0, this.out);
    for (let r = Math.max(0, top - border); r < Math.min(x.h, top + count + border); r++) {
      for (let i = 0, to = (r - top + border) * row + border; i < x.channels; i++, to += plane) {
        const from = (i * x.h + r) * x.w;
        data.set(x.data.subarray(from, from + x.w), to);
      }
    }
    const first = border * row + border;
    const end = count * row - border; // the last row's border is not a site
    for (let site = 0; site < end; site += SITES) {
      const sites = Math.min(SITES, end - site);
      this.kernel.exact(8 * (first + site), 8 * this.offsets, this.depth, 8 * this.weights, blocks, 8 * this.out,
        8 * SITES, 8 * sites);
      this.finishSites(top, site, sites);
    }
  }

  /** Requantise the sums of some sites, of which those in the border are none. */
  finishSites(top, site, sites) {
    const { data, out, row, x, y, finish, layer, part } = this;
    const scale = y.w / x.w;
    for (let j = 0; j < sites; j++) {
      const r = Math.floor((site + j) / row);
      const c = site + j - r * row;
      if (c >= x.w) continue;
      const to = ((top + r) * scale + part.place[0]) * y.w + c * scale + part.place[1];
      for (let o = 0, from = out + j; o < layer.outputs; o++, from += SITES) {
        y.data[o * y.h * y.w + to] = finish(layer.biases[o] + data[from], o);
      }
    }
  }
}
