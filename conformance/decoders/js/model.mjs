// SPDX-License-Identifier: MIT
// Model packages (section 12) of the small kinds 3, 4 and 5, and data files that a row names by digest.

import { createHash } from "node:crypto";
import { existsSync, readFileSync, readdirSync, statSync } from "node:fs";
import { basename, join } from "node:path";
import { Fault } from "./fault.mjs";
import { canonicalJson, hasExactly, isInt, isObject, parseJson } from "./json.mjs";

export const sha256 = (...parts) => {
  const hash = createHash("sha256");
  for (const part of parts) hash.update(part);
  return hash.digest();
};

/** Normative data files, looked for by name in folders and taken by their digest. */
export class Data {
  constructor(folders) {
    this.folders = folders;
    this.known = new Map();
  }

  find(name, digest) {
    if (!this.known.has(digest)) {
      for (const folder of this.folders) {
        let bytes;
        try {
          bytes = readFileSync(join(folder, name));
        } catch {
          continue;
        }
        const found = sha256(bytes).toString("hex");
        if (!this.known.has(found)) this.known.set(found, bytes);
      }
    }
    const bytes = this.known.get(digest);
    if (!bytes) throw new Fault(801, null, `there is no ${name} of the digest ${digest}`);
    return bytes;
  }
}

const SIZES = { F32: 4, I16: 2, I32: 4, I64: 8, U16: 2, U8: 1 };
const SMALL = {
  3: { members: ["d", "b"], tensor: "sign", dtype: "U16" },
  4: { members: ["m", "v", "d"], tensor: "codebooks", dtype: "F32" },
  5: { members: ["v"], tensor: "usage", dtype: "U16" },
};

/** A package: its manifest is read at once; what is wrong with it is kept until it is asked for. */
export class Package {
  constructor(folder) {
    this.folder = folder;
    this.digest = null;
    this.fault = null;
    this.symbols = null;
    const path = join(folder, "manifest.json");
    let manifest;
    try {
      let bytes;
      try {
        bytes = readFileSync(path);
      } catch {
        throw new Fault(801, null, "the package has no manifest.json", path);
      }
      try {
        manifest = parseJson(bytes);
      } catch (error) {
        throw new Fault(803, null, `manifest.json is not JSON: ${error.message}`, path);
      }
      if (!isObject(manifest) || manifest.format !== "sem-model") {
        throw new Fault(803, null, "not the manifest of a model", path);
      }
      if (!Number.isInteger(manifest.format_version)) throw new Fault(803, null, "no format_version", path);
      if (manifest.format_version !== 0) throw new Fault(705, null, "another format_version", path); // SEM-R-116
      if (!isObject(manifest.symbols)) throw new Fault(803, null, "no symbols", path);
      this.symbols = manifest.symbols;
    } catch (error) {
      if (!(error instanceof Fault)) throw error;
      this.fault = error;
    }
    // The digest is that of `symbols` alone, so that a package can be found whatever else is wrong with it.
    if (isObject(manifest) && isObject(manifest.symbols)) {
      try {
        this.digest = sha256(canonicalJson(manifest.symbols)).toString("hex");
      } catch (error) {
        this.fault ??= new Fault(803, null, `symbols have no canonical form: ${error.message}`, path);
      }
    }
  }

  bad(what) {
    return new Fault(803, null, what, join(this.folder, "manifest.json"));
  }

  /** The table of a model of `kind`, or the fault of it. */
  load(kind, parameters) {
    if (this.fault) throw this.fault;
    const s = this.symbols;
    if (!isInt(s.kind, 3, 7)) throw this.bad("an unknown kind of model");
    const small = SMALL[s.kind];
    if (small && !hasExactly(s, ["kind", "tensors", ...small.members])) throw this.bad("other members in symbols");
    const bounds = { d: [1, 2 ** 26], b: [1, 16], m: [1, 65536], v: [s.kind === 5 ? 2 : 1, 65536] };
    for (const name of small?.members ?? []) {
      if (!isInt(s[name], ...bounds[name])) throw this.bad(`${name} is out of range`);
    }
    if (s.kind === 4 && s.d % s.m) throw this.bad("d is no multiple of m"); // SEM-R-119
    if (!isObject(s.tensors)) throw this.bad("no tensors");
    for (const [name, entry] of Object.entries(s.tensors)) {
      const good =
        hasExactly(entry, ["dtype", "shape", "sha256"]) &&
        Object.hasOwn(SIZES, entry.dtype) &&
        Array.isArray(entry.shape) &&
        entry.shape.every((n) => isInt(n, 0, 2 ** 31)) &&
        /^[0-9a-f]{64}$/.test(entry.sha256);
      if (!good) throw this.bad(`tensor ${name} is not described`);
    }
    if (small) {
      if (!hasExactly(s.tensors, [small.tensor])) throw this.bad("other tensors than the kind has");
      if (s.tensors[small.tensor].dtype !== small.dtype) throw this.bad("another dtype");
    }
    const tensors = this.readTensors();
    if (s.kind !== kind) throw this.bad(`a model of kind ${s.kind} for a payload of kind ${kind}`); // SEM-R-112
    const { shape } = s.tensors[small.tensor];
    const expected = { 3: [s.d], 4: [s.m, s.v, s.d / s.m], 5: [s.v] }[kind];
    if (shape.length !== expected.length || shape.some((n, i) => n !== expected[i])) throw this.bad("another shape");
    for (const name of small.members) {
      if (name in parameters && parameters[name] !== s[name]) throw this.bad(`${name} is not that of the profile`);
    }
    const bytes = tensors[small.tensor];
    if (kind === 4) {
      for (let at = 0; at < bytes.length; at += 4) {
        if (!Number.isFinite(bytes.readFloatLE(at))) throw this.bad("a code word that is not finite");
      }
      return null;
    }
    const table = Array.from({ length: bytes.length / 2 }, (_, i) => bytes.readUInt16LE(2 * i));
    if (table.includes(0)) throw this.bad("a frequency of 0"); // SEM-R-117, 118
    if (kind === 5 && table.reduce((sum, f) => sum + f, 0) !== 65536) throw this.bad("frequencies of another sum");
    return table;
  }

