// SPDX-License-Identifier: MIT
// One zstd frame without its magic number (section 13.2). The framing is read here; its contents are decoded by
// node's zlib where that has zstd and takes a dictionary, which is from node 22.19 and 24.6 on.

import zlib from "node:zlib";
import { StreamFault } from "./inflate.mjs";

const MAX_WINDOW = 2 ** 23;
const MAGIC = Buffer.from("28b52ffd", "hex");

/** Early versions have zstd and ignore the dictionary. */
function takesDictionaries() {
  if (typeof zlib.zstdDecompressSync !== "function") return false;
  const dictionary = Buffer.from("a dictionary that is long enough to be pointed into by a frame, 0123456789");
  const frame = zlib.zstdCompressSync(dictionary, { dictionary });
  try {
    return !zlib.zstdDecompressSync(frame).equals(dictionary);
  } catch {
    return true;
  }
}

export const hasZstd = takesDictionaries();

/** The octets of exactly one whole frame, at most `limit`; throws StreamFault. */
export function unzstd(input, dictionary, limit) {
  let at = 0;
  const number = (n) => {
    if (at + n > input.length) throw new StreamFault("the frame is cut");
    let value = 0;
    for (let i = n - 1; i >= 0; i--) value = value * 256 + input[at + i];
    at += n;
    return value;
  };
  const descriptor = number(1);
  const single = Boolean(descriptor & 32);
  const window = single ? null : number(1);
  const dictionaryId = number([0, 1, 2, 4][descriptor & 3]);
  const size = number([single ? 1 : 0, 2, 4, 8][descriptor >> 6]) + (descriptor >> 6 === 1 ? 256 : 0);
  for (let last = 0; !last; ) {
    const block = number(3);
    last = block & 1;
    const kind = (block >> 1) & 3;
    if (kind === 3) throw new StreamFault("a reserved kind of block");
    const length = kind === 1 ? 1 : block >> 3;
    if (at + length > input.length) throw new StreamFault("the frame is cut");
    at += length;
  }
  if (descriptor & 4) number(4);
  const sized = single || descriptor >> 6 !== 0;
  if (sized && size > limit) throw new StreamFault("more octets declared than allowed", true); // SEM-R-178
  if (at !== input.length) throw new StreamFault("bytes behind the frame");
  if (descriptor & 8) throw new StreamFault("the reserved bit of the frame");
  if (window !== null && 2 ** (10 + (window >> 3)) * (1 + (window & 7) / 8) > MAX_WINDOW) {
    throw new StreamFault("a window that is too large");
  }
  if (dictionaryId !== 0 && dictionaryId !== dictionary.readUInt32LE(4)) {
    throw new StreamFault("another dictionary");
  }
  try {
    const frame = Buffer.concat([MAGIC, input]);
    return Uint8Array.from(zlib.zstdDecompressSync(frame, { dictionary, maxOutputLength: limit, chunkSize: 64 }));
  } catch (error) {
    throw new StreamFault(error.message, error.code === "ERR_BUFFER_TOO_LARGE"); // SEM-R-179
  }
}
