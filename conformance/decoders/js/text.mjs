// SPDX-License-Identifier: MIT
// The two texts: consonants (section 13.1) and captions (section 13.2).

import { compare, concat, isUtf8, latin1 } from "./bytes.mjs";
import { Fault } from "./fault.mjs";
import { Reader } from "./coder.mjs";
import { StreamFault, inflate } from "./inflate.mjs";
import { unzstd } from "./zstd.mjs";

/** Codes of a consonant text. `body` is {file, start, end}; `limit` the codes allowed. */
export function readConsonants(body, parameters, limit, files) {
  const { file, start, end } = body;
  if (parameters.code === "fixed") {
    const last = end > start ? file[end - 1] : 1;
    const n = 2 * (end - start) - (last % 16 === 0 ? 1 : 0);
    if (n > limit) throw new Fault(604, start, "more codes than the level allows"); // SEM-R-160
    if (last === 0) throw new Fault(402, end - 1, "a fixed body ends in 00"); // SEM-R-161
    const codes = new Uint8Array(n);
    for (let i = 0; i < n; i++) codes[i] = i % 2 ? file[start + (i >> 1)] % 16 : file[start + (i >> 1)] >> 4;
    return codes;
  }
  const tables = files.find("consonant.bin", parameters.table); // SEM-R-163
  const reader = new Reader(file, start, end);
  const codes = [];
  let context = 0;
  for (;;) {
    const symbol = reader.table(tables.subarray(17 * context, 17 * context + 17));
    if (symbol === 0) break;
    if (codes.length === limit) throw new Fault(604, start, "more codes than the level allows");
    codes.push(symbol - 1);
    context = (context % 256) * 16 + symbol - 1;
  }
  if (codes.length && codes[codes.length - 1] === 0) {
    throw new Fault(402, start, "the end follows a space"); // SEM-R-162
  }
  reader.finish();
  return Uint8Array.from(codes);
}

export const consonantLetters = (codes) => Array.from(codes, (code) => " ntsrhldcmfgpbkv"[code]).join("");

// ---------------------------------------------------------------------------------------------------- captions

const MODE_TABLE = [240, 8, 1, 1, 1, 5];
const COUNT_TABLE = Array.from({ length: 76 }, (_, n) => (n === 16 ? 76 : 1));

const isUpper = (octet) => octet >= 0x41 && octet <= 0x5a;
const isLower = (octet) => octet >= 0x61 && octet <= 0x7a;
const isLetter = (octet) => isUpper(octet) || isLower(octet) || octet === 0x27 || octet >= 0x80;

/** A tree of `caption.bin`: its root, and the nodes below it by their heads. */
class Tree {
  constructor(root, nodes) {
    this.root = root;
    this.nodes = nodes;
    this.total = root.reduce((sum, f) => sum + f, 0);
    this.first = new Map(); // key -> the node of one id, of which there are thousands
    for (let at = 0; at < nodes.length; ) {
      const node = this.node(at);
      if (!this.first.has(node.key)) this.first.set(node.key, node);
      at = node.next;
    }
  }

  node(at) {
    const head = this.nodes[at++];
    let n = head % 8;
    if (n === 7) n = this.nodes[at++];
    const size = head & 8 ? this.nodes[at++] : 0;
    return { key: head >> 4, entries: at, below: at + n, next: at + n + size };
  }

  /** The node below `node` (null: the root) that `key` leads to, or null. */
  step(node, key) {
    if (node === null) return this.first.get(key) ?? null;
    for (let at = node.below; at < node.next; ) {
      const found = this.node(at);
      if (found.key === key) return found;
      at = found.next;
    }
    return null;
  }

