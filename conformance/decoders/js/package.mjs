// SPDX-License-Identifier: MIT
// Model packages (SPEC.md, section 12): manifest, digest, tensors.

import { hex, view } from "./bytes.mjs";
import { TYPES } from "./dtypes.mjs";
import { Fault } from "./fault.mjs";
import { canonicalJson, hasExactly, isInt, isObject, parseJson } from "./json.mjs";
import { LatentModel } from "./latent_model.mjs";
import { judgeWork } from "./model_limits.mjs";
import { isIdentity } from "./registry.mjs";
import { sha256 } from "./sha256.mjs";
import { SmallModel } from "./small_model.mjs";

const HEADER_BYTES = 2 ** 24; // far more than any header of tensors has
const AXES = 32;

/** The values of a tensor. */
function valuesOf(bytes, dtype) {
  const [size, Type, read] = TYPES[dtype];
  const out = new Type(bytes.length / size);
  const data = view(bytes);
  for (let i = 0; i < out.length; i++) out[i] = read(data, i * size);
  return out;
}

/** A package: its manifest is read at once; what is wrong with it is kept until it is asked for. */
export class Package {
  /** `file(name)` the bytes of a file of the package, or null; `place` what messages call the package. */
  constructor(file, place) {
    this.file = file;
    this.place = place;
    this.digest = null;
    this.fault = null;
    this.stages = new Map();
    let manifest;
    try {
      manifest = this.readManifest();
      this.symbols = manifest.symbols;
      if (manifest.format !== "sem-model") throw this.bad("not the manifest of a model");
      this.identity = isObject(manifest.symbols) && Object.hasOwn(manifest.symbols, "identity");
      const known = manifest.format_version === 1 || (manifest.format_version === 2 && this.identity);
      if (!known) throw new Fault(705, null, "another format_version", place); // SEM-R-116
      if (!isObject(manifest.symbols)) throw this.bad("no symbols");
      if (this.identity && manifest.format_version === 1) throw this.bad("an identity in version 1");
      if (this.identity && !isIdentity(manifest.symbols.identity)) throw this.bad("an identity of another form"); // SEM-R-125
    } catch (error) {
      if (!(error instanceof Fault)) throw error;
      this.fault = error;
    }
    // The digest is that of `symbols` alone, so that a package can be found whatever else is wrong with it.
    if (!isObject(this.symbols)) return;
    try {
      this.digest = hex(sha256(new TextEncoder().encode(canonicalJson(this.symbols))));
    } catch (error) {
      this.fault ??= this.bad(`symbols have no canonical form: ${error.message}`);
    }
  }

  bad(what) {
    return new Fault(803, null, what, this.place);
  }

  readManifest() {
    const bytes = this.file("manifest.json");
    if (!bytes) throw new Fault(801, null, "the package has no manifest.json", this.place); // SEM-R-114
    let manifest;
    try {
      manifest = parseJson(bytes);
    } catch (error) {
      throw this.bad(`manifest.json is not JSON: ${error.message}`);
    }
    if (!isObject(manifest)) throw this.bad("manifest.json is no object");
    return manifest;
  }

  /** What `make` gives, or the fault it throws, made once. */
  once(name, make) {
    if (!this.stages.has(name)) {
      try {
        this.stages.set(name, make());
      } catch (error) {
        if (!(error instanceof Fault)) throw error;
        this.stages.set(name, error);
      }
    }
    const found = this.stages.get(name);
    if (found instanceof Fault) throw found;
    return found;
  }

  /**
   * The model for a payload of `kind`, checked in the order of SEM-R-150, or its first fault. `limits` are those of
   * the level, and `blocks` those of 64 by 64 pixels in the picture.
   */
  load(kind, parameters, limits, blocks) {
    if (this.fault) throw this.fault;
    const bad = (what) => this.bad(what);
    const Model = this.once("manifest", () => {
      if (!isInt(this.symbols.kind, 3, 7)) throw bad("an unknown kind of model");
      const type = this.symbols.kind < 6 ? SmallModel : LatentModel;
      const { identity, ...others } = this.symbols; // which drives no coder
      type.judgeManifest(others, bad);
      this.judgeEntries();
      return type;
    });
    judgeWork(this.symbols, limits, blocks, bad);
    const tensors = this.once("tensors", () => this.readTensors());
    const model = this.once("model", () => new Model(this.symbols, tensors, bad));
    if (model.kind !== kind) throw bad(`a model of kind ${model.kind} for a payload of kind ${kind}`); // SEM-R-112
    for (const [name, value] of Object.entries(model.shared)) {
      if (name in parameters && canonicalJson(parameters[name]) !== canonicalJson(value)) {
        throw bad(`${name} is not that of the profile`); // SEM-R-112
      }
    }
    this.once("bounds", () => model.judgeBounds((what) => new Fault(804, null, what, this.place)));
    return model;
  }

