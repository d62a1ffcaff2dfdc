// SPDX-License-Identifier: MIT
// Runs the viewer's session in node: a line of JSON with a job, a line of JSON with all of its answers.
//
// A job is {file, packages: {name: folder}, preview, kernel: "wasm" | "plain", bandBytes, maxPixels, out}: samples are
// written to files whose names begin with `out`, and their paths take the place of the samples. With `symbols`, the answer
// is {symbols, code, calls} in place of a picture: the digests of the symbols of latents, decoded on the kernel, or the
// error, and how often the kernel was called.

import { existsSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { decode } from "../../conformance/decoders/js/decode.mjs";
import { Fault } from "../../conformance/decoders/js/fault.mjs";
import { LEVELS } from "../../conformance/decoders/js/sections.mjs";
import { accelerate } from "../../tools/viewer/paint/exact.mjs";
import { makeKernel } from "../../tools/viewer/paint/kernel.mjs";
import { Session } from "../../tools/viewer/paint/session.mjs";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const bytes = (path) => new Uint8Array(readFileSync(path));
const DATA = ["registry/registry.json", "entropy/data/gaussian.bin", "payloads/data/consonant.bin",
  "payloads/data/caption.bin", "payloads/data/caption.zdict"];
const data = Object.fromEntries(DATA.map((path) => [path.split("/").at(-1), bytes(join(ROOT, "refcodec", path))]));

function packageOf(folder) {
  const names = existsSync(folder) ? readdirSync(folder) : [];
  return Object.fromEntries(names.filter((name) => !name.startsWith("encoder")).map((name) => [name, bytes(join(folder, name))]));
}

const sessions = new Map();

function sessionOf({ kernel = "wasm", bandBytes, maxPixels }) {
  const key = JSON.stringify([kernel, bandBytes, maxPixels]);
  if (!sessions.has(key)) {
    const options = { kernel: makeKernel({ wasm: kernel === "wasm" }), previewSeconds: Infinity, bandBytes, maxPixels };
    sessions.set(key, new Session(() => data, options));
  }
  return sessions.get(key);
}

/** The symbols of a file, by the kernel's sums. */
async function symbols(session, file, packages) {
  const environment = await session.environmentOf({ packages });
  const counting = { ...session.kernel, calls: 0, reserve(bytes) {
    session.kernel.reserve(bytes);
    Object.assign(this, { doubles: session.kernel.doubles, ints: session.kernel.ints });
  }, exact(...args) {
    this.calls++;
    session.kernel.exact(...args);
  } };
  const { out } = decode(file, { ...environment, tier: "H" });
  const [one] = out.model ? environment.models.find(out.model.digest) : [];
  const kind = out.sections.find((section) => [0x86, 0x87].includes(section.type))?.type - 0x80;
  if (one && kind) {
    try {
      const parameters = environment.registry.binding(out.profile, 3).parameters[kind];
      const blocks = Math.ceil(out.width / 64) * Math.ceil(out.height / 64);
      accelerate(one.load(kind, parameters, LEVELS[1], blocks), counting);
    } catch (error) {
      if (!(error instanceof Fault)) throw error; // decode finds a fault
    }
  }
  const result = decode(file, environment);
  const latents = result.out.sections.filter((section) => [0x86, 0x87].includes(section.type));
  return { symbols: latents.map((section) => section.sha256), code: result.out.error?.code ?? null, calls: counting.calls };
}

async function run(job) {
  const session = sessionOf(job);
  const packages = Object.fromEntries(Object.entries(job.packages).map(([name, folder]) => [name, packageOf(folder)]));
  if (job.symbols) {
    return { kernel: session.kernel.name, memory: 0, answers: [{ id: job.id, ...await symbols(session, bytes(job.file), packages) }] };
  }
  const answers = [];
  const post = (answer) => {
    const picture = answer.picture ?? answer.preview;
    if (picture) {
      const path = `${job.out}-${answers.length}.rgba`;
      writeFileSync(path, picture.rgba);
      picture.rgba = path;
    }
    answers.push(answer);
  };
  const message = { id: job.id, file: bytes(job.file), packages, preview: Boolean(job.preview) };
  await session.answer(message, post);
  return { kernel: session.kernel.name, memory: session.kernel.floats.byteLength, answers };
}

for await (const line of createInterface({ input: process.stdin })) {
  process.stdout.write(`${JSON.stringify(await run(JSON.parse(line)))}\n`);
}
