/** The search for what a server may not write finds it in every form, and nothing that only looks like it. */
import { describe, expect, it } from "vitest";
import { formsOf, Secrets } from "./core/secrets";

const SAID = 'Grüße von "Anna", um sieben?';

function search(...texts: readonly string[]): Secrets {
  const secrets = new Secrets();
  secrets.add(...texts);
  return secrets;
}

function line(of: string | Buffer): Buffer {
  return Buffer.concat([Buffer.from("2026-11-30T10:00:00.123456Z DEBUG refused code="), Buffer.from(of), Buffer.from(" id=7\n")]);
}

describe("what was said", () => {
  it.each(formsOf(SAID))("is found as %s", (form) => {
    const secrets = search("something else", SAID);
    expect(secrets.foundIn(line(form))).toHaveLength(1);
    expect(secrets.foundIn(line(form.slice(0, -1)))).toEqual([]);
  });

  it.each([0, 1, 2, 3, 4])("is found in base 64 of something longer, %i bytes in", (before) => {
    const whole = Buffer.concat([Buffer.alloc(before, 200), Buffer.from(SAID), Buffer.alloc(5, 99)]);
    for (const way of ["base64", "base64url", "hex"] as const) expect(search(SAID).foundIn(line(whole.toString(way))), way).toHaveLength(1);
  });

  it("is found at the beginning and at the end of what was written, and told once", () => {
    expect(search(SAID).foundIn(Buffer.from(SAID))).toHaveLength(1);
    expect(search(SAID).foundIn(Buffer.from(`${SAID}\n${SAID}`))).toHaveLength(1);
    expect(search(SAID).foundIn(Buffer.from(""))).toEqual([]);
  });

  it("tells what stands around it", () => {
    expect(search(SAID).foundIn(line(SAID))[0]).toContain("refused code=");
  });
});

describe("a short name", () => {
  it("is found as a word, and not within one", () => {
    const secrets = search("Ben");
    expect(secrets.foundIn(line('name="Ben"'))).toHaveLength(1);
    expect(secrets.foundIn(line("Bench, Reuben, xBen7"))).toEqual([]);
  });

  it("of one letter is not looked for", () => {
    expect(search("B").foundIn(line("B"))).toEqual([]);
  });
});

describe("a number", () => {
  it.each(["+12025550101", "12025550101", "2025550101", "%2B12025550101"])("is found as %s", (form) => {
    const secrets = new Secrets();
    secrets.addNumber("+12025550101");
    expect(secrets.foundIn(line(form)).length).toBeGreaterThan(0);
    expect(secrets.foundIn(line(form.replace("0101", "0102")))).toEqual([]);
  });
});
