// SPDX-License-Identifier: MIT
// Numbers as pixels: a grid of integers, and maps of latents.

import { el } from "../dom.mjs";

const SIDE = 480; // CSS pixels of a grid at most
const MAX_SITES = 2 ** 22; // of a grid that is drawn

function canvasOf(columns, rows, label, fill) {
  const canvas = el("canvas", { width: columns, height: rows, role: "img", "aria-label": label });
  if (columns * rows > MAX_SITES) return el("p", { class: "soft" }, `${label}: too many to draw`);
  const image = new ImageData(columns, rows);
  fill(image.data);
  canvas.getContext("2d").putImageData(image, 0, 0);
  const scale = Math.max(1, Math.floor(SIDE / Math.max(columns, rows)));
  canvas.style.width = `${Math.min(scale, 14) * columns}px`;
  return canvas;
}

/** Values in rows of `columns`: in `greys` steps from white to black, or in as many hues. */
export function gridCanvas(values, columns, label, { greys, hues }) {
  const rows = Math.ceil(values.length / columns);
  return canvasOf(columns, rows, label, (data) => {
    for (let i = 0; i < values.length; i++) {
      const rgb = greys ? grey(values[i] / (greys - 1)) : hue(values[i], hues);
      data.set([...rgb, 255], 4 * i);
    }
  });
}

const grey = (share) => Array(3).fill(Math.round(245 - 220 * share));

/** A colour for an index; neighbours differ in hue, and dark ones from light ones. */
function hue(index, of) {
  const turn = (index * 0.618034) % 1;
  const light = 0.45 + 0.3 * (index / Math.max(1, of - 1));
  return [0, 8, 4].map((n) => {
    const k = (n + 12 * turn) % 12;
    return Math.round(255 * (light - 0.4 * Math.min(light, 1 - light) * Math.max(-1, Math.min(k - 3, 9 - k, 1))));
  });
}

/** A map of each channel group: the mean magnitude at each site, on one scale. */
export function latentMaps(y, groups) {
  const plane = y.h * y.w;
  let first = 0;
  const maps = groups.map((channels) => {
    const sums = new Float64Array(plane);
    for (let c = first; c < first + channels; c++) {
      for (let i = 0; i < plane; i++) sums[i] += Math.abs(y.data[c * plane + i]);
    }
    first += channels;
    return sums.map((sum) => sum / channels);
  });
  return el("div", { class: "maps" }, maps.map((map, k) => {
    const top = map.reduce((most, x) => Math.max(most, x), 1e-9);
    const canvas = canvasOf(y.w, y.h, `Mean magnitude of group ${k + 1}`, (data) => {
      map.forEach((x, i) => data.set([...warm(Math.sqrt(x / top)), 255], 4 * i));
    });
    return el("figure", {}, canvas, el("figcaption", {}, `Group ${k + 1}, ${groups[k]} ch.`));
  }));
}

/** From near black over blue-green to pale yellow. */
function warm(share) {
  const stops = [[18, 20, 38], [32, 88, 120], [74, 160, 128], [250, 238, 170]];
  const at = Math.min(share, 0.9999) * 3;
  const [low, high] = [stops[Math.floor(at)], stops[Math.floor(at) + 1]];
  return low.map((x, i) => Math.round(x + (high[i] - x) * (at % 1)));
}
