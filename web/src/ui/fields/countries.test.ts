import { getCountries, getCountryCallingCode } from "libphonenumber-js";
import { describe, expect, it } from "vitest";
import { Format } from "../words/format";
import { digitsOf } from "./CodeField";
import { matching } from "./Combobox";
import { countries, flagOf, namedCountries } from "./countries";

describe("countries", () => {
  it("are those that the library of numbers knows, with its codes", () => {
    const known = getCountries().map((code) => code + getCountryCallingCode(code)).sort();
    expect(countries.map((c) => c.code + c.callingCode).sort()).toEqual(known);
  });

  it("have names in each language and a flag", () => {
    for (const language of ["en", "ar"] as const) {
      for (const { code, name } of namedCountries(new Format(language))) expect(name, code).not.toBe(code);
    }
    expect(flagOf("JO")).toBe("🇯🇴");
  });

  it("are found by name without marks, by code, and by calling code", () => {
    const choices = namedCountries(new Format("en")).map((c) => ({
      value: c.code,
      label: c.name,
      also: `${c.code} +${c.callingCode} ${c.callingCode}`,
    }));
    const first = (query: string): string | undefined => matching(choices, query)[0]?.value;
    expect(first("cote d")).toBe("CI");
    expect(first("+962")).toBe("JO");
    expect(first("germ")).toBe("DE");
    expect(matching(choices, "xyzzy")).toEqual([]);
    // What begins with it stands before what only contains it.
    expect(matching(choices, "ger").findIndex((c) => c.value === "DE")).toBeLessThan(
      matching(choices, "ger").findIndex((c) => c.value === "NG"),
    );
  });
});

describe("digits", () => {
  it("of every script become 0 to 9", () => {
    expect(digitsOf("12-34 ٥٦ ۷۸ ०९")).toBe("1234567809");
    expect(digitsOf("𝟘𝟙𝟗")).toBe("019");
  });
});
