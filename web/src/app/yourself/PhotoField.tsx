/** A photo for a person or a group: chosen, cut to a square, shown. */
import { Camera, Trash2 } from "lucide-react";
import { useEffect, useRef, useState } from "react";
import { Button } from "../../ui/basics/Button";
import { Avatar } from "../../ui/people/Avatar";
import { useSpeech } from "../../ui/words/context";
import styles from "../people/people.module.css";
import { squared } from "../state/pictures";
import { useTell } from "../state/toasts";

export interface PhotoFieldProps {
  /** Gives the colour. */
  readonly id: string;
  readonly name: string;
  readonly group?: boolean;
  /** There is one already: it can be removed. */
  readonly has?: boolean;
  /** The one that there is. */
  readonly picture?: string | undefined;
  readonly onPhoto: (photo: Blob | null) => void;
}

export function PhotoField({ id, name, group = false, has = false, picture, onPhoto }: PhotoFieldProps) {
  const { words } = useSpeech();
  const tell = useTell();
  const input = useRef<HTMLInputElement>(null);
  const [url, setUrl] = useState<string>();
  const [removed, setRemoved] = useState(false);
  useEffect(() => () => { if (url !== undefined) URL.revokeObjectURL(url); }, [url]);
  const choose = async (file: File | undefined): Promise<void> => {
    if (file === undefined) return;
    const photo = await squared(file);
    if (photo === null) {
      tell(words.self.noPicture);
      return;
    }
    setUrl(URL.createObjectURL(photo));
    setRemoved(false);
    onPhoto(photo);
  };
  return (
    <div className={styles.photo}>
      <Avatar id={id} name={name} group={group} picture={url ?? (removed ? undefined : picture)} size={5} />
      <input
        ref={input}
        type="file"
        accept="image/*"
        hidden
        aria-label={words.self.choosePhoto}
        onChange={(event) => {
          void choose(event.target.files?.[0]);
          event.target.value = "";
        }}
      />
      <div className={styles.photoActs}>
        <Button size="small" icon={Camera} onClick={() => { input.current?.click(); }}>{words.self.choosePhoto}</Button>
        {((has && !removed) || url !== undefined) && (
          <Button size="small" kind="plain" icon={Trash2} onClick={() => {
            setUrl(undefined);
            setRemoved(true);
            onPhoto(null);
          }}>{words.remove}</Button>
        )}
      </div>
    </div>
  );
}
