// SPDX-License-Identifier: MIT
// A module worker that decodes and paints .sem files.
//
// It takes {id, file, packages, preview}: the bytes of a file, the files of packages (package name -> file name -> bytes,
// Uint8Arrays), and whether previews are wanted; and {id, cancel: true}. It answers with
//   {id, stage: "decode" | "paint", done}       the share of a stage that is done, 0 to 1
//   {id, preview: {width, height, rgba, groups: [done, of]}}      an unverified picture: groups to come are predicted
//   {id, picture: {width, height, rgba, seconds, decodeSeconds, paintSeconds}}
//   {id, error: {code, message}}                a code of SPEC.md, section 17, or cancelled, memory, internal
// and ends each job with a picture or an error. Jobs run one after the other. The registry and the normative data come
// from where they lie in the repository, unless a message has them in `data`, by file name.

import { Session } from "./session.mjs";

const ROOT = new URL("../../../refcodec/", import.meta.url);
const DATA = ["registry/registry.json", "entropy/data/gaussian.bin", "payloads/data/consonant.bin",
  "payloads/data/caption.bin", "payloads/data/caption.zdict"];

async function loadData() {
  const files = await Promise.all(DATA.map(async (path) => {
    const answer = await fetch(new URL(path, ROOT));
    if (!answer.ok) throw new Error(`${path} cannot be loaded: status ${answer.status}`);
    return [path.slice(path.lastIndexOf("/") + 1), new Uint8Array(await answer.arrayBuffer())];
  }));
  return Object.fromEntries(files);
}

const session = new Session(loadData);
const cancelled = new Set();
const waiting = new Set();
let last = Promise.resolve();

async function work(message) {
  const isCancelled = (id) => cancelled.has(id);
  if (isCancelled(message.id)) self.postMessage({ id: message.id, error: { code: "cancelled", message: "stopped" } });
  else await session.answer(message, (answer, transfer) => self.postMessage(answer, transfer), isCancelled);
  waiting.delete(message.id);
  cancelled.delete(message.id);
}

self.onmessage = ({ data: message }) => {
  if (message?.cancel) {
    if (waiting.has(message.id)) cancelled.add(message.id);
    return;
  }
  waiting.add(message?.id);
  last = last.then(() => work(message ?? {}));
};
