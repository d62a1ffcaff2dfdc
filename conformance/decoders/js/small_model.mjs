// SPDX-License-Identifier: MIT
// Models of one table (SPEC.md, section 12): kinds 3, 4 and 5.

import { hasExactly, isInt } from "./json.mjs";

const KINDS = {
  3: { members: ["d", "b"], tensor: "sign", dtype: "U16", shape: (s) => [s.d] },
  4: { members: ["m", "v", "d"], tensor: "codebooks", dtype: "F32", shape: (s) => [s.m, s.v, s.d / s.m] },
  5: { members: ["v"], tensor: "usage", dtype: "U16", shape: (s) => [s.v] },
};

export class SmallModel {
  /** SEM-R-111, 118, 119, as far as the manifest alone tells. */
  static judgeManifest(s, bad) {
    const { members, tensor, dtype } = KINDS[s.kind];
    if (!hasExactly(s, ["kind", "tensors", ...members])) throw bad("other members in symbols");
    const bounds = { d: [1, 65536], b: [1, 16], m: [1, 65536], v: [s.kind === 5 ? 2 : 1, 65536] };
    for (const name of members) if (!isInt(s[name], ...bounds[name])) throw bad(`${name} is out of range`);
    if (s.kind === 4 && s.d % s.m) throw bad("d is no multiple of m");
    if (!hasExactly(s.tensors, [tensor])) throw bad("other tensors than the kind has");
    if (s.tensors[tensor]?.dtype !== dtype) throw bad("another dtype");
  }

  constructor(s, tensors, bad) {
    const { members, tensor, shape } = KINDS[s.kind];
    this.kind = s.kind;
    this.shared = Object.fromEntries(members.map((name) => [name, s[name]]));
    const found = tensors[tensor];
    if (found.shape.join() !== shape(s).join()) throw bad("another shape");
    if (s.kind === 4 && !found.values.every(Number.isFinite)) throw bad("a code word that is not finite"); // SEM-R-119
    if (s.kind !== 4 && found.values.includes(0)) throw bad("a frequency of 0"); // SEM-R-117, 118
    if (s.kind === 5 && found.values.reduce((sum, f) => sum + f, 0) !== 65536) throw bad("frequencies of another sum");
    this.table = found.values;
  }

  judgeBounds() {}
}
