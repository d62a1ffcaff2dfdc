// SPDX-License-Identifier: MIT
// Pictures of decoded symbols: which part of a file a package's own network paints, and its pixels.

import { Fault } from "../../../conformance/decoders/js/fault.mjs";
import { elicNetwork, vqNetwork } from "./architecture.mjs";
import { readPainter } from "./float_part.mjs";
import { Synthesis } from "./synthesis.mjs";

const METHODS = [null, "elic", "consonant", "clip", "pics", "perco"];
const STEP = 64; // latents are in 64ths of a quantisation step

/** The kind of payload that the package of a row paints, or a Fault where none does. */
export function paintedKind(binding) {
  const kind = { 1: 7, 4: 6, 5: 5 }[binding.method];
  if (kind && binding.model !== null && binding.kinds.includes(kind)) return kind;
  if (kind && kind >= 6 && binding.kinds.includes(kind)) return kind; // a base, whose model the file names
  throw new Fault(801, null, `method ${METHODS[binding.method]} needs a model that is not part of the viewer`, "painter");
}

/** A picture that bands are written to: RGBA, grey where there is one channel. */
class Canvas {
  constructor(width, height) {
    Object.assign(this, { width, height, rgba: new Uint8ClampedArray(4 * width * height).fill(255) });
  }

  write(pixels, top) {
    const rows = Math.min(pixels.height, this.height - top);
    for (let channel = 0; channel < 3; channel++) {
      for (let r = 0; r < rows; r++) {
        const row = pixels.at(Math.min(channel, pixels.channels - 1), r);
        let to = 4 * (top + r) * this.width + channel;
        for (let c = 0; c < this.width; c++, to += 4) this.rgba[to] = sample(row[c]);
      }
    }
  }
}

/** floor(255 clamp(x, 0, 1) + 1/2); 0 for what is not a number. */
const sample = (x) => (x > 0 ? Math.floor(255 * Math.min(x, 1) + 0.5) : 0);

/** Paints symbols of one kind by the network of a package. The decoder has checked its symbol model. */
export class Painting {
  constructor(one, kind, parameters, kernel, bandBytes) {
    const { architecture, tensors } = readPainter(one);
    this.kind = kind;
    if (kind === 5) {
      const network = vqNetwork(architecture, one.symbols);
      if (network.stride !== parameters.stride || one.symbols.v !== parameters.v) {
        throw new Fault(803, null, "it has other codes or another stride than its profile", "painter");
      }
      this.synthesis = new Synthesis(network, tensors, "decoder.", kernel, bandBytes);
      this.codes = codebook(tensors, one.symbols.v, network.inputs);
    } else {
      const network = elicNetwork(architecture, one.symbols);
      this.synthesis = new Synthesis(network, tensors, "g_s.", kernel, bandBytes);
      this.inverse = gains(tensors, one.symbols.rates, network.inputs);
    }
  }

  /** Sites of a picture, [h, w]. */
  sites(width, height) {
    const { stride } = this.synthesis.network;
    const round = this.kind === 5 ? 1 : 4; // latents are those of multiples of 64 pixels
    return [height, width].map((side) => round * Math.ceil(side / (round * stride)));
  }

  /** Paint {rate, y} or {values}; yields the share that is done, and returns {width, height, rgba}. */
  *run(symbols, width, height) {
    const [h, w] = this.sites(width, height);
    const canvas = new Canvas(width, height);
    const fill = this.kind === 5 ? this.fillCodes(symbols.values) : this.fillLatents(symbols);
    const { stride } = this.synthesis.network;
    yield* this.synthesis.run(h, w, fill, (pixels, top) => canvas.write(pixels, top * stride));
    return canvas;
  }

  fillLatents({ rate, y }) {
    return (data, at, layout, top) => {
      for (let channel = 0; channel < y.channels; channel++) {
        const factor = this.inverse[rate * y.channels + channel] / STEP;
        for (let r = 0; r < layout.h; r++) {
          const to = at + channel * layout.plane + layout.at(r);
          const from = (channel * y.h + top + r) * y.w;
          for (let c = 0; c < layout.w; c++) data[to + c] = y.data[from + c] * factor;
        }
      }
    };
  }

  fillCodes(values) {
    const dim = this.synthesis.network.inputs;
    return (data, at, layout, top) => {
      for (let r = 0; r < layout.h; r++) {
        for (let c = 0; c < layout.w; c++) {
          const code = values[(top + r) * layout.w + c] * dim;
          const to = at + layout.at(r) + c;
          for (let i = 0; i < dim; i++) data[to + i * layout.plane] = this.codes[code + i];
        }
      }
    };
  }
}

/** The tensor `inverse`: one positive number for each rate and channel. */
function gains(tensors, rates, channels) {
  const tensor = tensors.get("inverse");
  if (tensor?.shape.join() !== `${rates},${channels}` || !tensor.values.every((x) => x > 0)) {
    throw new Fault(803, null, `no tensor inverse of ${rates} × ${channels} positive numbers`, "painter");
  }
  return tensor.values;
}

/** The codes, each of length 1: rounding to 16 bits changes their length. */
function codebook(tensors, v, dim) {
  const tensor = tensors.get("codebook");
  if (tensor?.shape.join() !== `${v},${dim}`) {
    throw new Fault(803, null, `no tensor codebook of ${v} codes in ${dim} dimensions`, "painter");
  }
  const codes = tensor.values.slice();
  for (let at = 0; at < codes.length; at += dim) {
    const code = codes.subarray(at, at + dim);
    const length = Math.max(Math.sqrt(code.reduce((sum, x) => sum + x * x, 0)), 1e-12);
    for (let i = 0; i < dim; i++) code[i] /= length;
  }
  return codes;
}
