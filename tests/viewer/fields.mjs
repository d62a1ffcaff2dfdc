// SPDX-License-Identifier: MIT
// Prints the fields of each file named on standard input, one JSON object a line.

import { readFileSync } from "node:fs";
import { fieldsOf } from "../../tools/viewer/fields.mjs";

for (const path of readFileSync(0, "utf8").split("\n").filter(Boolean)) {
  const bytes = readFileSync(path);
  const file = new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length);
  console.log(JSON.stringify(fieldsOf(file)));
}
