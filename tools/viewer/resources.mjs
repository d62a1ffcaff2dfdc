// SPDX-License-Identifier: MIT
// The page's own files: registry and model packages, fetched when they are needed, and packages that a user has chosen.

import { Package } from "../../conformance/decoders/js/package.mjs";
import { Registry } from "../../conformance/decoders/js/registry.mjs";

const ROOT = new URL("../../refcodec/", import.meta.url);
export const PACKAGES = ["elic-small", "elic-small-2", "sketch-hed", "sketch-small", "vq-small", "vq-small-2"];
const PARTS = ["symbols.safetensors", "painter.safetensors"];
const FOLDER_BYTES = 2 ** 28; // of a chosen package

/** The bytes of one of the page's files. */
export async function load(path, base = ROOT) {
  const answer = await fetch(new URL(path, base));
  if (!answer.ok) throw new Error(`${path} cannot be loaded: status ${answer.status}`);
  return new Uint8Array(await answer.arrayBuffer());
}

const known = new Map();

/** What `make` gives for this key, made once; a failure is not kept. */
function once(key, make) {
  if (!known.has(key)) {
    known.set(key, make().catch((error) => {
      known.delete(key);
      throw error;
    }));
  }
  return known.get(key);
}

export const registry = () => once("registry", async () => new Registry(await load("registry/registry.json")));

const digestOf = (manifest) => new Package((name) => (name === "manifest.json" ? manifest : null), "").digest;

const chosen = new Map(); // name -> {digest, files}

/** {name, digest, files} of the model whose digest begins so, or null where the page lacks it. */
export async function packageOf(digest) {
  for (const [name, one] of chosen) if (one.digest?.startsWith(digest)) return { name, ...one };
  for (const name of PACKAGES) {
    const folder = `data/models/${name}`;
    const manifest = await once(`${name} manifest`, () => load(`${folder}/manifest.json`));
    const own = digestOf(manifest);
    if (!own?.startsWith(digest)) continue;
    const parts = await once(name, () => Promise.all(PARTS.map((part) => load(`${folder}/${part}`))));
    return { name, digest: own, files: { "manifest.json": manifest, ...Object.fromEntries(PARTS.map((part, i) => [part, parts[i]])) } };
  }
  return null;
}

/** Keep the packages of a chosen folder; returns their names. Throws where it has none, or is too large. */
export async function choose(files) {
  const folders = new Map();
  for (const file of files) {
    const path = file.webkitRelativePath || file.name;
    const slash = path.lastIndexOf("/");
    if (!["manifest.json", ...PARTS].includes(path.slice(slash + 1))) continue;
    const folder = path.slice(0, slash);
    folders.set(folder, [...(folders.get(folder) ?? []), file]);
  }
  const names = [];
  for (const [folder, parts] of folders) {
    if (!parts.some((part) => part.name === "manifest.json")) continue;
    if (parts.reduce((sum, part) => sum + part.size, 0) > FOLDER_BYTES) throw new Error(`${folder} is too large`);
    const read = await Promise.all(parts.map(async (part) => [part.name, new Uint8Array(await part.arrayBuffer())]));
    const own = Object.fromEntries(read);
    const digest = digestOf(own["manifest.json"]);
    if (!digest) throw new Error(`${folder}: manifest.json is not that of a model package`);
    chosen.set(folder, { digest, files: own });
    names.push(folder);
  }
  if (!names.length) throw new Error("no manifest.json in this folder");
  return names;
}
