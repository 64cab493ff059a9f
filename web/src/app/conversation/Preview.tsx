/** Files before they go: looked over, made smaller, with a word to them. */
import { useEffect, useState } from "react";
import { Button } from "../../ui/basics/Button";
import { ProgressBar } from "../../ui/feedback/Feedback";
import { Switch } from "../../ui/fields/Choices";
import { TextArea } from "../../ui/fields/TextField";
import { Dialog } from "../../ui/overlays/Dialog";
import { useSpeech } from "../../ui/words/context";
import type { Look } from "../../core/types";
import { mediaLook, NO_LOOK, prepared, shrinks } from "../state/pictures";
import styles from "./conversation.module.css";

/** A file as it goes. */
export interface Ready {
  readonly id: string;
  readonly file: File;
  /** What is known of it before it is there. */
  readonly look: Look;
}

interface Looked extends Ready {
  readonly original: File;
  /** Of the original. */
  readonly size?: { readonly width: number; readonly height: number };
  readonly url?: string;
}

export interface PreviewProps {
  readonly files: readonly File[];
  /** The word to them, as far as it is written. */
  readonly said: string;
  readonly onClose: () => void;
  readonly onSend: (files: readonly Ready[], caption: string) => void;
}

export function Preview({ files, said, onClose, onSend }: PreviewProps) {
  const { words, format } = useSpeech();
  const [ready, setReady] = useState<readonly Looked[] | null>(null);
  const [whole, setWhole] = useState(false);
  const [caption, setCaption] = useState(said);
  useEffect(() => {
    let gone = false;
    const urls: string[] = [];
    void Promise.all(files.map(async (file, n): Promise<Looked> => {
      const id = `${String(n)} ${file.name}`;
      if (!file.type.startsWith("image/")) return { id, file, original: file, look: await mediaLook(file) };
      const better = await prepared(file);
      const it = better?.file ?? file;
      const url = URL.createObjectURL(it);
      urls.push(url);
      return { id, file: it, original: file, url, look: better?.look ?? NO_LOOK, ...(better !== null && { size: better.original }) };
    })).then((all) => { if (!gone) setReady(all); });
    return () => {
      gone = true;
      urls.forEach((url) => { URL.revokeObjectURL(url); });
    };
  }, [files]);
  const shrunk = ready?.some(({ file, original }) => file !== original) === true;
  const send = (): void => {
    if (ready !== null) onSend(ready.map(({ id, file, original, look, size }) => ({ id, file: whole ? original : file, look: whole ? { ...look, ...size } : look })), caption.trim());
  };
  return (
    <Dialog open onClose={onClose} title={words.talk.sendFiles(files.length)} acts={<Button kind="lead" waits={ready === null} onClick={send}>{words.send}</Button>}>
      <div className={styles.preview}>
        {ready === null && <ProgressBar label={words.loading} share={null} />}
        {ready?.map(({ id, file, original, url }) => (url !== undefined ? (
          <figure key={id}>
            <img className={styles.previewPicture} src={url} alt={original.name} />
            <figcaption className={styles.soft}>{format.bytes((whole ? original : file).size)}</figcaption>
          </figure>
        ) : (
          <p key={id} className={styles.previewFile}><bdi>{original.name}</bdi><span className={styles.soft}>{format.bytes(original.size)}</span></p>
        )))}
        {(shrunk || files.some((file) => shrinks(file.type))) && <Switch label={words.talk.original} help={words.talk.originalHelp} checked={whole} onChange={setWhole} />}
        <TextArea label={words.talk.caption} optional value={caption} onChange={setCaption} />
      </div>
    </Dialog>
  );
}
