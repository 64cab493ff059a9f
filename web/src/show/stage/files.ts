/** Files of the invented world: a picture, a voice, a page. */
import { LANDSCAPE } from "../samples";

const RATE = 8_000;

/** A hum that swells, as a WAV file (RIFF, PCM of 16 bits, one channel). */
function hum(seconds: number): Blob {
  const count = RATE * seconds;
  const bytes = new DataView(new ArrayBuffer(44 + count * 2));
  const ascii = (at: number, text: string): void => { for (let n = 0; n < text.length; n += 1) bytes.setUint8(at + n, text.charCodeAt(n)); };
  ascii(0, "RIFF");
  bytes.setUint32(4, 36 + count * 2, true);
  ascii(8, "WAVEfmt ");
  bytes.setUint32(16, 16, true);
  bytes.setUint16(20, 1, true);
  bytes.setUint16(22, 1, true);
  bytes.setUint32(24, RATE, true);
  bytes.setUint32(28, RATE * 2, true);
  bytes.setUint16(32, 2, true);
  bytes.setUint16(34, 16, true);
  ascii(36, "data");
  bytes.setUint32(40, count * 2, true);
  for (let n = 0; n < count; n += 1) {
    const swell = Math.abs(Math.sin(n / 2_600) * Math.cos(n / 9_000));
    bytes.setInt16(44 + n * 2, Math.sin((n / RATE) * 2 * Math.PI * 220) * swell * 9_000, true);
  }
  return new Blob([bytes.buffer], { type: "audio/wav" });
}

export function fileOf(mediaType: string): Blob {
  if (mediaType.startsWith("image/")) return new Blob([decodeURIComponent(LANDSCAPE.slice(LANDSCAPE.indexOf(",") + 1)).replace("<svg ", '<svg width="800" height="600" ')], { type: "image/svg+xml" });
  return mediaType.startsWith("audio/") ? hum(6) : new Blob(["An invented page."], { type: mediaType });
}
