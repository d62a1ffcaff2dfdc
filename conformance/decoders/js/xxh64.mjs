// SPDX-License-Identifier: MIT
// XXH64 with seed 0, of which zstd frames hold the low 32 bits.

import { view } from "./bytes.mjs";

const [P1, P2, P3, P4, P5] = [
  0x9e3779b185ebca87n, 0xc2b2ae3d27d4eb4fn, 0x165667b19e3779f9n, 0x85ebca77c2b2ae63n, 0x27d4eb2f165667c5n,
];
const wrap = (x) => BigInt.asUintN(64, x);
const turn = (x, n) => wrap(x << n) | (x >> (64n - n));
const round = (sum, lane) => wrap(turn(wrap(sum + lane * P2), 31n) * P1);

export function xxh64(bytes) {
  const data = view(bytes);
  let at = 0;
  let h = P5;
  if (bytes.length >= 32) {
    const sums = [wrap(P1 + P2), P2, 0n, wrap(-P1)];
    for (; at + 32 <= bytes.length; at += 32) {
      for (let i = 0; i < 4; i++) sums[i] = round(sums[i], data.getBigUint64(at + 8 * i, true));
    }
    h = wrap(turn(sums[0], 1n) + turn(sums[1], 7n) + turn(sums[2], 12n) + turn(sums[3], 18n));
    for (const sum of sums) h = wrap((h ^ round(0n, sum)) * P1 + P4);
  }
  h = wrap(h + BigInt(bytes.length));
  for (; at + 8 <= bytes.length; at += 8) {
    h = wrap(turn(h ^ round(0n, data.getBigUint64(at, true)), 27n) * P1 + P4);
  }
  for (; at + 4 <= bytes.length; at += 4) {
    h = wrap(turn(h ^ wrap(BigInt(data.getUint32(at, true)) * P1), 23n) * P2 + P3);
  }
  for (; at < bytes.length; at++) h = wrap(turn(h ^ wrap(BigInt(bytes[at]) * P5), 11n) * P1);
  h = wrap((h ^ (h >> 33n)) * P2);
  h = wrap((h ^ (h >> 29n)) * P3);
  return h ^ (h >> 32n);
}
