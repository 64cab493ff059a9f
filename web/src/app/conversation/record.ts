/** Records a voice message, and shows how loud it is meanwhile. */
import { useCallback, useEffect, useRef, useState } from "react";

/** The longest that is recorded. */
export const RECORD_MAX_MS = 15 * 60_000;
const EVERY_MS = 100;
const BARS = 40;

interface Recording {
  readonly durationMs: number;
  readonly wave: readonly number[];
}

interface Under {
  readonly recorder: MediaRecorder;
  readonly stream: MediaStream;
  readonly context: AudioContext;
  readonly timer: ReturnType<typeof setInterval>;
  keep: boolean;
}

/** What of the kinds that browsers record is kept: the first that this one has. */
function kindOf(): string {
  return ["audio/webm;codecs=opus", "audio/mp4", "audio/ogg;codecs=opus"].find((type) => MediaRecorder.isTypeSupported(type)) ?? "";
}

/** `done` gets what was recorded and kept, and how long it is; `failed` the code of why there is no recording. */
export function useRecording(done: (file: File, durationMs: number) => void, failed: (code: string) => void): { readonly now: Recording | null; readonly start: () => void; readonly stop: (keep: boolean) => void } {
  const [now, setNow] = useState<Recording | null>(null);
  const under = useRef<Under | null>(null);
  /** The browser is asked for the microphone. */
  const asks = useRef(false);
  const gone = useRef(false);
  const stop = useCallback((keep: boolean) => {
    const it = under.current;
    if (it === null) return;
    it.keep = keep;
    it.recorder.stop();
  }, []);
  const start = useCallback(() => {
    if (under.current !== null || asks.current) return;
    // Not where the page did not come by TLS.
    const devices = navigator.mediaDevices as MediaDevices | undefined;
    if (devices === undefined) {
      failed("microphone_refused");
      return;
    }
    const parts: Blob[] = [];
    asks.current = true;
    devices.getUserMedia({ audio: true }).then((stream) => {
      asks.current = false;
      if (gone.current) {
        // Allowed only after one had left: nobody would see that it is on.
        stream.getTracks().forEach((track) => { track.stop(); });
        return;
      }
      const type = kindOf();
      const recorder = new MediaRecorder(stream, type === "" ? {} : { mimeType: type });
      const context = new AudioContext();
      const hears = context.createAnalyser();
      context.createMediaStreamSource(stream).connect(hears);
      const samples = new Uint8Array(hears.fftSize);
      const began = performance.now();
      const timer = setInterval(() => {
        hears.getByteTimeDomainData(samples);
        const loud = Math.min(1, samples.reduce((most, it) => Math.max(most, Math.abs(it - 128)), 0) / 96);
        const durationMs = performance.now() - began;
        setNow((was) => ({ durationMs, wave: [...(was?.wave ?? []), loud].slice(-BARS) }));
        if (durationMs > RECORD_MAX_MS) stop(true);
      }, EVERY_MS);
      const it: Under = { recorder, stream, context, timer, keep: false };
      under.current = it;
      recorder.ondataavailable = ({ data }) => { parts.push(data); };
      recorder.onstop = () => {
        clearInterval(timer);
        stream.getTracks().forEach((track) => { track.stop(); });
        void context.close();
        under.current = null;
        setNow(null);
        const durationMs = performance.now() - began;
        const plain = recorder.mimeType.split(";")[0] ?? "audio/webm";
        if (it.keep) done(new File(parts, `voice.${plain.split("/")[1] ?? "webm"}`, { type: plain }), durationMs);
      };
      recorder.start();
      setNow({ durationMs: 0, wave: [] });
    }).catch(() => {
      asks.current = false;
      if (!gone.current) failed("microphone_refused");
    });
  }, [done, failed, stop]);
  useEffect(() => {
    gone.current = false;
    return () => {
      gone.current = true;
      stop(false);
    };
  }, [stop]);
  return { now, start, stop };
}
