// SPDX-License-Identifier: MIT
// The closed list of errors (SPEC.md, section 17).

const NAMES = {
  101: "cannot-read", 102: "cannot-write", 103: "picture-unreadable", 104: "picture-truncated",
  105: "picture-too-large",
  201: "not-a-sem-file", 202: "header-truncated", 203: "reserved-bit", 204: "check-code", 205: "size-form",
  206: "dim-class", 207: "varint-range", 208: "hash-code", 209: "profile-form",
  301: "section-truncated", 302: "section-order", 303: "section-kind", 304: "section-count",
  305: "section-value", 306: "trailing-bytes",
  401: "stream-invalid", 402: "stream-not-canonical", 403: "value-range",
  501: "check-mismatch",
  601: "limit-side", 602: "limit-pixels", 603: "limit-sections", 604: "limit-text", 605: "limit-symbols",
  606: "limit-file", 607: "limit-model",
  701: "unsupported-version", 702: "unsupported-profile", 703: "unsupported-section", 704: "unsupported-kind",
  705: "unsupported-model",
  801: "model-unavailable", 802: "model-digest", 803: "model-malformed", 804: "model-bounds",
  805: "dependency-missing",
};
const FAMILIES = ["", "io", "header", "section", "payload", "check", "limit", "unsupported", "model"];
const STATUSES = [0, 7, 3, 3, 3, 3, 6, 4, 5];

/** One error of section 17. `offset` is that of the field at fault, or null. */
export class Fault extends Error {
  constructor(number, offset = null, message = "", path = null) {
    super(message || NAMES[number]);
    this.number = number;
    this.offset = offset;
    this.path = path;
  }

  get status() {
    return STATUSES[Math.floor(this.number / 100)];
  }

  toJSON() {
    return {
      code: `SEM-E-${this.number}`,
      name: NAMES[this.number],
      family: FAMILIES[Math.floor(this.number / 100)],
      message: this.message,
      offset: this.offset,
      path: this.path,
    };
  }
}
