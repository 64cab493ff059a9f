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
import { type Around, Browser } from "./browser";
import { until, type World } from "./world";

/** How far a message got, by the name of its ticks. */
export type Tick = "Sending" | "Sent" | "Delivered" | "Read";

/** A message as the screen shows it. */
export interface Shown {
  readonly text: string;
  readonly tick: string;
  /** What its file is called; empty where it has none. */
  readonly file: string;
}

/** What a person needs around them: also the codes, and a place for what they say that nobody may write down. */
export type Surroundings = Around & Pick<World, "secrets" | "code">;

export class Person {
  #page: Page | undefined;

  private constructor(
    readonly browser: Browser,
    readonly world: Surroundings,
  ) {}

  /** A new person, at the first page, in a browser that takes them for somebody in London. */
  static async start(world: Surroundings, args: readonly string[] = []): Promise<Person> {
    const person = new Person(await Browser.start(world, { context: { locale: "en-GB", viewport: { width: 1280, height: 800 } }, args }), world);
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

  /** Opens browser and app again, after its end. */
  async comesBack(): Promise<void> {
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
  async signUp(number: string, name: string): Promise<void> {
    const { page, world } = this;
    world.secrets.addNumber(`+1${number}`);
    world.secrets.add(number, name);
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
    this.world.secrets.add(all.join(" "));
    await page.getByRole("checkbox", { name: "I wrote them down" }).check();
    await this.press("Done");
    await this.goTo("Chats");
    return all;
  }

  /** Asks somebody new to talk, by their number. */
  async askToTalk(number: string, firstWords: string): Promise<void> {
    const { page } = this;
    this.world.secrets.add(firstWords);
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
    this.world.secrets.add(text);
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
        // In a button that has a picture or what moves it beside it; a name of somebody stands in none.
        file: article.querySelector("span + button > bdi, button + button > bdi")?.textContent ?? "",
      })));
  }

  async texts(): Promise<readonly string[]> {
    return (await this.messages()).map(({ text }) => text);
  }

  /** The same, and files by their names. */
  async lines(): Promise<readonly string[]> {
    return (await this.messages()).map(({ text, file }) => (file === "" ? text : file));
  }

  /** All lines of the open conversation, whose first is `first`: read window by window, from the newest to the oldest. */
  async whole(first: string): Promise<readonly string[]> {
    let all = await this.lines();
    while (all[0] !== first) {
      const [oldest] = all;
      if (oldest === undefined) throw new Error("there is nothing");
      await this.page.getByRole("article").first().scrollIntoViewIfNeeded();
      const more = await until(`what stands before ${oldest}`, async () => {
        const lines = await this.lines();
        return lines.indexOf(oldest) > 0 && lines;
      });
      const at = more.indexOf(oldest);
      // Where windows meet, they say the same.
      expect(all.slice(0, more.length - at)).toEqual(more.slice(at));
      all = [...more.slice(0, at), ...all];
    }
    return all;
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
    await this.beginGroup(name, people);
    await this.button(new RegExp(`${name}.*${String(people.length + 1)} members`)).waitFor();
  }

  /** The same as far as to the last click. */
  async beginGroup(name: string, people: readonly string[]): Promise<void> {
    const { page } = this;
    this.world.secrets.add(name);
    await this.goTo("People");
    await this.press("New group");
    await page.getByLabel("Name of the group").fill(name);
    for (const person of people) await page.getByRole("checkbox", { name: person }).check();
    await this.press("Make the group");
  }

  /** The invitation to the group that is open, as an address of the app; it is made where there is none. */
  async invitation(group: string): Promise<string> {
    await this.button(new RegExp(`${group}.*members`)).click();
    await this.press(/^Invitation link/);
    await this.#address.or(this.button("Make a link")).first().waitFor();
    if (await this.#address.count() === 0) await this.press("Make a link");
    const address = await this.#address.innerText();
    await this.look("invitation");
    this.world.secrets.add(address.split("#join/")[1] ?? "");
    return address;
  }

  /** Another invitation in place of the one that is shown. */
  async anotherInvitation(): Promise<string> {
    const before = await this.#address.innerText();
    await this.press("Take it back");
    await this.press("Make a link");
    return until("another link", async () => {
      const now = await this.#address.innerText();
      return now === before ? undefined : now;
    });
  }

  get #address(): Locator {
    return this.page.getByText(/#join\//);
  }

  /** Comes to an address from elsewhere, as by pressing it in another program. */
  async comesTo(address: string): Promise<void> {
    await this.page.goto("about:blank");
    await this.page.goto(address);
  }

  /** Sends a file, by the button for files. */
  async sendFile(name: string, bytes: Buffer): Promise<void> {
    this.world.secrets.add(name);
    const chooser = this.page.waitForEvent("filechooser");
    await this.press("Attach");
    await (await chooser).setFiles({ name, mimeType: "application/octet-stream", buffer: bytes });
    const dialog = this.page.getByRole("dialog", { name: "Send 1 file" });
    await dialog.getByRole("button", { name: "Send", exact: true }).click();
    await dialog.waitFor({ state: "detached" });
  }

  /** A message, by the name of its file. */
  fileOf(name: string): Locator {
    return this.page.getByRole("article").filter({ has: this.page.locator("bdi", { hasText: name }) });
  }

  /** What fetches a file. */
  fetches(name: string): Locator {
    return this.fileOf(name).getByRole("button", { name: "Download", exact: true });
  }

  /** Resolves once a file is here, without being asked for. */
  async comes(name: string): Promise<void> {
    await until(`${name} to be here`, async () => {
      const [messages, moves, asks] = await Promise.all([this.fileOf(name), this.fileOf(name).getByRole("progressbar"), this.fetches(name)].map((it) => it.count()));
      return messages === 1 && moves === 0 && asks === 0;
    });
  }

  /** Fetches a file, where it is not here, and saves it; its bytes. */
  async saveFile(name: string): Promise<Buffer> {
    const message = this.fileOf(name);
    await until(`${name} to be here`, async () => {
      if (await message.count() !== 1 || await message.getByRole("progressbar").count() > 0) return false;
      if (await this.fetches(name).count() === 0) return true;
      // It may have begun to come meanwhile.
      await this.fetches(name).click({ timeout: 1_000 }).catch(() => undefined);
      return false;
    });
    const download = this.page.waitForEvent("download");
    await message.getByRole("button", { name }).click();
    const saved = await download;
    expect(saved.suggestedFilename()).toBe(name);
    return readFile(await saved.path());
  }

  /** Sends a picture as it is, by the button for files. */
  async sendPicture(name: string, bytes: Buffer, caption: string): Promise<void> {
    this.world.secrets.add(name, caption);
    const chooser = this.page.waitForEvent("filechooser");
    await this.press("Attach");
    await (await chooser).setFiles({ name, mimeType: "image/png", buffer: bytes });
    const dialog = this.page.getByRole("dialog", { name: "Send 1 file" });
    await dialog.getByRole("switch", { name: "Send the original" }).check();
    await dialog.getByLabel("Add a message").fill(caption);
    await dialog.getByRole("button", { name: "Send", exact: true }).click();
    await dialog.waitFor({ state: "detached" });
  }

  /** Resolves once a message's picture is shown, `width` pixels wide. */
  async sees(caption: string, width: number): Promise<void> {
    await until(`the picture of ${caption}`, () => this.message(caption).locator("img").evaluateAll((all, width) => all.some((it) => (it as HTMLImageElement).naturalWidth === width), width));
  }

  /** Opens a picture as large as the window, once it is `width` pixels wide, and saves it; its bytes. */
  async savePicture(name: string, caption: string, width: number): Promise<Buffer> {
    const message = this.message(caption);
    await this.sees(caption, width);
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

  /** The code by which this browser, which has no account yet, is let into one. */
  async linkCode(): Promise<string> {
    await this.press("Link to my other device");
    await this.page.getByRole("img", { name: "Code that links this browser" }).waitFor();
    return this.page.getByText(/^(\S{1,5} ){4,}/).innerText();
  }

  /** Lets another browser in, by its code. */
  async letIn(code: string): Promise<void> {
    await this.goTo("Settings");
    await this.press("Let another device in");
    await this.page.getByLabel("Or type its code").fill(code);
    await this.press("Let it in");
  }

  /** Takes the only other device out of the account. */
  async takeOut(): Promise<void> {
    const { page } = this;
    await this.goTo("Settings");
    await page.getByRole("button", { name: /^Devices/ }).click();
    const devices = page.getByRole("list", { name: "Devices" }).getByRole("listitem");
    await devices.getByRole("button", { name: /^More about/ }).click();
    await page.getByRole("menuitem", { name: "Remove", exact: true }).click();
    await page.getByRole("alertdialog").getByRole("button", { name: "Remove", exact: true }).click();
    await until("the device to be gone", async () => (await devices.count()) === 1);
  }

  async end(): Promise<void> {
    await this.browser.end();
  }
}
