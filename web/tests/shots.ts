/**
 * Pictures of every part in every view, into `shots/`, to be looked at: `npm run shots`; `PARTS=bubble,composer`
 * and `VIEW=390-dark` take fewer. They are not kept: a picture of a page is no truth about it.
 */
import { mkdirSync } from "node:fs";
import { describe, it } from "vitest";
import { launch, nameOf, VIEWS, visit } from "./browser/visit";
import { serve } from "./server";

const only = process.env.PARTS?.split(",");

describe("pictures", () => {
  it.each(VIEWS.filter((view) => process.env.VIEW === undefined || nameOf(view).includes(process.env.VIEW)))("at $width, $theme, $language", async (view) => {
    const { server, address } = await serve();
    const browser = await launch();
    const { page } = await visit(browser, address, view);
    await page.setViewportSize({ width: view.width, height: 2_000 });
    const folder = `shots/${nameOf(view)}`;
    mkdirSync(folder, { recursive: true });
    for (const part of await page.locator("main > section").all()) {
      const id = (await part.getAttribute("id")) ?? "";
      if (only === undefined || only.includes(id)) await part.screenshot({ path: `${folder}/${id}.png` });
    }
    await page.setViewportSize(view);
    for (const [at, name] of ["dialog", "alert", "sheet"].entries()) {
      await page.locator("#dialog figure button").nth(at).click();
      await page.screenshot({ path: `${folder}/open-${name}.png` });
      await page.keyboard.press("Escape");
    }
    await browser.close();
    server.close();
  });
});
