/** The app's next version, for the tests: the page says which it is, and its core is another one. */
import { mergeConfig, type Plugin, type UserConfig } from "vite";
import { defineConfig } from "vitest/config";
import base from "../../vite.config";

function second(): Plugin {
  return {
    name: "second",
    transform: (code, id) => (id.split("?")[0]?.endsWith("/core/worker.ts") === true && !id.includes("?worker&url") ? `${code}\nperformance.mark("second");` : undefined),
    transformIndexHtml: (html) => html.replace("</head>", '<meta name="version" content="second" /></head>'),
  };
}

export default defineConfig((env) => mergeConfig<UserConfig, UserConfig>(base(env), { plugins: [second()], worker: { plugins: () => [second()] } }));
