// SPDX-License-Identifier: MIT
// Latents of a preview, while a file is being decoded: groups to come at the means that the context model predicts.

/**
 * y of `latents` before the first pass of group k, as an activation, the groups from k on at their means, each predicted
 * from those before it. The latents themselves do not change.
 */
export function predicted(latents, k) {
  const y = { ...latents.y, data: latents.y.data.slice() };
  const ahead = Object.assign(Object.create(Object.getPrototypeOf(latents)), latents, {
    y, inputs: latents.inputs.slice(0, k), trace: null, reader: null, symbols: writeMeans,
  });
  for (let group = k; group < latents.model.parts.length; group++) for (const _ of ahead.group(group)); // to its end
  return y;
}

/** In place of reading symbols: each latent is its mean. */
function writeMeans(own, mean, index, pass) {
  const sites = this.sites[pass];
  for (let i = 0, n = 0; i < own.channels; i++) {
    const plane = i * own.h * own.w;
    for (let j = 0; j < sites.length; j++, n++) own.data[plane + sites[j]] = mean[n];
  }
}
