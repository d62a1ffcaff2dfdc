// SPDX-License-Identifier: MIT
// Digests of what each layer and pass of a decode gives, to find where two decoders part: SHA-256 over the values in
// raster order, each as a 64-bit two's complement integer, big-endian.

import { hex } from "./bytes.mjs";
import { Sha256 } from "./sha256.mjs";

const PART = 8192; // values at a time

export class Tracer {
  constructor() {
    this.entries = [];
  }

  add(name, values) {
    const hash = new Sha256();
    for (let from = 0; from < values.length; from += PART) {
      const part = values.subarray(from, from + PART);
      const data = new DataView(new ArrayBuffer(8 * part.length));
      part.forEach((value, i) => data.setBigInt64(8 * i, BigInt(value)));
      hash.update(new Uint8Array(data.buffer));
    }
    this.entries.push({ name, sha256: hex(hash.digest()) });
  }
}
