// SPDX-License-Identifier: MIT
// A decoder of .sem files written from SPEC.md alone: tier H, the container, and tier S, the symbols of kinds 1 to 5.
//
//   node semdec.mjs FILE [--registry registry.json] [--data FOLDER...] [--models FOLDER...] [--tier H|S]
//
// FILE is - for standard input. Prints one JSON object; the exit status is that of the error family (section 17).

import { isUtf8 } from "node:buffer";
import { closeSync, fstatSync, openSync, readFileSync, readSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { Fault } from "./fault.mjs";
import { canonicalJson, hasExactly, isInt, isObject, parseJson } from "./json.mjs";
import { Data, Models, sha256 } from "./model.mjs";
import { Reader } from "./coder.mjs";
import { consonantLetters, readCaption, readConsonants } from "./text.mjs";

const ROOT = join(dirname(fileURLToPath(import.meta.url)), "..", "..", "..");
const REGISTRY = join(ROOT, "refcodec", "registry", "registry.json");
const DIMS = join(ROOT, "refcodec", "registry", "dims.json");
const DATA = join(ROOT, "refcodec", "payloads", "data");

const KINDS = { 1: "consonant", 2: "caption", 3: "clip", 4: "pq", 5: "vq", 6: "sketch", 7: "elic" };
const ANCILLARY = { 0x01: "provenance", 0x02: "hints", 0x04: "thumbnail", 0x43: "metadata" };
const KEY_VALUE = new Set([0x01, 0x02, 0x43]);
const TEXTS = new Set([0x81, 0x82, ...KEY_VALUE]);
const MODES = ["static", "tokens", "raw", "zlib", "zstd"];
const CHECK_BYTES = { 0: 0, 3: 2, 5: 4 };
const MAX_KEY = 64;
const MAX_ENTRIES = 1024;

const LEVELS = {
  1: { side: 16384, pixels: 2 ** 25, sections: 16, text: 65536, symbols: 2 ** 26, file: 2 ** 26 },
  2: { side: 65536, pixels: 2 ** 28, sections: 64, text: 2 ** 20, symbols: 2 ** 29, file: 2 ** 29 },
};

const SCALE = /^(0|[1-9][0-9]{0,5})(\.[0-9]{1,6})?$/;
const HINTS = {
  candidate: /^(0|[1-9][0-9]{0,5})$/,
  generator: /^(cpu|cuda)$/,
  guidance: SCALE,
  "noise-level": /^(0|[1-9][0-9]{0,2})$/,
  "norm-scale": SCALE,
  scheduler: /^[a-z0-9][a-z0-9-]{0,31}$/,
  seed: /^(0|[1-9][0-9]{0,18})$/,
  steps: /^[1-9][0-9]{0,5}$/,
  strength: SCALE,
};

// --------------------------------------------------------------------------------------------- registry, section 5

const isDigest = (x) => typeof x === "string" && /^[0-9a-f]{64}$/.test(x);
const isAscending = (list) => list.every((x, i) => i === 0 || list[i - 1] < x);

const PARAMETERS = {
  1: (p) => hasExactly(p, ["code"]) ? p.code === "fixed"
    : hasExactly(p, ["code", "table"]) && p.code === "coded" && isDigest(p.table),
  2: (p) => hasExactly(p, ["modes", "static", "dictionary", "vocabulary", "tokenizer"]) &&
    Array.isArray(p.modes) && p.modes.length > 0 && p.modes.every((mode) => MODES.includes(mode)) &&
    isAscending(p.modes.map((mode) => MODES.indexOf(mode))) && isDigest(p.static) && isDigest(p.dictionary) &&
    isInt(p.vocabulary, 1, 65536) && (p.tokenizer === null || isDigest(p.tokenizer)),
  3: (p) => hasExactly(p, ["d", "b", "prior"]) && isInt(p.d, 1, Infinity) && isInt(p.b, 1, 16) &&
    typeof p.prior === "boolean",
  4: (p) => hasExactly(p, ["m", "v", "codebooks"]) && isInt(p.m, 1, Infinity) && isInt(p.v, 1, 65536) &&
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
function usesModel(kind, p) {
  return kind >= 6 || (kind === 3 && p.prior) || (kind === 4 && p.codebooks) || (kind === 5 && p.usage);
}

/** SEM-R-032 and 033: whether every member of a row's binding is one that this decoder knows. */
function isBinding(b, id) {
  if (!hasExactly(b, ["id", "method", "compact", "kinds", "fit", "colour", "parameters", "model"])) return false;
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
function isBase(b) {
  return b.model === null && b.kinds.some((kind) => usesModel(kind, b.parameters[kind]));
}

export class Registry {
  constructor(path = REGISTRY, dims = DIMS) {
    const document = parseJson(readFileSync(path));
    this.rows = new Map();
    for (const row of document.profiles) this.rows.set(row.id, row);
    this.classes = new Map();
    this.classOf = new Map();
    for (const { class: number, width, height } of parseJson(readFileSync(dims)).classes) {
      this.classes.set(number, [width, height]);
      this.classOf.set(`${width}x${height}`, number);
    }
  }

  /** SEM-R-015, 032. */
  binding(id, offset) {
    const row = this.rows.get(id);
    if (!row) throw new Fault(702, offset, `profile ${id} is not in the registry`);
    if (!isObject(row) || !isBinding(row.binding, id)) throw new Fault(702, offset, `profile ${id} is not understood`);
    return row.binding;
  }
}

// ------------------------------------------------------------------------------------------------ header, section 4

class Cursor {
  constructor(file) {
    this.file = file;
    this.at = 0;
  }

  bytes(n, cut, start = this.at) {
    if (this.at + n > this.file.length) throw new Fault(cut, start, "the file ends too early");
    this.at += n;
    return this.file.subarray(this.at - n, this.at);
  }

  unsigned(n, cut) {
    return this.bytes(n, cut).reduce((value, byte) => value * 256 + byte, 0);
  }

  varint(cut, wrong) {
    const start = this.at;
    let byte = this.bytes(1, cut, start)[0];
    let n = byte % 128;
    for (let i = 1; i <= 3 && byte >= 128; i++) {
      byte = this.bytes(1, cut, start)[0];
      n = (n + 1) * 128 + (byte % 128);
    }
    if (byte >= 128) throw new Fault(wrong, start, "a fifth byte of a varint"); // SEM-R-003
    return n;
  }
}

/** Reads the header into `out`, field by field, so that what was read before a fault can be told. */
function readHeader(cursor, registry, out) {
  const { file } = cursor;
  if (file.length < 2 || file[0] !== 0xf5 || file[1] !== 0x9e) throw new Fault(201, 0, "not a .sem file");
  cursor.at = 2;
  const descriptor = cursor.unsigned(1, 202);
  out.format_version = descriptor >> 5;
  if (out.format_version !== 0) throw new Fault(701, 2, `format version ${out.format_version}`);
  out.check_code = (descriptor >> 2) & 7;
  if (!(out.check_code in CHECK_BYTES)) throw new Fault(204, 2, `check code ${out.check_code}`);
  out.sectioned = Boolean(descriptor & 2);
  if (descriptor & 1) throw new Fault(203, 2, "the reserved bit is set");
  let offset = 3;
  let profile = cursor.unsigned(1, 202);
  out.explicit_model = null;
  if (profile === 254) {
    offset = cursor.at;
    profile = 256 + cursor.unsigned(2, 202);
  } else if (profile === 255) {
    offset = cursor.at;
    profile = cursor.unsigned(1, 202);
    if (profile > 253) throw new Fault(209, offset, "a base profile above 253");
  }
  const binding = registry.binding(profile, offset);
  if (file[3] !== 255 && isBase(binding)) throw new Fault(209, offset, `profile ${profile} is a base`); // SEM-R-034
  out.profile = profile;
  if (file[3] === 255) {
    offset = cursor.at;
    const code = cursor.unsigned(1, 202);
    if (code > 3) throw new Fault(208, offset, `hash code ${code}`);
    out.explicit_model = Buffer.from(cursor.bytes(4 << code, 202)).toString("hex");
  }
  const start = cursor.at;
  out.dim_class = cursor.unsigned(1, 202);
  if (out.dim_class !== 0) {
    const size = registry.classes.get(out.dim_class);
    if (!size) throw new Fault(206, start, `dim class ${out.dim_class}`);
    [out.width, out.height] = size;
  } else {
    const width = cursor.varint(202, 207) + 1;
    const height = cursor.varint(202, 207) + 1;
    if (registry.classOf.has(`${width}x${height}`)) throw new Fault(205, start, "a size that has a class");
    [out.width, out.height] = [width, height];
  }
  const h = Buffer.from(file.subarray(0, cursor.at));
  h[2] &= ~2;
  const checkOffset = cursor.at;
  const check = out.sectioned ? null : cursor.bytes(CHECK_BYTES[out.check_code], 202);
  const countOffset = cursor.at;
  out.section_count = out.sectioned ? cursor.varint(202, 207) + 1 : null;
  return { binding, h, check, checkOffset, sizeOffset: start, countOffset };
}

// ------------------------------------------------------------------------------- sections and limits, sections 6, 15

function symbolCount(kind, p, width, height) {
  if (kind === 3) return p.d;
  if (kind === 4) return p.m;
  if (kind === 5) return Math.ceil(height / p.stride) * Math.ceil(width / p.stride);
  if (kind < 6) return 0;
  const places = Math.ceil(height / 64) * Math.ceil(width / 64);
  return 1 + p.hyper * places + p.m * 16 * places;
}

/** The limits of a section's type and length. */
function judgeSection(type, length, kind, binding, out, limits, offset) {
  if (TEXTS.has(type) && length > limits.text) throw new Fault(604, offset, `a text section of ${length} bytes`);
  if (kind && symbolCount(kind, binding.parameters[kind], out.width, out.height) > limits.symbols) {
    throw new Fault(605, offset, "more symbols than the level allows");
  }
}

/** Entries of a key-value text (SEM-R-049, 050, 053, 054). */
function readEntries(file, start, end, hints) {
  const cursor = new Cursor(file.subarray(0, end));
  cursor.at = start;
  const entries = Object.create(null);
  let before = null;
  for (let n = 0; cursor.at < end; n++) {
    const keyLengthAt = cursor.at;
    if (n === MAX_ENTRIES) throw new Fault(305, keyLengthAt, "too many entries");
    const keyLength = cursor.varint(305, 305);
    if (keyLength < 1 || keyLength > MAX_KEY) throw new Fault(305, keyLengthAt, "the length of a key");
    const keyAt = cursor.at;
    const key = cursor.bytes(keyLength, 305);
    if (!isUtf8(key)) throw new Fault(305, keyAt, "a key is not UTF-8");
    if (before && Buffer.compare(before, key) >= 0) throw new Fault(305, keyAt, "keys do not ascend");
    before = key;
    const valueLength = cursor.varint(305, 305);
    const valueAt = cursor.at;
    const value = cursor.bytes(valueLength, 305);
    if (!isUtf8(value)) throw new Fault(305, valueAt, "a value is not UTF-8");
    const name = Buffer.from(key).toString("utf8");
    const text = Buffer.from(value).toString("utf8");
    if (hints && Object.hasOwn(HINTS, name) && !HINTS[name].test(text)) {
      throw new Fault(305, valueAt, `the form of hint ${name}`);
    }
    entries[name] = text;
  }
  return entries;
}

const rank = (type) => (type === 1 ? 0 : type & 0x80 ? type & 0x3f : 0x100 + type);

function readSections(cursor, header, out, limits) {
  const { file } = cursor;
  const { binding } = header;
  const checkBytes = CHECK_BYTES[out.check_code];
  for (let n = 0; n < out.section_count; n++) {
    const typeAt = cursor.at;
    if (n > 0 && typeAt === file.length) {
      out.complete = false; // SEM-R-047
      return;
    }
    const type = cursor.unsigned(1, 301);
    const critical = type >= 0x80;
    const kind = critical && type >= 0x81 && type <= 0x87 ? type - 0x80 : null;
    if (critical && !kind) throw new Fault(703, typeAt, "an unknown critical section"); // SEM-R-043
    if (kind && !binding.kinds.includes(kind)) throw new Fault(303, typeAt, `kind ${kind} is not of the profile`);
    const last = out.sections[n - 1];
    if (last && rank(type) <= rank(last.type)) throw new Fault(302, typeAt, "the order of sections"); // SEM-R-040, 041
    if (out.section_count === 1 && kind === binding.compact) throw new Fault(304, typeAt, "the compact form is due");
    const lengthAt = cursor.at;
    const length = cursor.varint(301, 305);
    judgeSection(type, length, kind, binding, out, limits, lengthAt);
    const start = cursor.at;
    cursor.bytes(length, 301);
    const section = {
      type,
      name: kind ? KINDS[kind] : ANCILLARY[type] ?? null,
      critical,
      offset: start,
      bytes: length,
    };
    if (KEY_VALUE.has(type)) section.entries = readEntries(file, start, cursor.at, type === 2);
    const checkOffset = cursor.at;
    const check = cursor.bytes(checkBytes, 301);
    section.check = checkBytes ? "unchecked" : "absent";
    out.sections.push(section);
    header.parts.push({ section, kind, type, start, end: start + length, check, checkOffset });
  }
  if (cursor.at < file.length) throw new Fault(306, cursor.at, "bytes after the last section"); // SEM-R-048
}

// ---------------------------------------------------------------------------------------------- payloads, section 13

const u16 = (values) => {
  const out = Buffer.alloc(2 * values.length);
  for (let i = 0; i < values.length; i++) out.writeUInt16BE(values[i], 2 * i);
  return out;
};

/** Decodes one payload into `section` and returns S. */
function readPayload(file, part, binding, out, limits, data, model) {
  const { kind, section } = part;
  const p = binding.parameters[kind];
  if (kind >= 6) throw new Fault(704, part.start, `kind ${kind} needs networks, which this decoder has not`);
  const table = usesModel(kind, p) ? model(kind, p) : null;
  const body = { file, start: part.start, end: part.end };
  section.canonical = true;
  if (kind === 1) {
    const codes = readConsonants(body, p, limits.text, data);
    section.shape = [codes.length];
    section.value = consonantLetters(codes);
    return Buffer.from(codes);
  }
  if (kind === 2) {
    const caption = readCaption(body, p, limits.text, data);
    section.mode = caption.mode;
    section.canonical = caption.mode !== "zlib" && caption.mode !== "zstd";
    section.value = caption.ids ?? Buffer.from(caption.octets).toString("utf8");
    section.shape = [(caption.ids ?? caption.octets).length];
    return caption.ids ? Buffer.concat([Buffer.from([0xff]), u16(caption.ids)]) : Buffer.from(caption.octets);
  }
  const reader = new Reader(file, part.start, part.end);
  const rows = kind === 5 ? Math.ceil(out.height / p.stride) : 1;
  const columns = kind === 5 ? Math.ceil(out.width / p.stride) : kind === 3 ? p.d : p.m;
  const values = new Uint16Array(rows * columns);
  for (let i = 0; i < values.length; i++) {
    if (kind === 3 && p.prior) {
      const sign = reader.table([65536 - table[i], table[i]], 65536);
      values[i] = 2 ** (p.b - 1) * sign + reader.uniform(2 ** (p.b - 1));
    } else if (kind === 3) values[i] = reader.uniform(2 ** p.b);
    else if (kind === 5 && p.usage) values[i] = reader.table(table, 65536);
    else values[i] = reader.uniform(p.v);
  }
  reader.finish();
  section.shape = kind === 5 ? [rows, columns] : [columns];
  section.value = null;
  if (values.length <= 4096) {
    const list = Array.from(values);
    const row = (_, r) => list.slice(r * columns, (r + 1) * columns);
    section.value = kind === 5 ? Array.from({ length: rows }, row) : list;
  }
  return u16(values);
}

// ----------------------------------------------------------------------------------------------- the whole of a file

/**
 * What a file holds. `options`: registry (Registry), data (Data), models (Models), tier "H" or "S", level 1 or 2,
 * path (for messages), embedding (whether it is asked what PQ codes stand for).
 * Never throws: an error stands in `error` of the result.
 */
export function decode(file, options) {
  const out = {
    tier: options.tier ?? "S", file_bytes: file.length, format_version: null, check_code: null, sectioned: null,
    profile: null, explicit_model: null, dim_class: null, width: null, height: null, section_count: null,
    complete: true, sections: [], check: null, canonical: null, error: null,
  };
  try {
    decodeInto(file, options, out);
  } catch (error) {
    const fault = error instanceof Fault ? error : new Fault(805, null, `a fault of the decoder: ${error.message}`);
    fault.path ??= options.path ?? null;
    out.error = fault.toJSON();
    out.canonical = null;
    // SEM-R-002: no symbols of a file with a fault
    for (const section of out.sections) for (const name of ["value", "shape", "sha256", "mode", "canonical"]) {
      delete section[name];
    }
    return { out, status: fault.status, internal: !(error instanceof Fault), bug: error };
  }
  return { out, status: 0, internal: false };
}

function decodeInto(file, options, out) {
  const limits = LEVELS[options.level ?? 1];
  if (file.length > limits.file) throw new Fault(606, null, "a file that is too large");
  const cursor = new Cursor(file);
  const header = readHeader(cursor, options.registry, out);
  header.parts = [];
  const { binding } = header;
  if (out.width > limits.side || out.height > limits.side) throw new Fault(601, header.sizeOffset, "a side");
  if (out.width * out.height > limits.pixels) throw new Fault(602, header.sizeOffset, "too many pixels");
  if (out.section_count > limits.sections) throw new Fault(603, header.countOffset, "too many sections");
  if (out.sectioned) readSections(cursor, header, out, limits);
  else {
    const kind = binding.compact;
    const [start, end] = [cursor.at, file.length];
    judgeSection(0x80 + kind, end - start, kind, binding, out, limits, start);
    const section = { type: 0x80 + kind, name: KINDS[kind], critical: true, offset: start, bytes: end - start };
    section.check = out.check_code ? "unchecked" : "absent";
    out.sections.push(section);
    header.parts.push({
      section, kind, type: section.type, start, end, check: header.check, checkOffset: header.checkOffset,
    });
  }

  // The model: that of the row, or the explicit one.
  const wanted = out.explicit_model ?? binding.model;
  const found = wanted === null ? [] : options.models.find(wanted);
  const full = wanted?.length === 64 ? wanted : found.length === 1 ? found[0].digest : null;
  let k = null;
  if (out.explicit_model === null) k = sha256(canonicalJson(binding));
  else if (full) k = sha256(canonicalJson(Object.assign(Object.create(null), binding, { model: full })));
  out.model = wanted === null ? null : { digest: full ?? wanted, available: found.length === 1 };
  const loadModel = (kind, parameters) => {
    if (kind === 4 && !options.embedding) return null; // its symbols are read without it (section 5)
    if (found.length > 1) throw new Fault(801, null, `the hash ${wanted} is that of several models`);
    if (found.length === 1) return found[0].load(kind, parameters);
    throw new Fault(801, null, `there is no model ${wanted}`);
  };

  for (const part of header.parts) {
    if (!part.kind) part.s = file.subarray(part.start, part.end);
    else if (out.tier === "S") part.s = readPayload(file, part, binding, out, limits, options.data, loadModel);
    if (part.s && out.tier === "S") part.section.sha256 = sha256(part.s).toString("hex");
  }
  for (const part of header.parts) {
    if (!part.check.length || !part.s || !k) continue;
    const sum = sha256(k, header.h, Buffer.from([part.type]), part.s).subarray(0, part.check.length);
    part.section.check = Buffer.compare(sum, part.check) === 0 ? "ok" : "failed";
  }
  const states = out.sections.map((section) => section.check);
  out.check = ["failed", "unchecked", "ok"].find((state) => states.includes(state)) ?? "absent";
  const failed = header.parts.find((part) => part.section.check === "failed");
  if (failed) throw new Fault(501, failed.checkOffset, "the check differs"); // SEM-R-060
  if (out.tier === "S") out.canonical = header.parts.every((part) => !part.kind || part.section.canonical);
}

// ------------------------------------------------------------------------------------------------------ command line

const USAGE = "usage: node semdec.mjs FILE [--registry registry.json] [--data FOLDER...] [--models FOLDER...] " +
  "[--tier H|S] [--level 1|2] [--asked symbols|embedding]";

/** Reads at most `limit` + 1 bytes, so that a file that is too large shows as such. */
export function readInput(path, limit) {
  let fd = 0;
  try {
    fd = path === "-" ? 0 : openSync(path, "r");
    const known = fstatSync(fd);
    if (known.isFile() && known.size > limit) return { length: known.size };
    const parts = [];
    let total = 0;
    while (total <= limit) {
      const part = Buffer.alloc(Math.min(65536, limit + 1 - total));
      let n;
      try {
        n = readSync(fd, part, 0, part.length, null);
      } catch (error) {
        if (error.code === "EAGAIN") continue;
        if (error.code === "EOF") break;
        throw error;
      }
      if (n === 0) break;
      parts.push(part.subarray(0, n));
      total += n;
    }
    return Buffer.concat(parts);
  } catch (error) {
    throw new Fault(101, null, error.message, path);
  } finally {
    if (fd > 0) closeSync(fd);
  }
}

function main(argv) {
  const settings = { registry: REGISTRY, data: [], models: [], tier: "S", level: "1", asked: "symbols" };
  const paths = [];
  for (let i = 0; i < argv.length; i++) {
    const name = argv[i].slice(2);
    if (!argv[i].startsWith("--")) paths.push(argv[i]);
    else if (!(name in settings) || i + 1 === argv.length) return usage();
    else if (Array.isArray(settings[name])) {
      do settings[name].push(argv[++i]);
      while (i + 1 < argv.length && !argv[i + 1].startsWith("--"));
    }
    else settings[name] = argv[++i];
  }
  if (paths.length > 1 || !["H", "S"].includes(settings.tier) || !Object.hasOwn(LEVELS, settings.level)) return usage();
  if (!["symbols", "embedding"].includes(settings.asked)) return usage();
  const path = paths[0] ?? "-";
  const level = Number(settings.level);
  let registry;
  try {
    registry = new Registry(settings.registry);
  } catch (error) {
    return usage(`the registry cannot be read: ${error.message}`);
  }
  const options = {
    registry, level, tier: settings.tier, path: path === "-" ? null : path, embedding: settings.asked === "embedding",
    data: new Data([...settings.data, DATA]), models: new Models(settings.models),
  };
  let result;
  try {
    result = decode(readInput(path, LEVELS[level].file), options);
  } catch (error) {
    const fault = error instanceof Fault ? error : new Fault(101, null, error.message, path);
    result = { out: { error: fault.toJSON() }, status: fault.status };
  }
  process.stdout.write(`${JSON.stringify(result.out, null, 1)}\n`);
  return result.status;
}

function usage(what = USAGE) {
  process.stderr.write(`${what}\n`);
  return 2;
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  process.stdout.on("error", () => {}); // whoever reads it may stop early
  process.exitCode = main(process.argv.slice(2));
}
