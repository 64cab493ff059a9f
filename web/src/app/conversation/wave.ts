/** How loud a recording is, as bars. */

const BARS = 44;

export const FLAT: readonly number[] = Array.from({ length: BARS }, () => 0.15);

/** `bars` loudnesses of `samples`, each from 0 to 1, the loudest 1. */
export function loudness(samples: Float32Array, bars = BARS): readonly number[] {
  const size = Math.max(1, Math.floor(samples.length / bars));
  const means = Array.from({ length: bars }, (_, n) => {
    let sum = 0;
    for (let at = n * size; at < Math.min((n + 1) * size, samples.length); at += 1) sum += Math.abs(samples[at] ?? 0);
    return sum / size;
  });
  const most = Math.max(...means);
  return most === 0 ? means : means.map((mean) => mean / most);
}

/** Bars and length of a recording in milliseconds; null where it can not be played here. */
export async function barsOf(blob: Blob): Promise<{ readonly bars: readonly number[]; readonly ms: number } | null> {
  try {
    // No sound comes of it: it only decodes.
    const context = new OfflineAudioContext(1, 1, 44_100);
    const sound = await context.decodeAudioData(await blob.arrayBuffer());
    return { bars: loudness(sound.getChannelData(0)), ms: sound.duration * 1000 };
  } catch {
    return null;
  }
}
