// SPDX-License-Identifier: MIT
// Sums of products: in WebAssembly with SIMD (conv.wat), and in plain JavaScript where there is none.
//
// A kernel is {name, floats, doubles, ints, reserve(bytes), conv(...), exact(...)}: its memory as typed arrays, and the
// functions that conv.wat describes; the plain one has no `exact`. `reserve` gives the memory at least so many bytes, and
// may replace the arrays.

import { CONV } from "./conv_wasm.mjs";

const PAGE = 65536;

class WasmKernel {
  constructor(instance) {
    this.name = "wasm";
    this.memory = instance.exports.memory;
    this.conv = instance.exports.conv;
    this.exact = instance.exports.exact;
    this.view();
  }

  view() {
    this.floats = new Float32Array(this.memory.buffer);
    this.doubles = new Float64Array(this.memory.buffer);
    this.ints = new Int32Array(this.memory.buffer);
  }

  reserve(bytes) {
    const more = bytes - this.memory.buffer.byteLength;
    if (more > 0) this.memory.grow(Math.ceil(more / PAGE));
    this.view();
  }
}

class PlainKernel {
  constructor() {
    this.name = "plain";
    this.exact = null;
    this.reserve(PAGE);
  }

  reserve(bytes) {
    if (bytes <= (this.floats?.byteLength ?? 0)) return;
    const buffer = new ArrayBuffer(Math.ceil(bytes / PAGE) * PAGE);
    this.floats = new Float32Array(buffer);
    this.ints = new Int32Array(buffer);
  }

  conv(x, offsets, taps, weights, bias, blocks, out, plane, sites, low, add) {
    const { floats, ints } = this;
    const places = ints.subarray(offsets / 4, offsets / 4 + taps).map((offset) => offset / 4);
    const count = Math.ceil(sites / 32) * 8;
    for (let block = 0; block < blocks; block++) {
      const [w, b, to] = [weights / 4 + 4 * taps * block, bias / 4 + 4 * block, (out + 4 * plane * block) / 4];
      for (let i = 0; i < count; i += 2) tile(floats, x / 4 + i, places, w, b, to + i, plane / 4, low, add);
    }
  }
}

/** Four output channels at two sites: eight sums, in binary64. */
function tile(data, x, places, w, b, to, plane, low, add) {
  let p0 = data[b], q0 = data[b + 1], r0 = data[b + 2], s0 = data[b + 3];
  let p1 = p0, q1 = q0, r1 = r0, s1 = s0;
  for (let t = 0; t < places.length; t++, w += 4) {
    const x0 = data[x + places[t]];
    const x1 = data[x + places[t] + 1];
    const p = data[w], q = data[w + 1], r = data[w + 2], s = data[w + 3];
    p0 += p * x0; p1 += p * x1;
    q0 += q * x0; q1 += q * x1;
    r0 += r * x0; r1 += r * x1;
    s0 += s * x0; s1 += s * x1;
  }
  put(data, to, p0, p1, low, add);
  put(data, to + plane, q0, q1, low, add);
  put(data, to + 2 * plane, r0, r1, low, add);
  put(data, to + 3 * plane, s0, s1, low, add);
}

function put(data, to, a, b, low, add) {
  if (add) {
    a += data[to];
    b += data[to + 1];
  }
  data[to] = a < low ? low : a; // what is not a number stays so
  data[to + 1] = b < low ? low : b;
}

const bytesOf = (base64) => Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));

/** A new kernel; `wasm` false: in plain JavaScript, even where there is WebAssembly. */
export function makeKernel({ wasm = true } = {}) {
  if (wasm) {
    try {
      return new WasmKernel(new WebAssembly.Instance(new WebAssembly.Module(bytesOf(CONV))));
    } catch {
      // no WebAssembly, none with SIMD, or none that the page's policy allows
    }
  }
  return new PlainKernel();
}
