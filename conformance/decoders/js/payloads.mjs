// SPDX-License-Identifier: MIT
// Payloads (SPEC.md, section 13): which reader a kind has, and kinds 3 to 5, which are lists of small integers.

import { concat, u16, utf8 } from "./bytes.mjs";
import { Reader } from "./coder.mjs";
import { Fault } from "./fault.mjs";
import { readLatents } from "./latents.mjs";
import { usesModel } from "./registry.mjs";
import { GAUSSIAN_DIGEST, gaussianTables } from "./tables.mjs";
import { consonantLetters, readCaption, readConsonants } from "./text.mjs";

const FEW = 4096; // symbols that are worth showing

/**
 * Decodes one payload into `section` and returns {s, symbols}: S, and what the kind's reader has made of it. Yields as
 * `decodeInSteps` does. `model(kind, parameters)` gives the model or throws.
 */
export function* readPayload(file, part, binding, out, limits, environment, model) {
  const { kind, section } = part;
  const p = binding.parameters[kind];
  if (kind >= 6 && out.tier !== "L") { // SEM-R-052
    throw Object.assign(new Fault(704, part.start, `kind ${kind} needs networks`), { leftOut: true });
  }
  const loaded = usesModel(kind, p) ? model(kind, p) : null;
  const body = { file, start: part.start, end: part.end };
  section.canonical = true;
  if (kind === 1) {
    const codes = readConsonants(body, p, limits.text, environment.tables);
    section.shape = [codes.length];
    section.value = consonantLetters(codes);
    return { s: codes, symbols: codes };
  }
  if (kind === 2) {
    const caption = readCaption(body, p, limits.text, environment);
    section.mode = caption.mode;
    section.canonical = caption.mode !== "zlib" && caption.mode !== "zstd";
    section.value = caption.ids ?? utf8(caption.octets);
    section.shape = [(caption.ids ?? caption.octets).length];
    if (caption.candidate !== null) section.candidate = caption.candidate;
    const number = caption.candidate === null ? [] : [caption.candidate]; // SEM-R-187
    const s = caption.ids ? concat([number, [0xff], u16(caption.ids)]) : concat([number, caption.octets]);
    return { s, symbols: caption };
  }
  if (kind >= 6) {
    const gaussian = gaussianTables(environment.tables.find("gaussian.bin", GAUSSIAN_DIGEST));
    const latents = yield* readLatents(body, kind, loaded, gaussian, out, environment.trace);
    section.rate = latents.rate;
    section.shape = latents.shape;
    return { s: latents.s, symbols: latents };
  }
  const rows = kind === 5 ? Math.ceil(out.height / p.stride) : 1;
  const columns = kind === 5 ? Math.ceil(out.width / p.stride) : kind === 3 ? p.d : p.m;
  const values = readIntegers(body, kind, p, rows * columns, loaded?.table);
  section.shape = kind === 5 ? [rows, columns] : [columns];
  section.value = null;
  if (values.length <= FEW) {
    const list = Array.from(values);
    const row = (_, r) => list.slice(r * columns, (r + 1) * columns);
    section.value = kind === 5 ? Array.from({ length: rows }, row) : list;
  }
  return { s: u16(values), symbols: { rows, columns, values } };
}

/** CLIP bits, PQ codes and VQ indices (sections 13.3 to 13.5). */
function readIntegers({ file, start, end }, kind, p, count, table) {
  const reader = new Reader(file, start, end);
  const values = new Uint16Array(count);
  for (let i = 0; i < count; i++) {
    if (kind === 3 && p.prior) {
      const sign = reader.table([65536 - table[i], table[i]], 65536); // SEM-R-190
      values[i] = 2 ** (p.b - 1) * sign + reader.uniform(2 ** (p.b - 1));
    } else if (kind === 3) values[i] = reader.uniform(2 ** p.b);
    else if (kind === 5 && p.usage) values[i] = reader.table(table, 65536); // SEM-R-206
    else values[i] = reader.uniform(p.v);
  }
  reader.finish();
  return values;
}
