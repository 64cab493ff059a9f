/** A page of settings, a person or a group: a head, and its content in a column. */
import type { ReactNode } from "react";
import { Header, Screen } from "../../ui/frames/Frames";
import { DESK } from "../home/Main";
import { useMedia } from "../state/context";
import styles from "./people.module.css";

export interface PageProps {
  readonly title: string;
  readonly onBack: () => void;
  /** There is a way back on a desk, too: the page lies over another. */
  readonly deep?: boolean;
  readonly acts?: ReactNode;
  readonly children: ReactNode;
}

export function Page({ title, onBack, deep = false, acts, children }: PageProps) {
  const desk = useMedia(DESK);
  return (
    <Screen label={title} on="ground" header={<Header title={title} {...((!desk || deep) && { onBack })} acts={acts} />}>
      <div className={styles.column}>{children}</div>
    </Screen>
  );
}
