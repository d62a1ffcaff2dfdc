// SPDX-License-Identifier: MIT
// The command line: for people, and the two protocols of conformance/PROTOCOL.md.

import { decode } from "./decode.mjs";
import { Fault } from "./fault.mjs";
import { DATA, REGISTRY, Shelf, dataFiles, readInput, readRegistry } from "./node.mjs";
import { hex } from "./bytes.mjs";
import { Session, answerOf, faultLine } from "./protocol.mjs";
import { LEVELS } from "./sections.mjs";
import { sha256 } from "./sha256.mjs";
import { Tracer } from "./trace.mjs";

const USAGE = `usage: node semdec.mjs FILE [OPTIONS] [--trace]    for people; FILE may be -
       node semdec.mjs [OPTIONS] < FILE            one-shot protocol of conformance/PROTOCOL.md
       node semdec.mjs --persistent                persistent protocol
options: [--tier H|S|L] [--level 1|2] [--asked symbols|embedding]
         [--registry registry.json] [--data FOLDER...] [--models FOLDER...]`;

const CHOICES = { tier: ["H", "S", "L"], level: ["1", "2"], asked: ["symbols", "embedding"] };

/** {paths, settings}, or null for a wrong command line. */
function readArguments(argv) {
  const settings = {
    registry: REGISTRY, data: [], models: [], tier: "L", level: "1", asked: "symbols", trace: false, persistent: false,
  };
  const paths = [];
  for (let i = 0; i < argv.length; i++) {
    const name = argv[i].slice(2);
    if (!argv[i].startsWith("--")) paths.push(argv[i]);
    else if (!Object.hasOwn(settings, name)) return null;
    else if (settings[name] === false) settings[name] = true;
    else if (settings[name] === true || i + 1 === argv.length) return null;
    else if (Array.isArray(settings[name])) {
      do settings[name].push(argv[++i]);
      while (i + 1 < argv.length && !argv[i + 1].startsWith("--"));
    } else settings[name] = argv[++i];
  }
  const chosen = Object.entries(CHOICES).every(([name, choices]) => choices.includes(settings[name]));
  if (!chosen || paths.length > 1 || (settings.trace && !paths.length)) return null;
  return { paths, settings };
}

/** What is in a file, or the fault of reading it. */
function decodeFile(path, environment) {
  try {
    return decode(readInput(path, LEVELS[environment.level].file), environment);
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
    return { out: { error: error.toJSON() }, status: error.status, bug: null };
  }
}

function main(argv) {
  const found = readArguments(argv);
  if (!found) return usage();
  const { paths, settings } = found;
  if (settings.persistent) return argv.length === 1 ? persist() : usage();
  let registry;
  try {
    registry = readRegistry(settings.registry);
  } catch (error) {
    return usage(`the registry cannot be read: ${error.message}`);
  }
  const tracer = settings.trace ? new Tracer() : null;
  const environment = {
    registry, tables: dataFiles(settings.data.length ? settings.data : DATA),
    models: new Shelf().models(settings.models),
    tier: settings.tier, level: Number(settings.level), embedding: settings.asked === "embedding",
    path: paths[0] && paths[0] !== "-" ? paths[0] : null,
    trace: tracer && ((name, values) => tracer.add(name, values)),
  };
  if (tracer) return printTrace(paths[0], environment, tracer);
  const { out, status, bug } = decodeFile(paths[0] ?? "-", environment);
  if (bug) throw bug;
  if (paths.length) process.stdout.write(`${JSON.stringify(out, null, 1)}\n`);
  else if (out.error) process.stderr.write(`${faultLine(out.error)}\n`);
  else process.stdout.write(`${JSON.stringify(answerOf(out))}\n`);
  return status;
}

/** Digests of every layer and pass, as far as the file can be decoded. */
function printTrace(path, environment, tracer) {
  const bytes = readInput(path, LEVELS[environment.level].file);
  const { out, status, bug } = decode(bytes, environment);
  if (bug) throw bug;
  const file_sha256 = bytes.buffer ? hex(sha256(bytes)) : null;
  process.stdout.write(`${JSON.stringify({ format: "sem-trace", file_sha256, entries: tracer.entries }, null, 1)}\n`);
  if (out.error) process.stderr.write(`${faultLine(out.error)}\n`);
  return status;
}

/** The persistent protocol: a line of JSON for each line of JSON. */
async function persist() {
  const shelf = new Shelf();
  const session = new Session((start) => {
    const environment = { registry: readRegistry(start.registry), tables: dataFiles([start.data]) };
    return ({ tier = start.tier, file, models, asked }) => decode(Buffer.from(file, "base64"), {
      ...environment, tier: CHOICES.tier.includes(tier) ? tier : "L", models: shelf.models(models ? [models] : []),
      embedding: asked === "embedding",
    });
  });
  let parts = [];
  for await (const chunk of process.stdin) {
    let from = 0;
    for (let to = chunk.indexOf(10); to >= 0; to = chunk.indexOf(10, from)) {
      parts.push(chunk.subarray(from, to));
      const [answer, last] = session.answer(Buffer.concat(parts).toString("utf8"));
      process.stdout.write(`${JSON.stringify(answer)}\n`);
      if (last) return 0;
      parts = [];
      from = to + 1;
    }
    parts.push(chunk.subarray(from));
  }
  return 0;
}

function usage(what = USAGE) {
  process.stderr.write(`${what}\n`);
  return 2;
}

process.stdout.on("error", () => {}); // whoever reads it may stop early
process.exitCode = await main(process.argv.slice(2));
