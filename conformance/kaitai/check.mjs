// SPDX-License-Identifier: MIT
// Holds the grammar sem.ksy to the vectors: what it reads of every valid file, and the invalid files that it must refuse.
//
//   node check.mjs TOOLS [--grammar FILE] [--suite FOLDER] [--languages]
//
// TOOLS is the folder where package.json was installed (`make kaitai-tools`). Prints one line for each failure and a
// summary; exit status 1 where anything failed. --languages: parsers in other languages are made, too, but not run.

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const CONFORMANCE = dirname(dirname(fileURLToPath(import.meta.url)));
const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    grammar: { type: "string", default: join(CONFORMANCE, "sem.ksy") },
    suite: { type: "string", default: join(CONFORMANCE, "..", "test_vectors") },
    languages: { type: "boolean", default: false },
  },
});
if (positionals.length !== 1) {
  console.error("usage: check.mjs TOOLS [--grammar FILE] [--suite FOLDER] [--languages]");
  process.exit(2);
}
const tool = createRequire(join(resolve(positionals[0]), "package.json"));
const compiler = tool("kaitai-struct-compiler");
const KaitaiStream = tool("kaitai-struct/KaitaiStream");

// Languages for which the compiler makes a parser with its default settings. C++ needs --cpp-standard 11.
const LANGUAGES = ["csharp", "go", "java", "lua", "perl", "php", "python", "ruby", "rust"];

// What the grammar judges: all files of these errors, and of others those that break one of these rules.
const ERRORS = [201, 202, 203, 204, 206, 207, 208, 301, 306, 701].map((code) => `SEM-E-${code}`);
const RULES = { "SEM-E-209": ["SEM-R-017"], "SEM-E-305": ["SEM-R-003", "SEM-R-053"] };

const source = tool("yaml").parse(readFileSync(options.grammar, "utf8"));

/** The parser as a constructor; compiled so that it notes where each field stands. */
async function parser() {
  const made = await compiler.compile("javascript", source, null, true);
  const module = { exports: {} };
  new Function("module", "exports", "require", made["Sem.js"])(module, module.exports, () => KaitaiStream);
  return module.exports.Sem;
}

/** The members of a vector's `expected` that tier H has, for what the parser has read. */
function answer(sem, complete) {
  const { header } = sem;
  const model = header.explicitModel?.modelHash;
  return {
    width: header.width,
    height: header.height,
    profile: header.row,
    model_hash: model === undefined ? null : Buffer.from(model).toString("hex"),
    check_bits: 8 * header.checkSize,
    complete,
    sections: header.sectioned ? sem.sections.map(section) : [part(sem._debug.body)],
  };
}

const part = ({ start, end }) => ({ offset: start, bytes: end - start });

function section(read) {
  const found = { type: read.sectionType, kind: sectionName(read), ...part(read._debug.body) };
  const flags = (read.critical << 7) | (read.safeToCopy << 6) | read.number;
  if (flags !== read.sectionType) throw new Error(`section type ${read.sectionType} taken apart gives ${flags}`);
  if (!(read.body instanceof Sem.KeyValueText)) return found;
  return { ...found, value: Object.fromEntries(read.body.entries.map(({ key, value }) => [key, value])) };
}

function sectionName(read) {
  return Sem.SectionType[read.sectionType]?.toLowerCase() ?? null;
}

/** What differs, as lines. Members that one of the two lacks are not compared: a compact body has no type, bytes no value. */
function* differences(wanted, got, path) {
  if (wanted !== null && typeof wanted === "object" && got !== null && typeof got === "object") {
    const names = Array.isArray(wanted) ? [...wanted.keys(), "length"] : Object.keys(wanted);
    for (const name of names) if (name in got) yield* differences(wanted[name], got[name], `${path}.${name}`);
  } else if (wanted !== got) yield `${path.slice(1)}: expected ${JSON.stringify(wanted)}; came ${JSON.stringify(got)}`;
}

function read(data) {
  const sem = new Sem(new KaitaiStream(data));
  sem._read();
  return answer(sem, sem.isComplete);
}

function judged(vector) {
  const data = readFileSync(join(options.suite, vector.file));
  let got;
  try {
    got = read(data);
  } catch (error) {
    const refused = error.name in KaitaiStream; // EOFError, Validation…Error; any other is a fault of the parser
    if (vector.expect === "reject" && refused) return { refused, faults: [] };
    return { refused, faults: [`expected to be ${vector.expect === "accept" ? "read" : "refused"}; came ${error.name}: ${error.message}`] };
  }
  if (vector.expect === "accept") return { refused: false, faults: [...differences(vector.expected, got, "")] };
  const ours = ERRORS.includes(vector.error) || vector.rules.some((rule) => RULES[vector.error]?.includes(rule));
  return { refused: false, faults: ours ? [`expected to be refused, ${vector.error}; came as read`] : [] };
}

if (options.languages) for (const language of LANGUAGES) await compiler.compile(language, source, null, false);
const Sem = await parser();
const { vectors, registries } = JSON.parse(readFileSync(join(options.suite, "manifest.json"), "utf8"));
const count = { accept: 0, reject: 0, refused: 0, failed: 0 };
for (const vector of [...vectors, ...registries]) {
  const { refused, faults } = judged(vector);
  count[vector.expect] += 1;
  if (vector.expect === "reject" && refused) count.refused += 1;
  if (faults.length > 0) count.failed += 1;
  for (const fault of faults) console.log(`FAIL  ${vector.id}: ${fault}`);
}
if (options.languages) console.log(`a parser could be made in ${LANGUAGES.join(", ")}`);
console.log(`${count.accept} valid files read, ${count.refused} of ${count.reject} invalid files refused, ${count.failed} failed`);
process.exit(count.failed > 0 || count.accept === 0 ? 1 : 0);
