// SPDX-License-Identifier: MIT
// Sketches and ELIC latents (SPEC.md, sections 13.6 and 13.7).

import { concat, u16 } from "./bytes.mjs";
import { Reader } from "./coder.mjs";
import { Fault } from "./fault.mjs";
import { contextGroups } from "./latent_model.mjs";
import { join } from "./networks.mjs";

const PLACES = 4096; // that a head is run for at once, where it can be run for some alone

/** The sites (r, c), as r * w + c, with (r + c) mod 2 = odd. */
function sitesOf(h, w, odd) {
  const sites = [];
  for (let r = 0; r < h; r++) for (let c = 0; c < w; c++) if ((r + c) % 2 === odd) sites.push(r * w + c);
  return Int32Array.from(sites);
}

/** The activation at these places alone, as one row. */
function at(x, places) {
  const data = new x.data.constructor(x.channels * places.length);
  const plane = x.h * x.w;
  for (let i = 0, to = 0; i < x.channels; i++) {
    for (let j = 0; j < places.length; j++) data[to++] = x.data[i * plane + places[j]];
  }
  return { channels: x.channels, h: 1, w: places.length, data };
}

export class Latents {
  /** `out` {width, height}; `trace(name, values)` is told of each layer and pass. */
  constructor(model, gaussian, reader, out, trace) {
    Object.assign(this, { model, gaussian, reader, trace });
    this.h = 4 * Math.ceil(out.height / 64);
    this.w = 4 * Math.ceil(out.width / 64);
    this.sites = [0, 1].map((pass) => sitesOf(this.h, this.w, (model.parity + pass) % 2));
  }

  tracer(name) {
    return this.trace && ((i, x) => this.trace(`${name}[${i}]`, x.data));
  }

  /** elic_latents(): sets rate, z and y, the latter as activations. Yields the group before each of its passes. */
  *read() {
    const { model, reader, h, w } = this;
    this.rate = reader.uniform(model.rates);
    const z = this.z = { channels: model.hyper, h: h / 4, w: w / 4, data: new Int16Array((model.hyper * h * w) / 16) };
    const places = z.h * z.w;
    for (let i = 0; i < z.data.length; i++) {
      z.data[i] = model.zTables[this.rate * model.hyper + Math.floor(i / places)].read(reader);
    }
    this.hyper = model.hyperNet.run(model.zInput.run(z, this.rate), this.rate, this.tracer("hyper_net"));
    this.y = { channels: model.m, h, w, data: new Int16Array(model.m * h * w) };
    this.inputs = []; // x of each group
    for (let k = 0; k < model.parts.length; k++) yield* this.group(k);
  }

  /** Decodes group k into y, and appends its x to the inputs of those to come. */
  *group(k) {
    const { model, rate, h, w, inputs, hyper, y } = this;
    const part = model.parts[k];
    const first = model.parts.slice(0, k).reduce((sum, { channels }) => sum + channels, 0);
    const plane = h * w;
    const data = y.data.subarray(first * plane, (first + part.channels) * plane);
    const own = { channels: part.channels, h, w, data };
    const channel = part.channel?.run(
      join(contextGroups(model.context, k).map((g) => inputs[g])), rate, this.tracer(`channel_nets[${k}]`));
    const context = channel ? [channel, hyper] : [hyper];
    for (const pass of [0, 1]) {
      yield { group: k, pass };
      let head = part.head;
      let read = context;
      if (pass === 0 && part.anchorHead) head = part.anchorHead;
      else {
        const spatial = pass === 0
          ? { channels: part.spatial.outputs, h, w, data: new Int16Array(part.spatial.outputs * plane) }
          : part.spatial.run(this.decoded(own, first, 0), rate, this.tracer(`spatial_nets[${k}]`));
        read = [spatial, ...context];
      }
      const [mean, index] = this.parameters(part, head, read, pass);
      this.symbols(own, mean, index, pass);
      if (this.trace) {
        const name = `group[${k}].pass[${pass}]`;
        this.trace(`${name}.mean`, mean);
        this.trace(`${name}.index`, index);
        this.trace(`${name}.y`, at(own, this.sites[pass]).data);
      }
    }
    inputs.push(this.decoded(own, first, 1));
  }

  /** x of a group after a pass: what y_input makes of it, and 0 at sites not yet decoded. */
  decoded(own, first, pass) {
    const x = this.model.yInput.run(own, this.rate, { row: first });
    if (pass === 0) {
      for (let i = 0; i < own.channels; i++) for (const site of this.sites[1]) x.data[i * this.h * this.w + site] = 0;
    }
    return x;
  }

  /** Means and table numbers of a pass: channel by channel, its sites in raster order. */
  parameters(part, head, read, pass) {
    const { model, rate } = this;
    const sites = this.sites[pass];
    const c = part.channels;
    const meansFirst = model.order === "means-scales";
    const mean = new Int16Array(c * sites.length);
    const index = new Uint8Array(c * sites.length);
    const whole = head.pointwise ? null : head.run(join(read), rate);
    for (let from = 0; from < sites.length; from += PLACES) {
      const places = sites.subarray(from, from + PLACES);
      const out = whole ? at(whole, places) : head.run(join(read.map((x) => at(x, places))), rate);
      const means = part.mean.run(out, rate, { first: meansFirst ? 0 : c, count: c }).data;
      const scales = part.scale.run(out, rate, { first: meansFirst ? c : 0, count: c }).data;
      if (part.ladder) climb(scales, part.ladder);
      for (let i = 0; i < c; i++) {
        const [a, b] = [i * places.length, (i + 1) * places.length];
        mean.set(means.subarray(a, b), i * sites.length + from);
        index.set(scales.subarray(a, b), i * sites.length + from);
      }
    }
    return [mean, index];
  }

  /** The symbols of a pass. */
  symbols(own, mean, index, pass) {
    const { gaussian, reader } = this;
    const sites = this.sites[pass];
    for (let i = 0, n = 0; i < own.channels; i++) {
      const plane = i * own.h * own.w;
      for (let j = 0; j < sites.length; j++, n++) {
        const s = index[n] === 0 ? 0 : gaussian[index[n]].read(reader); // SEM-R-092
        const value = 64 * s + mean[n];
        if (value < -32768 || value > 32767) throw new Fault(403, reader.start, `a latent of ${value}`); // SEM-R-120
        own.data[plane + sites[j]] = value;
      }
    }
  }
}

/** Each value becomes the number of thresholds below it. */
function climb(values, ladder) {
  for (let i = 0; i < values.length; i++) {
    let n = 0;
    for (let above = 64; above - n > 1; ) {
      const middle = (n + above) >> 1;
      if (ladder[middle - 1] < values[i]) n = middle;
      else above = middle;
    }
    values[i] = n;
  }
}

/** {rate, shape, s, y} of a body. Yields as `decodeInSteps` does. */
export function* readLatents({ file, start, end }, kind, model, gaussian, out, trace) {
  const reader = new Reader(file, start, end);
  const latents = new Latents(model, gaussian, reader, out, trace);
  for (const { group, pass } of latents.read()) yield { kind, group, pass, groups: model.parts.length, latents };
  reader.finish();
  const { rate, z, y } = latents;
  const shape = [z, y].map(({ channels, h, w }) => [channels, h, w]);
  return { rate, shape, s: concat([[rate], u16(z.data), u16(y.data)]), y };
}
