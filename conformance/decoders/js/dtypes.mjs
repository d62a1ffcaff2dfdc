// SPDX-License-Identifier: MIT
// The dtypes of tensors (SPEC.md, section 12): bytes of a value, an array for values, and how one is read.

export const TYPES = {
  F32: [4, Float32Array, (data, at) => data.getFloat32(at, true)],
  I16: [2, Int16Array, (data, at) => data.getInt16(at, true)],
  I32: [4, Int32Array, (data, at) => data.getInt32(at, true)],
  // What binary64 rounds is far beyond every bound, and stays so.
  I64: [8, Float64Array, (data, at) => Number(data.getBigInt64(at, true))],
  U16: [2, Uint16Array, (data, at) => data.getUint16(at, true)],
  U8: [1, Uint8Array, (data, at) => data.getUint8(at)],
};
