/**
 * How the pages are built and tested. Always holds: what is built runs under the policy in
 * `tests/policy.ts`. Deliberately absent: plug-ins but one of our own; esbuild compiles the JSX.
 */
import { defineConfig } from "vitest/config";
import { shell } from "./scripts/shell";
import { policy } from "./tests/policy";

/** What the server's program carries is the app alone; the pages of parts are for who builds. */
const pages = { app: "index.html" };
const all = { ...pages, ui: "ui.html", stage: "app-stage.html" };

export default defineConfig(({ mode }) => ({
  // The app alone has a service worker: it is what people install.
  plugins: mode === "app" ? [shell()] : [],
  esbuild: { jsx: "automatic" },
  // The core's worker is a module: it imports the glue of the WebAssembly.
  worker: { format: "es" },
  css: { modules: { localsConvention: "camelCaseOnly" } },
  build: {
    target: "es2022",
    // A small picture as a data address would be fetched with every page that does not show it.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    outDir: mode === "app" ? "dist-app" : "dist",
    rollupOptions: {
      input: mode === "app" ? pages : all,
      // By name, so that it is known what is fetched only once it is wanted.
      output: { manualChunks: (id) => (id.includes("node_modules/qr/") ? (id.includes("decode") ? "decode" : "qr") : undefined) },
    },
  },
  preview: { headers: { "Content-Security-Policy": policy } },
  test: {
    projects: [
      { extends: true, test: { name: "unit", include: ["src/**/*.test.ts", "tests/**/*.test.ts"] } },
      {
        extends: true,
        test: {
          name: "browser",
          include: ["tests/browser/*.browser.ts"],
          testTimeout: Number(process.env.TEST_TIMEOUT_MS ?? 120_000),
          hookTimeout: 60_000,
        },
      },
      // The core in a browser against the real programs: `cargo xtask web` and `cargo build` come first.
      {
        extends: true,
        test: {
          name: "core",
          include: ["tests/core/*.browser.ts"],
          testTimeout: Number(process.env.TEST_TIMEOUT_MS ?? 180_000),
          hookTimeout: Number(process.env.TEST_TIMEOUT_MS ?? 180_000),
        },
      },
      // No test: it measures, and takes the programs that `cargo xtask bench-web` builds. An hour is more than it needs.
      { extends: true, test: { name: "bench", include: ["tests/bench/app.ts"], testTimeout: 3_600_000, hookTimeout: 600_000 } },
      // No test: pictures to look at. Named, and so never run with the others.
      { extends: true, test: { name: "shots", include: ["tests/shots.ts"], testTimeout: 300_000 } },
      { extends: true, test: { name: "appShots", include: ["tests/appShots.ts"], testTimeout: 900_000 } },
    ],
  },
}));
