// SPDX-License-Identifier: MIT
// Tests the grammar sem.ksy against the vectors: fields of every valid file, and the invalid files that it must refuse.
//
//   node check.mjs TOOLS [--grammar FILE] [--suite FOLDER] [--languages]
//
// TOOLS is the folder where package.json was installed (`make kaitai-tools`). Prints one line for each failure and a
// summary; exit status 1 if anything failed. --languages: also generate parsers in other languages, without running them.

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

// What the grammar must refuse: all files with these errors, and files with these other errors that break these rules.
const ERRORS = [201, 202, 203, 204, 206, 207, 208, 301, 306, 701].map((code) => `SEM-E-${code}`);
const RULES = { "SEM-E-209": ["SEM-R-017"], "SEM-E-305": ["SEM-R-003", "SEM-R-053"] };

const source = tool("yaml").parse(readFileSync(options.grammar, "utf8"));

/** Compile the grammar and return the parser's constructor; it records the offset of each field. */
async function parser() {
  const generated = await compiler.compile("javascript", source, null, true);
  const module = { exports: {} };
  new Function("module", "exports", "require", generated["Sem.js"])(module, module.exports, () => KaitaiStream);
  return module.exports.Sem;
}

/** Return what the parser has read as the members that tier H has in `expected`. */
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
  const members = { type: read.sectionType, kind: sectionName(read), ...part(read._debug.body) };
  const flags = (read.critical << 7) | (read.safeToCopy << 6) | read.number;
  if (flags !== read.sectionType) throw new Error(`section type ${read.sectionType} taken apart gives ${flags}`);
  if (!(read.body instanceof Sem.KeyValueText)) return members;
  return { ...members, value: Object.fromEntries(read.body.entries.map(({ key, value }) => [key, value])) };
}

function sectionName(read) {
  return Sem.SectionType[read.sectionType]?.toLowerCase() ?? null;
}

/** Yield a message for each difference in a member that both have: a compact body has no type, bytes have no value. */
function* differences(expected, got, path) {
  if (expected !== null && typeof expected === "object" && got !== null && typeof got === "object") {
    const names = Array.isArray(expected) ? [...expected.keys(), "length"] : Object.keys(expected);
    for (const name of names) if (name in got) yield* differences(expected[name], got[name], `${path}.${name}`);
  } else if (expected !== got) yield `${path.slice(1)}: expected ${JSON.stringify(expected)}; got ${JSON.stringify(got)}`;
}

function read(data) {
  const sem = new Sem(new KaitaiStream(data));
  sem._read();
  return answer(sem, sem.isComplete);
}

/** Return whether the parser refuses a vector's file, and the errors in what it does. */
function check(vector) {
  const data = readFileSync(join(options.suite, vector.file));
  let got;
  try {
    got = read(data);
  } catch (error) {
    const refused = error.name in KaitaiStream; // EOFError, Validation…Error; any other is a bug of the parser
    if (vector.expect === "reject" && refused) return { refused, errors: [] };
    return { refused, errors: [`expected to be ${vector.expect === "accept" ? "read" : "refused"}; got ${error.name}: ${error.message}`] };
  }
  if (vector.expect === "accept") return { refused: false, errors: [...differences(vector.expected, got, "")] };
  const mustRefuse = ERRORS.includes(vector.error) || vector.rules.some((rule) => RULES[vector.error]?.includes(rule));
  return { refused: false, errors: mustRefuse ? [`expected to be refused, ${vector.error}; but was read`] : [] };
}

if (options.languages) for (const language of LANGUAGES) await compiler.compile(language, source, null, false);
const Sem = await parser();
const { vectors, registries } = JSON.parse(readFileSync(join(options.suite, "manifest.json"), "utf8"));
const count = { accept: 0, reject: 0, refused: 0, failed: 0 };
for (const vector of [...vectors, ...registries]) {
  const { refused, errors } = check(vector);
  count[vector.expect] += 1;
  if (vector.expect === "reject" && refused) count.refused += 1;
  if (errors.length > 0) count.failed += 1;
  for (const error of errors) console.log(`FAIL  ${vector.id}: ${error}`);
}
if (options.languages) console.log(`parsers generated in ${LANGUAGES.join(", ")}`);
console.log(`${count.accept} valid files read, ${count.refused} of ${count.reject} invalid files refused, ${count.failed} failed`);
process.exit(count.failed > 0 || count.accept === 0 ? 1 : 0);
