// SPDX-License-Identifier: MIT
// The convolutions of a network, in the order in which the kernel reads their weights.

import { Fault } from "../../../conformance/decoders/js/fault.mjs";
import { CHANNELS } from "./map.mjs";

/** Takes tensors by name, each once, which must have a shape. */
class Shelf {
  constructor(tensors) {
    this.left = new Map(tensors);
  }

  take(name, ...shape) {
    const tensor = this.left.get(name);
    if (!tensor || tensor.shape.join() !== shape.join()) throw unfit();
    this.left.delete(name);
    return tensor.values;
  }
}

const unfit = () => new Fault(803, null, "its tensors do not fit its architecture", "painter");

/** {inputs, outputs, kernel, weights, bias}; `weight(o, i, tap)` gives one of them. */
function packed(inputs, outputs, kernel, weight, bias) {
  const depth = inputs * kernel ** 2;
  const rows = CHANNELS * Math.ceil(outputs / CHANNELS);
  const weights = new Float32Array(rows * depth);
  for (let o = 0; o < outputs; o++) {
    const first = (o - (o % CHANNELS)) * depth + (o % CHANNELS);
    for (let i = 0, d = 0; i < inputs; i++) {
      for (let tap = 0; tap < kernel ** 2; tap++, d++) weights[first + CHANNELS * d] = weight(o, i, tap);
    }
  }
  const biases = new Float32Array(rows);
  for (let o = 0; o < outputs; o++) biases[o] = bias(o);
  return { inputs, outputs, kernel, depth, rows, weights, biases };
}

function conv(shelf, name, inputs, outputs, kernel) {
  const w = shelf.take(`${name}.weight`, outputs, inputs, kernel, kernel);
  const b = shelf.take(`${name}.bias`, outputs);
  const area = kernel ** 2;
  return packed(inputs, outputs, kernel, (o, i, tap) => w[(o * inputs + i) * area + tap], (o) => b[o]);
}

/** A transposed convolution whose kernel is its stride, as one of kernel 1 to channels that are shuffled to pixels. */
function transposed(shelf, name, inputs, channels, stride) {
  const w = shelf.take(`${name}.weight`, inputs, channels, stride, stride);
  const b = shelf.take(`${name}.bias`, channels);
  const area = stride ** 2;
  return packed(inputs, channels * area, 1, (o, i) => w[i * channels * area + o], (o) => b[Math.floor(o / area)]);
}

function convsOf(shelf, { op, name, channels: c, ...step }) {
  if (op === "conv") return [conv(shelf, name, step.inputs, step.outputs, step.kernel)];
  if (op === "plain") return [0, 2].map((n) => conv(shelf, `${name}.branch.${n}`, c, c, 3));
  if (op !== "bottleneck") return [];
  const half = Math.floor(c / 2);
  return [[0, c, half, 1], [2, half, half, 3], [4, half, c, 1]]
    .map(([n, inputs, outputs, kernel]) => conv(shelf, `${name}.branch.${n}`, inputs, outputs, kernel));
}

/** {steps, linear}: the steps of a network, each with its `convs`. Every tensor of the network's `prefix` is one of them. */
export function weightsOf(network, tensors, prefix) {
  const shelf = new Shelf([...tensors].filter(([name]) => name.startsWith(prefix)));
  const steps = network.steps.map((step) => ({ ...step, convs: convsOf(shelf, step) }));
  const { linear: name, inputs, channels, stride } = network;
  const linear = name ? transposed(shelf, name, inputs, channels, stride) : null;
  if (shelf.left.size) throw unfit();
  return { steps, linear };
}
