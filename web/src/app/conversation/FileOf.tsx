/** A message's file: a picture, a video, a voice, or a file with its name. */
import { useCallback, useEffect, useRef, useState } from "react";
import { FileAttachment, ImageAttachment, type Transfer, VideoAttachment, VoiceAttachment } from "../../ui/timeline/Attachments";
import type { Line } from "../state/face";
import { BY_ITSELF_MAX, placeholderOf, saveAs, useFile } from "../state/files";
import { barsOf, FLAT } from "./wave";

/** What is known of a picture before it is here: nothing, and so a quiet ground. */
const QUIET = "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' width='4' height='3'%3E%3Crect width='4' height='3' fill='%23b9a7b5'/%3E%3C/svg%3E";
const UNKNOWN_SIZE = { width: 4, height: 3 };

export interface FileOfProps {
  readonly line: Line;
  readonly conversation: number;
  readonly onView: (line: Line) => void;
}

export function FileOf({ line, conversation, onView }: FileOfProps) {
  const { transfer, held, fetch } = useFile(conversation, line);
  const file = line.attachment;
  const type = file?.media_type ?? "";
  const small = file !== undefined && file.size <= BY_ITSELF_MAX && (type.startsWith("image/") || type.startsWith("audio/"));
  const wants = small && file.available && held === undefined;
  useEffect(() => { if (wants) fetch(); }, [wants, fetch]);
  if (file === undefined) return null;
  const open = (): void => {
    if (held === undefined) fetch();
    else onView(line);
  };
  if (type.startsWith("image/")) return <Picture placeholder={placeholderOf(line.message) ?? QUIET} url={held?.url} transfer={transfer} about={line.text} onOpen={open} />;
  if (type.startsWith("video/")) return <VideoAttachment placeholder={QUIET} {...UNKNOWN_SIZE} bytes={file.size} transfer={transfer} onOpen={open} />;
  if (type.startsWith("audio/")) return <Voice blob={held?.blob} url={held?.url} transfer={transfer} />;
  return <FileAttachment name={file.file_name} bytes={file.size} transfer={transfer} onOpen={() => { if (held === undefined) fetch(); else saveAs(held.url, file.file_name); }} />;
}

function Picture({ placeholder, url, transfer, about, onOpen }: { placeholder: string; url: string | undefined; transfer: Transfer; about: string; onOpen: () => void }) {
  const [size, setSize] = useState(UNKNOWN_SIZE);
  useEffect(() => {
    if (url === undefined) return;
    const image = new Image();
    image.onload = () => { setSize({ width: image.naturalWidth || 4, height: image.naturalHeight || 3 }); };
    image.src = url;
  }, [url]);
  return <ImageAttachment placeholder={placeholder} {...size} {...(url !== undefined && { picture: url })} {...(about !== "" && { about })} transfer={transfer} onOpen={onOpen} />;
}

function Voice({ blob, url, transfer }: { blob: Blob | undefined; url: string | undefined; transfer: Transfer }) {
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
        durationMs={sound.ms}
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