  /** code(tree, history, depth) of section 13.2. */
  read(reader, history, depth) {
    const path = [];
    for (let i = history.length - 1; i >= 0 && path.length < depth; i--) {
      const node = this.step(path.length ? path[path.length - 1] : null, history[i]);
      if (node === null) break;
      path.push(node);
    }
    let out = new Set();
    while (path.length) {
      const node = path.pop();
      const ids = [];
      const frequencies = [];
      for (let at = node.entries; at < node.below; at++) {
        const id = this.nodes[at] >> 4;
        if (out.has(id)) continue;
        ids.push(id);
        frequencies.push(2 ** (this.nodes[at] % 16));
      }
      const id = ids[reader.table(frequencies)];
      if (id !== 1) return id;
      out = new Set();
      for (let at = node.entries; at < node.below; at++) {
        if (this.nodes[at] >> 4 !== 1) out.add(this.nodes[at] >> 4);
      }
    }
    if (out.size === 0) return reader.table(this.root, this.total);
    const frequencies = this.root.slice();
    let total = this.total;
    for (const id of out) {
      total -= frequencies[id];
      frequencies[id] = 0;
    }
    return reader.table(frequencies, total);
  }
}

const captionTables = new WeakMap();

/** What `caption.bin` holds; read once for each buffer. */
function readTables(bytes) {
  if (captionTables.has(bytes)) return captionTables.get(bytes);
  let at = 0;
  const integer = () => {
    at += 2;
    return bytes[at - 2] + 256 * bytes[at - 1];
  };
  const integers = (n) => Array.from({ length: n }, integer);
  const ids = integer();
  const octets = integer();
  const [w0, w1, l0, l1] = integers(4);
  const styles = integers(6);
  const rootOfPieces = integers(ids);
  const rootOfOctets = integers(octets);
  const below = integers(w0 + 65536 * w1);
  const belowOctets = integers(l0 + 65536 * l1);
  const pieces = [];
  for (let from = at; pieces.length < ids - 3; ) {
    let to = bytes.indexOf(10, from);
    if (to < 0) to = bytes.length;
    pieces.push(bytes.subarray(from, to));
    from = to + 1;
  }
  const tables = {
    styles,
    pieces,
    known: new Set(pieces.map((piece) => latin1(piece))),
    ofPieces: new Tree(rootOfPieces, below),
    ofOctets: new Tree(rootOfOctets, belowOctets),
  };
  captionTables.set(bytes, tables);
  return tables;
}

/** Style and pieces of a text. */
export function split(whole) {
  let text = whole;
  const stop = text.length && text[text.length - 1] === 0x2e ? 1 : 0;
  if (stop) text = text.subarray(0, -1);
  const capitals = text.reduce((sum, octet) => sum + isUpper(octet), 0);
  let form = 0;
  if (capitals >= 2 && !text.some(isLower)) {
    form = 2;
    text = text.map((octet) => (isUpper(octet) ? octet + 32 : octet));
  } else if (text.length && isUpper(text[0]) && !(text.length > 1 && isUpper(text[1]))) {
    form = 1;
    text = Uint8Array.from(text);
    text[0] += 32;
  }
  if (text.length) text = Uint8Array.from([0x20, ...text]);
  const pieces = [];
  for (let at = 0; at < text.length; ) {
    const from = at;
    if (text[at] === 0x20 && at < text.length - 1) at++;
    if (isLetter(text[at])) while (at < text.length && isLetter(text[at])) at++;
    else at++;
    pieces.push(text.subarray(from, at));
  }
  return { style: 2 * form + stop, pieces };
}

/** The text of a style and pieces. */
export function join(style, pieces) {
  const text = concat(pieces).slice(1);
  const form = style >> 1;
  for (let i = 0; i < (form === 2 ? text.length : Math.min(form, text.length)); i++) {
    if (isLower(text[i])) text[i] -= 32;
  }
  return style % 2 ? Uint8Array.from([...text, 0x2e]) : text;
}

/** The number of the candidate behind the mode, null in a row without candidates (SEM-R-184). */
const readCandidate = (reader, count) => (count === undefined ? null : reader.uniform(count));

