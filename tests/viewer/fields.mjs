// SPDX-License-Identifier: MIT
// Prints the fields of each file named on standard input, and their colours, one JSON object a line.

import { readFileSync } from "node:fs";
import { coloursOf } from "../../tools/viewer/colours.mjs";
import { fieldsOf } from "../../tools/viewer/fields.mjs";

for (const path of readFileSync(0, "utf8").split("\n").filter(Boolean)) {
  const bytes = readFileSync(path);
  const file = new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length);
  const found = fieldsOf(file);
  console.log(JSON.stringify({ ...found, colours: coloursOf(found.fields) }));
}
