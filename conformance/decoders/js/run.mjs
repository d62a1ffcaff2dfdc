// SPDX-License-Identifier: MIT
// Holds the decoder to the vectors of tiers H and S, in one process.
//
//   node run.mjs [MANIFEST]
//
// Prints one line for each failure and a summary; exit status 1 where anything failed.

import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { Data, Models, sha256 } from "./model.mjs";
import { Registry, decode } from "./semdec.mjs";

const ROOT = join(dirname(fileURLToPath(import.meta.url)), "..", "..", "..");
const path = process.argv[2] ?? join(ROOT, "test_vectors", "manifest.json");
const folder = dirname(path);
const manifest = JSON.parse(readFileSync(path, "utf8"));

const registry = new Registry();
const data = new Data([join(ROOT, "refcodec", "payloads", "data")]);
const models = new Models([join(folder, "models")]);
const CHECK_BITS = { 0: 0, 3: 16, 5: 32 };

let passed = 0;
let failed = 0;
let skipped = 0;

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
  if (tier === "S") faults.push(differs("check", expected.check, out.check));
  expected.sections.forEach((wanted, i) => {
    const got = out.sections[i] ?? {};
    faults.push(differs(`section ${i} type`, wanted.type, got.type));
    faults.push(differs(`section ${i} kind`, wanted.kind, got.name));
    faults.push(differs(`section ${i} offset`, wanted.offset, got.offset));
    faults.push(differs(`section ${i} bytes`, wanted.bytes, got.bytes));
    if (tier !== "S") return;
    faults.push(differs(`section ${i} check`, wanted.check, got.check));
    if (wanted.sha256) faults.push(differs(`section ${i} sha256`, wanted.sha256, got.sha256));
    if (wanted.mode) faults.push(differs(`section ${i} mode`, wanted.mode, got.mode));
    if (wanted.shape) faults.push(differs(`section ${i} shape`, wanted.shape, [got.shape]));
    if (wanted.value !== undefined) faults.push(differs(`section ${i} value`, wanted.value, got.value));
  });
  return faults.find((fault) => fault !== null) ?? null;
}

function verdict(vector, result, tier) {
  if (result.internal) return `a fault of the decoder: ${result.bug.stack}`;
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
  if (sha256(file).toString("hex") === entry.sha256) return file;
  count(entry.id, "the file is not that of the manifest");
  return null;
}

for (const vector of manifest.vectors) {
  const file = read(vector);
  if (file === null) continue;
  const run = (tier) => decode(file, { registry, data, models, tier, path: vector.file });
  const whole = run("S");
  const left = whole.out.error?.code === "SEM-E-704" && vector.error !== "SEM-E-704";
  if (vector.tier === "H") {
    // The container alone gives the verdict; the decoder of symbols must agree where it knows the kinds.
    count(vector.id, verdict(vector, run("H"), "H") ?? (left ? null : verdict(vector, whole, "S")));
  } else if (left && !whole.internal) skipped++; // a kind or mode that is left out, SEM-R-052, 180
  else count(vector.id, verdict(vector, whole, "S"));
}

for (const model of manifest.models) {
  const file = read(model);
  if (file === null) continue;
  const result = decode(file, {
    registry, data, models: new Models([join(folder, model.folder)]), tier: "S", path: model.file,
    embedding: model.asked === "embedding",
  });
  if (result.out.error?.code === "SEM-E-704" && model.error !== "SEM-E-704") skipped++;
  else count(`models ${model.id}`, verdict(model, result, "S"));
}

console.log(`${passed} passed, ${failed} failed, ${skipped} skipped`);
process.exitCode = failed ? 1 : 0;
