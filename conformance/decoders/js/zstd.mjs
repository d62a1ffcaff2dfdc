// SPDX-License-Identifier: MIT
// One zstd frame (RFC 8878, as SEM-R-167 reads it) without its magic number, by a dictionary (section 13.2).

import { view } from "./bytes.mjs";
import { StreamFault } from "./inflate.mjs";
import { xxh64 } from "./xxh64.mjs";
import { BackwardBits, bad, fseTable, onlySymbol, readDistribution, readSymbols, readTree } from "./zstd_codes.mjs";

const MAX_WINDOW = 2 ** 23;
const MAX_BLOCK = 2 ** 17;

const ones = (n, value = 1) => new Array(n).fill(value);
/** Codes of lengths and offsets: the value of each code is its base and as many bits as stand there. */
const code = (log, bits, first, most, probabilities) => {
  const bases = [];
  for (let i = 0, base = first; i < bits.length; base += 2 ** bits[i++]) bases.push(base);
  return { log, bits, bases, most: bits.length - 1, mostLog: most, usual: fseTable({ log, probabilities }) };
};
const LITERALS = code(
  6, [...ones(16, 0), 1, 1, 1, 1, 2, 2, 3, 3, 4, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16], 0, 9,
  [4, 3, ...ones(11, 2), 1, 1, 1, ...ones(9, 2), 3, 2, ...ones(5), ...ones(4, -1)],
);
const MATCHES = code(
  6, [...ones(32, 0), 1, 1, 1, 1, 2, 2, 3, 3, 4, 4, 5, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16], 3, 9,
  [1, 4, 3, ...ones(6, 2), ...ones(37), ...ones(7, -1)],
);
const OFFSETS = code(
  5, Array.from({ length: 32 }, (_, i) => i), 1, 8,
  [...ones(6), 2, 2, 2, ...ones(15), ...ones(5, -1)],
);

const dictionaries = new WeakMap();

/** What a dictionary holds (RFC 8878, section 5); read once for each buffer. */
function readDictionary(bytes) {
  if (dictionaries.has(bytes)) return dictionaries.get(bytes);
  const data = view(bytes);
  if (data.getUint32(0, true) !== 0xec30a437) bad("no dictionary");
  const tree = readTree(bytes.subarray(8));
  let at = 8 + tree.size;
  const table = ({ mostLog, most }) => {
    const distribution = readDistribution(bytes.subarray(at), mostLog, most);
    at += distribution.size;
    return fseTable(distribution);
  };
  const [offsets, matches, literals] = [table(OFFSETS), table(MATCHES), table(LITERALS)];
  const recent = [0, 4, 8].map((i) => data.getUint32(at + i, true));
  const found = {
    id: data.getUint32(4, true), tree, tables: [literals, offsets, matches], recent, content: bytes.subarray(at + 12),
  };
  dictionaries.set(bytes, found);
  return found;
}

/** Contents of compressed blocks, each with what the one before left: `out` is the dictionary and all octets. */
class Contents {
  constructor(dictionary, window, limit) {
    this.tree = dictionary.tree;
    this.tables = dictionary.tables.slice();
    this.recent = dictionary.recent.slice();
    this.window = window;
    this.most = Math.min(window, MAX_BLOCK);
    this.before = dictionary.content.length;
    this.out = new Uint8Array(this.before + limit + this.most);
    this.out.set(dictionary.content);
    this.at = this.before;
  }

  get octets() {
    return this.out.subarray(this.before, this.at);
  }

  /** Octets that are there as they are. */
  plain(bytes) {
    if (bytes.length > this.most) bad("a block that is too large");
    this.out.set(bytes, this.at);
    this.at += bytes.length;
  }

