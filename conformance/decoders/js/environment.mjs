// SPDX-License-Identifier: MIT
// What a decoder needs, made of bytes wherever they come from. Normative data files are taken by their digest.

import { hex } from "./bytes.mjs";
import { Fault } from "./fault.mjs";
import { Models, Package } from "./package.mjs";
import { Registry } from "./registry.mjs";
import { sha256 } from "./sha256.mjs";

export class DataFiles {
  /** `read(name)` gives the files of that name that there are, each as bytes. */
  constructor(read) {
    this.read = read;
    this.known = new Map();
  }

  /** SEM-R-163, 174: the file of this digest. */
  find(name, digest) {
    if (!this.known.has(digest)) {
      for (const bytes of this.read(name)) {
        const found = hex(sha256(bytes));
        if (!this.known.has(found)) this.known.set(found, bytes);
      }
    }
    const bytes = this.known.get(digest);
    if (!bytes) throw new Fault(801, null, `there is no ${name} of the digest ${digest}`);
    return bytes;
  }
}

const nameOf = (path) => path.slice(path.lastIndexOf("/") + 1);
const folderOf = (path) => path.slice(0, path.lastIndexOf("/") + 1);

/** An environment of files by path, wherever they lie: registry.json, the normative data, model packages. */
export function environmentOf(files) {
  const paths = [...files.keys()];
  const path = paths.find((one) => nameOf(one) === "registry.json");
  if (!path) throw new Error("there is no registry.json");
  const registry = new Registry(files.get(path));
  if (registry.invalid) throw new Error(registry.invalid); // SEM-R-055: refused before a file is opened
  const folders = paths.filter((path) => nameOf(path) === "manifest.json").map(folderOf);
  return {
    registry,
    tables: new DataFiles((name) => paths.filter((path) => nameOf(path) === name).map((path) => files.get(path))),
    models: new Models(folders.map((folder) => new Package((name) => files.get(folder + name) ?? null, folder))),
  };
}
