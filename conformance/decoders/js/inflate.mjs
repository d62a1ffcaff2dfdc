// SPDX-License-Identifier: MIT
// A zlib stream (RFC 1950, RFC 1951, as SEM-R-166 reads them) that stops at the first octet beyond a limit.

/** What is wrong with a stream; `beyond` where it is only too long. */
export class StreamFault extends Error {
  constructor(message, beyond = false) {
    super(message);
    this.beyond = beyond;
  }
}

const LENGTH_BASE = [3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163,
  195, 227, 258];
const LENGTH_EXTRA = [0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0];
const DISTANCE_BASE = [1, 2, 3, 4, 5, 7, 9, 13, 17, 25, 33, 49, 65, 97, 129, 193, 257, 385, 513, 769, 1025, 1537, 2049,
  3073, 4097, 6145, 8193, 12289, 16385, 24577];
const DISTANCE_EXTRA = [0, 0, 0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 8, 9, 9, 10, 10, 11, 11, 12, 12, 13,
  13];
const CODE_ORDER = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];

/** A prefix code by its lengths; one code of one bit, or none at all, may stand alone where `loose`. */
function prefixCode(lengths, loose) {
  const counts = new Uint16Array(16);
  for (const length of lengths) counts[length]++;
  let left = 1;
  let longest = 0;
  for (let bits = 1; bits < 16; bits++) {
    left = 2 * left - counts[bits];
    if (left < 0) throw new StreamFault("a prefix code with too many codes");
    if (counts[bits]) longest = bits;
  }
  if (left > 0 && !(loose && longest <= 1)) throw new StreamFault("a prefix code with too few codes");
  const starts = new Uint16Array(17);
  for (let bits = 1; bits < 16; bits++) starts[bits + 1] = starts[bits] + counts[bits];
  const symbols = new Uint16Array(lengths.length);
  lengths.forEach((length, symbol) => {
    if (length) symbols[starts[length]++] = symbol;
  });
  return { counts, symbols };
}

const FIXED_LENGTHS = prefixCode(
  Array.from({ length: 288 }, (_, i) => (i < 144 ? 8 : i < 256 ? 9 : i < 280 ? 7 : 8)),
  false,
);
const FIXED_DISTANCES = prefixCode(new Array(32).fill(5), false);

/** The octets of exactly one whole zlib stream, at most `limit` of them. */
export function inflate(input, limit) {
  let at = 0;
  let held = 0;
  let bits = 0;
  let out = new Uint8Array(1024);
  let n = 0;

  const byte = () => {
    if (at >= input.length) throw new StreamFault("the stream is cut");
    return input[at++];
  };
  const take = (count) => {
    while (bits < count) {
      held |= byte() << bits;
      bits += 8;
    }
    const value = held & ((1 << count) - 1);
    held >>>= count;
    bits -= count;
    return value;
  };
  const put = (octet) => {
    if (n === limit) throw new StreamFault("more octets than allowed", true);
    if (n === out.length) {
      const more = new Uint8Array(2 * n);
      more.set(out);
      out = more;
    }
    out[n++] = octet;
  };
  const symbol = ({ counts, symbols }) => {
    let code = 0;
    let first = 0;
    let index = 0;
    for (let length = 1; length < 16; length++) {
      code |= take(1);
      if (code - counts[length] < first) return symbols[index + code - first];
      index += counts[length];
      first = (first + counts[length]) << 1;
      code <<= 1;
    }
    throw new StreamFault("an unused code");
  };

  const method = byte();
  const flags = byte();
  if ((method * 256 + flags) % 31) throw new StreamFault("a wrong header check");
  if ((method & 15) !== 8) throw new StreamFault("a method other than deflate");
  if (method >> 4 > 7) throw new StreamFault("a window that is too large");
  if (flags & 32) throw new StreamFault("a preset dictionary");

  for (let last = 0; !last; ) {
    last = take(1);
    const kind = take(2);
    if (kind === 3) throw new StreamFault("an unknown kind of block");
    if (kind === 0) {
      held = bits = 0; // fewer than eight bits are ever held between blocks
      const length = byte() + 256 * byte();
      const inverse = byte() + 256 * byte();
      if (length + inverse !== 65535) throw new StreamFault("a wrong length of a stored block");
      for (let i = 0; i < length; i++) put(byte());
      continue;
    }
    let lengths = FIXED_LENGTHS;
    let distances = FIXED_DISTANCES;
    if (kind === 2) {
      const literals = take(5) + 257;
      const many = take(5) + 1;
      const codes = take(4) + 4;
      if (literals > 286 || many > 30) throw new StreamFault("too many symbols");
      const order = new Array(19).fill(0);
      for (let i = 0; i < codes; i++) order[CODE_ORDER[i]] = take(3);
      const code = prefixCode(order, false);
      const all = [];
      while (all.length < literals + many) {
        const next = symbol(code);
        if (next < 16) {
          all.push(next);
          continue;
        }
        if (next === 16 && !all.length) throw new StreamFault("a repetition of nothing");
        const value = next === 16 ? all[all.length - 1] : 0;
        const times = next === 16 ? 3 + take(2) : next === 17 ? 3 + take(3) : 11 + take(7);
        if (all.length + times > literals + many) throw new StreamFault("a repetition that is too long");
        for (let i = 0; i < times; i++) all.push(value);
      }
      if (!all[256]) throw new StreamFault("a block that cannot end");
      lengths = prefixCode(all.slice(0, literals), true);
      distances = prefixCode(all.slice(literals), true);
    }
    for (;;) {
      const next = symbol(lengths);
      if (next < 256) put(next);
      else if (next === 256) break;
      else {
        if (next > 285) throw new StreamFault("an unknown length");
        const length = LENGTH_BASE[next - 257] + take(LENGTH_EXTRA[next - 257]);
        const far = symbol(distances);
        if (far > 29) throw new StreamFault("an unknown distance");
        const distance = DISTANCE_BASE[far] + take(DISTANCE_EXTRA[far]);
        if (distance > n) throw new StreamFault("a distance beyond the beginning");
        for (let i = 0; i < length; i++) put(out[n - distance]);
      }
    }
  }
  let a = 1;
  let b = 0;
  for (let i = 0; i < n; i++) {
    a = (a + out[i]) % 65521;
    b = (b + a) % 65521;
  }
  for (const part of [b >> 8, b & 255, a >> 8, a & 255]) {
    if (byte() !== part) throw new StreamFault("a wrong checksum");
  }
  if (at !== input.length) throw new StreamFault("bytes behind the stream");
  return out.subarray(0, n);
}
