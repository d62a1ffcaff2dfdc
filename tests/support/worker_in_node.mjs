// SPDX-License-Identifier: MIT
// The viewer's worker as a thread of node, which has no worker of the web: `self` with postMessage and onmessage.

import { parentPort } from "node:worker_threads";

globalThis.self = { postMessage: (message, transfer) => parentPort.postMessage(message, transfer), onmessage: null };
await import("../../tools/viewer/paint/worker.mjs");
parentPort.on("message", (data) => globalThis.self.onmessage({ data }));
