// SPDX-License-Identifier: MIT
// The page: a file is chosen, dropped or taken from the samples; its fields are shown at once, and the rest as the worker
// answers.

import { el, number, plain } from "./dom.mjs";
import { fieldsOf } from "./fields.mjs";
import { Jobs } from "./jobs.mjs";
import { choose, load, packageOf, registry } from "./resources.mjs";
import { Report } from "./view/report.mjs";

const FILE_BYTES = 2 ** 26; // that a file of level 1 may have
const SAMPLES = new URL("./samples/", import.meta.url);
const at = (id) => document.getElementById(id);
const jobs = new Jobs();
let turn = 0; // of opening; an older one that is still loading gives way

function say(text) {
  at("status").textContent = text;
}

/** Say what came of a file, or of the attempt to open it. */
function end(text) {
  at("result").setAttribute("aria-busy", "false");
  say(text);
}

function begin(name, button = null) {
  jobs.stop();
  for (const one of document.querySelectorAll("#samples button")) one.setAttribute("aria-pressed", String(one === button));
  at("result").setAttribute("aria-busy", "true");
  say(`Reading ${plain(name)}`);
  return ++turn;
}

const size = (bytes) => (bytes < 10_000 ? `${number(bytes)} B` : `${number(bytes / 1000)} kB`);

/** Open bytes under a name, unless another file was opened since. */
async function open(own, name, bytes) {
  const rows = await registry();
  const parsed = fieldsOf(bytes);
  const row = rows.rows.get(parsed.header.profile) ?? null;
  const wanted = parsed.header.model ?? row?.binding.model ?? null;
  const model = wanted ? await packageOf(wanted) : null;
  if (own !== turn) return;
  const file = { name, bytes, ...parsed, registry: rows, row, wanted, model };
  const report = new Report(at("result"), file, { stop: () => stop(report) });
  at("result").focus({ preventScroll: true });
  decode(file, report);
}

function stop(report) {
  jobs.stop();
  report.picture?.stopped("Stopped.");
  report.setCheck("unchecked");
  end("Stopped.");
}

/** Have the worker decode and paint a file. */
function decode(file, report) {
  const packages = file.model ? { [file.model.name]: file.model.files } : {};
  let before = null;
  let decoded = false;
  jobs.start({ file: file.bytes, packages, preview: true, report: true }, {
    stage(name, done) {
      if (name !== before) say(name === "decode" ? "Decoding the symbols" : "Painting the picture");
      before = name;
      report.picture?.stage(name, done);
    },
    preview: (preview) => report.preview(preview),
    decoded(found) {
      decoded = true;
      report.decoded(found);
    },
    picture(picture) {
      report.painted(picture);
      end(`Done: ${picture.width} by ${picture.height} pixels from ${number(file.bytes.length)} bytes.`);
    },
    error(error) {
      if (decoded && !report.kind) return end("Done. The file is valid; its picture needs a generator that is not part of this page.");
      report.failed(error);
      return end(`Not decoded: ${error.code}.`);
    },
  });
}

/** Open what `read` gives the bytes of. */
async function openFrom(name, read, button = null) {
  const own = begin(name, button);
  try {
    await open(own, name, await read());
  } catch (error) {
    if (own === turn) refuse(name, error.message);
  }
}

async function bytesOf(file) {
  if (file.size > FILE_BYTES) throw new Error(`${number(file.size)} bytes are more than a .sem file of level 1 may have: ${number(FILE_BYTES)}`);
  return new Uint8Array(await file.arrayBuffer());
}

const openFile = (file) => file && openFrom(file.name, () => bytesOf(file));

/** Say why there is nothing to show. */
function refuse(name, message) {
  at("result").hidden = false;
  at("result").replaceChildren(el("h2", {}, plain(name)), el("p", { class: "error", role: "alert" }, plain(message)));
  end("Not read.");
}

async function listSamples() {
  const rows = JSON.parse(new TextDecoder().decode(await load("index.json", SAMPLES)));
  at("samples").replaceChildren(...rows.map((one) => {
    const button = el("button", { type: "button", "aria-pressed": "false", "data-file": one.file, click: () => openFrom(one.file, () => load(one.file, SAMPLES), button) }, one.label, el("small", {}, size(one.bytes)));
    return el("li", {}, button);
  }));
}

at("file").addEventListener("change", (event) => {
  openFile(event.target.files[0]);
  event.target.value = ""; // so that the same file can be chosen again
});
at("folder").addEventListener("change", async (event) => {
  try {
    at("packages").textContent = `Added: ${plain((await choose(event.target.files)).join(", "))}`;
  } catch (error) {
    at("packages").textContent = plain(error.message);
  }
});
document.addEventListener("dragover", (event) => {
  event.preventDefault();
  document.body.classList.add("dropping");
});
document.addEventListener("dragleave", (event) => {
  if (!event.relatedTarget) document.body.classList.remove("dropping");
});
document.addEventListener("drop", (event) => {
  event.preventDefault();
  document.body.classList.remove("dropping");
  openFile(event.dataTransfer.files[0]);
});
listSamples().catch((error) => say(plain(error.message)));
