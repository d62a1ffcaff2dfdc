// SPDX-License-Identifier: MIT
// What numbers of a file stand for, in words.

export const KINDS = { 1: "consonant", 2: "caption", 3: "clip", 4: "pq", 5: "vq", 6: "sketch", 7: "elic" };
export const METHODS = { 1: "elic", 2: "consonant", 3: "clip", 4: "pics", 5: "perco" };
const ANCILLARY = { 0x01: "provenance", 0x02: "hints", 0x04: "thumbnail", 0x43: "metadata" };
const CHECK_BITS = { 0: "no check", 3: "16 bits", 5: "32 bits" };

/** The name of a section of this type; `kind` is that of a compact body. */
export function sectionName(type, kind) {
  if (type === null) return KINDS[kind] ?? "body";
  if (type >= 0x80) return KINDS[type - 0x80] ?? "unknown kind";
  return ANCILLARY[type] ?? "unknown section";
}

/** What the value of a field means, empty where it needs no explanation. `at` {header, sections, registry}. */
export function meaning({ name, value }, at) {
  const last = name.slice(name.lastIndexOf(".") + 1);
  if (typeof value !== "number") return "";
  if (last === "check_code") return CHECK_BITS[value] ?? "";
  if (last === "hash_code") return value < 4 ? `${4 << value} bytes` : "";
  if (last === "sectioned") return value ? "sections follow" : "compact form";
  if (last === "profile" && value === 255) return "explicit model";
  if (last === "profile" && value === 254) return "extended";
  if (last === "profile" || last === "base_profile") return at.registry?.rows.get(value)?.name ?? "not in this registry";
  if (last === "extended_profile") return at.registry?.rows.get(256 + value)?.name ?? "not in this registry";
  if (last === "dim_class") return value === 0 ? "both sides follow" : at.header.width ? `${at.header.width} × ${at.header.height}` : "";
  if (last === "width_minus_1" || last === "height_minus_1") return `${last.slice(0, last.indexOf("_"))} ${value + 1}`;
  if (last === "count_minus_1") return `${value + 1} ${value ? "sections" : "section"}`;
  if (last === "number") {
    const section = at.sections[Number(/\[([0-9]+)\]/.exec(name)?.[1])];
    return section ? sectionName(section.type) : "";
  }
  return "";
}

/** How much a check is worth saying, by the state of decoding. */
export function checkWords(state, checkBytes) {
  if (checkBytes === 0 || state === "absent") return ["none", ""];
  const bits = checkBytes ? `${8 * checkBytes} bits, ` : "";
  return {
    ok: [`${bits}verified`, "good"],
    failed: [`${bits}failed`, "bad"],
    unchecked: [`${bits}not verified`, ""],
    waiting: [`${bits}being verified`, ""],
  }[state] ?? ["unknown", ""];
}
