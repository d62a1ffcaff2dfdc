// SPDX-License-Identifier: MIT
// The page around the decoder: files come from paths beside it, or from a folder that is chosen.

import { decode } from "./decode.mjs";
import { environmentOf, isWanted } from "./environment.mjs";

const at = (id) => document.getElementById(id);
const files = new Map();
let environment = null;

const bytesOf = async (source) => new Uint8Array(await source.arrayBuffer());

/** Tells what the decoder has by now. */
function refresh() {
  try {
    environment = environmentOf(files);
    const models = environment.models.packages.map((one) => `${one.place} ${one.digest ?? one.fault.message}`);
    at("state").textContent = [`${files.size} files`, ...models].join("\n");
  } catch (error) {
    environment = null;
    at("state").textContent = error.message;
  }
}

/** Reads the paths in the text field, one a line; what is not there is left out. */
async function loadPaths() {
  const paths = at("paths").value.split("\n").map((line) => line.trim()).filter(Boolean);
  await Promise.all(paths.map(async (path) => {
    try {
      const answer = await fetch(path);
      if (answer.ok) files.set(path, await bytesOf(answer));
    } catch {
      // a page that was opened as a file may not fetch; a folder can be chosen instead
    }
  }));
  refresh();
}

async function loadFolder(event) {
  for (const file of event.target.files) {
    const path = file.webkitRelativePath || file.name;
    if (isWanted(path)) files.set(path, await bytesOf(file));
  }
  refresh();
}

async function show(file) {
  if (!file) return;
  if (!environment) {
    at("time").textContent = "the registry is missing: open “Registry, data and models”";
    return;
  }
  const start = performance.now();
  const { out, bug } = decode(await bytesOf(file), { ...environment, path: file.name });
  const seconds = ((performance.now() - start) / 1000).toFixed(2);
  at("time").textContent = `${file.name}, ${seconds} s${bug ? `, ${bug.stack}` : ""}`;
  at("answer").textContent = JSON.stringify(out, null, 1);
}

at("load").addEventListener("click", loadPaths);
at("folder").addEventListener("change", loadFolder);
at("file").addEventListener("change", (event) => show(event.target.files[0]));
document.addEventListener("dragover", (event) => event.preventDefault());
document.addEventListener("drop", (event) => {
  event.preventDefault();
  show(event.dataTransfer.files[0]);
});
loadPaths();
