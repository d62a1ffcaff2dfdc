// SPDX-License-Identifier: MIT
// The size of a file beside those of other forms of its picture, as bars of one scale.

import { el, number } from "../dom.mjs";

export class Sizes {
  constructor(bytes, width, height) {
    this.raw = 3 * width * height;
    const bpp = (8 * bytes) / (width * height);
    this.list = el("dl", { class: "sizes" });
    this.element = el("div", {},
      el("p", { id: "rate" }, el("b", {}, `${number(bytes)} bytes`), `, ${number(bpp, 4)} bpp (${number(bpp * 1e6)} µbpp)`), this.list);
    this.add("This file", bytes, "own");
    this.add("Its pixels as RGB", this.raw);
  }

  /** Add a row; those after the first are in the order of their sizes. */
  add(label, bytes, className = "") {
    const fill = el("div", { class: "fill" });
    fill.style.width = `${Math.min(100, (100 * bytes) / this.raw)}%`;
    const last = this.list.lastElementChild?.previousElementSibling?.previousElementSibling;
    const row = [el("dt", {}, label), el("dd", {}, `${number(bytes)} bytes`), el("dd", { class: `track ${className}`, "aria-hidden": "true" }, fill)];
    if (last && bytes < this.raw) last.before(...row);
    else this.list.append(...row);
  }
}
