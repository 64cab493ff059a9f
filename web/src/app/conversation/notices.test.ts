import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { speak } from "../../ui/words/context";
import { learn } from "../../ui/words/languages";
import { CODES as ARABIC } from "../../ui/words/told.ar";
import { CODES } from "../../ui/words/told.en";
import { noticeOf } from "./notices";

await learn("ar");

const names: Readonly<Record<string, string>> = { a: "Ana", b: "Ben", me: "You" };
const plain = (text: string): string => text.replace(/[\u2068\u2069]/g, "");

function said(text: string, author = "a", language: "en" | "ar" = "en"): string {
  const { words, format } = speak(language);
  return plain(noticeOf(text, author, { words, format, own: "me", nameOf: (address) => names[address] ?? address }).text);
}

/** Codes of a table of the terminal client's page, under its heading. */
function documented(heading: string): readonly string[] {
  const page = readFileSync(new URL("../../../../docs/terminal-client.md", import.meta.url), "utf8");
  const table = page.slice(page.indexOf(`**${heading}**`)).split("\n\n")[1] ?? "";
  const codes = table.split("\n").filter((row) => row.startsWith("| `")).flatMap((row) => [...(row.split("|")[1] ?? "").matchAll(/`([a-z_]+)/g)].map(([, code]) => code ?? ""));
  return codes.map((code) => (heading === "Notices" && code === "commit_refused" ? "refused" : code));
}

describe("notices", () => {
  it("are said to whom they are about", () => {
    expect(said("device_added")).toBe("Ana uses a new device. Compare your safety number when you meet.");
    expect(said("device_added", "me")).toBe("You use a new device.");
    expect(said("added:b")).toBe("Ana added Ben.");
    expect(said("added:me")).toBe("Ana added you.");
    expect(said("added:b", "me")).toBe("You added Ben.");
    expect(said("member:me", "me")).toBe("You are no longer an admin.");
    expect(said("added_many:1")).toBe("Ana added 1 person.");
    expect(said("added_many:30")).toBe("Ana added 30 people.");
  });

  it("tell times and names as they were set", () => {
    expect(said("timer:604800")).toBe("Ana lets messages vanish after 1 week.");
    expect(said("timer:5400")).toBe("Ana lets messages vanish after 90 minutes.");
    expect(said("timer:0")).toBe("Ana lets messages stay.");
    expect(said("name:Tea: at five")).toBe("Ana named this group “Tea: at five”.");
    expect(said("added_many:2", "a", "ar")).toBe("أضاف Ana شخصين.");
  });

  it("that are not known have a sentence, and JavaScript's own names are none", () => {
    for (const code of ["from_tomorrow", "constructor", "__proto__", ""]) expect(said(code), code).toBe("Something happened here that needs a newer app to be shown.");
  });

  it("have words for each code that is documented", () => {
    const wanted = documented("Notices");
    expect(wanted.length).toBeGreaterThan(30);
    expect(wanted.filter((code) => !CODES.notices.includes(code))).toEqual([]);
  });
});

describe("warnings and failures", () => {
  it("have words for each warning that is documented, but those that nobody can do anything about", () => {
    const wanted = documented("Warnings");
    expect(wanted.length).toBeGreaterThan(40);
    const quiet = ["inbox_malformed", "history_malformed", "history_refused", "introduction_malformed", "introduction_unreadable", "request_malformed", "profile_unreadable"];
    expect(wanted.filter((code) => !CODES.warnings.includes(code) && !quiet.includes(code))).toEqual([]);
  });

  it("are the same codes in both languages", () => {
    expect(ARABIC).toEqual(CODES);
  });

  it("say what to do where a code is not known", () => {
    const { words } = speak("en");
    expect(words.told.failure("from_tomorrow")).toMatch(/Try again/);
    expect(words.told.notSent("unreachable")).toBe("Not sent. The server was not reached. Check your connection and try again.");
    expect(words.told.start("from_tomorrow").text).toMatch(/Reload/);
  });
});
