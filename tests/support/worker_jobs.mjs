// SPDX-License-Identifier: MIT
// Sends messages to the viewer's worker and prints what it answers, a line of JSON each, until every job has ended.
//
//   node worker_jobs.mjs < JOBS       JOBS: a JSON list of {id, file, packages: {name: folder}, data, preview, cancel};
//                                     `file` in base64, `data` false: the worker is to load the normative data itself

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Worker } from "node:worker_threads";

const ROOT = fileURLToPath(new URL("../../refcodec/", import.meta.url));
const bytes = (path) => new Uint8Array(readFileSync(path));
const DATA = ["registry/registry.json", "entropy/data/gaussian.bin", "payloads/data/consonant.bin",
  "payloads/data/caption.bin", "payloads/data/caption.zdict"];
const data = Object.fromEntries(DATA.map((path) => [path.split("/").at(-1), bytes(join(ROOT, path))]));
const FILES = ["manifest.json", "symbols.safetensors", "painter.safetensors"];

const jobs = JSON.parse(readFileSync(0, "utf8"));
const worker = new Worker(new URL("worker_in_node.mjs", import.meta.url));
const open = new Set(jobs.filter((job) => !job.cancel).map((job) => job.id));

worker.on("error", (error) => {
  process.stderr.write(`${error.stack}\n`);
  process.exit(1);
});
worker.on("message", (message) => {
  const shown = message.picture ?? message.preview;
  if (shown) shown.rgba = shown.rgba.length;
  process.stdout.write(`${JSON.stringify(message)}\n`);
  if (message.picture || message.error) open.delete(message.id);
  if (open.size === 0) worker.terminate();
});

for (const { file, packages, data: own, ...job } of jobs) {
  if (typeof file === "string") job.file = new Uint8Array(Buffer.from(file, "base64"));
  if (packages) {
    job.packages = Object.fromEntries(Object.entries(packages).map(([name, folder]) =>
      [name, Object.fromEntries(FILES.map((one) => [one, bytes(join(folder, one))]))]));
  }
  worker.postMessage(own === false ? job : { ...job, data });
}
