// SPDX-License-Identifier: MIT
// The colours of fields, as classes of refcodec/report/inspection.css: `p`, the part, and its tone. The same as those of
// refcodec/report/fields.py.

const PARTS = 7; // of sections, after that of the header

function partOf(name) {
  const last = name.slice(name.lastIndexOf(".") + 1);
  if (last === "unparsed" || last === "trailing") return "x";
  const section = /^sections\[([0-9]+)\]/.exec(name);
  if (section) return 1 + (Number(section[1]) % PARTS);
  return name === "body" ? 1 : 0;
}

/** The class of each field, such as p12: part 1, tone 2. */
export function coloursOf(fields) {
  const seen = new Map();
  return fields.map(({ name }) => {
    const part = partOf(name);
    if (part === "x") return "px";
    if (name.endsWith("body")) return `p${part}2`;
    const n = seen.get(part) ?? 0;
    seen.set(part, n + 1);
    return `p${part}${n % 2}`;
  });
}
