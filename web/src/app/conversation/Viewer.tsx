/** A picture or a video, as large as the window. */
import { Download, X } from "lucide-react";
import { useLayoutEffect, useRef } from "react";
import { IconButton } from "../../ui/basics/Button";
import { useSpeech } from "../../ui/words/context";
import type { Line } from "../state/face";
import { saveAs, useFile } from "../state/files";
import styles from "./conversation.module.css";

export function Viewer({ line, conversation, onClose }: { line: Line; conversation: number; onClose: () => void }) {
  const { words } = useSpeech();
  const { held } = useFile(conversation, line);
  const it = useRef<HTMLDialogElement>(null);
  useLayoutEffect(() => {
    const dialog = it.current;
    dialog?.showModal();
    return () => { dialog?.close(); };
  }, []);
  const name = line.attachment?.file_name ?? "";
  return (
    <dialog ref={it} className={styles.viewer} aria-label={name} onClose={() => { if (it.current?.open !== true) onClose(); }}>
      <div className={styles.viewerBody}>
        <div className={styles.viewerTop}>
          <IconButton icon={X} label={words.close} onClick={() => it.current?.close()} />
          <bdi className={styles.viewerName}>{name}</bdi>
          <IconButton icon={Download} label={words.save} onClick={() => { if (held !== undefined) saveAs(held.url, name); }} />
        </div>
        <div className={styles.viewerMiddle}>
          {held !== undefined && (line.attachment?.media_type.startsWith("video/") === true
            // What somebody filmed has no captions; nobody but its sender could write them.
            // eslint-disable-next-line jsx-a11y/media-has-caption
            ? <video src={held.url} controls playsInline />
            : <img src={held.url} alt={line.text === "" ? words.photo : words.photoOf(line.text)} />)}
        </div>
      </div>
    </dialog>
  );
}
