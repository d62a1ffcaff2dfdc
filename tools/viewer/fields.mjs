// SPDX-License-Identifier: MIT
// The fields of a file (SPEC.md, sections 4 and 6): every bit of it by name, as `semtool inspect` lists them. Any bytes
// have fields; what cannot be parsed is the field `unparsed`, what follows the last section `trailing`.

import { hex } from "../../conformance/decoders/js/bytes.mjs";
import { sizeOf } from "../../conformance/decoders/js/dims.mjs";

const CHECK_BYTES = { 0: 0, 3: 2, 5: 4 };
const KEY_VALUE = new Set([0x01, 0x02, 0x43]);
const SECTIONS = 16; // that a file of level 1 may have
const TEXT_BYTES = 65536; // that a text section of level 1 may have
const ENTRIES = 1024; // that a key-value text may have
const SHOWN = 32; // bytes of a binary value

const lenient = new TextDecoder("utf-8", { ignoreBOM: true });

/** Thrown where the layout of what follows is unknown. */
class Lost extends Error {}

/** A position in bits, and the fields before it. */
class Reader {
  constructor(file) {
    Object.assign(this, { file, bit: 0, end: file.length, prefix: "", fields: [], values: {} });
  }

  get byte() {
    return Math.floor(this.bit / 8);
  }

  record(name, bits, value) {
    if (!bits) return value;
    this.fields.push({ name: this.prefix + name, offset: this.byte, bits, value });
    this.bit += bits;
    return value;
  }

  need(n) {
    if (this.byte + n > this.end) throw new Lost();
  }

  bits(name, width) {
    this.need(1);
    return this.record(name, width, (this.file[this.byte] >> (8 - (this.bit % 8) - width)) & ((1 << width) - 1));
  }

  unsigned(name, n) {
    this.need(n);
    let value = 0;
    for (let i = 0; i < n; i++) value = 256 * value + this.file[this.byte + i];
    return this.record(name, 8 * n, value);
  }

  bytes(name, n, shownAs = shortHex) {
    this.need(n);
    const value = this.file.subarray(this.byte, this.byte + n);
    this.record(name, 8 * n, shownAs(value));
    return value;
  }

  varint(name) {
    let value = -1;
    for (let i = 0; i < 4; i++) {
      this.need(i + 1);
      const byte = this.file[this.byte + i];
      value = (value + 1) * 128 + (byte & 127);
      if (byte < 128) return this.record(name, 8 * (i + 1), value);
    }
    throw new Lost();
  }

  /** The rest up to `end` as one field. */
  rest(name, end) {
    this.record(name, 8 * end - this.bit, shortHex(this.file.subarray(this.byte, end)));
  }
}

const shortHex = (bytes) => hex(bytes.subarray(0, SHOWN)) + (bytes.length > SHOWN ? "…" : "");

/** Sort key of a section type (SEM-R-040, 041). */
const order = (type) => (type === 1 ? type : type >= 0x80 ? 0x100 + type : 0x200 + type);

/**
 * {fields, header, sections} of a file. A field is {name, offset, bits, value}; `header` has what was read of
 * {version, checkBytes, sectioned, profile, model, width, height, count}, the sizes only of a header that is complete; a section is {type, offset, bytes}.
 */
export function fieldsOf(file) {
  const reader = new Reader(file);
  const header = {};
  const sections = [];
  let left = "unparsed";
  try {
    readHeader(reader, header);
    if (header.sectioned) {
      readSections(reader, header, sections);
      left = "trailing";
    } else {
      sections.push({ type: null, offset: reader.byte, bytes: file.length - reader.byte });
      reader.bytes("body", file.length - reader.byte);
    }
  } catch (error) {
    if (!(error instanceof Lost)) throw error;
  }
  reader.prefix = "";
  reader.rest(left, file.length);
  return { fields: reader.fields, header, sections };
}

function readHeader(reader, header) {
  if (reader.file.length < 2) throw new Lost();
  reader.bytes("magic", 2);
  if (reader.file[0] !== 0xf5 || reader.file[1] !== 0x9e) throw new Lost();
  header.version = reader.bits("version", 3);
  if (header.version !== 1) throw new Lost();
  const check = reader.bits("check_code", 3);
  if (!(check in CHECK_BYTES)) throw new Lost();
  header.checkBytes = CHECK_BYTES[check];
  header.sectioned = Boolean(reader.bits("sectioned", 1));
  reader.bits("reserved", 1);
  const profile = header.profile = reader.unsigned("profile", 1);
  if (profile === 254) header.profile = 256 + reader.unsigned("extended_profile", 2);
  if (profile === 255) readModel(reader, header);
  const size = readSize(reader);
  if (!header.sectioned && header.checkBytes) reader.bytes("check", header.checkBytes);
  if (header.sectioned) header.count = reader.varint("count_minus_1") + 1;
  [header.width, header.height] = size;
}

function readModel(reader, header) {
  header.profile = reader.unsigned("base_profile", 1);
  const code = reader.unsigned("hash_code", 1);
  if (code > 3) throw new Lost();
  header.model = hex(reader.bytes("model_hash", 4 << code));
}

function readSize(reader) {
  const dimClass = reader.unsigned("dim_class", 1);
  if (dimClass === 0) return [reader.varint("width_minus_1") + 1, reader.varint("height_minus_1") + 1];
  const size = sizeOf(dimClass);
  if (!size) throw new Lost();
  return size;
}

function readSections(reader, header, sections) {
  if (header.count > SECTIONS) throw new Lost();
  for (let i = 0; i < header.count; i++) {
    if (i && reader.byte === reader.file.length) return;
    reader.prefix = `sections[${i}].`;
    const flags = reader.bits("critical", 1) * 0x80 + reader.bits("safe_to_copy", 1) * 0x40;
    const type = flags + reader.bits("number", 6);
    const before = sections[i - 1];
    const length = reader.varint("length");
    const offset = reader.byte;
    reader.need(length);
    const ordered = !before || order(type) > order(before.type);
    if (KEY_VALUE.has(type) && length && length <= TEXT_BYTES && ordered) readEntries(reader, offset + length);
    else reader.bytes("body", length);
    reader.bytes("check", header.checkBytes);
    sections.push({ type, offset, bytes: length });
  }
}

function readEntries(reader, end) {
  const { prefix } = reader;
  const text = (bytes) => lenient.decode(bytes);
  reader.end = end;
  try {
    for (let n = 0; reader.byte < end; n++) {
      if (n === ENTRIES) throw new Lost();
      reader.prefix = `${prefix}entries[${n}].`;
      reader.bytes("key", reader.varint("key_length"), text);
      reader.bytes("value", reader.varint("value_length"), text);
    }
  } catch (error) {
    if (!(error instanceof Lost)) throw error;
    reader.prefix = prefix;
    reader.rest("unparsed", end);
  }
  reader.prefix = prefix;
  reader.end = reader.file.length;
}
