// SPDX-License-Identifier: MIT
// The parts of a file with their bytes, bits and rate.

import { coloursOf } from "../colours.mjs";
import { el, number } from "../dom.mjs";
import { sectionName } from "../words.mjs";

/** The parts: {name, note, offset, bits, colour}, which cover the file. A section counts with its type, length and check. */
function partsOf({ fields, sections, row }) {
  const parts = new Map();
  const colours = coloursOf(fields);
  fields.forEach(({ name, offset, bits }, i) => {
    const index = /^sections\[([0-9]+)\]/.exec(name)?.[1];
    const key = index ?? (["body", "unparsed", "trailing"].includes(name) ? name : "header");
    const part = parts.get(key) ?? { key, offset, bits: 0, body: 0, colour: "" };
    part.bits += bits;
    if (name.endsWith("body") || /\.entries\[/.test(name)) part.body += bits;
    if (!part.colour || name.endsWith("body")) part.colour = colours[i];
    parts.set(key, part);
  });
  return [...parts.values()].map((part) => ({ ...part, name: nameOf(part.key, sections, row) }));
}

function nameOf(key, sections, row) {
  if (key === "body") return sectionName(null, row?.binding.compact);
  if (/^[0-9]/.test(key)) return sections[Number(key)] ? sectionName(sections[Number(key)].type) : "cut section";
  return key;
}

/** A bar and a table. */
export function sectionTable(file) {
  const parts = partsOf(file);
  const { width, height } = file.header;
  const total = 8 * file.bytes.length || 1;
  const bar = el("div", { class: "bar", "aria-hidden": "true" }, parts.map(({ bits, colour, name }) => {
    const span = el("span", { class: colour, title: name });
    span.style.flexGrow = bits;
    return span;
  }));
  const rows = parts.map(({ name, offset, bits, body, colour }) => el("tr", {},
    el("td", {}, el("span", { class: `key ${colour}` }), name),
    ...[number(offset), number(bits / 8), number(body / 8), number(bits), width ? number((1e6 * bits) / (width * height)) : "–",
      `${number((100 * bits) / total, 1)} %`].map((text) => el("td", { class: "n" }, text))));
  const head = el("tr", {}, el("th", { scope: "col" }, "Part"), ["Offset", "Bytes", "Body bytes", "Bits", "µbpp", "Share"]
    .map((text) => el("th", { class: "n", scope: "col" }, text)));
  return [bar, el("div", { class: "wide" }, el("table", { id: "sections" }, el("thead", {}, head), el("tbody", {}, rows)))];
}
