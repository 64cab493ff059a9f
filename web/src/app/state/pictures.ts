/**
 * Pictures before they are sent: made smaller, turned upright, freed of what the camera wrote beside
 * them; and very small ones to show meanwhile.
 *
 * Always holds: a picture that would grow, or that does not open, goes as it is. Deliberately absent:
 * pictures that move; they go as they are.
 */

/** The longest side of a picture that is sent, in pixels. */
export const SIDE_MAX = 2048;
const QUALITY = 0.84;
const SMALL = 24;

/** Width and height that fit into a square of `most`, never larger than they are. */
export function fitted(width: number, height: number, most: number): { readonly width: number; readonly height: number } {
  const share = Math.min(1, most / Math.max(width, height, 1));
  return { width: Math.max(1, Math.round(width * share)), height: Math.max(1, Math.round(height * share)) };
}

function drawn(image: ImageBitmap, width: number, height: number, from = { x: 0, y: 0, width: image.width, height: image.height }): HTMLCanvasElement {
  const canvas = document.createElement("canvas");
  canvas.width = width;
  canvas.height = height;
  canvas.getContext("2d")?.drawImage(image, from.x, from.y, from.width, from.height, 0, 0, width, height);
  return canvas;
}

function blobOf(canvas: HTMLCanvasElement, type: string): Promise<Blob | null> {
  return new Promise((done) => { canvas.toBlob(done, type, QUALITY); });
}

/** Whether it can be made smaller. */
export function shrinks(type: string): boolean {
  return ["image/jpeg", "image/png", "image/webp", "image/avif"].includes(type);
}

export interface Prepared {
  readonly file: File;
  /** A very small picture as a data address. */
  readonly placeholder: string;
  readonly width: number;
  readonly height: number;
}

/** A picture as it is sent; null where it does not open as one. */
export async function prepared(file: File): Promise<Prepared | null> {
  const image = await createImageBitmap(file).catch(() => null);
  if (image === null) return null;
  const size = fitted(image.width, image.height, SIDE_MAX);
  const small = fitted(image.width, image.height, SMALL);
  const placeholder = drawn(image, small.width, small.height).toDataURL("image/jpeg", 0.5);
  const type = file.type === "image/png" ? "image/webp" : "image/jpeg";
  const blob = shrinks(file.type) ? await blobOf(drawn(image, size.width, size.height), type) : null;
  image.close();
  const better = blob !== null && blob.type === type && blob.size < file.size;
  const name = file.name.replace(/\.[^.]*$/, "") + (type === "image/webp" ? ".webp" : ".jpg");
  return { file: better ? new File([blob], name, { type }) : file, placeholder, ...size };
}

/** The middle of a picture as a square, for a profile. */
export async function squared(file: Blob, side = 512): Promise<Blob | null> {
  const image = await createImageBitmap(file).catch(() => null);
  if (image === null) return null;
  const least = Math.min(image.width, image.height);
  const from = { x: (image.width - least) / 2, y: (image.height - least) / 2, width: least, height: least };
  const blob = await blobOf(drawn(image, Math.min(side, least), Math.min(side, least), from), "image/jpeg");
  image.close();
  return blob;
}
