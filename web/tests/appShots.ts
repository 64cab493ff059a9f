/**
 * Pictures of every screen of the app in every view, into `shots/app/`, to be looked at: `npm run shots:app`;
 * `SCREENS=home,chat-group` and `VIEW=390-dark` take fewer.
 */
import { mkdirSync } from "node:fs";
import { describe, it } from "vitest";
import { SCREENS, visitScreen } from "./browser/screens";
import { launch, nameOf, VIEWS } from "./browser/visit";
import { serve } from "./server";

const only = process.env.SCREENS?.split(",");

describe("pictures of the app", () => {
  it.each(VIEWS.filter((view) => process.env.VIEW === undefined || nameOf(view).includes(process.env.VIEW)))("at $width, $theme, $language", async (view) => {
    const { server, address } = await serve();
    const browser = await launch();
    const folder = `shots/app/${nameOf(view)}`;
    mkdirSync(folder, { recursive: true });
    for (const screen of SCREENS.filter(({ name }) => only === undefined || only.includes(name))) {
      try {
        const { page, context, wrongs } = await visitScreen(browser, address, view, screen);
        await page.waitForTimeout(200);
        await page.screenshot({ path: `${folder}/${screen.name}.png` });
        if (wrongs.length > 0) console.warn(screen.name, wrongs);
        await context.close();
      } catch (error) {
        // One screen that can not be reached hides no other.
        console.warn(screen.name, String(error).slice(0, 400));
      }
    }
    await browser.close();
    server.close();
  });
});