  /** SEM-R-110: the bytes of each tensor of symbols.safetensors. */
  readTensors() {
    const path = join(this.folder, "symbols.safetensors");
    const bad = (what) => new Fault(803, null, what, path);
    let bytes;
    try {
      bytes = readFileSync(path);
    } catch {
      throw new Fault(801, null, "the package has no symbols.safetensors", path);
    }
    if (bytes.length < 8) throw bad("a file that is too short");
    const length = bytes.readBigUInt64LE(0);
    if (length > BigInt(bytes.length - 8)) throw bad("a header that is longer than the file");
    const data = bytes.subarray(8 + Number(length));
    let header;
    try {
      header = parseJson(bytes.subarray(8, 8 + Number(length)));
    } catch (error) {
      throw bad(`a header that is not JSON: ${error.message}`);
    }
    if (!isObject(header)) throw bad("a header that is no object");
    delete header.__metadata__;
    const { tensors } = this.symbols;
    if (!hasExactly(header, Object.keys(tensors))) throw bad("other tensors than the manifest names");
    const out = Object.create(null);
    const spans = [];
    for (const [name, entry] of Object.entries(tensors)) {
      const place = header[name];
      if (!hasExactly(place, ["dtype", "shape", "data_offsets"])) throw bad(`tensor ${name} is not described`);
      const same =
        place.dtype === entry.dtype &&
        Array.isArray(place.shape) &&
        place.shape.length === entry.shape.length &&
        place.shape.every((n, i) => n === entry.shape[i]);
      if (!same) throw bad(`tensor ${name} has another dtype or shape`);
      const size = entry.shape.reduce((product, n) => product * n, SIZES[entry.dtype]);
      const offsets = place.data_offsets;
      const inside =
        Array.isArray(offsets) &&
        offsets.length === 2 &&
        isInt(offsets[0], 0, data.length) &&
        isInt(offsets[1], offsets[0], data.length) &&
        offsets[1] - offsets[0] === size;
      if (!inside) throw bad(`tensor ${name} does not lie in the file`);
      spans.push(offsets);
      out[name] = data.subarray(offsets[0], offsets[1]);
    }
    spans.sort((a, b) => a[0] - b[0] || a[1] - b[1]);
    let at = 0;
    for (const [from, to] of spans) {
      if (from !== at) throw bad("tensors that overlap or leave a gap");
      at = to;
    }
    if (at !== data.length) throw bad("bytes that belong to no tensor");
    for (const [name, entry] of Object.entries(tensors)) {
      if (sha256(out[name]).toString("hex") !== entry.sha256) {
        throw new Fault(802, null, `tensor ${name} has another digest`, path);
      }
    }
    return out;
  }
}

/** Packages in folders: each is one, or holds some. */
export class Models {
  constructor(folders) {
    this.packages = [];
    for (const folder of folders) {
      if (existsSync(join(folder, "manifest.json"))) {
        this.packages.push(new Package(folder));
        continue;
      }
      let names = [];
      try {
        names = readdirSync(folder).sort();
      } catch {
        // a folder that is not there has no packages
      }
      for (const name of names) {
        const inner = join(folder, basename(name));
        if (statSync(inner, { throwIfNoEntry: false })?.isDirectory()) this.packages.push(new Package(inner));
      }
    }
  }

  /** Packages whose digest begins with `prefix`, one for each digest. */
  find(prefix) {
    const found = new Map();
    for (const one of this.packages) {
      if (one.digest?.startsWith(prefix) && !found.has(one.digest)) found.set(one.digest, one);
    }
    return [...found.values()];
  }
}
