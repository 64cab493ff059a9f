import { describe, expect, it } from "vitest";
import { colourOf, initialsOf, PERSON_COLOURS } from "./colour";

describe("a person's colour", () => {
  it("stays what it is: ids keep their colours in every later version", () => {
    expect(["ana", "ben", "ليلى", "00112233445566778899aabbccddeeff", ""].map(colourOf)).toEqual([9, 7, 4, 7, 2]);
  });

  it("is spread evenly over ids that differ little", () => {
    const seen = new Array<number>(PERSON_COLOURS).fill(0);
    for (let n = 0; n < 10_000; n += 1) {
      const colour = colourOf(`account-${String(n)}`);
      seen[colour] = (seen[colour] ?? 0) + 1;
    }
    for (const count of seen) expect(Math.abs(count - 1000)).toBeLessThan(150);
  });
});

describe("initials", () => {
  it("are of the first and the last word, in any script", () => {
    expect(["Ana", "ana de la cruz", "  (Ben)  ", "ليلى حداد", "山田 太郎", "👩‍🚒 Crew", "", "***"].map(initialsOf)).toEqual([
      "A", "AC", "B", "ل\u200Cح", "山太", "👩‍🚒C", "", "",
    ]);
  });
});
