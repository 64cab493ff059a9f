/**
 * Weighs files as they travel: `weigh.mjs LIMIT FILE…` prints the size of each, plain and by Brotli, and fails where all
 * of them together are heavier than LIMIT bytes.
 */
import { readFileSync } from "node:fs";
import { basename } from "node:path";
import { brotliCompressSync } from "node:zlib";

const [limit, ...files] = process.argv.slice(2);
if (files.length === 0 || !(Number(limit) > 0)) throw new Error("usage: weigh.mjs LIMIT FILE…");
let sum = 0;
for (const file of files) {
  const plain = readFileSync(file);
  const sent = brotliCompressSync(plain).length;
  sum += sent;
  console.log(`${basename(file)}: ${String(plain.length)} bytes, ${String(sent)} as they travel`);
}
console.log(`all: ${String(sum)} bytes of at most ${String(limit)}`);
if (sum > Number(limit)) process.exit(1);
