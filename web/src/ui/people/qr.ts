/** QR codes: fetched by themselves, since most people see none when they first come. */
import encodeQR from "qr";

/** A text as a QR code: how many squares a side has, and the dark ones as an SVG path. */
export function codeOf(text: string): { readonly side: number; readonly path: string } {
  const rows = encodeQR(text, "raw", { ecc: "medium", border: 2 });
  const dots = rows.flatMap((row, y) => row.flatMap((dark, x) => (dark ? [`M${String(x)} ${String(y)}h1v1h-1z`] : [])));
  return { path: dots.join(""), side: rows.length };
}
