// SPDX-License-Identifier: MIT
// The entropy codes of zstd (RFC 8878, section 4): bits read backwards, FSE tables, Huffman trees.

import { StreamFault } from "./inflate.mjs";

export const bad = (what) => {
  throw new StreamFault(`zstd: ${what}`);
};

const log2 = (x) => 31 - Math.clz32(x);

/** Bits from the last one to the first; beyond that they are zeros, and `left` is negative. */
export class BackwardBits {
  constructor(bytes) {
    if (!bytes.length || bytes[bytes.length - 1] === 0) bad("a stream of bits without an end");
    this.bytes = bytes;
    this.left = 8 * (bytes.length - 1) + log2(bytes[bytes.length - 1]);
  }

  /** n bits that begin `back` bits on; they stay unread. */
  peek(n, back = 0) {
    let value = 0;
    for (let i = this.left - back - 1; n > 0; n--, i--) {
      value = 2 * value + (i < 0 ? 0 : (this.bytes[i >> 3] >> (i & 7)) & 1);
    }
    return value;
  }

  read(n) {
    const value = this.peek(n);
    this.left -= n;
    return value;
  }
}

/** Probabilities of the symbols 0 to `most` at the beginning of `bytes`: {log, probabilities, size}. */
export function readDistribution(bytes, mostLog, most) {
  let at = 0;
  const read = (n) => {
    let value = 0;
    for (let i = 0; i < n; i++, at++) {
      if (at >> 3 >= bytes.length) bad("a distribution that is cut");
      value |= ((bytes[at >> 3] >> (at & 7)) & 1) << i;
    }
    return value;
  };
  const log = read(4) + 5;
  if (log > mostLog) bad("a distribution of too many states");
  const probabilities = [];
  for (let left = 1 << log; left > 0; ) {
    const bits = log2(left + 1) + 1;
    const low = (1 << (bits - 1)) - 1;
    const threshold = (1 << bits) - 2 - left;
    let value = read(bits - 1); // small values take one bit less
    if (value >= threshold) {
      value |= read(1) << (bits - 1);
      if (value > low) value -= threshold;
    }
    probabilities.push(value - 1);
    left -= Math.abs(value - 1);
    if (value === 1) {
      for (let more = 3; more === 3; ) {
        more = read(2);
        for (let i = 0; i < more; i++) probabilities.push(0);
      }
    }
    if (probabilities.length > most + 1) bad("a distribution of too many symbols");
  }
  return { log, probabilities, size: (at + 7) >> 3 };
}

/** The states of an FSE table: symbol, bits to read, and the state to which they are added. */
export function fseTable({ log, probabilities }) {
  const size = 1 << log;
  const symbols = new Uint8Array(size);
  const next = probabilities.map((p) => Math.abs(p));
  let high = size;
  probabilities.forEach((p, symbol) => {
    if (p === -1) symbols[--high] = symbol;
  });
  let at = 0;
  probabilities.forEach((p, symbol) => {
    for (let i = 0; i < p; i++) {
      symbols[at] = symbol;
      do at = (at + (size >> 1) + (size >> 3) + 3) % size;
      while (at >= high);
    }
  });
  const bits = new Uint8Array(size);
  const bases = new Uint16Array(size);
  symbols.forEach((symbol, state) => {
    const n = next[symbol]++;
    bits[state] = log - log2(n);
    bases[state] = (n << bits[state]) - size;
  });
  return { log, symbols, bits, bases };
}

/** The table of one symbol that is always the next one. */
export const onlySymbol = (symbol) => ({ log: 0, symbols: [symbol], bits: [0], bases: [0] });

/** Weights that are FSE-coded by two states in turn, up to the end of the bits. */
function readWeights(bytes) {
  const distribution = readDistribution(bytes, 6, 255);
  const table = fseTable(distribution);
  const reader = new BackwardBits(bytes.subarray(distribution.size));
  const states = [reader.read(table.log), reader.read(table.log)];
  const weights = [];
  if (reader.left < 0) bad("weights that are cut");
  for (let turn = 0; ; turn ^= 1) {
    const state = states[turn];
    weights.push(table.symbols[state]);
    if (weights.length > 255) bad("too many weights");
    if (reader.left < table.bits[state]) {
      weights.push(table.symbols[states[turn ^ 1]]);
      return weights;
    }
    states[turn] = table.bases[state] + reader.read(table.bits[state]);
  }
}

const MAX_BITS = 11;

/** A Huffman tree at the beginning of `bytes`: {most, symbols, bits, size}, by the next `most` bits. */
export function readTree(bytes) {
  if (!bytes.length) bad("a tree that is cut");
  const head = bytes[0];
  const size = 1 + (head < 128 ? head : (head - 126) >> 1);
  if (size > bytes.length) bad("a tree that is cut");
  const body = bytes.subarray(1, size);
  const weights = head < 128 ? readWeights(body)
    : Array.from({ length: head - 127 }, (_, i) => (i % 2 ? body[i >> 1] & 15 : body[i >> 1] >> 4));
  const sum = weights.reduce((total, w) => total + (w ? 2 ** (w - 1) : 0), 0);
  if (sum === 0 || sum >= 1 << MAX_BITS || weights.length > 255) bad("weights of no tree");
  const most = log2(sum) + 1;
  const left = (1 << most) - sum;
  if (left & (left - 1)) bad("weights of no tree");
  weights.push(log2(left) + 1);
  if (!weights.includes(1)) bad("a tree that is deeper than its codes");
  const symbols = new Uint8Array(1 << most);
  const bits = new Uint8Array(1 << most);
  let at = 0;
  for (let weight = 1; weight <= most; weight++) {
    weights.forEach((w, symbol) => {
      if (w !== weight) return;
      symbols.fill(symbol, at, at + 2 ** (w - 1));
      bits.fill(most + 1 - w, at, at + 2 ** (w - 1));
      at += 2 ** (w - 1);
    });
  }
  return { most, symbols, bits, size };
}

/** `count` literals of one stream. */
export function readSymbols(bytes, tree, count, out, at) {
  const reader = new BackwardBits(bytes);
  for (const end = at + count; at < end; at++) {
    const code = reader.peek(tree.most);
    out[at] = tree.symbols[code];
    reader.left -= tree.bits[code];
    if (reader.left < 0) bad("literals that are cut");
  }
  if (reader.left !== 0) bad("bits behind the literals");
}
