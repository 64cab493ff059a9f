/**
 * Reads a QR code with the camera.
 *
 * Always holds: pictures stay in this page, and the camera is off when it goes. Deliberately absent: a
 * decoder of the browser's; not all have one, and ours reads what we show.
 */
import { useEffect, useRef, useState } from "react";
import { Button } from "../../ui/basics/Button";
import { Banner } from "../../ui/feedback/Feedback";
import { useSpeech } from "../../ui/words/context";
import styles from "./people.module.css";

const EVERY_MS = 200;
const SIDE = 640;

export interface ScannerProps {
  readonly label: string;
  readonly onRead: (text: string) => void;
  readonly onClose: () => void;
}

type Decode = (picture: ImageData) => string;

/** What a picture says; null where there is no code in it. */
function read(video: HTMLVideoElement, canvas: HTMLCanvasElement, decode: Decode): string | null {
  const share = Math.min(1, SIDE / Math.max(video.videoWidth, video.videoHeight, 1));
  canvas.width = Math.round(video.videoWidth * share);
  canvas.height = Math.round(video.videoHeight * share);
  const context = canvas.getContext("2d", { willReadFrequently: true });
  if (context === null || canvas.width === 0) return null;
  context.drawImage(video, 0, 0, canvas.width, canvas.height);
  try {
    return decode(context.getImageData(0, 0, canvas.width, canvas.height));
  } catch {
    return null;
  }
}

export function Scanner({ label, onRead, onClose }: ScannerProps) {
  const { words } = useSpeech();
  const video = useRef<HTMLVideoElement>(null);
  const leave = useRef<HTMLButtonElement>(null);
  const told = useRef(onRead);
  const [failure, setFailure] = useState<string>();
  useEffect(() => { told.current = onRead; }, [onRead]);
  useEffect(() => {
    const canvas = document.createElement("canvas");
    let stream: MediaStream | undefined;
    let gone = false;
    // Absent where the page is not served over TLS.
    const devices = navigator.mediaDevices as MediaDevices | undefined;
    let decode: Decode | undefined;
    const decoder = import("qr/decode.js").then((it) => { decode = it.default; }, () => { throw new Error("unreachable"); });
    const camera = async (): Promise<MediaStream> => {
      // Nothing is looked at that could not be read.
      await decoder;
      if (devices === undefined) throw new Error("camera_refused");
      return devices.getUserMedia({ video: { facingMode: "environment" } }).catch(() => { throw new Error("camera_refused"); });
    };
    camera().then((it) => {
      stream = it;
      if (gone) it.getTracks().forEach((track) => { track.stop(); });
      else if (video.current !== null) {
        video.current.srcObject = it;
        void video.current.play();
      }
    }, (error: unknown) => { setFailure(error instanceof Error ? error.message : "camera_refused"); });
    const timer = setInterval(() => {
      const text = video.current === null || decode === undefined ? null : read(video.current, canvas, decode);
      if (text === null || gone) return;
      gone = true;
      told.current(text);
    }, EVERY_MS);
    return () => {
      gone = true;
      clearInterval(timer);
      stream?.getTracks().forEach((track) => { track.stop(); });
    };
  }, []);
  useEffect(() => {
    const before = document.activeElement;
    const around = leave.current?.parentElement;
    // What opened it may be gone while it is there, and is back when it goes.
    if (before === document.body) leave.current?.focus();
    return () => {
      if (document.activeElement !== document.body) return;
      const back = before instanceof HTMLElement && before !== document.body && before.isConnected ? before : [...around?.querySelectorAll("button") ?? []].at(-1);
      back?.focus();
    };
  }, []);
  return (
    <>
      {failure !== undefined ? <Banner kind="caution">{words.told.failure(failure)}</Banner> : <video ref={video} className={styles.video} muted playsInline aria-label={label} />}
      <Button ref={leave} kind="plain" onClick={onClose}>{words.cancel}</Button>
    </>
  );
}
