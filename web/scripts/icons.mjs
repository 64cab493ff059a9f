/**
 * Draws the icons of the installed app from `public/mark.svg`, into `public/icons/`: `npm run icons`, after the mark changed.
 *
 * Always holds: a maskable icon has its mark within the circle that no platform cuts (W3C: four fifths of the width).
 * Deliberately absent: drawing at build time; what is drawn is kept, so that a build needs no browser.
 */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";

const folder = join(dirname(fileURLToPath(import.meta.url)), "../public");
const mark = readFileSync(join(folder, "mark.svg"), "utf8");
const { background_color: ground } = JSON.parse(readFileSync(join(folder, "app.webmanifest"), "utf8"));

/** Size in pixels; `share` of the width that the mark's own square has; a ground where the platform cuts the shape. */
const ICONS = [
  { name: "any-192", size: 192, share: 1, ground: "transparent" },
  { name: "any-512", size: 512, share: 1, ground: "transparent" },
  { name: "maskable-512", size: 512, share: 0.7, ground },
  { name: "touch-180", size: 180, share: 0.8, ground },
];

const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium-headless-shell", args: ["--no-sandbox", "--disable-gpu"] });
mkdirSync(join(folder, "icons"), { recursive: true });
for (const { name, size, share, ground } of ICONS) {
  const page = await browser.newPage({ viewport: { width: size, height: size } });
  const side = Math.round(size * share);
  const style = `margin:0;height:100vh;display:grid;place-items:center;background:${ground}`;
  await page.setContent(`<body style="${style}">${mark.replace("<svg ", `<svg width="${side}" height="${side}" `)}</body>`);
  const picture = await page.screenshot({ omitBackground: true });
  writeFileSync(join(folder, "icons", `${name}.png`), picture);
  console.log(`${name}: ${picture.length} bytes`);
  await page.close();
}
await browser.close();