  compressed(bytes) {
    if (bytes.length > this.most) bad("a block that is too large");
    const [literals, rest] = this.literals(bytes);
    const end = this.at + this.most;
    let taken = 0;
    const copy = (n) => {
      if (taken + n > literals.length || this.at + n > end) bad("more octets than a block has");
      this.out.set(literals.subarray(taken, taken + n), this.at);
      taken += n;
      this.at += n;
    };
    this.sequences(rest, (length, offset, match) => {
      copy(length);
      if (this.at + match > end) bad("more octets than a block has");
      const done = this.at - this.before;
      // The dictionary can be reached as long as no more than a window was written.
      if (offset > (done <= this.window ? this.at : this.window)) bad("an offset that reaches too far");
      for (let i = 0; i < match; i++, this.at++) this.out[this.at] = this.out[this.at - offset];
    });
    copy(literals.length - taken);
  }

  /** The literals of a block, and the bytes behind them. */
  literals(bytes) {
    if (!bytes.length) bad("a block that is cut");
    const [kind, form] = [bytes[0] & 3, (bytes[0] >> 2) & 3];
    const size = kind < 2 ? [1, 2, 1, 3][form] : [3, 3, 4, 5][form];
    if (size > bytes.length) bad("literals that are cut");
    let head = 0;
    for (let i = size - 1; i >= 0; i--) head = head * 256 + bytes[i];
    if (kind < 2) {
      const count = Math.floor(head / (form & 1 ? 16 : 8));
      if (count > this.most) bad("too many literals");
      const length = kind === 0 ? count : 1;
      if (size + length > bytes.length) bad("literals that are cut");
      const found = kind === 0 ? bytes.subarray(size, size + count) : new Uint8Array(count).fill(bytes[size]);
      return [found, bytes.subarray(size + length)];
    }
    const width = 2 ** [10, 10, 14, 18][form];
    const count = Math.floor(head / 16) % width;
    const length = Math.floor(head / 16 / width);
    if (count > this.most) bad("too many literals");
    if (size + length > bytes.length) bad("literals that are cut");
    let body = bytes.subarray(size, size + length);
    if (kind === 2) {
      this.tree = readTree(body);
      body = body.subarray(this.tree.size);
    }
    const out = new Uint8Array(count);
    if (form === 0) readSymbols(body, this.tree, count, out, 0);
    else this.fourStreams(body, out);
    return [out, bytes.subarray(size + length)];
  }

  fourStreams(body, out) {
    if (body.length < 6) bad("streams that are cut");
    const part = (out.length + 3) >> 2;
    if (3 * part > out.length) bad("too few literals for four streams");
    let at = 6;
    for (let i = 0; i < 4; i++) {
      const length = i < 3 ? body[2 * i] + 256 * body[2 * i + 1] : body.length - at;
      if (length < 1 || at + length > body.length) bad("streams that are cut");
      const count = i < 3 ? part : out.length - 3 * part;
      readSymbols(body.subarray(at, at + length), this.tree, count, out, i * part);
      at += length;
    }
  }

  /** Tells `each` of every sequence: literals, offset, length of the match. */
  sequences(bytes, each) {
    let at = 0;
    const byte = () => (at < bytes.length ? bytes[at++] : bad("sequences that are cut"));
    let count = byte();
    if (count === 255) count = byte() + 256 * byte() + 0x7f00;
    else if (count > 127) count = (count - 128) * 256 + byte();
    if (count === 0) {
      if (at !== bytes.length) bad("bytes behind a block");
      return;
    }
    const modes = byte();
    if (modes & 3) bad("reserved modes");
    [LITERALS, OFFSETS, MATCHES].forEach((of, i) => {
      const mode = (modes >> (6 - 2 * i)) & 3;
      if (mode === 0) this.tables[i] = of.usual;
      else if (mode === 1) {
        const symbol = byte();
        if (symbol > of.most) bad("an unknown code");
        this.tables[i] = onlySymbol(symbol);
      } else if (mode === 2) {
        const distribution = readDistribution(bytes.subarray(at), of.mostLog, of.most);
        at += distribution.size;
        this.tables[i] = fseTable(distribution);
      }
    });
    const reader = new BackwardBits(bytes.subarray(at));
    const [literals, offsets, matches] = this.tables;
    const states = this.tables.map((table) => reader.read(table.log));
    const value = (of, symbol) => of.bases[symbol] + reader.read(of.bits[symbol]);
    const move = (i, table) => {
      states[i] = table.bases[states[i]] + reader.read(table.bits[states[i]]);
    };
    for (let i = 0; i < count; i++) {
      const offset = value(OFFSETS, offsets.symbols[states[1]]);
      const match = value(MATCHES, matches.symbols[states[2]]);
      const length = value(LITERALS, literals.symbols[states[0]]);
      if (i < count - 1) {
        move(0, literals);
        move(2, matches);
        move(1, offsets);
      }
      if (reader.left < 0) bad("sequences that are cut");
      each(length, this.distance(offset, length), match);
    }
    if (reader.left !== 0) bad("bits behind the sequences");
  }

