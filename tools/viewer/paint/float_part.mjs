// SPDX-License-Identifier: MIT
// The float part `painter` of a package (SPEC.md, section 12): its entry in the manifest, and its tensors.

import { Fault } from "../../../conformance/decoders/js/fault.mjs";
import { hex, view } from "../../../conformance/decoders/js/bytes.mjs";
import { isInt, isObject, parseJson } from "../../../conformance/decoders/js/json.mjs";
import { sha256 } from "../../../conformance/decoders/js/sha256.mjs";

const FILE_BYTES = 2 ** 27; // far more than any synthesis network that a browser can run has
const HEADER_BYTES = 2 ** 24;
const AXES = 32;
const FILE_NAME = /^[A-Za-z0-9_-][A-Za-z0-9_.-]*$/; // a name, never a path
const SIZES = { F16: 2, F32: 4 };

const malformed = (what) => new Fault(803, null, what, "painter");

/** {architecture, tensors} of the part of a package; tensors by name, {shape, values: Float32Array}. */
export function readPainter(one) {
  const entry = one.readManifest().painter;
  if (entry === undefined || entry === null) throw new Fault(801, null, "the model has no painter", "painter");
  if (!isObject(entry) || typeof entry.sha256 !== "string") throw malformed("painter is not an object of file and sha256");
  if (typeof entry.file !== "string" || !FILE_NAME.test(entry.file)) throw malformed("its file is not a plain name");
  const bytes = one.file(entry.file);
  if (!bytes) throw new Fault(801, null, `the package has no ${entry.file}`, "painter");
  if (bytes.length > FILE_BYTES) throw malformed(`its file is larger than ${FILE_BYTES} bytes`);
  if (hex(sha256(bytes)) !== entry.sha256) throw new Fault(802, null, "it has another SHA-256 than its manifest says", "painter");
  return { architecture: entry.architecture, tensors: readTensors(bytes) };
}

/** The tensors of a safetensors file of finite binary16 and binary32 numbers. */
export function readTensors(bytes) {
  if (bytes.length < 8) throw malformed("its header is incomplete");
  const length = view(bytes).getBigUint64(0, true);
  if (length > BigInt(bytes.length - 8) || length > BigInt(HEADER_BYTES)) throw malformed("the length of its header");
  const data = bytes.subarray(8 + Number(length));
  let header;
  try {
    header = parseJson(bytes.subarray(8, 8 + Number(length)));
  } catch (error) {
    throw malformed(`its header is not JSON: ${error.message}`);
  }
  if (!isObject(header)) throw malformed("its header is not an object");
  delete header.__metadata__;
  const places = Object.entries(header).map(([name, entry]) => placeOf(name, entry, data.length));
  places.sort((a, b) => a.from - b.from || a.to - b.to);
  let at = 0;
  for (const { from, to } of places) {
    if (from !== at) throw malformed("tensors that overlap or leave a gap");
    at = to;
  }
  if (at !== data.length) throw malformed("bytes that belong to no tensor");
  return new Map(places.map((place) => [place.name, { shape: place.shape, values: numbers(data, place) }]));
}

function placeOf(name, entry, size) {
  const shown = JSON.stringify(name.slice(0, 80));
  if (!isObject(entry) || !Object.hasOwn(SIZES, String(entry.dtype))) throw malformed(`${shown} is not F16 or F32`);
  const { shape, data_offsets: offsets, dtype } = entry;
  const good = Array.isArray(shape) && shape.length <= AXES && shape.every((n) => isInt(n, 0, size)) &&
    Array.isArray(offsets) && offsets.length === 2 && isInt(offsets[0], 0, size) && isInt(offsets[1], offsets[0], size) &&
    offsets[1] - offsets[0] === shape.reduce((product, n) => product * n, SIZES[dtype]);
  if (!good) throw malformed(`${shown} does not lie in the file`);
  return { name, dtype, shape, from: offsets[0], to: offsets[1] };
}

function numbers(data, { name, dtype, from, to }) {
  const values = new Float32Array((to - from) / SIZES[dtype]);
  const source = view(data.subarray(from, to));
  let finite = true;
  for (let i = 0; i < values.length; i++) {
    values[i] = dtype === "F32" ? source.getFloat32(4 * i, true) : binary16(source.getUint16(2 * i, true));
    finite &&= Number.isFinite(values[i]);
  }
  if (!finite) throw malformed(`${JSON.stringify(name.slice(0, 80))} has numbers that are not finite`);
  return values;
}

/** The value of a binary16 number. */
function binary16(bits) {
  const [sign, exponent, fraction] = [bits >> 15 ? -1 : 1, (bits >> 10) & 31, bits & 1023];
  if (exponent === 31) return fraction ? NaN : sign * Infinity;
  return exponent ? sign * 2 ** (exponent - 25) * (1024 + fraction) : sign * 2 ** -24 * fraction;
}