  /** Whether each member of `tensors` describes a tensor. */
  judgeEntries() {
    const { tensors } = this.symbols;
    if (!isObject(tensors)) throw this.bad("no tensors");
    for (const [name, entry] of Object.entries(tensors)) {
      const good =
        hasExactly(entry, ["dtype", "shape", "sha256"]) &&
        typeof entry.dtype === "string" &&
        Object.hasOwn(TYPES, entry.dtype) &&
        Array.isArray(entry.shape) &&
        entry.shape.length <= AXES &&
        entry.shape.every((n) => isInt(n, 0, Number.MAX_SAFE_INTEGER));
      if (!good) throw this.bad(`tensor ${name} is not described`);
    }
  }

  /** Tensors by name, {dtype, shape, values}: safetensors, and SEM-R-110. */
  readTensors() {
    const bytes = this.file("symbols.safetensors");
    if (!bytes) throw new Fault(801, null, "the package has no symbols.safetensors", this.place); // SEM-R-114
    if (bytes.length < 8) throw this.bad("a file of tensors that is too short");
    const length = view(bytes).getBigUint64(0, true);
    if (length > BigInt(bytes.length - 8)) throw this.bad("a header of tensors that is longer than the file");
    if (length > BigInt(HEADER_BYTES)) throw this.bad("a header of tensors that is too long");
    const data = bytes.subarray(8 + Number(length));
    let header;
    try {
      header = parseJson(bytes.subarray(8, 8 + Number(length)));
    } catch (error) {
      throw this.bad(`a header of tensors that is not JSON: ${error.message}`);
    }
    if (!isObject(header)) throw this.bad("a header of tensors that is no object");
    delete header.__metadata__;
    const { tensors } = this.symbols;
    if (!hasExactly(header, Object.keys(tensors))) throw this.bad("other tensors than the manifest names"); // SEM-R-111
    const parts = Object.create(null);
    const spans = [];
    for (const [name, entry] of Object.entries(tensors)) {
      const [from, to] = this.placeOf(name, header[name], entry, data.length);
      spans.push([from, to]);
      parts[name] = data.subarray(from, to);
    }
    spans.sort((a, b) => a[0] - b[0] || a[1] - b[1]);
    let at = 0;
    for (const [from, to] of spans) {
      if (from !== at) throw this.bad("tensors that overlap or leave a gap");
      at = to;
    }
    if (at !== data.length) throw this.bad("bytes that belong to no tensor");
    for (const [name, entry] of Object.entries(tensors)) {
      if (hex(sha256(parts[name])) !== entry.sha256) {
        throw new Fault(802, null, `tensor ${name} has another digest`, this.place); // SEM-R-110
      }
      parts[name] = { dtype: entry.dtype, shape: entry.shape, values: valuesOf(parts[name], entry.dtype) };
    }
    return parts;
  }

  /** Where the bytes of a tensor lie within the data. */
  placeOf(name, place, entry, size) {
    if (!isObject(place)) throw this.bad(`tensor ${name} is not described`);
    const same =
      place.dtype === entry.dtype &&
      Array.isArray(place.shape) &&
      place.shape.length === entry.shape.length &&
      place.shape.every((n, i) => n === entry.shape[i]);
    if (!same) throw this.bad(`tensor ${name} has another dtype or shape`);
    const offsets = place.data_offsets;
    const inside =
      Array.isArray(offsets) &&
      offsets.length === 2 &&
      isInt(offsets[0], 0, size) &&
      isInt(offsets[1], offsets[0], size) &&
      offsets[1] - offsets[0] === entry.shape.reduce((product, n) => product * n, TYPES[entry.dtype][0]);
    if (!inside) throw this.bad(`tensor ${name} does not lie in the file`);
    return offsets;
  }
}

/** Packages as the decoder asks for them. */
export class Models {
  constructor(packages) {
    this.packages = packages;
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
