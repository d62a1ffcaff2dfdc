// SPDX-License-Identifier: MIT
// Holds the decoder to the vectors, in one process, and to its own promise to need no node.
//
//   node run.mjs [MANIFEST]
//
// Prints one line for each failure and a summary; exit status 1 where anything failed.

import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { hex } from "./bytes.mjs";
import { Reader } from "./coder.mjs";
import { decode } from "./decode.mjs";
import { environmentOf } from "./environment.mjs";
import { DATA, REGISTRY, ROOT, Shelf, dataFiles, readRegistry } from "./node.mjs";
import { sha256 } from "./sha256.mjs";
import { Tracer } from "./trace.mjs";

const HERE = dirname(fileURLToPath(import.meta.url));
const path = process.argv[2] ?? join(ROOT, "test_vectors", "manifest.json");
const folder = dirname(path);
const manifest = JSON.parse(readFileSync(path, "utf8"));

const registry = readRegistry();
const tables = dataFiles();
const shelf = new Shelf();
const CHECK_BITS = { 0: 0, 3: 16, 5: 32 };

let passed = 0;
let failed = 0;

/** What differs between two JSON values, or null. */
function differs(name, wanted, got) {
  return JSON.stringify(wanted) === JSON.stringify(got) ? null : `${name}: ${JSON.stringify(got)?.slice(0, 200)} ` +
    `instead of ${JSON.stringify(wanted).slice(0, 200)}`;
}

function compare(expected, out, tier) {
  const faults = [
    differs("width", expected.width, out.width),
    differs("height", expected.height, out.height),
    differs("profile", expected.profile, out.profile),
    differs("model_hash", expected.model_hash, out.explicit_model),
    differs("check_bits", expected.check_bits, CHECK_BITS[out.check_code]),
    differs("complete", expected.complete, out.complete),
    differs("number of sections", expected.sections.length, out.sections.length),
  ];
  if (tier !== "H") faults.push(differs("check", expected.check, out.check));
  expected.sections.forEach((wanted, i) => {
    const got = out.sections[i] ?? {};
    faults.push(differs(`section ${i} type`, wanted.type, got.type));
    faults.push(differs(`section ${i} kind`, wanted.kind, got.name));
    faults.push(differs(`section ${i} offset`, wanted.offset, got.offset));
    faults.push(differs(`section ${i} bytes`, wanted.bytes, got.bytes));
    if (tier === "H") return;
    faults.push(differs(`section ${i} check`, wanted.check, got.check));
    const shape = Array.isArray(got.shape?.[0]) ? got.shape : [got.shape];
    if (wanted.sha256) faults.push(differs(`section ${i} sha256`, wanted.sha256, got.sha256));
    if (wanted.mode) faults.push(differs(`section ${i} mode`, wanted.mode, got.mode));
    if (wanted.shape) faults.push(differs(`section ${i} shape`, wanted.shape, shape));
    if (wanted.rate !== undefined) faults.push(differs(`section ${i} rate`, wanted.rate, got.rate));
    if (wanted.value !== undefined) faults.push(differs(`section ${i} value`, wanted.value, got.value));
  });
  return faults.find((fault) => fault !== null) ?? null;
}

function verdict(vector, result, tier) {
  if (result.bug) return `a fault of the decoder: ${result.bug.stack}`;
  const code = result.out.error?.code ?? null;
  if (vector.error) {
    return code === vector.error && result.status === vector.status ? null
      : `${code}, status ${result.status}, instead of ${vector.error}, status ${vector.status}`;
  }
  return code === null ? compare(vector.expected, result.out, tier) : `${code}: ${result.out.error.message}`;
}

function count(id, fault) {
  if (fault === null) passed++;
  else {
    failed++;
    console.log(`${id}: ${fault}`);
  }
}

/** The bytes of a vector, or null where they are not those of the manifest. */
function read(entry) {
  const file = readFileSync(join(folder, entry.file));
  if (hex(sha256(file)) === entry.sha256) return file;
  count(entry.id, "the file is not that of the manifest");
  return null;
}

/**
 * What the decoder says of a vector of tier H, S or L at that tier; of a faulty one at every higher tier, too, since
 * its fault comes first.
 */