  /** The offset that a code stands for: 1 to 3 are those used last. */
  distance(value, length) {
    const { recent } = this;
    const which = value > 3 ? 3 : value - (length === 0 ? 0 : 1);
    const offset = value > 3 ? value - 3 : which === 3 ? recent[0] - 1 : recent[which];
    if (offset === 0) bad("an offset of 0");
    recent.splice(Math.min(which, 2), 1);
    recent.unshift(offset);
    return offset;
  }
}

/** The octets of exactly one whole frame, at most `limit`; throws StreamFault. */
export function unzstd(input, dictionaryFile, limit) {
  let at = 0;
  const number = (n) => {
    if (at + n > input.length) bad("the frame is cut");
    let value = 0;
    for (let i = n - 1; i >= 0; i--) value = value * 256 + input[at + i];
    at += n;
    return value;
  };
  const descriptor = number(1);
  const single = Boolean(descriptor & 32);
  const windowCode = single ? null : number(1);
  const id = number([0, 1, 2, 4][descriptor & 3]);
  const sized = single || descriptor >> 6 !== 0;
  const size = number([single ? 1 : 0, 2, 4, 8][descriptor >> 6]) + (descriptor >> 6 === 1 ? 256 : 0);
  const blocks = [];
  for (let last = 0; !last; ) {
    const head = number(3);
    last = head & 1;
    const kind = (head >> 1) & 3;
    if (kind === 3) bad("a reserved kind of block");
    const length = kind === 1 ? 1 : head >> 3;
    if (at + length > input.length) bad("the frame is cut");
    blocks.push([kind, head >> 3, input.subarray(at, at + length)]);
    at += length;
  }
  const sum = descriptor & 4 ? number(4) : null;
  if (sized && size > limit) throw new StreamFault("more octets declared than allowed", true); // SEM-R-178
  const window = single ? size : 2 ** (10 + (windowCode >> 3)) * (1 + (windowCode & 7) / 8);
  if (window > MAX_WINDOW) bad("a window that is too large"); // SEM-R-177
  if (at !== input.length) bad("bytes behind the frame");
  if (descriptor & 8) bad("the reserved bit of the frame");
  const dictionary = readDictionary(dictionaryFile);
  if (id !== 0 && id !== dictionary.id) bad("another dictionary");
  const contents = new Contents(dictionary, window, limit);
  for (const [kind, length, bytes] of blocks) {
    if (kind === 2) contents.compressed(bytes);
    else if (kind === 0) contents.plain(bytes);
    else if (length > contents.most) bad("a block that is too large");
    else contents.plain(new Uint8Array(length).fill(bytes[0]));
    if (contents.octets.length > limit) throw new StreamFault("more octets than allowed", true); // SEM-R-179
  }
  const octets = contents.octets.slice();
  if (sized && octets.length !== size) bad("another number of octets than declared");
  if (sum !== null && Number(xxh64(octets) & 0xffffffffn) !== sum) bad("a wrong checksum");
  return octets;
}
