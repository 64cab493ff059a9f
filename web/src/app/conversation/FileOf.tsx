/** A message's file: a picture, a video, a voice, or a file with its name. */
import { useCallback, useEffect, useRef, useState } from "react";
import { FileAttachment, ImageAttachment, type Transfer, VideoAttachment, VoiceAttachment } from "../../ui/timeline/Attachments";
import type { Line } from "../state/face";
import { BY_ITSELF_MAX, saveAs, useFile } from "../state/files";
import { previewAddress } from "../state/pictures";
import { barsOf, FLAT } from "./wave";

const UNKNOWN_SIZE = { width: 4, height: 3 };

export interface FileOfProps {
  readonly line: Line;
  readonly conversation: number;
  readonly onView: (line: Line) => void;
}

export function FileOf({ line, conversation, onView }: FileOfProps) {
  const { transfer, held, fetch, byItself } = useFile(conversation, line);
  const file = line.attachment;
  const kind = file?.kind ?? "file";
  const small = file !== undefined && file.size <= BY_ITSELF_MAX && kind !== "file" && kind !== "video";
  const wants = small && byItself;
  useEffect(() => { if (wants) fetch(); }, [wants, fetch]);
  if (file === undefined) return null;
  const open = (): void => {
    if (held !== undefined) onView(line);
    else if (transfer.kind === "there") fetch();
  };
  const size = file.width > 0 && file.height > 0 ? { width: file.width, height: file.height } : null;
  const placeholder = previewAddress(file.preview);
  const length = file.duration_ms > 0 ? { durationMs: file.duration_ms } : {};
  if (kind === "image" || kind === "sticker") return <Picture placeholder={placeholder} size={size} url={held?.url} transfer={transfer} about={line.text} onOpen={open} />;
  if (kind === "video") return <VideoAttachment placeholder={placeholder} {...(size ?? UNKNOWN_SIZE)} {...length} bytes={file.size} transfer={transfer} onOpen={open} />;
  if (kind === "voice" || kind === "audio") return <Voice blob={held?.blob} url={held?.url} saidMs={file.duration_ms} transfer={transfer} />;
  return <FileAttachment name={file.file_name} bytes={file.size} transfer={transfer} onOpen={() => { if (held === undefined) open(); else saveAs(held.url, file.file_name); }} />;
}

interface PictureProps {
  readonly placeholder: string | undefined;
  /** As its sender says; null where they do not. */
  readonly size: { readonly width: number; readonly height: number } | null;
  readonly url: string | undefined;
  readonly transfer: Transfer;
  readonly about: string;
  readonly onOpen: () => void;
}

function Picture({ placeholder, size: said, url, transfer, about, onOpen }: PictureProps) {
  const [size, setSize] = useState(said ?? UNKNOWN_SIZE);
  const known = said !== null;
  useEffect(() => {
    // The room that was kept for it stays as it is.
    if (url === undefined || known) return;
    const image = new Image();
    image.onload = () => { setSize({ width: image.naturalWidth || 4, height: image.naturalHeight || 3 }); };
    image.src = url;
  }, [url, known]);
  return <ImageAttachment placeholder={placeholder} {...size} {...(url !== undefined && { picture: url })} {...(about !== "" && { about })} transfer={transfer} onOpen={onOpen} />;
}

function Voice({ blob, url, saidMs, transfer }: { blob: Blob | undefined; url: string | undefined; saidMs: number; transfer: Transfer }) {
  const audio = useRef<HTMLAudioElement>(null);
  const [heard, setHeard] = useState(false);
  const [playing, setPlaying] = useState(false);
  const [position, setPosition] = useState(0);
  const [speed, setSpeed] = useState(1);
  const [sound, setSound] = useState<{ readonly bars: readonly number[]; readonly ms: number }>({ bars: FLAT, ms: 0 });
  useEffect(() => {
    let gone = false;
    if (blob !== undefined) void barsOf(blob).then((it) => { if (!gone && it !== null) setSound(it); });
    return () => { gone = true; };
  }, [blob]);
  const seek = useCallback((to: number) => {
    const it = audio.current;
    setPosition(to);
    if (it !== null && sound.ms > 0) it.currentTime = (to * sound.ms) / 1000;
  }, [sound.ms]);
  return (
    <>
      <VoiceAttachment
        durationMs={sound.ms > 0 ? sound.ms : saidMs}
        wave={sound.bars}
        position={position}
        playing={playing}
        heard={heard}
        transfer={transfer}
        speed={speed}
        onSpeed={(to) => {
          setSpeed(to);
          if (audio.current !== null) audio.current.playbackRate = to;
        }}
        onSeek={seek}
        onPlay={() => {
          const it = audio.current;
          if (it === null) return;
          if (playing) it.pause();
          else void it.play().then(() => { setHeard(true); }, () => undefined);
        }}
      />
      {url !== undefined && (
        // What somebody said has no captions; nobody but its speaker could write them.
        // eslint-disable-next-line jsx-a11y/media-has-caption
        <audio
          ref={audio}
          src={url}
          preload="metadata"
          onPlay={() => { setPlaying(true); }}
          onPause={() => { setPlaying(false); }}
          onEnded={() => { setPlaying(false); setPosition(0); }}
          onTimeUpdate={(event) => { if (sound.ms > 0) setPosition(Math.min(1, (event.currentTarget.currentTime * 1000) / sound.ms)); }}
        />
      )}
    </>
  );
}
