// SPDX-License-Identifier: MIT
// Answers the messages of a page (worker.mjs): decodes a file, paints it, and tells how far it is.

import { compare } from "../../../conformance/decoders/js/bytes.mjs";
import { decode, decodeInSteps } from "../../../conformance/decoders/js/decode.mjs";
import { environmentOf } from "../../../conformance/decoders/js/environment.mjs";
import { Fault } from "../../../conformance/decoders/js/fault.mjs";
import { makeKernel } from "./kernel.mjs";
import { Painting, paintedKind } from "./picture.mjs";
import { predicted } from "./predict.mjs";

const MAX_PIXELS = 2 ** 24; // that the viewer paints
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
   * `loadData()` gives the registry and the normative data, an object of bytes by file name, asked for once and where a
   * message has no `data`. `spare`: how much of its time a job spends on previews at most, after the first of them, in
   * times of what it spends on the picture itself.
   */
  constructor(loadData, { kernel = makeKernel(), spare = 0.5, maxPixels = MAX_PIXELS } = {}) {
    Object.assign(this, { loadData, kernel, spare, maxPixels, files: new Map(), environment: null, paintings: new Map() });
  }

  /** Answer a message by calls of `post(answer, transfer)`. Never throws. */
  async answer(message, post, isCancelled = () => false) {
    const job = new Job(message?.id, post, isCancelled);
    try {
      if (!(message.file instanceof Uint8Array)) throw new Fault(101, null, "a message without the bytes of a file");
      const environment = await this.environmentOf(message);
      await this.picture(job, message, environment);
    } catch (error) {
      job.say({ error: errorOf(error) });
    }
  }

  /** The decoder's environment for a message, made anew only where its files are others than before. */
  async environmentOf({ packages = {}, data }) {
    const files = new Map(Object.entries(data ?? await (this.data ??= this.loadData())));
    for (const [name, parts] of Object.entries(packages)) {
      for (const [file, bytes] of Object.entries(parts)) files.set(`${name}/${file}`, bytes);
    }
    for (const [path, bytes] of files) {
      if (!(bytes instanceof Uint8Array)) throw new Fault(101, null, `${path} is not the bytes of a file`);
    }
    const same = files.size === this.files.size && [...files].every(([path, bytes]) => {
      const before = this.files.get(path);
      return before && (before === bytes || (before.length === bytes.length && compare(before, bytes) === 0));
    });
    if (!same || !this.environment) {
      this.paintings.clear();
      [this.files, this.environment] = [files, environmentOf(files)];
    }
    return this.environment;
  }

  async picture(job, { file, preview, report }, environment) {
    const kind = report ? await this.kindOrReport(job, file, environment) : this.kindOf(file, environment);
    const { decoded, painting } = await this.decode(job, file, environment, kind, preview);
    if (report) job.say({ decoded: reportOf(decoded) });
    const { width, height } = decoded.out;
    const symbols = decoded.symbols.get(kind);
    const decodedAt = job.seconds();
    job.say({ stage: "paint", done: 0 });
    const canvas = await job.drive((painting ?? this.paintingOf(decoded.out, environment, kind)).run(symbols, width, height), "paint");
    const seconds = job.seconds();
    job.say({
      picture: { width, height, rgba: canvas.rgba, seconds, decodeSeconds: decodedAt, paintSeconds: seconds - decodedAt },
    }, [canvas.rgba.buffer]);
  }

  /** The kind of payload to paint, by the header and the sections alone; nothing large is made before. */
  kindOf(file, environment) {
    const { out } = failing(decode(file, { ...environment, tier: "H" }));
    if (out.width * out.height > this.maxPixels) {
      throw new Fault(602, null, `${out.width} × ${out.height} pixels are more than the viewer paints: ${this.maxPixels}`);
    }
    const kind = paintedKind(environment.registry.binding(out.profile, 3));
    if (!out.sections.some((section) => section.type === 0x80 + kind)) {
      throw new Fault(801, null, "a picture of these sections needs a model that is not part of the viewer", "painter");
    }
    return kind;
  }

  /** As kindOf; of a valid file that is not painted, what it holds comes before the error. */
  async kindOrReport(job, file, environment) {
    try {
      return this.kindOf(file, environment);
    } catch (error) {
      const { decoded } = await this.decode(job, file, environment, null, false);
      job.say({ decoded: reportOf(decoded) });
      throw error;
    }
  }

  /** {decoded, painting}: what `decode` gives, and the painting where there was a preview. */
  async decode(job, file, environment, kind, preview) {
    const steps = decodeInSteps(file, environment);
    const budget = { spent: 0, painting: null };
    job.say({ stage: "decode", done: 0 });
    for (;;) {
      const { done, value } = steps.next();
      if (done) return { decoded: failing(value), painting: budget.painting };
      await job.progress("decode", (2 * value.group + value.pass) / (2 * value.groups));
      if (preview && value.pass === 0 && value.kind === kind && this.affords(job, budget)) {
        await this.preview(job, file, environment, value, budget);
      }
    }
  }

  affords(job, { spent }) {
    return spent <= this.spare * (1000 * job.seconds() - spent);
  }

  async preview(job, file, environment, { kind, group, groups, latents }, budget) {
    const start = performance.now();
    if (!budget.painting) {
      const { out } = decode(file, { ...environment, tier: "H" });
      budget.size = out;
      budget.painting = this.paintingOf(out, environment, kind);
    }
    const symbols = { rate: latents.rate, y: predicted(latents, group) };
    const { width, height, rgba } = await job.drive(budget.painting.run(symbols, budget.size.width, budget.size.height));
    job.say({ preview: { width, height, rgba, groups: [group, groups] } }, [rgba.buffer]);
    budget.spent += performance.now() - start;
  }

  /** The painting of a kind by the package that a file names, made once for each package. */
  paintingOf(out, environment, kind) {
    const binding = environment.registry.binding(out.profile, 3);
    const [one] = environment.models.find(out.model.digest);
    if (!one) throw new Fault(801, null, `there is no model ${out.model.digest}`, "painter");
    const key = `${kind} ${one.digest} ${out.profile}`;
    if (!this.paintings.has(key)) this.paintings.set(key, new Painting(one, kind, binding.parameters[kind], this.kernel));
    return this.paintings.get(key);
  }
}

/** The same answer of the decoder, or its error. */
function failing(decoded) {
  const { out, bug } = decoded;
  if (bug) throw bug;
  if (out.error) throw Object.assign(new Fault(0), { json: out.error });
  return decoded;
}

/** What a valid file holds: {out, symbols}, the symbols of each payload by its kind. */
function reportOf({ out, symbols }) {
  const own = [...symbols].map(([kind, { s, ...others }]) => [kind, kind >= 3 ? others : null]); // texts are in `out`
  return { out, symbols: new Map(own) };
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
