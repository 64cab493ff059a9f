// The worker of one tab. Of all tabs' workers one has the core: the one that holds the lock. The
// others wait for it, without having loaded the core, and take over when it goes.
//
// Always holds: the lock is held for as long as the store is open; who takes over opens the store
// as the last commit left it. Deliberately absent: a shared worker, which has no access handles.

import { ALL, CORE_LOCK, channelOf, failureOf } from "./messages";
import type { CoreFailure, FromCore, ToCore } from "./messages";
import { handlesFree, storeThere } from "./handles";
import { dataKey, forgetKey } from "./key";
import init, { Device } from "./wasm/comity_client_web.js";
import wasmUrl from "./wasm/comity_client_web_bg.wasm?url";

interface Scope {
  postMessage(message: FromCore): void;
  onmessage: ((event: MessageEvent<Start | ToCore>) => void) | null;
  addEventListener(name: "online", listener: () => void): void;
  addEventListener(name: "error", listener: (event: ErrorEvent) => void): void;
}

/** The first message of a worker's tab. */
export interface Start {
  readonly kind: "start";
  /** The worker's own tab. */
  readonly tab: string;
  /** Where the app is: its origin. */
  readonly origin: string;
}

const scope = self as unknown as Scope;
const all = new BroadcastChannel(ALL);
const tabs = new Map<string, BroadcastChannel>();
/** Which core this is, as tabs know it. */
const core = self.location.pathname;
let own = "";
let device: Device | undefined;
let failure: CoreFailure | undefined;

scope.onmessage = (event) => {
  const message = event.data;
  if (message.kind !== "start") {
    take(message);
    return;
  }
  own = message.tab;
  void navigator.locks.request(CORE_LOCK, async () => {
    await lead(message.origin);
    // Held until the worker ends.
    await new Promise<never>(() => undefined);
  });
};

all.onmessage = (event: MessageEvent<ToCore | FromCore>) => {
  const message = event.data;
  if ("tab" in message && message.tab !== own) {
    take(message);
  }
};

async function lead(origin: string): Promise<void> {
  try {
    // How long a start takes is read from the browser's own entries (`tests/core`).
    await measured("core-load", () => init({ module_or_path: wasmUrl }));
    device = await measured("core-open", () => started(origin));
  } catch (error) {
    fail(failureOf(error));
    return;
  }
  scope.addEventListener("online", () => device?.tryNow());
  // What was stopped in the middle is not gone on with: all tabs say so, and a reload begins anew.
  scope.addEventListener("error", (event) => {
    fail({ code: "worker", message: event.message });
  });
  toAll({ kind: "lead", leader: own, core });
}

async function measured<T>(name: string, work: () => Promise<T>): Promise<T> {
  const start = performance.now();
  const done = await work();
  performance.measure(name, { start });
  return done;
}

function fail(why: CoreFailure): void {
  failure = why;
  device = undefined;
  toAll({ kind: "failed", failure, core });
}

async function started(origin: string): Promise<Device> {
  await handlesFree();
  const key = await dataKey(storeThere);
  try {
    return await Device.start(key, origin, tell, erased);
  } finally {
    key.fill(0);
  }
}

function take(message: ToCore): void {
  if (device === undefined) {
    // Of those who wait only the one that tried and failed has something to say.
    if (message.kind === "hello" && failure !== undefined) {
      watchLife(message.tab);
      toTab(message.tab, { kind: "failed", failure, core });
    }
    return;
  }
  if (message.kind !== "hello" && message.tab !== own && !tabs.has(message.tab)) {
    // Meant for the worker that had the core before: said again behind that tab's hello.
    return;
  }
  switch (message.kind) {
    case "hello":
      watchLife(message.tab);
      toTab(message.tab, { kind: "lead", leader: own, core });
      break;
    case "ask":
      device.ask(message.tab, message.question);
      break;
    case "give":
      void give(device, message);
      break;
    case "take":
      toTab(message.tab, { kind: "took", id: message.id, file: device.take(message.name) });
      break;
    case "kept":
      void kept(device, message);
      break;
    case "try_now":
      device.tryNow();
      break;
  }
}

async function give(to: Device, message: ToCore & { kind: "give" }): Promise<void> {
  try {
    await to.give(message.name, message.file);
    toTab(message.tab, { kind: "gave", id: message.id });
  } catch (error) {
    toTab(message.tab, { kind: "gave", id: message.id, failure: failureOf(error) });
  }
}

async function kept(at: Device, message: ToCore & { kind: "kept" }): Promise<void> {
  // What does not open, for whatever reason, is fetched by who asks.
  const file = await at.kept(JSON.stringify(message.of)).catch(() => undefined);
  toTab(message.tab, { kind: "took", id: message.id, file });
}

/** A tab holds a lock of its own while it lives: having it means that the tab is gone. */
function watchLife(tab: string): void {
  if (tab === own || tabs.has(tab)) {
    return;
  }
  tabs.set(tab, new BroadcastChannel(channelOf(tab)));
  void navigator.locks.request(channelOf(tab), () => {
    device?.forget(tab);
    tabs.get(tab)?.close();
    tabs.delete(tab);
  });
}

function toTab(tab: string, message: FromCore): void {
  if (tab === own) {
    scope.postMessage(message);
  } else {
    tabs.get(tab)?.postMessage(message);
  }
}

function toAll(message: FromCore): void {
  scope.postMessage(message);
  all.postMessage(message);
}

function tell(tab: string, json: string): void {
  if (tab === "") {
    toAll({ kind: "told", leader: own, json });
  } else {
    toTab(tab, { kind: "told", leader: own, json });
  }
}

function erased(): void {
  void forgetKey();
}
