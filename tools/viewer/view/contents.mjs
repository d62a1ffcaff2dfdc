// SPDX-License-Identifier: MIT
// Panels with what a file holds beside its picture: texts, vectors, codes, indices, latents, entries; and what is needed
// to generate a picture from them.

import { el, facts, number, plain, plural } from "../dom.mjs";
import { KINDS, METHODS } from "../words.mjs";
import { gridCanvas, latentMaps } from "./grids.mjs";

const TEXT = 20000; // characters that are shown
const ENTRIES = 100; // of a key-value text
const DECODING = ["painter", "language", "controlnet", "text_encoder"]; // roles that decoding fills
const SECTION = { 0x01: "Provenance", 0x02: "Hints", 0x43: "Metadata" };

export class Contents {
  /** `painted`: the kind of payload that the page paints, or null. */
  constructor(file, painted) {
    this.file = file;
    this.painted = painted;
    this.element = el("div", { class: "panels" });
  }

  /** Show what the worker has decoded. */
  show(out, symbols) {
    const panels = out.sections.map((section) => this.panel(section, symbols)).filter(Boolean);
    const needed = this.needed(out);
    this.element.replaceChildren(...panels, ...(needed ? [needed] : []));
  }

  panel(section, symbols) {
    const kind = section.type - 0x80;
    if (section.entries) return entriesPanel(SECTION[section.type] ?? section.name, section.entries);
    if (kind === 1 || kind === 2) return textPanel(kind, section);
    const own = symbols.get(kind);
    if (!own) return null;
    const parameters = this.file.row.binding.parameters[kind];
    if (kind >= 6) return latentPanel(kind, own, parameters);
    return integerPanel(kind, own, parameters);
  }

  /** What a picture of this file needs that the page lacks, or null. */
  needed({ width, height }) {
    const { row, name } = this.file;
    if (this.painted && this.painted !== 6 && !row.recommended?.models) return null;
    if (this.painted === 7) return null;
    const models = Object.entries(row.recommended?.models ?? {}).filter(([role]) => DECODING.includes(role));
    const options = models.map(([role, id]) => `--model ${role}=${id}`).join(" ");
    const what = `A generator draws the picture, ${number(width)} × ${number(height)} pixels, from what the file holds. It is not part of this page.`;
    return el("section", { class: "panel", id: "needed" }, el("h2", {}, "For the picture"), el("p", {}, what),
      models.length ? el("p", {}, "Recommended for this profile:") : null,
      models.length ? el("ul", {}, models.map(([role, id]) => el("li", {}, `${plain(role)}: `, el("code", {}, plain(id))))) : null,
      el("pre", {}, `semtool decode ${/^[\w.-]+$/.test(name) ? name : "FILE.sem"} ${plain(options) || "--model FOLDER"}`));
  }
}

const panel = (title, ...children) => el("section", { class: "panel" }, el("h2", {}, title), ...children);

function textPanel(kind, { value, mode, candidate }) {
  const isIds = Array.isArray(value);
  const text = isIds ? value.join(" ") : String(value);
  const quote = el("blockquote", { class: kind === 1 || isIds ? "mono" : null, dir: "auto", tabindex: "0" },
    plain(text.length > TEXT ? `${text.slice(0, TEXT)}…` : text) || "(empty)");
  if (kind === 1) {
    return panel("Consonants", quote, el("p", { class: "soft" }, "The words without their vowels; ", el("code", {}, "semtool decode --text"), " restores them."));
  }
  const count = isIds ? plural(value.length, "token id") : plural(text.length, "character");
  const which = candidate === undefined ? "" : `, candidate ${candidate}`;
  return panel(isIds ? "Prompt" : "Caption", quote, el("p", { class: "soft" }, `${count}, mode ${mode}${which}`));
}

function integerPanel(kind, { rows, columns, values }, p) {
  if (kind === 5) {
    const label = `${number(columns)} × ${number(rows)} indices of ${number(p.v)} codes`;
    return panel("Index map", gridCanvas(values, columns, label, { hues: p.v }), el("p", { class: "soft" }, `${label}, one for each ${p.stride} × ${p.stride} pixels.`));
  }
  const width = Math.ceil(Math.sqrt(values.length * 1.6));
  if (kind === 3) {
    const negative = values.reduce((sum, value) => sum + (value >= 2 ** (p.b - 1) ? 1 : 0), 0);
    const label = p.b === 1 ? `${number(values.length)} signs, ${number(negative)} of them set` : `${number(values.length)} values of ${plural(p.b, "bit")}`;
    return panel("Embedding", gridCanvas(values, width, label, { greys: 2 ** p.b }), el("p", { class: "soft" }, `${label}: the direction of an image embedding, ${p.b === 1 ? "one bit" : `${p.b} bits`} for each dimension.`));
  }
  const label = `${plural(values.length, "code")} of ${number(p.v)}`;
  return panel("Product codes", gridCanvas(values, width, label, { hues: p.v }),
    el("p", { class: "mono" }, Array.from(values.subarray(0, 256)).join(" ") + (values.length > 256 ? " …" : "")), el("p", { class: "soft" }, label));
}

function latentPanel(kind, { rate, y }, parameters) {
  const label = `${number(y.channels)} channels of ${number(y.w)} × ${number(y.h)} sites, rate ${rate}`;
  return panel(kind === 6 ? "Latents of the sketch" : "Latents", latentMaps(y, parameters.groups),
    el("p", { class: "soft" }, `${label}. Each map is the mean magnitude of one channel group, in the order in which groups are decoded.`));
}

function entriesPanel(title, entries) {
  const pairs = Object.entries(entries);
  const list = facts(pairs.slice(0, ENTRIES).map(([key, value]) => [plain(key), plain(value.length > TEXT ? `${value.slice(0, TEXT)}…` : value)]));
  return panel(title, list, pairs.length > ENTRIES ? el("p", { class: "soft" }, `and ${number(pairs.length - ENTRIES)} more`) : null);
}
