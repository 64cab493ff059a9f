/**
 * Puts the built app where the server's program carries it from, each file beside its Brotli form where
 * that is a tenth smaller; with --quick only as it is. Always holds: what was there before is gone; what would make a
 * first load too heavy fails: with --quick, where the core is not the one that ships, the pages alone are weighed.
 * Deliberately absent: the page of parts, which is for who builds.
 */
import { cpSync, mkdirSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { brotliCompressSync, constants } from "node:zlib";

const web = join(dirname(fileURLToPath(import.meta.url)), "..");
const from = join(web, "dist-app");
const to = join(web, "../crates/comity/web");
const quick = process.argv.includes("--quick");

/** Bytes of a first load as they travel, at most. */
const FIRST_LOAD_MAX = 1_500_000;
/** Of these without the core, at most. */
const PAGES_MAX = 170_000;
/** What a first page does not wait for: tables of emoji, QR codes and their reader, other languages, icons of an installed app. */
const LATER = /^assets\/(emoji\.|qr-|decode-|ar-)|\.png$/;

const files = readdirSync(from, { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile())
  .map((entry) => relative(from, join(entry.parentPath ?? entry.path, entry.name)));

for (const name of readdirSync(to)) {
  if (name !== ".gitignore") rmSync(join(to, name), { recursive: true });
}
let [plainBytes, sentBytes, firstBytes, pagesBytes] = [0, 0, 0, 0];
for (const name of files) {
  const target = join(to, name);
  mkdirSync(dirname(target), { recursive: true });
  cpSync(join(from, name), target);
  const plain = readFileSync(target);
  plainBytes += plain.length;
  const [later, core] = [LATER.test(name), name.endsWith(".wasm")];
  if (quick && (later || core)) {
    sentBytes += plain.length;
    continue;
  }
  const packed = brotliCompressSync(plain, {
    params: {
      [constants.BROTLI_PARAM_QUALITY]: constants.BROTLI_MAX_QUALITY,
      [constants.BROTLI_PARAM_SIZE_HINT]: statSync(target).size,
      [constants.BROTLI_PARAM_LGWIN]: constants.BROTLI_MAX_WINDOW_BITS,
    },
  });
  const saves = packed.length < plain.length * 0.9;
  if (saves && !quick) writeFileSync(`${target}.br`, packed);
  const sent = saves ? packed.length : plain.length;
  sentBytes += quick ? plain.length : sent;
  if (later) continue;
  firstBytes += sent;
  if (!core) pagesBytes += sent;
}
const kib = (bytes) => `${Math.ceil(bytes / 1024)} KiB`;
console.log(`${files.length} files, ${kib(plainBytes)}, ${kib(sentBytes)} as they are sent, ${kib(firstBytes)} of a first load weighed, ${kib(pagesBytes)} without the core`);
for (const [what, bytes, most] of [["a first load", firstBytes, FIRST_LOAD_MAX], ["a first load without the core", pagesBytes, PAGES_MAX]]) {
  if (bytes <= most) continue;
  console.error(`${what} is ${String(bytes)} bytes of at most ${String(most)}`);
  process.exit(1);
}
