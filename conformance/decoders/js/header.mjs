// SPDX-License-Identifier: MIT
// The header (SPEC.md, section 4).

import { hex } from "./bytes.mjs";
import { hasClass, sizeOf } from "./dims.mjs";
import { Fault } from "./fault.mjs";
import { isBase } from "./registry.mjs";

/** Bytes of a check by its code. */
export const CHECK_BYTES = { 0: 0, 3: 2, 5: 4 };

export class Cursor {
  constructor(file) {
    this.file = file;
    this.at = 0;
  }

  /** The next n bytes; a file that ends before is the fault `cut` at `start`. */
  bytes(n, cut, start = this.at) {
    if (this.at + n > this.file.length) throw new Fault(cut, start, "the file ends too early");
    this.at += n;
    return this.file.subarray(this.at - n, this.at);
  }

  unsigned(n, cut) {
    return this.bytes(n, cut).reduce((value, byte) => value * 256 + byte, 0);
  }

  varint(cut, wrong) {
    const start = this.at;
    let byte = this.bytes(1, cut, start)[0];
    let n = byte % 128;
    for (let i = 1; i <= 3 && byte >= 128; i++) {
      byte = this.bytes(1, cut, start)[0];
      n = (n + 1) * 128 + (byte % 128);
    }
    if (byte >= 128) throw new Fault(wrong, start, "a fifth byte of a varint"); // SEM-R-003
    return n;
  }
}

/** Reads the header into `out`, field by field, so that what was read before a fault can be told. */
export function readHeader(cursor, registry, out) {
  const { file } = cursor;
  if (file.length < 2 || file[0] !== 0xf5 || file[1] !== 0x9e) throw new Fault(201, 0, "not a .sem file");
  cursor.at = 2;
  const descriptor = cursor.unsigned(1, 202);
  out.format_version = descriptor >> 5;
  if (out.format_version !== 1) throw new Fault(701, 2, `format version ${out.format_version}`);
  out.check_code = (descriptor >> 2) & 7;
  if (!(out.check_code in CHECK_BYTES)) throw new Fault(204, 2, `check code ${out.check_code}`);
  out.sectioned = Boolean(descriptor & 2);
  if (descriptor & 1) throw new Fault(203, 2, "the reserved bit is set");
  let offset = 3;
  let profile = cursor.unsigned(1, 202);
  out.explicit_model = null;
  if (profile === 254) {
    offset = cursor.at;
    profile = 256 + cursor.unsigned(2, 202);
  } else if (profile === 255) {
    offset = cursor.at;
    profile = cursor.unsigned(1, 202);
    if (profile > 253) throw new Fault(209, offset, "a base profile above 253");
  }
  const binding = registry.binding(profile, offset);
  if (file[3] !== 255 && isBase(binding)) throw new Fault(209, offset, `profile ${profile} is a base`); // SEM-R-034
  out.profile = profile;
  if (file[3] === 255) {
    offset = cursor.at;
    const code = cursor.unsigned(1, 202);
    if (code > 3) throw new Fault(208, offset, `hash code ${code}`);
    out.explicit_model = hex(cursor.bytes(4 << code, 202));
  }
  const start = cursor.at;
  out.dim_class = cursor.unsigned(1, 202);
  if (out.dim_class !== 0) {
    const size = sizeOf(out.dim_class);
    if (!size) throw new Fault(206, start, `dim class ${out.dim_class}`);
    [out.width, out.height] = size;
  } else {
    const width = cursor.varint(202, 207) + 1;
    const height = cursor.varint(202, 207) + 1;
    if (hasClass(width, height)) throw new Fault(205, start, "a size that has a class");
    [out.width, out.height] = [width, height];
  }
  const h = Uint8Array.from(file.subarray(0, cursor.at));
  h[2] &= ~2;
  const checkOffset = cursor.at;
  const check = out.sectioned ? null : cursor.bytes(CHECK_BYTES[out.check_code], 202);
  const countOffset = cursor.at;
  out.section_count = out.sectioned ? cursor.varint(202, 207) + 1 : null;
  return { binding, h, check, checkOffset, sizeOffset: start, countOffset };
}
