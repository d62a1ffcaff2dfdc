// SPDX-License-Identifier: MIT
// The range coder of section 9, reading, with the canonical form of section 8.

import { Fault } from "./fault.mjs";

/**
 * Reads one stream. Beside the decoder's state runs that of an encoder given the same symbols, so that
 * `finish` can compare what was read with what would have been written.
 * Products are below 2^48 and quotients below 2^32 with fractions of 1/T: binary64 numbers are exact here.
 */
export class Reader {
  /** `file` the whole file, the body being the bytes from `start` to `end`. */
  constructor(file, start, end) {
    this.file = file;
    this.start = start;
    this.end = end;
    this.at = start;
    this.code = 0;
    for (let i = 0; i < 4; i++) this.code = this.code * 256 + this.byte();
    this.range = 0xffffffff;
    if (this.code >= this.range) throw new Fault(401, start, "the stream begins with FF FF FF FF"); // SEM-R-080
    this.low = 0;
    this.written = new Uint8Array(Math.max(64, end - start + 16));
    this.count = 0;
  }

  byte() {
    return this.at < this.end ? this.file[this.at++] : 0;
  }

  /** A number q with c <= q < c + f for the symbol that comes next. */
  target(total) {
    return Math.floor(((this.code + 1) * total - 1) / this.range);
  }

  /** Take the symbol (c, f, total). */
  take(c, f, total) {
    const a = Math.floor((this.range * c) / total);
    const b = Math.floor((this.range * (c + f)) / total);
    this.code -= a;
    this.range = b - a;
    this.low += a;
    if (this.low >= 0x100000000) {
      this.low -= 0x100000000;
      this.carry();
    }
    while (this.range < 0x1000000) {
      this.code = this.code * 256 + this.byte();
      this.write(Math.floor(this.low / 0x1000000));
      this.low = (this.low * 256) % 0x100000000;
      this.range *= 256;
    }
  }

  uniform(total) {
    const symbol = this.target(total);
    this.take(symbol, 1, total);
    return symbol;
  }

  /** A symbol of the table whose frequencies are given, with their sum where it is known. */
  table(frequencies, total = frequencies.reduce((sum, f) => sum + f, 0)) {
    const q = this.target(total);
    let c = 0;
    let symbol = 0;
    while (c + frequencies[symbol] <= q) c += frequencies[symbol++];
    this.take(c, frequencies[symbol], total);
    return symbol;
  }

  write(byte) {
    if (this.count === this.written.length) {
      const more = new Uint8Array(2 * this.count);
      more.set(this.written);
      this.written = more;
    }
    this.written[this.count++] = byte;
  }

  carry() {
    let i = this.count - 1;
    while (this.written[i] === 255) this.written[i--] = 0;
    this.written[i]++;
  }

  /** SEM-R-070: the body is what an encoder writes for the symbols taken. */
  finish() {
    if (this.low > 0) {
      if (this.low + this.range > 0x100000000) this.carry();
      else this.write(Math.ceil(this.low / 0x1000000));
    }
    while (this.count > 0 && this.written[this.count - 1] === 0) this.count--;
    const length = this.end - this.start;
    const both = Math.min(length, this.count);
    let same = 0;
    while (same < both && this.file[this.start + same] === this.written[same]) same++;
    if (same < length || same < this.count) {
      throw new Fault(402, this.start + same, "the body is not the one that its symbols give");
    }
  }
}