function judge(vector, file, environment) {
  const from = ["H", "S", "L"].indexOf(vector.tier ?? "L");
  const tiers = ["H", "S", "L"].slice(from, vector.error ? 3 : from + 1);
  for (const tier of tiers) {
    const result = decode(file, { registry, tables, tier, path: vector.file, ...environment });
    if (result.leftOut && tier !== vector.tier) continue; // SEM-R-052
    const fault = verdict(vector, result, tier);
    if (fault) return count(vector.id, `tier ${tier}: ${fault}`);
  }
  count(vector.id, null);
}

/** Layers and passes of a vector, against its list of digests. */
function trace(vector, file, environment) {
  const wanted = JSON.parse(readFileSync(join(folder, vector.trace), "utf8"));
  const tracer = new Tracer();
  decode(file, { registry, tables, ...environment, trace: (name, values) => tracer.add(name, values) });
  const first = wanted.entries.findIndex((entry, i) => differs("", entry, tracer.entries[i]));
  const same = first < 0 && wanted.entries.length === tracer.entries.length;
  count(`trace of ${vector.id}`, same ? null : `entry ${first}, ${wanted.entries[first]?.name}, differs`);
}

for (const vector of manifest.vectors) {
  const file = read(vector);
  if (file === null) continue;
  const environment = { models: shelf.models([join(folder, "models")]) };
  judge(vector, file, environment);
  if (vector.trace) trace(vector, file, environment);
}

/** Files that bring a registry of their own. */
for (const entry of manifest.registries ?? []) {
  const file = read(entry);
  if (file === null) continue;
  judge(entry, file, {
    models: shelf.models([join(folder, "models")]), registry: readRegistry(join(folder, entry.registry.file)),
  });
}

for (const model of manifest.models) {
  const file = read(model);
  if (file === null) continue;
  judge({ ...model, id: `models ${model.id}` }, file, {
    models: shelf.models([join(folder, model.folder)]), embedding: model.asked === "embedding",
  });
}

/** The coder by itself: what it reads of a body, and whether that is what an encoder writes. */
for (const entry of manifest.coder) {
  const file = read(entry);
  if (file === null) continue;
  const { symbols, body } = JSON.parse(file);
  const bytes = Uint8Array.from(body.match(/../g) ?? [], (pair) => parseInt(pair, 16));
  const fault = (() => {
    try {
      const reader = new Reader(bytes, 0, bytes.length);
      for (const [c, f, total] of symbols) {
        const q = reader.target(total);
        if (q < c || q >= c + f) return `another symbol than ${c} ${f} ${total}`;
        reader.take(c, f, total);
      }
      reader.finish();
      return null;
    } catch (error) {
      return error.message;
    }
  })();
  count(entry.id, fault);
}

/** What a page does: everything from one heap of files, by path. */
function heap() {
  const files = new Map([["registry.json", readFileSync(REGISTRY)]]);
  for (const name of ["consonant.bin", "caption.bin", "caption.zdict", "gaussian.bin"]) {
    const found = DATA.map((from) => join(from, name)).find((from) => existsSync(from));
    files.set(`data/${name}`, readFileSync(found));
  }
  for (const model of ["elic-tiny", "sketch-tiny"]) {
    for (const name of ["manifest.json", "symbols.safetensors"]) {
      files.set(`${model}/${name}`, readFileSync(join(folder, "models", model, name)));
    }
  }
  return environmentOf(files);
}

for (const id of ["example", "sketch-sections"]) {
  const vector = manifest.vectors.find((one) => one.id === id);
  const file = vector && read(vector);
  if (file) count(`${id} from a heap of files`, verdict(vector, decode(file, heap()), "L"));
}

/** The decoder and all that it imports know nothing of node. */
const seen = new Set();
function imports(name) {
  if (seen.has(name)) return null;
  seen.add(name);
  const text = readFileSync(join(HERE, name), "utf8");
  for (const [, from] of text.matchAll(/^(?:import |.* from )"([^"\n]*)";$/gm)) {
    if (!from.startsWith("./")) return `${name} imports ${from}`;
    const fault = imports(from.slice(2));
    if (fault) return fault;
  }
  const found = /\b(Buffer|process|require|import\()/.exec(text.replace(/\/\/.*|\/\*[^]*?\*\//g, ""));
  return found ? `${name} names ${found[0]}` : null;
}
count("imports of the core", imports("decode.mjs") ?? imports("environment.mjs"));

console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed ? 1 : 0;
