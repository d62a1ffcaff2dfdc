// SPDX-License-Identifier: MIT
// Every field of a file beside its bytes. A field and its bytes are highlighted together; arrow keys go from field to field.

import { coloursOf } from "../colours.mjs";
import { el, number, plain, plural } from "../dom.mjs";
import { meaning } from "../words.mjs";

const ROW = 16; // bytes a line
const BYTES = 2048; // that are shown at first, and with each press of the button twice as many more
const FIELDS = 400; // likewise
const TEXT = 300; // characters of a value

/** The element with the table of fields, their bytes, and a line about the selected field. */
export function byteMap(file) {
  const map = new ByteMap(file);
  return el("div", {}, map.where, el("div", { class: "map" }, map.fieldsElement(), map.bytesElement()));
}

class ByteMap {
  constructor(file) {
    this.file = file;
    this.colours = coloursOf(file.fields);
    this.marks = file.fields.map(() => []); // elements that stand for a field
    this.buttons = [];
    this.rows = [];
    this.selected = null;
    this.where = el("p", { class: "where", id: "where", "aria-live": "off" }, "Select a field to see its bytes, or a byte to see its field.");
  }

  /** Highlight field i, and describe it. */
  select(i, { focus = false, reveal = true } = {}) {
    if (this.selected !== null) this.mark(this.selected, false);
    this.selected = i;
    this.mark(i, true);
    this.where.textContent = this.describe(i);
    const button = this.buttons[i];
    if (focus) button?.focus();
    if (reveal) {
      this.marks[i].find((mark) => mark.closest(".bytes"))?.scrollIntoView({ block: "nearest" });
      this.rows[i]?.scrollIntoView({ block: "nearest" });
    }
  }

  mark(i, on) {
    for (const mark of this.marks[i]) mark.classList.toggle("on", on);
    this.rows[i]?.classList.toggle("selected", on);
    const button = this.buttons[i];
    if (!button) return;
    button.setAttribute("aria-pressed", String(on));
    button.tabIndex = on ? 0 : -1;
  }

  describe(i) {
    const { name, offset, bits, value } = this.file.fields[i];
    const last = offset + Math.ceil(bits / 8) - 1;
    const place = last > offset ? `bytes ${number(offset)} to ${number(last)}` : `byte ${number(offset)}`;
    const means = meaning(this.file.fields[i], this.file);
    const text = typeof value === "number" ? ` = ${value}${means ? `: ${means}` : ""}` : "";
    return `${name}${text}, ${place}, ${plural(bits, "bit")}${this.rate(bits)}`;
  }

  rate(bits) {
    const { width, height } = this.file.header;
    return width ? `, ${number((1e6 * bits) / (width * height), 1)} µbpp` : "";
  }

  // --- the table ---

  fieldsElement() {
    const { fields } = this.file;
    const body = el("tbody", { keydown: (event) => this.key(event) });
    const more = el("button", { class: "more", type: "button" }, "Show more fields");
    let shown = 0;
    const extend = () => {
      const end = Math.min(fields.length, shown ? 3 * shown : FIELDS);
      for (; shown < end; shown++) body.append(...this.row(shown));
      more.hidden = shown === fields.length;
    };
    more.addEventListener("click", extend);
    extend();
    if (this.buttons[0]) this.buttons[0].tabIndex = 0;
    const head = ["Offset", "Bits", "µbpp"].map((text) => el("th", { class: "n", scope: "col" }, text));
    const table = el("table", { "aria-label": "Fields of the file" },
      el("thead", {}, el("tr", {}, head, el("th", { scope: "col" }, "Field"), el("th", { scope: "col" }, "Value"))), body);
    return el("div", { class: "fields wide", id: "fields" }, table, more);
  }

