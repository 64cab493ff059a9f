/**
 * Pictures before they are sent: made smaller, turned upright, freed of what the camera wrote beside
 * them; and what is known of a file before it is there: its size, its length, a very small picture.
 *
 * Always holds: a picture that would grow, or that does not open, goes as it is. Deliberately absent:
 * pictures that move; they go as they are.
 */
import type { Look } from "../../core/types";

/** The longest side of a picture that is sent, in pixels. */
export const SIDE_MAX = 2048;
const QUALITY = 0.84;
/** Sides of a preview, in pixels, from the one that is tried first on. */
const PREVIEW_SIDES = [40, 24, 12, 4] as const;
/** What others take (`docs/protocol.md`). */
const PREVIEW_BYTES_MAX = 4_096;

/** Width and height that fit into a square of `most`, never larger than they are. */
export function fitted(width: number, height: number, most: number): { readonly width: number; readonly height: number } {
  const share = Math.min(1, most / Math.max(width, height, 1));
  return { width: Math.max(1, Math.round(width * share)), height: Math.max(1, Math.round(height * share)) };
}

interface Part {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

function drawn(image: CanvasImageSource, width: number, height: number, from: Part): HTMLCanvasElement {
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

/** Of what nothing is known before it is there. */
export const NO_LOOK: Look = { width: 0, height: 0, duration_ms: 0, voice: false };

/** The address of a preview that came with a file; undefined where there is none, or it is not what it should be. */
export function previewAddress(preview: string): string | undefined {
  if (!/^[A-Za-z0-9_-]+$/.test(preview)) return undefined;
  return `data:image/jpeg;base64,${preview.replaceAll("-", "+").replaceAll("_", "/")}`;
}

/** The bytes of a data address, as the core takes them; null where they are too many. */
export function previewIn(address: string): string | null {
  const found = /^data:image\/jpeg;base64,([A-Za-z0-9+/]+)=*$/.exec(address)?.[1];
  if (found === undefined || (found.length * 3) / 4 > PREVIEW_BYTES_MAX) return null;
  return found.replaceAll("+", "-").replaceAll("/", "_");
}

type Drawable = ImageBitmap | HTMLVideoElement;

/** A very small picture of it: the largest of some that is small enough. */
function previewOf(image: Drawable, width: number, height: number): { readonly preview?: string } {
  for (const side of PREVIEW_SIDES) {
    const small = fitted(width, height, side);
    const preview = previewIn(drawn(image, small.width, small.height, { x: 0, y: 0, width, height }).toDataURL("image/jpeg", 0.5));
    if (preview !== null) return { preview };
  }
  return {};
}

export interface Prepared {
  readonly file: File;
  readonly look: Look;
  /** Pixels of what was given. */
  readonly original: { readonly width: number; readonly height: number };
}

/** A picture as it is sent; null where it does not open as one. */
export async function prepared(file: File): Promise<Prepared | null> {
  const image = await createImageBitmap(file).catch(() => null);
  if (image === null) return null;
  const size = fitted(image.width, image.height, SIDE_MAX);
  const look: Look = { ...NO_LOOK, ...size, ...previewOf(image, image.width, image.height) };
  const type = file.type === "image/png" ? "image/webp" : "image/jpeg";
  const blob = shrinks(file.type) ? await blobOf(drawn(image, size.width, size.height, { x: 0, y: 0, width: image.width, height: image.height }), type) : null;
  const original = { width: image.width, height: image.height };
  image.close();
  const better = blob !== null && blob.type === type && blob.size < file.size;
  const name = file.name.replace(/\.[^.]*$/, "") + (type === "image/webp" ? ".webp" : ".jpg");
  return { file: better ? new File([blob], name, { type }) : file, look, original };
}

/** How long a browser may take to open a sound or a video before it goes without a look. */
const OPENS_MS = 4_000;

/** Waits for one of `events`; false where an error or too long a time comes before it. */
function comes(media: HTMLMediaElement, event: "loadedmetadata" | "loadeddata" | "seeked"): Promise<boolean> {
  return new Promise((done) => {
    const timer = setTimeout(() => { done(false); }, OPENS_MS);
    const end = (well: boolean) => (): void => {
      clearTimeout(timer);
      done(well);
    };
    media.addEventListener(event, end(true), { once: true });
    media.addEventListener("error", end(false), { once: true });
  });
}

/** What a sound or a video looks like, as far as this browser opens it. */
export async function mediaLook(file: File): Promise<Look> {
  const seen = file.type.startsWith("video/");
  if (!seen && !file.type.startsWith("audio/")) return NO_LOOK;
  const url = URL.createObjectURL(file);
  const media = document.createElement(seen ? "video" : "audio");
  media.muted = true;
  media.preload = "auto";
  try {
    const opens = comes(media, seen ? "loadeddata" : "loadedmetadata");
    media.src = url;
    if (!await opens) return NO_LOOK;
    const length = Number.isFinite(media.duration) ? Math.round(media.duration * 1000) : 0;
    const look = { ...NO_LOOK, duration_ms: length };
    if (!(media instanceof HTMLVideoElement) || media.videoWidth === 0) return look;
    const size = { width: media.videoWidth, height: media.videoHeight };
    return { ...look, ...size, ...previewOf(media, size.width, size.height) };
  } finally {
    media.removeAttribute("src");
    media.load();
    URL.revokeObjectURL(url);
  }
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
