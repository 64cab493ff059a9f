import { describe, expect, it } from "vitest";
import { answerOf, type Asked, cacheOf, outdated, type Shell } from "./shell";

const ORIGIN = "https://talk.example";
const shell: Shell = { build: "b2", files: { "/": "sha256-a", "/mark.svg": "sha256-b", "/assets/app-1a2b.js": "sha256-c" } };

function asked(path: string, more: Partial<Omit<Asked, "headers">> & { headers?: Record<string, string> } = {}): Asked {
  return { method: "GET", url: new URL(path, ORIGIN).href, mode: "cors", ...more, headers: new Headers(more.headers) };
}

describe("what the service worker answers", () => {
  const navigate = { mode: "navigate" };

  it("is the page, whatever its search, and each listed file", () => {
    expect(answerOf(shell, ORIGIN, asked("/", navigate))).toBe("/");
    expect(answerOf(shell, ORIGIN, asked("/?from=home", navigate))).toBe("/");
    expect(answerOf(shell, ORIGIN, asked("/assets/app-1a2b.js"))).toBe("/assets/app-1a2b.js");
    expect(answerOf(shell, ORIGIN, asked("/mark.svg", { mode: "no-cors" }))).toBe("/mark.svg");
  });

  it.each([
    ["an act of the server", asked("/v1/messages")],
    ["an act of the server that somebody opens", asked("/v1/messages", navigate)],
    ["the server's health", asked("/healthz", navigate)],
    ["a file of another build", asked("/assets/app-9z9z.js")],
    ["a file with a question", asked("/mark.svg?x=1")],
    ["a file that is opened by itself", asked("/mark.svg", navigate)],
    ["the page where it is no page", asked("/")],
    ["what is sent", asked("/", { method: "POST", mode: "navigate" })],
    ["a part of a file", asked("/mark.svg", { headers: { Range: "bytes=0-9" } })],
    ["what carries a right", asked("/mark.svg", { headers: { Authorization: "Bearer x" } })],
    ["another origin", asked("https://elsewhere.example/mark.svg")],
    ["what only objects have", asked("/constructor")],
  ])("is not %s", (_, request) => {
    expect(answerOf(shell, ORIGIN, request)).toBeUndefined();
  });

  it("comes from its own build's cache; those of other builds go, and nobody else's", () => {
    expect(outdated([cacheOf("b1"), cacheOf("b2"), "pictures"], "b2")).toEqual([cacheOf("b1")]);
  });
});
