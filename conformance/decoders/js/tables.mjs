// SPDX-License-Identifier: MIT
// Tables with an escape, and the Gaussian tables (SPEC.md, section 10).

import { Fault } from "./fault.mjs";

const TOTAL = 65536;
const MAX_VALUE = 32767;

/** A table of the values from `offset` on; the last frequency is that of the escape. */
export class EscapeTable {
  constructor(offset, frequencies) {
    this.offset = offset;
    this.size = frequencies.length - 1;
    this.cumulative = new Uint32Array(frequencies.length + 1);
    frequencies.forEach((f, i) => {
      this.cumulative[i + 1] = this.cumulative[i] + f;
    });
  }

  read(reader) {
    const { cumulative } = this;
    const q = reader.target(TOTAL);
    let symbol = 0;
    for (let above = this.size + 1; above - symbol > 1; ) {
      const middle = (symbol + above) >> 1;
      if (cumulative[middle] <= q) symbol = middle;
      else above = middle;
    }
    reader.take(cumulative[symbol], cumulative[symbol + 1] - cumulative[symbol], TOTAL);
    return symbol < this.size ? this.offset + symbol : this.escaped(reader);
  }

  /** A value outside: its side, and an Exp-Golomb code of its excess with a prefix of at most 16. */
  escaped(reader) {
    const below = reader.uniform(2);
    let q = 0;
    while (q < 16 && reader.uniform(2)) q++;
    let number = 1;
    for (let i = 0; i < q; i++) number = 2 * number + reader.uniform(2);
    const excess = number - 1;
    const value = below ? this.offset - 1 - excess : this.offset + this.size + excess;
    if (Math.abs(value) > MAX_VALUE) {
      throw new Fault(403, reader.start, `a value of ${value}`); // SEM-R-090
    }
    return value;
  }
}

export const GAUSSIAN_DIGEST = "62274a22ddb2d2c68549365f09c434603d71302ce6b80968f6c2059446d100ad";
const cache = new WeakMap();

/** SEM-R-093: the 64 tables of gaussian.bin; read once for each buffer. */
export function gaussianTables(bytes) {
  if (cache.has(bytes)) return cache.get(bytes);
  const tables = [];
  for (let at = 0; at < bytes.length; ) {
    const frequencies = [];
    for (let sum = 0; sum < TOTAL; at += 2) {
      frequencies.push(bytes[at] + 256 * bytes[at + 1]);
      sum += frequencies[frequencies.length - 1];
    }
    tables.push(new EscapeTable(-(frequencies.length - 2) / 2, frequencies));
  }
  cache.set(bytes, tables);
  return tables;
}
