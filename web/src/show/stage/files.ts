/** Files of the invented world: a picture, a voice, a page. */
import { FACE, LANDSCAPE } from "../samples";

/** What stands for a picture before it is there: dusk over hills, a JPEG of 8 by 6 pixels. */
export const PREVIEW = "_9j_4AAQSkZJRgABAQAAAQABAAD_2wBDABsSFBcUERsXFhceHBsgKEIrKCUlKFE6PTBCYFVlZF9VXVtqeJmBanGQc1tdhbWGkJ6jq62rZ4C8ybqmx5moq6T_2wBDARweHigjKE4rK06kbl1upKSkpKSkpKSkpKSkpKSkpKSkpKSkpKSkpKSkpKSkpKSkpKSkpKSkpKSkpKSkpKSkpKT_wAARCAAGAAgDASIAAhEBAxEB_8QAFQABAQAAAAAAAAAAAAAAAAAAAAP_xAAZEAEAAgMAAAAAAAAAAAAAAAAAAQMUVKL_xAAVAQEBAAAAAAAAAAAAAAAAAAAAA__EABcRAAMBAAAAAAAAAAAAAAAAAAABERL_2gAMAwEAAhEDEQA_AJZ9et3IBlFaz__Z";

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

function drawing(address: string, size: string): Blob {
  return new Blob([decodeURIComponent(address.slice(address.indexOf(",") + 1)).replace("<svg ", `<svg ${size} `)], { type: "image/svg+xml" });
}

/** A person's picture. */
export function face(): Blob {
  return drawing(FACE, 'width="200" height="200"');
}

export function fileOf(mediaType: string): Blob {
  if (mediaType.startsWith("image/")) return drawing(LANDSCAPE, 'width="800" height="600"');
  return mediaType.startsWith("audio/") ? hum(6) : new Blob(["An invented page."], { type: mediaType });
}
