/**
 * Whether a colour can be read on another, after WCAG 2.2 (success criteria 1.4.3 and 1.4.11).
 *
 * Always holds: pure. Deliberately absent: colours that let something through; what they lie on is
 * not known here.
 */

/** A role's two values, each `#rrggbb` or `#rrggbbaa`. */
export interface Role {
  readonly light: string;
  readonly dark: string;
}

/** The roles in the text of `colours.css`, by name without dashes before it. */
export function rolesOf(css: string): ReadonlyMap<string, Role> {
  const roles = new Map<string, Role>();
  for (const [, name, light, dark] of css.matchAll(/--([\w-]+):\s*light-dark\((#\w+),\s*(#\w+)\);/g)) {
    if (name !== undefined && light !== undefined && dark !== undefined) roles.set(name, { light, dark });
  }
  return roles;
}

/** Relative luminance of `#rrggbb`, from 0 (black) to 1 (white). */
export function luminance(colour: string): number {
  const channel = (at: number): number => {
    const value = Number.parseInt(colour.slice(at, at + 2), 16) / 255;
    return value <= 0.040_45 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  };
  return 0.2126 * channel(1) + 0.7152 * channel(3) + 0.0722 * channel(5);
}

/** The contrast of two colours `#rrggbb`, from 1 to 21. */
export function contrast(one: string, other: string): number {
  const [low, high] = [luminance(one), luminance(other)].sort((a, b) => a - b);
  return ((high ?? 0) + 0.05) / ((low ?? 0) + 0.05);
}
