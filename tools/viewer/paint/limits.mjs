// SPDX-License-Identifier: MIT
// What the viewer refuses to do, before it makes anything large: files and models are not trusted.

import { Fault } from "../../../conformance/decoders/js/fault.mjs";

export const MAX_PIXELS = 2 ** 24; // of a picture
export const MAX_BYTES = 2 ** 30; // of the arrays of a decoder at once, about
export const MAX_PRODUCTS = 2 ** 42; // of a picture: minutes
export const MAX_PACKAGE_FILE = 2 ** 28; // bytes

const beyond = (what) => new Fault(602, null, `${what} is beyond what the viewer does`);

/** Throw for a picture of more pixels than `most`. */
export function limitPixels(width, height, most) {
  if (width * height > most) {
    throw new Fault(602, null, `${width} × ${height} pixels are more than the viewer paints, ${most}`);
  }
}

/** Throw for a map that a network takes too many bytes or products for. */
export function limitWork(what, bytes, products) {
  if (bytes > MAX_BYTES) throw beyond(`${what}, in ${Math.ceil(bytes / 2 ** 20)} MiB,`);
  if (products > MAX_PRODUCTS) throw beyond(`${what}, by ${products.toExponential(0)} products,`);
}

/** Throw where the integer networks of a model take too much for so many latents of one channel. */
export function limitDecoding(model, latents) {
  const { hyperNet, parts, m } = model;
  const nets = parts.flatMap(({ channel, spatial, anchorHead, head }) => [channel, spatial, anchorHead, head]);
  const layers = [hyperNet, ...nets].filter(Boolean).flatMap((net) => net.layers).filter((layer) => layer.kernel);
  const widest = layers.reduce((most, { inputs, outputs }) => Math.max(most, inputs, outputs), 0);
  const bytes = latents * (4 * m + 8 * hyperNet.outputs + 16 * widest);
  limitWork("decoding", bytes, latents * layers.reduce((sum, { weights }) => sum + weights.length, 0));
}
