// SPDX-License-Identifier: MIT
// The worker that decodes and paints, and its one job at a time.

const WORKER = new URL("./paint/worker.mjs", import.meta.url);
const SILENCE = 120_000; // milliseconds without an answer after which a job is given up

const policy = globalThis.trustedTypes?.createPolicy("sem-worker", {
  createScriptURL(url) {
    if (url !== WORKER.href) throw new TypeError(`not a worker of this page: ${url}`);
    return url;
  },
});

export class Jobs {
  constructor() {
    this.last = 0;
    this.worker = null;
    this.current = null;
  }

  /** Start a job, in place of the one before; `on` has a function for each kind of answer: stage, preview, decoded, picture, error. */
  start(message, on) {
    this.stop();
    const id = ++this.last;
    this.current = { id, on, timer: null };
    if (!this.worker) {
      this.worker = new Worker(policy ? policy.createScriptURL(WORKER.href) : WORKER, { type: "module" });
      this.worker.onmessage = ({ data }) => this.answer(data);
      this.worker.onerror = (event) => this.fail("internal", event.message || "the worker cannot be loaded");
    }
    this.watch();
    this.worker.postMessage({ id, ...message });
  }

  /** End the current job, and its worker with it, which may be in the middle of a long computation. */
  stop() {
    if (!this.current) return;
    clearTimeout(this.current.timer);
    this.current = null;
    this.worker.terminate();
    this.worker = null;
  }

  watch() {
    clearTimeout(this.current.timer);
    this.current.timer = setTimeout(() => this.fail("timeout", "decoding takes too long, and was stopped"), SILENCE);
  }

  fail(code, message) {
    const { current } = this;
    this.stop();
    current?.on.error({ code, message });
  }

  answer(data) {
    const { current } = this;
    if (data.id !== current?.id) return;
    this.watch();
    if (data.picture || data.error) {
      clearTimeout(current.timer);
      this.current = null;
    }
    if (data.stage) current.on.stage(data.stage, data.done);
    for (const kind of ["preview", "decoded", "picture", "error"]) if (data[kind]) current.on[kind](data[kind]);
  }
}
