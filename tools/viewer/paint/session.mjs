// SPDX-License-Identifier: MIT
// Answers the messages of a page (worker.mjs): decodes a file, paints it, and tells how far it is.

import { compare } from "../../../conformance/decoders/js/bytes.mjs";
import { decode, decodeInSteps } from "../../../conformance/decoders/js/decode.mjs";
import { environmentOf } from "../../../conformance/decoders/js/environment.mjs";
import { Fault } from "../../../conformance/decoders/js/fault.mjs";
import { LEVELS } from "../../../conformance/decoders/js/sections.mjs";
import { accelerate } from "./exact.mjs";
import { makeKernel } from "./kernel.mjs";
import { MAX_PACKAGE_FILE, MAX_PIXELS, limitDecoding, limitPixels } from "./limits.mjs";
import { Painting, paintedKind } from "./picture.mjs";
import { predicted } from "./predict.mjs";

const TURN = 40; // milliseconds of work between two looks at what has come in
const CANCELLED = "cancelled";

/** Lets messages come in. Timers would wait for some milliseconds. */
const pause = () => new Promise((resolve) => {
  const { port1, port2 } = new MessageChannel();
  port1.onmessage = () => {
    port1.close();
    resolve();
  };
  port2.postMessage(null);
});

/** One message and its answers; throws a Fault, or CANCELLED. */
class Job {
  constructor(id, post, isCancelled) {
    Object.assign(this, { id, post, isCancelled, start: performance.now(), turn: performance.now() });
  }

  say(answer, transfer = []) {
    this.post({ id: this.id, ...answer }, transfer);
  }

  seconds() {
    return (performance.now() - this.start) / 1000;
  }

  /** Tell the share of a stage that is done, now and then, and let messages come in. */
  async progress(stage, done) {
    if (performance.now() - this.turn < TURN) return;
    if (stage) this.say({ stage, done });
    await pause();
    if (this.isCancelled(this.id)) throw CANCELLED;
    this.turn = performance.now();
  }

  /** What a generator returns, whose shares are those of a stage, or of none. */
  async drive(steps, stage) {
    for (;;) {
      const { done, value } = steps.next();
      if (done) return value;
      await this.progress(stage, value);
    }
  }
}

export class Session {
  /**
   * `loadData()` gives the registry and the normative data, an object of bytes by file name, where a message has no `data`.
   * `previewSeconds`: after which there are no more previews, the first of them apart. `bandBytes`: see
   * `Synthesis`.
   */
  constructor(loadData, { kernel = makeKernel(), previewSeconds = 2.5, maxPixels = MAX_PIXELS, bandBytes } = {}) {
    Object.assign(this, { loadData, kernel, previewSeconds, maxPixels, bandBytes, files: new Map(), environment: null });
    this.paintings = new Map(); // of a package
    this.accelerated = new WeakSet(); // packages
  }

  /** Answer a message by calls of `post(answer, transfer)`. Never throws. */
  async answer(message, post, isCancelled = () => false) {
    const job = new Job(message?.id, post, isCancelled);
    try {
      if (!(message?.file instanceof Uint8Array)) throw new Fault(101, null, "a message without the bytes of a file");
      const environment = await this.environmentOf(message);
      await this.picture(job, message, environment);
    } catch (error) {
      job.say({ error: errorOf(error) });
    }
  }

  /** The registry and the normative data, asked for until they are there. */
  async ownData() {
    try {
      this.data ??= await this.loadData();
      return this.data;
    } catch (error) {
      throw new Fault(101, null, `the viewer cannot load its files: ${error.message}`);
    }
  }

  /** The decoder's environment for a message, made anew only where its files are others than before. */
  async environmentOf({ packages, data }) {
    const files = new Map(Object.entries(data ?? await this.ownData()));
    for (const [name, parts] of Object.entries(packages ?? {})) {
      for (const [file, bytes] of Object.entries(parts ?? {})) files.set(`${name}/${file}`, bytes);
    }
    for (const [path, bytes] of files) {
      if (!(bytes instanceof Uint8Array)) throw new Fault(101, null, `${path} is not the bytes of a file`);
      if (bytes.length > MAX_PACKAGE_FILE) throw new Fault(803, null, `${path} is larger than ${MAX_PACKAGE_FILE} bytes`);
    }
    const same = files.size === this.files.size && [...files].every(([path, bytes]) => {
      const before = this.files.get(path);
      return before && (before === bytes || (before.length === bytes.length && compare(before, bytes) === 0));
    });
    if (!same || !this.environment) {
      this.paintings.clear();
      this.environment = null;
      try {
        this.environment = environmentOf(files);
      } catch (error) {
        throw new Fault(101, null, `the registry cannot be read: ${error.message}`);
      }
      this.files = files;
    }
    return this.environment;
  }

