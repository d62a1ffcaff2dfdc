// SPDX-License-Identifier: MIT
// The picture of a file: previews while it is decoded, then the picture itself, which can be kept as PNG.

import { el, number, plain } from "../dom.mjs";

const NOTES = {
  Picture: "",
  Preview: "What the model of this page makes of the indices.",
  Sketch: "The edge map that the file holds. A generator draws the picture from it.",
};

export class Picture {
  constructor(title, file, { stop }) {
    this.title = title;
    this.name = plain(file.name).replace(/\.sem$/, "");
    const { width, height } = file.header;
    this.canvas = el("canvas", { width, height, role: "img", "aria-label": `${title}, being decoded` });
    this.bar = el("progress", { max: "1", value: "0", "aria-label": `Progress of the ${title.toLowerCase()}` });
    this.what = el("span", {}, "Loading the model");
    this.progress = el("div", { class: "progress" }, this.what, this.bar, el("button", { type: "button", click: stop }, "Stop"));
    this.caption = el("figcaption", {}, "");
    this.element = el("figure", { id: "picture" }, el("div", { class: "frame" }, this.canvas, this.progress), this.caption);
  }

  stage(name, done) {
    this.what.textContent = { decode: "Decoding", paint: "Painting" }[name] ?? name;
    this.bar.value = done;
  }

  draw({ width, height, rgba }) {
    Object.assign(this.canvas, { width, height });
    this.canvas.getContext("2d").putImageData(new ImageData(rgba, width, height), 0, 0);
  }

  preview(preview) {
    this.draw(preview);
    const [done, of] = preview.groups;
    this.caption.textContent = `Preview of ${done} of ${of} channel groups, not verified yet.`;
  }

  show(picture, withPng) {
    this.draw(picture);
    this.progress.hidden = true;
    this.canvas.setAttribute("aria-label", `${this.title} of ${picture.width} by ${picture.height} pixels`);
    const save = el("button", { type: "button", id: "save", click: () => this.save() }, "Save as PNG");
    const time = `${this.title}, painted in ${number(picture.seconds, 1)} s by this browser. ${NOTES[this.title]}`;
    this.caption.replaceChildren(time, el("br"), save);
    this.canvas.toBlob((blob) => {
      this.png = blob;
      if (blob) withPng(blob.size);
    }, "image/png");
  }

  save() {
    if (!this.png) return;
    const url = URL.createObjectURL(this.png);
    el("a", { href: url, download: `${this.name}.png` }).click();
    setTimeout(() => URL.revokeObjectURL(url), 10_000);
  }

  stopped(text) {
    this.progress.hidden = true;
    this.caption.textContent = text;
  }

  remove() {
    this.element.parentElement?.classList.add("plain");
    this.element.remove();
  }
}
