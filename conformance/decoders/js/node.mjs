// SPDX-License-Identifier: MIT
// What the decoder needs, from files: the only module beside the command line that knows of node.

import { closeSync, existsSync, fstatSync, openSync, readFileSync, readSync, readdirSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { DataFiles } from "./environment.mjs";
import { Fault } from "./fault.mjs";
import { Models, Package } from "./package.mjs";
import { Registry } from "./registry.mjs";

export const ROOT = join(dirname(fileURLToPath(import.meta.url)), "..", "..", "..");
const KIT = join(ROOT, "data"); // of the implementer's kit, which has all data files in one folder
const inKit = existsSync(KIT);
export const REGISTRY = inKit ? join(KIT, "registry.json") : join(ROOT, "refcodec", "registry", "registry.json");
export const DATA = inKit ? [KIT] : [join(ROOT, "refcodec", "payloads", "data"), join(ROOT, "refcodec", "entropy", "data")];

const FILE_BYTES = 2 ** 28; // far more than any file of a package has

/** The bytes of a regular file, null for anything else. */
function readOrNull(path) {
  try {
    const known = statSync(path);
    if (!known.isFile() || known.size > FILE_BYTES) return null;
    const bytes = readFileSync(path);
    return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length);
  } catch {
    return null;
  }
}

export const readRegistry = (path = REGISTRY) => new Registry(readFileSync(path));

export const dataFiles = (folders = DATA) =>
  new DataFiles((name) => folders.map((folder) => readOrNull(join(folder, name))).filter((bytes) => bytes));

/** Folders of packages: each is one, or holds some. */
function packageFolders(folders) {
  const out = [];
  for (const folder of folders) {
    if (existsSync(join(folder, "manifest.json"))) {
      out.push(folder);
      continue;
    }
    let names = [];
    try {
      names = readdirSync(folder).sort();
    } catch {
      // a folder that is not there has no packages
    }
    for (const name of names) {
      const inner = join(folder, name);
      if (statSync(inner, { throwIfNoEntry: false })?.isDirectory()) out.push(inner);
    }
  }
  return out;
}

/** Packages, kept by folder and digest as long as their manifest and tensors stay what they were. */
export class Shelf {
  constructor() {
    this.kept = new Map();
  }

  models(folders) {
    return new Models(packageFolders(folders).map((folder) => {
      const stamp = ["manifest.json", "symbols.safetensors"].map((name) => {
        const known = statSync(join(folder, name), { throwIfNoEntry: false });
        return known ? `${known.ino} ${known.size} ${known.mtimeMs}` : null;
      }).join();
      const kept = this.kept.get(folder);
      if (kept?.stamp === stamp) return kept.one;
      const one = new Package((name) => readOrNull(join(folder, name)), folder);
      this.kept.set(folder, { stamp, one });
      return one;
    }));
  }
}

/** Reads at most `limit` + 1 bytes, so that a file that is too large shows as such. - is standard input. */
export function readInput(path, limit) {
  let fd = 0;
  try {
    fd = path === "-" ? 0 : openSync(path, "r");
    const known = fstatSync(fd);
    if (known.isFile() && known.size > limit) return { length: known.size };
    const parts = [];
    let total = 0;
    while (total <= limit) {
      const part = Buffer.alloc(Math.min(65536, limit + 1 - total));
      let n;
      try {
        n = readSync(fd, part, 0, part.length, null);
      } catch (error) {
        if (error.code === "EAGAIN") continue;
        if (error.code === "EOF") break;
        throw error;
      }
      if (n === 0) break;
      parts.push(part.subarray(0, n));
      total += n;
    }
    return Buffer.concat(parts);
  } catch (error) {
    throw new Fault(101, null, error.message, path);
  } finally {
    if (fd > 0) closeSync(fd);
  }
}
