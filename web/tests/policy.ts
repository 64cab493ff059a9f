import { readFileSync } from "node:fs";

/**
 * What the pages may do, as the header that every server of them sends: `web/policy.txt`, which the
 * server's program carries too. WebAssembly is compiled (`wasm-unsafe-eval`, which lets no text be run),
 * the core's worker is started by one policy of Trusted Types, voice notes are heard from memory.
 */
export const policy = readFileSync(new URL("../policy.txt", import.meta.url), "utf8").trim();