function readStatic({ file, start, end }, limit, tables, count) {
  const reader = new Reader(file, start, end);
  if (reader.table(MODE_TABLE) !== 0) throw new Fault(402, start, "not the mode of the first byte"); // SEM-R-175
  const candidate = readCandidate(reader, count);
  const style = reader.table(tables.styles);
  const history = [0];
  const pieces = [];
  let octets = -1; // the space before the text does not count
  const more = (count) => {
    octets += count;
    if (octets > limit) throw new Fault(604, start, "more octets than the level allows"); // SEM-R-172
  };
  let spelledKnown = false;
  for (;;) {
    const id = tables.ofPieces.read(reader, history, 3);
    if (id === 0) break;
    if (id === 2) {
      const spelling = [0];
      const piece = [];
      for (;;) {
        const octet = tables.ofOctets.read(reader, spelling, 4);
        if (octet === 0) break;
        spelling.push(octet);
        piece.push(octet - 2);
        more(1);
      }
      if (!piece.length) throw new Fault(402, start, "a piece without octets"); // SEM-R-181
      if (tables.known.has(latin1(piece))) spelledKnown = true;
      pieces.push(Uint8Array.from(piece));
    } else {
      pieces.push(tables.pieces[id - 3]);
      more(tables.pieces[id - 3].length);
    }
    history.push(id);
  }
  const text = join(style, pieces);
  if (text.length > limit) throw new Fault(604, start, "more octets than the level allows");
  const again = split(text);
  const same =
    again.style === style &&
    again.pieces.length === pieces.length &&
    pieces.every((piece, i) => compare(piece, again.pieces[i]) === 0);
  if (!same || spelledKnown) throw new Fault(402, start, "not the style and pieces of the text"); // SEM-R-182
  reader.finish();
  return { candidate, octets: text };
}

/** Candidate and octets of a body of mode raw. */
function readRaw({ file, start, end }, limit, count) {
  const from = count === undefined ? start + 1 : start + 2;
  if (end < from) throw new Fault(401, end, "it ends before the number of the candidate"); // SEM-R-185
  const candidate = count === undefined ? null : file[start + 1];
  if (candidate >= count) throw new Fault(403, start + 1, `candidate ${candidate} of ${count}`); // SEM-R-186
  const octets = Uint8Array.from(file.subarray(from, end));
  if (octets.length > limit) throw new Fault(604, start, "more octets than the level allows");
  return { candidate, octets };
}

function readTokens({ file, start, end }, vocabulary, count) {
  const reader = new Reader(file, start, end);
  if (reader.table(MODE_TABLE) !== 1) throw new Fault(402, start, "not the mode of the first byte");
  const candidate = readCandidate(reader, count);
  const n = reader.table(COUNT_TABLE);
  const ids = [];
  for (let i = 0; i < n; i++) ids.push(reader.uniform(vocabulary));
  reader.finish();
  return { candidate, ids };
}

/** {mode, candidate, ids} or {mode, candidate, octets}; `candidate` is null in a row without candidates. */
export function readCaption(body, parameters, limit, environment) {
  const { file, start, end } = body;
  const first = end > start ? file[start] : 0;
  if (first >= 0xfb) throw new Fault(704, start, "a reserved mode"); // SEM-R-170
  const mode = first < 0xf0 ? "static" : first < 0xf8 ? "tokens" : ["raw", "zlib", "zstd"][first - 0xf8];
  if (!parameters.modes.includes(mode)) throw new Fault(403, start, `mode ${mode} is not of the profile`);
  const count = parameters.candidates;
  if (mode === "tokens") return { mode, ...readTokens(body, parameters.vocabulary, count) };
  let candidate = null;
  let octets;
  if (mode === "static") {
    const tables = readTables(environment.tables.find("caption.bin", parameters.static)); // SEM-R-174
    ({ candidate, octets } = readStatic(body, limit, tables, count));
  } else if (mode === "raw") {
    ({ candidate, octets } = readRaw(body, limit, count));
  } else {
    const dictionary = mode === "zstd" ? environment.tables.find("caption.zdict", parameters.dictionary) : null;
    const stream = file.subarray(start + 1, end);
    try {
      octets = dictionary ? (environment.zstd ?? unzstd)(stream, dictionary, limit)
        : (environment.inflate ?? inflate)(stream, limit);
    } catch (error) {
      if (!(error instanceof StreamFault)) throw error;
      throw new Fault(error.beyond ? 604 : 401, start, error.message); // SEM-R-179, 176
    }
  }
  if (!isUtf8(octets)) throw new Fault(401, start, "not UTF-8"); // SEM-R-173
  return { mode, candidate, octets };
}