  async picture(job, { file, preview, report }, environment) {
    const target = report ? await this.targetOrReport(job, file, environment) : this.targetOf(file, environment);
    const { width, height } = target;
    const { out, symbols } = await this.decode(job, file, environment, target, preview);
    if (report) job.say({ decoded: reportOf(out, symbols) });
    const decodeSeconds = job.seconds();
    job.say({ stage: "paint", done: 0 });
    const steps = this.paintingOf(target).run(symbols.get(target.kind), width, height);
    const { rgba } = await job.drive(steps, "paint");
    const seconds = job.seconds();
    const picture = { width, height, rgba, seconds, decodeSeconds, paintSeconds: seconds - decodeSeconds };
    job.say({ picture }, [rgba.buffer]);
  }

  /**
   * {width, height, kind, parameters, one}: what is to be painted, and the package, if it is there, by the header and the
   * sections alone. Nothing large is made before.
   */
  targetOf(file, environment) {
    const { out } = failing(decode(file, { ...environment, tier: "H" }));
    const { width, height } = out;
    limitPixels(width, height, this.maxPixels);
    const binding = environment.registry.binding(out.profile, 3);
    const kind = paintedKind(binding);
    if (!out.sections.some((section) => section.type === 0x80 + kind)) {
      throw new Fault(801, null, "a picture of these sections needs a model that is not part of the viewer", "painter");
    }
    const [one] = environment.models.find(out.model.digest);
    return { width, height, kind, parameters: binding.parameters[kind], one };
  }

  /** As targetOf; of a file that is not painted here, what it holds comes before the error, or its own error. */
  async targetOrReport(job, file, environment) {
    try {
      return this.targetOf(file, environment);
    } catch (error) {
      if (error instanceof Fault && error.number === 801) {
        const { out, symbols } = await this.decode(job, file, environment, null, false);
        job.say({ decoded: reportOf(out, symbols) });
      }
      throw error;
    }
  }

  /** What `decode` gives, with previews on the way. `target`: null for a file that is not painted. */
  async decode(job, file, environment, target, preview) {
    if (target) this.prepare(target);
    job.say({ stage: "decode", done: 0 });
    const steps = decodeInSteps(file, environment);
    for (let last = 0; ;) { // seconds that a preview takes
      const { done, value } = steps.next();
      if (done) return failing(value);
      await job.progress("decode", (2 * value.group + value.pass) / (2 * value.groups));
      if (!preview || value.pass > 0 || value.kind !== target.kind) continue;
      const start = job.seconds();
      if (value.group > 0 && start + last > this.previewSeconds) continue;
      await this.preview(job, target, value);
      last = job.seconds() - start;
    }
  }

  async preview(job, target, { group, groups, latents }) {
    const symbols = { rate: latents.rate, y: predicted(latents, group) };
    const { width, height, rgba } = await job.drive(this.paintingOf(target).run(symbols, target.width, target.height));
    job.say({ preview: { width, height, rgba, groups: [group, groups] } }, [rgba.buffer]);
  }

  /** Have the networks of a model of latents run on the kernel, if they are not too large for a picture. */
  prepare({ one, kind, parameters, width, height }) {
    if (!one || kind === 5) return;
    const blocks = Math.ceil(width / 64) * Math.ceil(height / 64);
    let model;
    try {
      model = one.load(kind, parameters, LEVELS[1], blocks);
    } catch (error) {
      if (error instanceof Fault) return; // the decoder finds it, in its order
      throw error;
    }
    limitDecoding(model, 16 * blocks);
    if (!this.accelerated.has(one)) accelerate(model, this.kernel);
    this.accelerated.add(one);
  }

  /** The painting by a package, made once for each. */
  paintingOf({ one, kind, parameters }) {
    if (!this.paintings.has(one)) this.paintings.set(one, new Painting(one, kind, parameters, this.kernel, this.bandBytes));
    return this.paintings.get(one);
  }
}

/** The same answer of the decoder, or its error. */
function failing(decoded) {
  const { out, bug } = decoded;
  if (bug) throw bug;
  if (out.error) throw Object.assign(new Fault(0), { json: out.error });
  return decoded;
}

/** What a valid file holds, as a page shows it: {out, symbols}, the symbols of kinds 3 to 7 by their kind. */
function reportOf(out, symbols) {
  const own = [...symbols].filter(([kind]) => kind >= 3); // texts are in `out`
  return { out, symbols: new Map(own.map(([kind, { s, ...others }]) => [kind, others])) };
}

function errorOf(error) {
  if (error === CANCELLED) return { code: CANCELLED, message: "stopped" };
  if (error instanceof Fault) {
    const { code, name, message, offset } = error.json ?? error.toJSON();
    return { code, name, message, offset };
  }
  if (error instanceof RangeError) return { code: "memory", message: "the browser has not enough memory for this picture" };
  return { code: "internal", message: `a fault of the viewer: ${error?.message ?? error}` };
}
