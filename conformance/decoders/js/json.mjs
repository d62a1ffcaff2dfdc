// SPDX-License-Identifier: MIT
// JSON as section 2 of SPEC.md wants it: no member twice, and numbers whose spelling is kept apart.

import { utf8 } from "./bytes.mjs";

/** A number that is not an integer of magnitude below 2^53 by its spelling. Only canonical objects forbid it. */
export class OtherNumber {
  constructor(text) {
    this.text = text;
  }
}

const DEPTH = 128;
const VALUES = 2 ** 18; // far more than the largest manifest has
const WORDS = { t: ["true", true], f: ["false", false], n: ["null", null] };
const ESCAPES = { '"': '"', "\\": "\\", "/": "/", b: "\b", f: "\f", n: "\n", r: "\r", t: "\t" };

/** Parse bytes; objects have no prototype. Throws SyntaxError. */
export function parseJson(bytes) {
  let text;
  try {
    text = utf8(bytes);
  } catch {
    throw new SyntaxError("not UTF-8");
  }
  let at = 0;
  let values = 0;

  const fail = (what) => {
    throw new SyntaxError(`${what} at character ${at}`);
  };
  const blank = () => {
    while (at < text.length && " \t\n\r".includes(text[at])) at++;
  };
  const expect = (mark) => {
    if (text[at] !== mark) fail(`no ${mark}`);
    at++;
  };

  function string() {
    expect('"');
    let out = "";
    for (;;) {
      if (at >= text.length) fail("string without end");
      const ch = text[at++];
      if (ch === '"') return out;
      if (ch < " ") fail("control character");
      if (ch !== "\\") {
        out += ch;
        continue;
      }
      const next = text[at++];
      if (next === "u") {
        const digits = text.slice(at, at + 4);
        if (!/^[0-9a-fA-F]{4}$/.test(digits)) fail("bad escape");
        out += String.fromCharCode(parseInt(digits, 16));
        at += 4;
      } else if (next !== undefined && next in ESCAPES) out += ESCAPES[next];
      else fail("bad escape");
    }
  }

  function number() {
    const shape = /-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?/y;
    shape.lastIndex = at;
    const found = shape.exec(text);
    if (!found) fail("unexpected character");
    at += found[0].length;
    const value = Number(found[0]);
    if (found[2] || found[3] || !Number.isSafeInteger(value)) return new OtherNumber(found[0]);
    return value === 0 ? 0 : value; // -0 is 0
  }

  function value(depth) {
    if (depth > DEPTH) fail("too deep");
    if (++values > VALUES) fail("too many values");
    blank();
    const ch = text[at];
    if (ch === '"') return string();
    if (ch in WORDS) {
      const [word, meaning] = WORDS[ch];
      if (!text.startsWith(word, at)) fail("unexpected word");
      at += word.length;
      return meaning;
    }
    if (ch === "[") {
      at++;
      const out = [];
      blank();
      if (text[at] === "]") {
        at++;
        return out;
      }
      for (;;) {
        out.push(value(depth + 1));
        blank();
        if (text[at] === "]") break;
        expect(",");
      }
      at++;
      return out;
    }
    if (ch === "{") {
      at++;
      const out = Object.create(null);
      blank();
      if (text[at] === "}") {
        at++;
        return out;
      }
      for (;;) {
        blank();
        const name = string();
        if (name in out) fail("a member twice");
        blank();
        expect(":");
        out[name] = value(depth + 1);
        blank();
        if (text[at] === "}") break;
        expect(",");
      }
      at++;
      return out;
    }
    return number();
  }

  const out = value(0);
  blank();
  if (at !== text.length) fail("something behind the value");
  return out;
}

export const isObject = (x) =>
  typeof x === "object" && x !== null && !Array.isArray(x) && !(x instanceof OtherNumber);

/** Canonical JSON of what parseJson gave. Throws SyntaxError where section 2 gives none. */
export function canonicalJson(x) {
  if (x === null || typeof x === "boolean") return String(x);
  if (typeof x === "number") return String(x);
  if (typeof x === "string") {
    if (!/^[\x00-\x7f]*$/.test(x)) throw new SyntaxError("a string that is not ASCII");
    return JSON.stringify(x);
  }
  if (Array.isArray(x)) return `[${x.map(canonicalJson).join(",")}]`;
  if (!isObject(x)) throw new SyntaxError("a number that is not an integer");
  return `{${Object.keys(x)
    .sort()
    .map((name) => `${canonicalJson(name)}:${canonicalJson(x[name])}`)
    .join(",")}}`;
}

/** Whether x is an object with these members and no others. */
export function hasExactly(x, names) {
  return isObject(x) && Object.keys(x).length === names.length && names.every((name) => name in x);
}

export const isInt = (x, low, high) => Number.isInteger(x) && x >= low && x <= high;
