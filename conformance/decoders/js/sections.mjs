// SPDX-License-Identifier: MIT
// Sections and their limits (SPEC.md, sections 6 and 15).

import { compare, isUtf8, utf8 } from "./bytes.mjs";
import { Fault } from "./fault.mjs";
import { CHECK_BYTES, Cursor } from "./header.mjs";

export const KINDS = { 1: "consonant", 2: "caption", 3: "clip", 4: "pq", 5: "vq", 6: "sketch", 7: "elic" };
const ANCILLARY = { 0x01: "provenance", 0x02: "hints", 0x04: "thumbnail", 0x43: "metadata" };
const KEY_VALUE = new Set([0x01, 0x02, 0x43]);
const TEXTS = new Set([0x81, 0x82, ...KEY_VALUE]);
const MAX_KEY = 64;
const MAX_ENTRIES = 1024;

/** Section 15, by level. */
export const LEVELS = {
  1: {
    side: 16384, pixels: 2 ** 25, sections: 16, text: 65536, symbols: 2 ** 26, file: 2 ** 26,
    tensors: 2 ** 27, multiplications: 2 ** 29, array: 2 ** 28,
  },
  2: {
    side: 65536, pixels: 2 ** 28, sections: 64, text: 2 ** 20, symbols: 2 ** 29, file: 2 ** 29,
    tensors: 2 ** 28, multiplications: 2 ** 30, array: 2 ** 31,
  },
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

function symbolCount(kind, p, width, height) {
  if (kind === 3) return p.d;
  if (kind === 4) return p.m;
  if (kind === 5) return Math.ceil(height / p.stride) * Math.ceil(width / p.stride);
  if (kind < 6) return 0;
  const places = Math.ceil(height / 64) * Math.ceil(width / 64);
  return 1 + p.hyper * places + p.m * 16 * places;
}

/** The limits of a section's type and length. */
export function judgeSection(type, length, kind, binding, out, limits, offset) {
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
    if (before && compare(before, key) >= 0) throw new Fault(305, keyAt, "keys do not ascend");
    before = key;
    const valueLength = cursor.varint(305, 305);
    const valueAt = cursor.at;
    const value = cursor.bytes(valueLength, 305);
    if (!isUtf8(value)) throw new Fault(305, valueAt, "a value is not UTF-8");
    const name = utf8(key);
    const text = utf8(value);
    if (hints && Object.hasOwn(HINTS, name) && !HINTS[name].test(text)) {
      throw new Fault(305, valueAt, `the form of hint ${name}`);
    }
    entries[name] = text;
  }
  return entries;
}

const rank = (type) => (type === 1 ? 0 : type & 0x80 ? type & 0x3f : 0x100 + type);

export function readSections(cursor, header, out, limits) {
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
