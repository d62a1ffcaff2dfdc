// SPDX-License-Identifier: MIT
// What the page shows of one file: its parts, and how they follow the answers of the worker.

import { el, facts, number, plain } from "../dom.mjs";
import { METHODS, checkWords } from "../words.mjs";
import { byteMap } from "./byte_map.mjs";
import { Contents } from "./contents.mjs";
import { Picture } from "./picture.mjs";
import { sectionTable } from "./section_table.mjs";
import { Sizes } from "./sizes.mjs";

const PAINTED = { 1: 7, 4: 6, 5: 5 }; // method -> kind of payload that a package paints
const TITLES = { 5: "Preview", 6: "Sketch", 7: "Picture" };

/** The report of a file in `article`: `file` {name, bytes, fields, header, sections, row, model} as in main.mjs. */
export class Report {
  constructor(article, file, actions) {
    this.file = file;
    this.check = el("dd");
    this.error = el("div");
    const { header } = file;
    const known = Boolean(header.width);
    this.sizes = known ? new Sizes(file.bytes.length, header.width, header.height) : null;
    this.picture = this.kind ? new Picture(TITLES[this.kind], file, actions) : null;
    this.contents = new Contents(file, this.kind);
    this.setCheck(known ? "waiting" : "unknown");
    const side = el("div", { class: "side" }, this.sizes && el("section", {}, el("h2", {}, "Size"), this.sizes.element),
      el("section", {}, el("h2", {}, "File"), this.facts()));
    article.replaceChildren(...[
      el("h2", {}, plain(file.name)),
      el("p", { class: "subtitle" }, this.subtitle()),
      this.error,
      el("div", { class: this.picture ? "stage" : "stage plain" }, this.picture?.element, side),
      this.contents.element,
      el("h2", {}, "Sections"),
      ...sectionTable(file),
      el("h2", {}, "Fields and bytes"),
      byteMap(file),
    ]);
    article.hidden = false;
  }

  /** The kind of payload that can be painted here, or null. */
  get kind() {
    const { row, model, sections } = this.file;
    const kind = row && model ? PAINTED[row.binding.method] : null;
    if (!kind || !row.binding.kinds.includes(kind)) return null;
    const there = sections.some(({ type }) => (type === null ? row.binding.compact === kind : type === 0x80 + kind));
    return there ? kind : null;
  }

  subtitle() {
    const { header, row } = this.file;
    if (header.version === undefined) return "Not a .sem file";
    const words = [`.sem version ${header.version}`];
    if (row) words.push(METHODS[row.binding.method]);
    if (header.width) words.push(`${number(header.width)} × ${number(header.height)} pixels`);
    return words.join(", ");
  }

  facts() {
    const { header, row, model, wanted } = this.file;
    const digest = wanted ? `${wanted.slice(0, 12)}…` : "";
    const profile = row ? `${row.id}, ${row.name}` : header.profile === undefined ? "unknown" : `${header.profile}, not in this registry`;
    const own = !wanted ? "none" : model ? `${plain(model.name)}, ${digest}` : `${digest}, not part of this page`;
    return facts([["Profile", profile], ["Symbol model", own], ["Check", this.check]]);
  }

  setCheck(state) {
    const [words, tone] = checkWords(state, this.file.header.checkBytes);
    this.check.className = tone;
    this.check.textContent = words;
  }

  /** What the worker has found the file to hold. */
  decoded({ out, symbols }) {
    this.setCheck(out.check);
    this.contents.show(out, symbols);
  }

  preview(preview) {
    this.picture?.preview(preview);
  }

  painted(picture) {
    this.picture?.show(picture, (bytes) => this.sizes?.add(`The ${TITLES[this.kind].toLowerCase()} as PNG`, bytes));
  }

  /** An error: of the file, of a model, or of the page. Nothing of a file with an error is shown but its fields. */
  failed({ code, name, message, offset }) {
    const family = /^SEM-E-/.test(code) ? `${code}${name ? ` ${name}` : ""}` : code;
    const where = typeof offset === "number" ? ` at byte ${number(offset)}` : "";
    this.setCheck(code === "SEM-E-501" ? "failed" : this.file.header.width ? "unchecked" : "unknown");
    this.picture?.remove();
    this.error.replaceChildren(el("p", { class: "error", role: "alert" }, el("b", {}, family), ` ${plain(message)}${where}`));
  }
}
