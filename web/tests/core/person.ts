/**
 * Somebody who uses the app in a browser: finds things by what stands on the screen, and clicks.
 *
 * Always holds: nothing here reaches into the app; what it knows, a person could see. Deliberately absent: waiting for
 * time to pass; each step waits for what it wants to see.
 */
import { readFile } from "node:fs/promises";
import type { Locator, Page } from "playwright-core";
import { expect } from "vitest";
import { findings } from "../browser/findings";
import { shot } from "./app";
import { Browser } from "./browser";
import { until, type World } from "./world";

/** How far a message got, by the name of its ticks. */
export type Tick = "Sending" | "Sent" | "Delivered" | "Read";

/** A message as the screen shows it. */
export interface Shown {
  readonly text: string;
  readonly tick: string;
}

export class Person {
  #page: Page | undefined;

  private constructor(readonly browser: Browser) {}

  /** A new person, at the first page, in a browser that takes them for somebody in London. */
  static async start(url: string, args: readonly string[] = []): Promise<Person> {
    const person = new Person(await Browser.start(url, { context: { locale: "en-GB", viewport: { width: 1280, height: 800 } }, args }));
    await person.open();
    return person;
  }

  get page(): Page {
    if (this.#page === undefined) throw new Error("the app is not open");
    return this.#page;
  }

  async open(): Promise<void> {
    this.#page = await this.browser.page();
  }

  /** Ends every process of the browser, as a power switch would, and opens the app again. */
  async dies(): Promise<void> {
    await this.browser.kill9();
    await this.browser.open();
    await this.open();
  }

  button(name: string | RegExp): Locator {
    return this.page.getByRole("button", { name, exact: true });
  }

  async press(name: string | RegExp): Promise<void> {
    await this.button(name).click();
  }

  /** Goes to one of the app's places. */
  async goTo(place: "Chats" | "People" | "Settings"): Promise<void> {
    await this.page.getByRole("navigation").getByRole("button", { name: place }).click();
    await this.page.getByRole("heading", { name: place }).first().waitFor();
  }

  /** Looks over what is on the screen: nothing that axe objects to. With a name, it is a picture, too. */
  async look(name: string): Promise<void> {
    expect(await findings(this.page), name).toEqual([]);
    await shot(this.page, name);
  }

  async chooseCountry(): Promise<void> {
    const country = this.page.getByRole("combobox", { name: "Country" });
    expect(await country.inputValue()).toBe("United Kingdom");
    await country.click();
    await country.fill("united states");
    await this.page.getByRole("option", { name: /^United States/ }).first().click();
    expect(await country.inputValue()).toBe("United States");
  }

  /** From the first page to the list of chats. */
  async signUp(world: Pick<World, "code">, number: string, name: string): Promise<void> {
    const { page } = this;
    await this.press("Start with your number");
    await this.chooseCountry();
    await page.getByLabel("Phone number").fill(number);
    await this.press("Send me a code");
    const first = page.getByLabel("Digit 1 of 6");
    await first.click();
    await page.keyboard.insertText(await world.code(`+1${number.replaceAll(" ", "")}`));
    await this.press("Next");
    await page.getByLabel("Your name").fill(name);
    await this.press("Done");
    await page.getByRole("heading", { name: "Chats" }).waitFor();
  }

  /** Makes the twelve words that the list of chats offers. */
  async takeRecoveryWords(): Promise<readonly string[]> {
    const { page } = this;
    await page.getByText("Twelve words bring your account back").waitFor();
    await this.press("Make twelve words");
    await page.getByText("Keep them on paper").waitFor();
    await this.press("Make twelve words");
    const words = page.getByRole("region", { name: "Recovery words" }).getByRole("listitem");
    await words.first().waitFor();
    const all = await words.allInnerTexts();
    await page.getByRole("checkbox", { name: "I wrote them down" }).check();
    await this.press("Done");
    await this.goTo("Chats");
    return all;
  }

  /** Asks somebody new to talk, by their number. */
  async askToTalk(number: string, firstWords: string): Promise<void> {
    const { page } = this;
    await this.goTo("People");
    await this.press("Add by number");
    await this.chooseCountry();
    await page.getByLabel("Phone number").fill(number);
    await this.press("Find");
    await page.getByLabel("Your first words").fill(firstWords);
    await this.press("Ask to talk");
    await this.message(firstWords).waitFor();
  }

  /** Opens what a stranger asks with. */
  async openRequest(name: string, firstWords: string): Promise<void> {
    await this.goTo("Chats");
    await this.press(new RegExp(`${name}.* wants to talk to you`));
    await this.page.getByText(firstWords).waitFor();
  }

  /** Accepts the request that is open. */
  async accept(firstWords: string): Promise<void> {
    await this.press("Accept");
    await this.message(firstWords).waitFor();
  }

  /** Opens a conversation from the list. */
  async openChat(name: string): Promise<void> {
    await this.goTo("Chats");
    await this.row(name).getByRole("button").first().click();
    await this.writing.waitFor();
  }

  /** A conversation's row in the list. */
  row(name: string): Locator {
    const button = this.page.getByRole("button", { name: new RegExp(`^\\W*${name}\\b`) });
    return this.page.getByRole("list", { name: "Chats" }).getByRole("listitem").filter({ has: button });
  }

  /** Chooses from the menu of a conversation's row. */
  async keep(name: string, act: string): Promise<void> {
    const row = this.row(name);
    await row.hover();
    await row.getByRole("button", { name: "More" }).click();
    await this.page.getByRole("menuitem", { name: act, exact: true }).click();
  }

  get writing(): Locator {
    return this.page.getByRole("textbox", { name: "Message", exact: true });
  }

  async say(text: string): Promise<void> {
    await this.writing.fill(text);
    await this.writing.press("Enter");
  }

  /** A message, by its text. */
  message(text: string): Locator {
    return this.page.getByRole("article").filter({ has: this.page.getByText(text, { exact: true }) });
  }

  /** Resolves once an own message has got so far. */
  async got(text: string, tick: Tick): Promise<void> {
    await this.message(text).getByRole("img", { name: tick, exact: true }).waitFor().catch(async (error: unknown) => {
      throw new Error(`${text} is not ${tick}: ${JSON.stringify(await this.messages())}`, { cause: error });
    });
  }

  /** Chooses from the menu of a message. */
  async choose(text: string, act: string): Promise<void> {
    const message = this.message(text);
    await message.hover();
    await message.getByRole("button", { name: "More about this message" }).click();
    await this.page.getByRole("menuitem", { name: act }).click();
  }

  /** All messages of the open conversation, from the oldest to the newest, as they are shown at one moment. */
  async messages(): Promise<readonly Shown[]> {
    return this.page.getByRole("article").evaluateAll((all) =>
      all.map((article) => ({
        text: Array.from(article.querySelectorAll("p"), (it) => it.textContent).join("\n"),
        tick: article.querySelector("time ~ svg[role=img]")?.getAttribute("aria-label") ?? "",
      })));
  }

  async texts(): Promise<readonly string[]> {
    return (await this.messages()).map(({ text }) => text);
  }

  /** The open conversation's texts, once they are these. */
  async reads(texts: readonly string[]): Promise<void> {
    let last: readonly string[] = [];
    await until("the texts", async () => {
      last = await this.texts();
      return JSON.stringify(last) === JSON.stringify(texts);
    }).catch(() => undefined);
    expect(last).toEqual(texts);
  }

  /** Makes a group of people one talks to; it opens. */
  async makeGroup(name: string, people: readonly string[]): Promise<void> {
    const { page } = this;
    await this.goTo("People");
    await this.press("New group");
    await page.getByLabel("Name of the group").fill(name);
    for (const person of people) await page.getByRole("checkbox", { name: person }).check();
    await this.press("Make the group");
    await this.button(new RegExp(`${name}.*${String(people.length + 1)} members`)).waitFor();
  }

  /** Makes an invitation link for the group that is open; the link, without this app's address. */
  async invitation(group: string): Promise<string> {
    await this.button(new RegExp(`${group}.*members`)).click();
    await this.press(/^Invitation link/);
    await this.press("Make a link");
    const address = await this.page.getByText(/#join\//).innerText();
    await this.look("invitation");
    return decodeURIComponent(address.split("#join/")[1] ?? "");
  }

  /** Sends a file, by the button for files. */
  async sendFile(name: string, bytes: Buffer): Promise<void> {
    const chooser = this.page.waitForEvent("filechooser");
    await this.press("Attach");
    await (await chooser).setFiles({ name, mimeType: "application/octet-stream", buffer: bytes });
    const dialog = this.page.getByRole("dialog", { name: "Send 1 file" });
    await dialog.getByRole("button", { name: "Send", exact: true }).click();
    await dialog.waitFor({ state: "detached" });
  }

  /** Sends a picture as it is, by the button for files. */
  async sendPicture(name: string, bytes: Buffer, caption: string): Promise<void> {
    const chooser = this.page.waitForEvent("filechooser");
    await this.press("Attach");
    await (await chooser).setFiles({ name, mimeType: "image/png", buffer: bytes });
    const dialog = this.page.getByRole("dialog", { name: "Send 1 file" });
    await dialog.getByRole("switch", { name: "Send the original" }).check();
    await dialog.getByLabel("A word to it").fill(caption);
    await dialog.getByRole("button", { name: "Send", exact: true }).click();
    await dialog.waitFor({ state: "detached" });
  }

  /** Opens a picture as large as the window, once it is `width` pixels wide, and saves it; its bytes. */
  async savePicture(name: string, caption: string, width: number): Promise<Buffer> {
    const message = this.message(caption);
    await until("the picture", () => message.locator("img").evaluateAll((all, width) => all.some((it) => (it as HTMLImageElement).naturalWidth === width), width));
    await message.getByRole("button", { name: /^Photo/ }).click();
    const viewer = this.page.getByRole("dialog", { name });
    await viewer.getByRole("img", { name: /^Photo/ }).waitFor();
    const download = this.page.waitForEvent("download");
    await viewer.getByRole("button", { name: "Save" }).click();
    const saved = await download;
    expect(saved.suggestedFilename()).toBe(name);
    const bytes = await readFile(await saved.path());
    await viewer.getByRole("button", { name: "Close" }).click();
    return bytes;
  }

  async end(): Promise<void> {
    await this.browser.end();
  }
}