  row(i) {
    const { name, offset, bits, value } = this.file.fields[i];
    const { width, height } = this.file.header;
    const dot = name.indexOf(".");
    const part = name.slice(0, Math.max(0, dot));
    const before = i ? this.file.fields[i - 1].name : "";
    const head = part && !before.startsWith(`${part}.`) ? [el("tr", {}, el("th", { class: "part", colspan: "5", scope: "rowgroup" }, part))] : [];
    const text = String(value);
    const means = meaning(this.file.fields[i], this.file);
    const key = el("span", { class: `key ${this.colours[i]}`, "aria-hidden": "true" });
    const button = el("button", {
      type: "button", "aria-pressed": "false", tabindex: "-1", click: () => this.select(i, { reveal: true }),
    }, key, name.slice(dot + 1));
    this.buttons[i] = button;
    this.rows[i] = el("tr", { mouseenter: () => this.select(i, { reveal: false }) },
      el("td", { class: "n" }, number(offset)), el("td", { class: "n" }, number(bits)),
      el("td", { class: "n" }, width ? number((1e6 * bits) / (width * height), 1) : "–"), el("td", {}, button),
      el("td", { class: "v" }, el("code", {}, plain(text.length > TEXT ? `${text.slice(0, TEXT)}…` : text)), means ? el("i", {}, plain(means)) : null));
    return [...head, this.rows[i]];
  }

  key(event) {
    const at = this.buttons.indexOf(document.activeElement);
    if (at < 0) return;
    const last = this.buttons.length - 1;
    const to = { ArrowDown: Math.min(at + 1, last), ArrowUp: Math.max(at - 1, 0), Home: 0, End: last }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    this.select(to, { focus: true });
  }

  // --- the bytes ---

  bytesElement() {
    const { bytes } = this.file;
    const grid = el("div", { class: "hex" });
    const more = el("button", { class: "more", type: "button" }, "Show more bytes");
    let shown = 0;
    const extend = () => {
      const end = Math.min(bytes.length, shown ? 3 * shown : BYTES);
      for (; shown < end; shown += ROW) grid.append(...this.line(shown));
      more.hidden = shown >= bytes.length;
    };
    more.addEventListener("click", extend);
    extend();
    return el("div", { class: "bytes", id: "bytes", role: "group", tabindex: "0", "aria-label": "Bytes of the file, 16 a line" }, grid, more);
  }

  /** A line of bytes, those of one field in one element. */
  line(start) {
    const { bytes } = this.file;
    const end = Math.min(start + ROW, bytes.length);
    const runs = [];
    for (let at = start; at < end; at++) {
      const owners = this.owners(at);
      const before = runs[runs.length - 1];
      if (before && before.owners.length === 1 && owners.length === 1 && before.owners[0] === owners[0]) before.end = at + 1;
      else runs.push({ owners, from: at, end: at + 1 });
    }
    const text = Array.from(bytes.subarray(start, end), (byte) => (byte >= 32 && byte < 127 ? String.fromCharCode(byte) : "·")).join("");
    return [el("b", {}, String(start)), el("div", {}, runs.map((run) => this.run(run))), el("b", { "aria-hidden": "true" }, text)];
  }

  run({ owners, from, end }) {
    const text = Array.from(this.file.bytes.subarray(from, end), (byte) => byte.toString(16).padStart(2, "0")).join(" ");
    const span = el("span", {
      class: this.colours[owners[0]], title: owners.map((i) => this.file.fields[i].name).join(", "),
      mouseenter: () => this.select(owners[0], { reveal: false }), click: () => this.select(owners[0]),
    }, text);
    if (owners.length > 1) span.style.background = this.stripes(owners);
    for (const i of owners) this.marks[i].push(span);
    return span;
  }

  /** A byte of several fields has the colour of each by its bits. */
  stripes(owners) {
    let at = 0;
    const stops = owners.map((i) => {
      const from = at;
      at += 12.5 * this.file.fields[i].bits;
      return `var(--c${this.colours[i].slice(1)}) ${from}% ${at}%`;
    });
    return `linear-gradient(90deg, ${stops.join(", ")})`;
  }

  /** The fields that have bits in a byte. Fields are in order, so the search goes on from the last answer. */
  owners(at) {
    const { fields } = this.file;
    const end = (i) => fields[i].offset + Math.ceil(fields[i].bits / 8);
    let i = this.near ?? 0;
    while (i > 0 && end(i - 1) > at) i--;
    while (end(i) <= at) i++;
    this.near = i;
    const owners = [];
    for (; i < fields.length && fields[i].offset <= at; i++) if (end(i) > at) owners.push(i);
    return owners;
  }
}
