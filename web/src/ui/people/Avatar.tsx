/**
 * A person's or a group's picture, or their initials on their colour. People are round, groups are
 * not: one tells them apart before one reads.
 *
 * Always holds: it stands beside the name, and so says nothing itself.
 */
import { User, Users } from "lucide-react";
import { useState } from "react";
import { classes } from "../basics/classes";
import { Icon } from "../basics/Icon";
import styles from "./avatar.module.css";
import { colourOf, initialsOf } from "./colour";

export interface AvatarProps {
  /** Gives the colour. */
  readonly id: string;
  readonly name: string;
  /** An address of this origin, `blob:` or `data:`. */
  readonly picture?: string | undefined;
  readonly group?: boolean | undefined;
  /** Whether a dot says that they are here now. */
  readonly online?: boolean | undefined;
  /** In rem; 2.5 unless told. */
  readonly size?: number;
}

export function Avatar({ id, name, picture, group = false, online = false, size = 2.5 }: AvatarProps) {
  const [broken, setBroken] = useState<string>();
  const initials = initialsOf(name);
  const shown = picture !== undefined && picture !== broken ? picture : undefined;
  return (
    <span
      aria-hidden
      className={classes(styles.avatar, group && styles.group)}
      style={{ fontSize: `${String(size)}rem`, background: `var(--person-${String(colourOf(id))})` }}
    >
      {shown !== undefined ? (
        <img className={styles.picture} src={shown} alt="" draggable={false} onError={() => { setBroken(shown); }} />
      ) : initials === "" ? (
        <Icon of={group ? Users : User} size={size / 2} />
      ) : (
        <span className={styles.initials}>{initials}</span>
      )}
      {online && <span className={styles.online} />}
    </span>
  );
}

/** Several people, one over the other. */
export function AvatarStack({ people, size = 1.75 }: { people: readonly AvatarProps[]; size?: number }) {
  return (
    <span aria-hidden className={styles.stack}>
      {people.map((person) => (
        <span key={person.id} className={classes(styles.stacked, person.group && styles.group)}>
          <Avatar {...person} size={size} />
        </span>
      ))}
    </span>
  );
}
