// SPDX-License-Identifier: MIT
// Times the viewer's session in node, for tools.bench.viewer: a line of JSON for each file and round.
//
//   node paint_time.mjs ROUNDS PREVIEW KERNEL FILE...      PREVIEW: 0 or 1; KERNEL: wasm or plain
//
// {file, round, seconds, decodeSeconds, paintSeconds, decodeCpu, paintCpu, error}: of the wall, and of a processor, which
// other programs do not change. Round 0 loads the packages.

import { readFileSync, writeFileSync } from "node:fs";
import { makeKernel } from "./paint/kernel.mjs";
import { Session } from "./paint/session.mjs";

const ROOT = new URL("../../refcodec/", import.meta.url);
const bytes = (path) => new Uint8Array(readFileSync(path));
const DATA = ["registry/registry.json", "entropy/data/gaussian.bin", "payloads/data/consonant.bin",
  "payloads/data/caption.bin", "payloads/data/caption.zdict"];
const PARTS = ["manifest.json", "symbols.safetensors", "painter.safetensors"];
const PACKAGES = ["elic-small", "elic-small-2", "sketch-small", "vq-small", "vq-small-2"];

const data = Object.fromEntries(DATA.map((path) => [path.split("/").at(-1), bytes(new URL(path, ROOT))]));
const packages = Object.fromEntries(PACKAGES.map((name) =>
  [name, Object.fromEntries(PARTS.map((part) => [part, bytes(new URL(`data/models/${name}/${part}`, ROOT))]))]));
const [rounds, preview, kernel, ...files] = process.argv.slice(2);

for (const file of files) {
  const session = new Session(() => data, { kernel: makeKernel({ wasm: kernel === "wasm" }), previewSeconds: Infinity });
  for (let round = 0; round < Number(rounds); round++) {
    const cpu = () => (process.cpuUsage().user + process.cpuUsage().system) / 1e6;
    const before = cpu();
    let [last, painted] = [null, before];
    await session.answer({ id: file, file: bytes(file), packages, preview: preview === "1" }, (answer) => {
      if (answer.stage === "paint" && answer.done === 0) painted = cpu();
      if (answer.picture || answer.error) last = answer;
    });
    const { rgba, width, height, ...seconds } = last.picture ?? {};
    if (rgba) writeFileSync(`${file}.rgba`, rgba);
    const error = last.error ?? null;
    console.log(JSON.stringify({ file, round, ...seconds, decodeCpu: painted - before, paintCpu: cpu() - painted, error }));
  }
}
