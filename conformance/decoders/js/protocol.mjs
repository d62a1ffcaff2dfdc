// SPDX-License-Identifier: MIT
// Answers as conformance/PROTOCOL.md has them; every number is a string.

const CHECK_BITS = { 0: "0", 3: "16", 5: "32" };

/** The same value with strings for numbers. */
function spelled(x) {
  if (typeof x === "number") return String(x);
  if (Array.isArray(x)) return x.map(spelled);
  return x;
}

function sectionAnswer(section, tier) {
  const { type, name, offset, bytes, check, sha256, mode, rate, shape, value, entries } = section;
  const answer = { type, kind: name, offset, bytes };
  if (tier !== "H") {
    const shapes = shape && (Array.isArray(shape[0]) ? shape : [shape]);
    Object.assign(answer, { check, sha256, mode, rate, shape: shapes, value: value ?? entries });
  }
  for (const member of Object.keys(answer)) answer[member] = spelled(answer[member]);
  return answer;
}

/** The answer of a file that is accepted. */
export function answerOf(out) {
  const answer = {
    width: String(out.width), height: String(out.height), profile: String(out.profile),
    model_hash: out.explicit_model, check_bits: CHECK_BITS[out.check_code], complete: out.complete,
  };
  if (out.tier !== "H") answer.check = out.check;
  answer.sections = out.sections.map((section) => sectionAnswer(section, out.tier));
  return answer;
}

/** One line for people, the code first. */
export const faultLine = ({ code, name, message }) => `${code} ${name}: ${message}`.replace(/[\0-\x1f\x7f]+/g, " ");

/** Answers the lines of the persistent protocol; `open(start)` gives `run({tier, file, models, asked})`. */
export class Session {
  constructor(open) {
    this.open = open;
    this.run = null;
  }

  /** The answer to one line, and whether it was the last. */
  answer(line) {
    let asked;
    try {
      asked = JSON.parse(line);
    } catch (error) {
      return [{ ok: false, why: `not JSON: ${error.message}` }, false];
    }
    if (asked.op === "stop") return [{ ok: true }, true];
    if (asked.op === "start") return [this.start(asked), false];
    if (asked.op !== "run" || !this.run) return [{ ok: false, why: "neither start, run nor stop" }, false];
    return [{ seq: asked.seq, ...this.result(asked) }, false];
  }

  start(asked) {
    if (asked.protocol !== "1") return { ok: false, why: "another protocol than 1" };
    try {
      this.run = this.open(asked);
    } catch (error) {
      return { ok: false, why: error.message };
    }
    return { ok: true, name: "js", tiers: ["H", "S", "L"] };
  }

  result(asked) {
    const { out, status, leftOut, bug } = this.run(asked);
    if (bug) return { bug: bug.stack };
    if (leftOut) return { skip: out.error.message };
    if (out.error) return { error: { code: out.error.code, status: String(status) } };
    return { result: answerOf(out) };
  }
}
