// SPDX-License-Identifier: MIT
// What a model asks for (SPEC.md, section 15), from the shapes of its manifest alone.

import { TYPES } from "./dtypes.mjs";
import { Fault } from "./fault.mjs";
import { contextGroups } from "./latent_model.mjs";

const product = (shape) => shape.reduce((all, n) => all * n, 1);

/** Bytes of the tensors of `symbols`. */
function tensorBytes(symbols) {
  return Object.values(symbols.tensors).reduce((sum, { dtype, shape }) => sum + product(shape) * TYPES[dtype][0], 0);
}

/**
 * {multiplications, values}, of all layers and of the largest array, for a site of z: a block of 64 by 64 pixels.
 * Binary64 rounds what is far beyond every bound, and it stays so.
 */
function latentWork(symbols, bad) {
  const { hyper, groups, context, tensors } = symbols;
  const work = { multiplications: 0, values: 0 };
  const array = (channels, rows) => { work.values = Math.max(work.values, channels * rows ** 2); };
  /** Adds a net, and gives the channels of its output; `rows` to one row of z. */
  const walk = (net, inputs, start = 4) => {
    let [channels, rows] = [inputs, start];
    array(channels, rows);
    for (const layer of net) {
      if (layer.op !== "conv" && layer.op !== "deconv") continue;
      const shape = tensors[layer.w]?.shape ?? [];
      if (shape.length !== 4) throw bad(`the weights ${layer.w}`);
      if (layer.op === "deconv") {
        work.multiplications += product(shape) * rows ** 2;
        [channels, rows] = [shape[1], rows * layer.stride];
      } else {
        [channels, rows] = [shape[0], Math.ceil(rows / layer.stride)];
        work.multiplications += product(shape) * rows ** 2;
      }
      array(channels, rows);
    }
    return channels;
  };
  const wide = walk(symbols.hyper_net, hyper, 1);
  groups.forEach((channels, k) => {
    const before = contextGroups(context, k).reduce((sum, group) => sum + groups[group], 0);
    const both = wide + (k ? walk(symbols.channel_nets[k], before) : 0);
    walk(symbols.heads[k], walk(symbols.spatial_nets[k], channels) + both);
    if (symbols.anchor_heads) walk(symbols.anchor_heads[k], both);
  });
  return work;
}

/**
 * SEM-R-143 to 145, for `symbols` whose members have been checked. `limits` are those of the level and `blocks` of the
 * picture; `bad` makes a fault of a model that is malformed.
 */
export function judgeWork(symbols, limits, blocks, bad) {
  const above = (value, most, unit) => {
    if (value > most) throw new Fault(607, null, `${value} ${unit}, more than ${most}`);
  };
  above(tensorBytes(symbols), limits.tensors, "bytes of tensors");
  if (symbols.kind < 6) return;
  const { multiplications, values } = latentWork(symbols, bad);
  above(multiplications, limits.multiplications, "multiplications a block");
  above(values * blocks, limits.array, "values of an array");
}
