// SPDX-License-Identifier: MIT
// The profile registry (SPEC.md, section 5).

import { Fault } from "./fault.mjs";
import { hasExactly, isInt, isObject, parseJson } from "./json.mjs";

export const MODES = ["static", "tokens", "raw", "zlib", "zstd"];

const isDigest = (x) => typeof x === "string" && /^[0-9a-f]{64}$/.test(x);
/** SEM-R-125: roles, and the digests of the models that fill them. */
export const isIdentity = (x) => isObject(x) && Object.keys(x).length >= 1 && Object.keys(x).length <= 16 &&
  Object.entries(x).every(([role, digest]) => /^[a-z][a-z0-9_]{0,31}$/.test(role) && isDigest(digest));
const isAscending = (list) => list.every((x, i) => i === 0 || list[i - 1] < x);

const CAPTION = ["modes", "static", "dictionary", "vocabulary", "tokenizer"]; // and "candidates" in some rows
const PARAMETERS = {
  1: (p) => hasExactly(p, ["code"]) ? p.code === "fixed"
    : hasExactly(p, ["code", "table"]) && p.code === "coded" && isDigest(p.table),
  2: (p) => hasExactly(p, [...CAPTION, ...(isObject(p) && "candidates" in p ? ["candidates"] : [])]) &&
    Array.isArray(p.modes) && p.modes.length > 0 && p.modes.every((mode) => MODES.includes(mode)) &&
    isAscending(p.modes.map((mode) => MODES.indexOf(mode))) && isDigest(p.static) && isDigest(p.dictionary) &&
    isInt(p.vocabulary, 1, 65536) && (p.tokenizer === null || isDigest(p.tokenizer)) && (!("candidates" in p) ||
      (isInt(p.candidates, 2, 256) && p.modes.every((mode) => MODES.indexOf(mode) < 3))),
  3: (p) => hasExactly(p, ["d", "b", "prior"]) && isInt(p.d, 1, 65536) && isInt(p.b, 1, 16) &&
    typeof p.prior === "boolean",
  4: (p) => hasExactly(p, ["m", "v", "codebooks"]) && isInt(p.m, 1, 65536) && isInt(p.v, 1, 65536) &&
    typeof p.codebooks === "boolean",
  5: (p) => hasExactly(p, ["v", "stride", "usage"]) && isInt(p.v, 1, 65536) && isInt(p.stride, 8, 1024) &&
    typeof p.usage === "boolean",
  6: isLatents,
  7: isLatents,
};

function isLatents(p) {
  return hasExactly(p, ["m", "hyper", "groups", "parity", "rates"]) && isInt(p.m, 1, 1024) &&
    isInt(p.hyper, 1, 1024) && isInt(p.parity, 0, 1) && isInt(p.rates, 1, 64) && Array.isArray(p.groups) &&
    p.groups.length >= 1 && p.groups.length <= 16 && p.groups.every((n) => isInt(n, 1, 1024)) &&
    p.groups.reduce((sum, n) => sum + n, 0) === p.m;
}

/** Whether a payload of this kind uses the model of its row. */
export function usesModel(kind, p) {
  return kind >= 6 || (kind === 3 && p.prior) || (kind === 4 && p.codebooks) || (kind === 5 && p.usage);
}

/** SEM-R-032 and 033: whether every member of a row's binding is one that this decoder knows. */
function isBinding(b, id) {
  const own = isObject(b) && Object.hasOwn(b, "identity") ? ["identity"] : []; // which may be absent
  if (!hasExactly(b, ["id", "method", "compact", "kinds", "fit", "colour", "parameters", "model", ...own])) return false;
  if (own.length && !isIdentity(b.identity)) return false;
  const fit = hasExactly(b.fit, ["rule"]) ? b.fit.rule === "none"
    : hasExactly(b.fit, ["rule", "multiple", "extend"]) && b.fit.rule === "pad" && isInt(b.fit.multiple, 1, 65536) &&
      b.fit.extend === "edge";
  if (!fit || b.id !== id || !isInt(b.method, 1, 5) || b.colour !== "srgb8") return false;
  if (!Array.isArray(b.kinds) || !b.kinds.every((kind) => isInt(kind, 1, 7)) || !isAscending(b.kinds)) return false;
  if (!isInt(b.compact, 1, 7) || !b.kinds.includes(b.compact)) return false;
  if (!hasExactly(b.parameters, b.kinds.map(String))) return false;
  if (!b.kinds.every((kind) => PARAMETERS[kind](b.parameters[kind]))) return false;
  const using = b.kinds.filter((kind) => usesModel(kind, b.parameters[kind])).length;
  return b.model === null ? using <= 1 : using === 1 && isDigest(b.model);
}

/** SEM-R-033: whether a kind of a row uses a model that the row has not. */
export function isBase(b) {
  return b.model === null && b.kinds.some((kind) => usesModel(kind, b.parameters[kind]));
}

/** SEM-R-055: the rows of a document by their ids, as they are; throws Error where it is no registry. */
function readRows(bytes) {
  const document = parseJson(bytes);
  if (!isObject(document) || document.version !== 1 || !Array.isArray(document.profiles)) {
    throw new Error("it is not an object of version 1 with a list of profiles");
  }
  const rows = new Map();
  for (const row of document.profiles) {
    if (!isObject(row) || typeof row.id !== "number") throw new Error("a row has no id");
    if (rows.has(row.id)) throw new Error(`it lists profile ${row.id} twice`);
    rows.set(row.id, row);
  }
  return rows;
}

export class Registry {
  /** `bytes` those of registry.json. */
  constructor(bytes) {
    this.rows = new Map();
    this.invalid = null; // why the document is no registry
    try {
      this.rows = readRows(bytes);
    } catch (error) {
      this.invalid = error.message;
    }
  }

  /** SEM-R-015, 032. */
  binding(id, offset) {
    if (this.invalid) throw new Fault(702, offset, `this is no registry: ${this.invalid}`);
    const row = this.rows.get(id);
    if (!row) throw new Fault(702, offset, `profile ${id} is not in the registry`);
    if (!isObject(row) || !isBinding(row.binding, id)) throw new Fault(702, offset, `profile ${id} is not understood`);
    return row.binding;
  }
}
