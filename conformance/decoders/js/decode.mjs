// SPDX-License-Identifier: MIT
// A decoder of .sem files written from SPEC.md alone. This file and all that it imports use standard web APIs only;
// what a machine provides comes as an environment (node.mjs, or `environmentOf` of environment.mjs):
//
//   registry   a Registry (section 5)
//   tables     find(name, digest): the bytes of a normative data file (environment.mjs)
//   models     find(prefix): the packages whose digest begins so (package.mjs)
//   inflate    optional, as in inflate.mjs; zstd, as in zstd.mjs
//   tier       "H", "S" or "L": header and sections; symbols without networks; all symbols. Level 1 or 2 (section 15).
//   embedding  whether it is asked what PQ codes stand for; path, for messages; trace(name, values)

import { compare, hex } from "./bytes.mjs";
import { Fault } from "./fault.mjs";
import { Cursor, readHeader } from "./header.mjs";
import { canonicalJson } from "./json.mjs";
import { readPayload } from "./payloads.mjs";
import { KINDS, LEVELS, judgeSection, readSections } from "./sections.mjs";
import { sha256 } from "./sha256.mjs";

/**
 * What a file holds: {out, status, leftOut, bug, symbols}. Never throws: an error stands in `out.error`, one of the
 * decoder in `bug`; `leftOut` where the tier does not reach.
 */
export function decode(bytes, environment) {
  const steps = decodeInSteps(bytes, environment);
  for (;;) {
    const { done, value } = steps.next();
    if (done) return value;
  }
}

/**
 * Decode as `decode` does, and yield {kind, group, pass, groups, latents} before each pass of a channel group of latents
 * (latents.mjs). Return what `decode` returns, and in `symbols` those of each payload, by its kind: nothing of a file
 * with an error. What the steps show is not verified: an error may follow.
 */
export function* decodeInSteps(bytes, environment) {
  const out = {
    tier: environment.tier ?? "L", file_bytes: bytes.length, format_version: null, check_code: null, sectioned: null,
    profile: null, explicit_model: null, dim_class: null, width: null, height: null, section_count: null,
    complete: true, sections: [], check: null, canonical: null, error: null,
  };
  const symbols = new Map();
  try {
    yield* decodeInto(bytes, environment, out, symbols);
  } catch (error) {
    const known = error instanceof Fault;
    const fault = known ? error : new Fault(805, null, `a fault of the decoder: ${error.message}`);
    fault.path ??= environment.path ?? null;
    out.error = fault.toJSON();
    out.canonical = null;
    // SEM-R-002: no symbols of a file with a fault
    for (const section of out.sections) for (const name of ["value", "shape", "sha256", "mode", "rate", "canonical"]) {
      delete section[name];
    }
    return { out, status: fault.status, leftOut: Boolean(fault.leftOut), bug: known ? null : error, symbols: new Map() };
  }
  return { out, status: 0, leftOut: false, bug: null, symbols };
}

function* decodeInto(bytes, environment, out, symbols) {
  const limits = LEVELS[environment.level ?? 1];
  if (bytes.length > limits.file) throw new Fault(606, null, "a file that is too large");
  const file = new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length);
  const cursor = new Cursor(file);
  const header = readHeader(cursor, environment.registry, out);
  header.parts = [];
  const { binding } = header;
  if (out.width > limits.side || out.height > limits.side) throw new Fault(601, header.sizeOffset, "a side");
  if (out.width * out.height > limits.pixels) throw new Fault(602, header.sizeOffset, "too many pixels");
  if (out.section_count > limits.sections) throw new Fault(603, header.countOffset, "too many sections");
  if (out.sectioned) readSections(cursor, header, out, limits);
  else {
    const kind = binding.compact;
    const [start, end] = [cursor.at, file.length];
    judgeSection(0x80 + kind, end - start, kind, binding, out, limits, start);
    const section = { type: 0x80 + kind, name: KINDS[kind], critical: true, offset: start, bytes: end - start };
    section.check = out.check_code ? "unchecked" : "absent";
    out.sections.push(section);
    header.parts.push({
      section, kind, type: section.type, start, end, check: header.check, checkOffset: header.checkOffset,
    });
  }

  const { k, model } = findModel(binding, environment, out);
  for (const part of header.parts) {
    if (out.tier === "H") break;
    if (part.kind) {
      const payload = yield* readPayload(file, part, binding, out, limits, environment, model);
      part.s = payload.s;
      symbols.set(part.kind, payload.symbols);
    } else part.s = file.subarray(part.start, part.end);
    part.section.sha256 = hex(sha256(part.s));
  }
  judgeChecks(header, k, out);
  if (out.tier !== "H") out.canonical = header.parts.every((part) => !part.kind || part.section.canonical);
}

/** K of section 7, or null where it cannot be had, and how a payload gets at its model. */
function findModel(binding, environment, out) {
  const wanted = out.explicit_model ?? binding.model;
  const found = wanted === null ? [] : environment.models.find(wanted);
  const full = wanted?.length === 64 ? wanted : found.length === 1 ? found[0].digest : null;
  const digest = (b) => sha256(new TextEncoder().encode(canonicalJson(b)));
  let k = null;
  if (out.explicit_model === null) k = digest(binding);
  else if (full) k = digest(Object.assign(Object.create(null), binding, { model: full })); // SEM-R-062
  out.model = wanted === null ? null : { digest: full ?? wanted, available: found.length === 1 };
  const blocks = Math.ceil(out.width / 64) * Math.ceil(out.height / 64);
  const model = (kind, parameters) => {
    if (kind === 4 && !environment.embedding) return null; // its symbols are read without it (section 5)
    if (found.length > 1) throw new Fault(801, null, `the hash ${wanted} is that of several models`);
    if (found.length === 1) return found[0].load(kind, parameters, LEVELS[environment.level ?? 1], blocks);
    throw new Fault(801, null, `there is no model ${wanted}`); // SEM-R-114
  };
  return { k, model };
}

/** SEM-R-060, 061. */
function judgeChecks(header, k, out) {
  for (const part of header.parts) {
    if (!part.check.length || !part.s || !k) continue;
    const sum = sha256(k, header.h, Uint8Array.of(part.type), part.s).subarray(0, part.check.length);
    part.section.check = compare(sum, part.check) === 0 ? "ok" : "failed";
  }
  const states = out.sections.map((section) => section.check);
  out.check = ["failed", "unchecked", "ok"].find((state) => states.includes(state)) ?? "absent";
  const failed = header.parts.find((part) => part.section.check === "failed");
  if (failed) throw new Fault(501, failed.checkOffset, "the check differs");
}
