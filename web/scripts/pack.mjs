/**
 * Puts the built app where the server's program carries it from, each file beside its Brotli form where
 * that is a tenth smaller. Always holds: what was there before is gone. Deliberately absent: the page of
 * parts, which is for who builds.
 */
import { cpSync, mkdirSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { brotliCompressSync, constants } from "node:zlib";

const web = join(dirname(fileURLToPath(import.meta.url)), "..");
const from = join(web, "dist-app");
const to = join(web, "../crates/comity/web");

const files = readdirSync(from, { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile())
  .map((entry) => relative(from, join(entry.parentPath ?? entry.path, entry.name)));

for (const name of readdirSync(to)) {
  if (name !== ".gitignore") rmSync(join(to, name), { recursive: true });
}
let [plainBytes, sentBytes] = [0, 0];
for (const name of files) {
  const target = join(to, name);
  mkdirSync(dirname(target), { recursive: true });
  cpSync(join(from, name), target);
  const plain = readFileSync(target);
  const packed = brotliCompressSync(plain, {
    params: {
      [constants.BROTLI_PARAM_QUALITY]: constants.BROTLI_MAX_QUALITY,
      [constants.BROTLI_PARAM_SIZE_HINT]: statSync(target).size,
      [constants.BROTLI_PARAM_LGWIN]: constants.BROTLI_MAX_WINDOW_BITS,
    },
  });
  const saves = packed.length < plain.length * 0.9;
  if (saves) writeFileSync(`${target}.br`, packed);
  plainBytes += plain.length;
  sentBytes += saves ? packed.length : plain.length;
}
const kib = (bytes) => `${Math.ceil(bytes / 1024)} KiB`;
console.log(`${files.length} files, ${kib(plainBytes)}, ${kib(sentBytes)} as they are sent`);
