// SPDX-License-Identifier: MIT
// Bytes, with standard web APIs alone, so that the decoder also runs in a browser.

const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** The text of RFC 3629 that `bytes` are; throws TypeError where they are none. */
export const utf8 = (bytes) => strict.decode(bytes);

export function isUtf8(bytes) {
  try {
    utf8(bytes);
    return true;
  } catch {
    return false;
  }
}

/** One character an octet, to look bytes up by. */
export function latin1(bytes) {
  let text = "";
  for (const byte of bytes) text += String.fromCharCode(byte);
  return text;
}

export function hex(bytes) {
  let text = "";
  for (const byte of bytes) text += byte.toString(16).padStart(2, "0");
  return text;
}

export function concat(parts) {
  const out = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}

/** Negative, zero or positive, as a stands before, beside or behind b. */
export function compare(a, b) {
  const both = Math.min(a.length, b.length);
  for (let i = 0; i < both; i++) if (a[i] !== b[i]) return a[i] - b[i];
  return a.length - b.length;
}

export const view = (bytes) => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);

/** Each value as u(16), or i(16). */
export function u16(values) {
  const out = new Uint8Array(2 * values.length);
  for (let i = 0; i < values.length; i++) {
    out[2 * i] = values[i] >> 8;
    out[2 * i + 1] = values[i];
  }
  return out;
}
