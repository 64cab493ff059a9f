import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { contrast, rolesOf } from "./contrast";

const roles = rolesOf(readFileSync(new URL("./colours.css", import.meta.url), "utf8"));

const GROUNDS = ["ground", "surface", "raised", "sunken", "hover", "selected"];
const PEOPLE = Array.from({ length: 10 }, (_, n) => `person-${String(n)}`);

/** Text, 4.5: what is read, and all that it is read on. */
const TEXT: readonly (readonly [string, readonly string[]])[] = [
  ["text", GROUNDS],
  ["text-soft", GROUNDS],
  ["link", [...GROUNDS, "bubble-other", "bubble-own"]],
  ["lead", GROUNDS],
  ["lead-strong", GROUNDS],
  ["bad", ["ground", "surface", "raised", "hover", "bubble-own", "bubble-other"]],
  ["good", ["ground", "surface", "raised", "hover"]],
  ["on-lead", ["lead", "lead-strong"]],
  ["on-lead-soft", ["lead-soft"]],
  ["on-call", ["call"]],
  ["on-call-soft", ["call-soft"]],
  ["on-good-soft", ["good-soft"]],
  ["on-bad", ["bad", "bad-strong"]],
  ["on-bad-soft", ["bad-soft"]],
  ["on-told-soft", ["told-soft"]],
  ["on-bubble-other", ["bubble-other"]],
  ["bubble-other-soft", ["bubble-other"]],
  ["on-bubble-own", ["bubble-own"]],
  ["bubble-own-soft", ["bubble-own"]],
  ["tick-read", ["bubble-own", "surface", "hover"]],
  ["on-notice", ["notice"]],
  ["on-person", PEOPLE],
];

/** What is not text but has to be seen, 3. */
const SHAPES: readonly (readonly [string, readonly string[]])[] = [
  ["edge", GROUNDS],
  ["focus", [...GROUNDS, "bubble-own", "bubble-other"]],
  ["lead", ["sunken", "line"]],
];

describe("the colours", () => {
  it("are measured as WCAG does", () => {
    expect(contrast("#000000", "#ffffff")).toBeCloseTo(21, 5);
    expect(contrast("#777777", "#ffffff")).toBeCloseTo(4.48, 2);
  });

  it.each(["light", "dark"] as const)("can be read in %s", (theme) => {
    const pairs = [
      ...TEXT.flatMap(([on, under]) => under.map((ground) => [on, ground, 4.5] as const)),
      ...PEOPLE.flatMap((person) => ["bubble-other", "surface"].map((ground) => [person, ground, 4.5] as const)),
      ...SHAPES.flatMap(([on, under]) => under.map((ground) => [on, ground, 3] as const)),
    ];
    const poor = pairs.flatMap(([on, ground, least]) => {
      const [a, b] = [roles.get(on), roles.get(ground)];
      if (a === undefined || b === undefined) return [`${on} or ${ground} is no role`];
      const is = contrast(a[theme], b[theme]);
      return is < least ? [`${on} on ${ground}: ${is.toFixed(2)} < ${String(least)}`] : [];
    });
    expect(poor).toEqual([]);
  });
});
