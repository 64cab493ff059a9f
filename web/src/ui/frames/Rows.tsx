/** Settings, forms and tables: what the desk, the ads manager and the data centre are made of. */
import { ArrowDown, ArrowUp, ChevronRight } from "lucide-react";
import { type ReactNode, type SyntheticEvent, useId } from "react";
import { Checkbox } from "../fields/Choices";
import { classes } from "../basics/classes";
import { Icon, type Picture } from "../basics/Icon";
import { useSpeech } from "../words/context";
import { Apart } from "../text/Apart";
import styles from "./rows.module.css";

/** Rows that belong together, with a heading and a word about them. */
export function Section({ title, about, children }: { title?: string; about?: string; children: ReactNode }) {
  const id = useId();
  return (
    <section className={styles.section} aria-labelledby={title === undefined ? undefined : id}>
      {title !== undefined && <h3 id={id} className={styles.title}>{title}</h3>}
      <div className={styles.card}>{children}</div>
      {about !== undefined && <p className={styles.about}>{about}</p>}
    </section>
  );
}

export interface SettingsRowProps {
  readonly icon?: Picture;
  readonly label: string;
  readonly help?: string;
  /** What it is set to. */
  readonly value?: string;
  readonly bad?: boolean;
  /** Where it leads; without it, it only tells. */
  readonly onOpen?: () => void;
}

export function SettingsRow({ icon, label, help, value, bad, onOpen }: SettingsRowProps) {
  const inside = (
    <>
      {icon !== undefined && <span className={styles.icon}><Icon of={icon} /></span>}
      <span className={styles.main}>
        <span>{label}</span>
        {help !== undefined && <span className={styles.help}>{help}</span>}
      </span>
      {value !== undefined && <Apart className={styles.value} text={value} />}
      {onOpen !== undefined && bad !== true && <Icon of={ChevronRight} size={1.125} turns />}
    </>
  );
  const style = classes(styles.row, bad && styles.bad);
  return onOpen === undefined ? <div className={style}>{inside}</div> : <button type="button" className={style} onClick={onOpen}>{inside}</button>;
}

/** A row of a section that holds a control. */
export function ControlRow({ children }: { children: ReactNode }) {
  return <div className={styles.control}>{children}</div>;
}

/** Fields in columns where there is room, and the acts at the foot. */
export function FormLayout({ label, acts, onSubmit, children }: { label: string; acts: ReactNode; onSubmit: () => void; children: ReactNode }) {
  return (
    <form
      aria-label={label}
      noValidate
      className={styles.form}
      onSubmit={(event: SyntheticEvent) => {
        event.preventDefault();
        onSubmit();
      }}
    >
      <div className={styles.fields}>{children}</div>
      <div className={styles.formActs}>{acts}</div>
    </form>
  );
}

/** A field of a form that takes the whole width. */
export function Across({ children }: { children: ReactNode }) {
  return <div className={styles.across}>{children}</div>;
}

export interface Column<Row> {
  readonly key: string;
  readonly title: string;
  readonly cell: (row: Row) => ReactNode;
  /** Numbers: at the end of the cell, their digits one below the other. */
  readonly numeric?: boolean;
  readonly sortable?: boolean;
}

export interface TableProps<Row> {
  readonly caption: string;
  readonly columns: readonly Column<Row>[];
  readonly rows: readonly Row[];
  readonly idOf: (row: Row) => string;
  /** The row's name: of its checkbox. */
  readonly nameOf: (row: Row) => string;
  readonly sort?: { readonly key: string; readonly descending: boolean };
  readonly onSort?: (key: string) => void;
  readonly selected?: ReadonlySet<string>;
  readonly onSelect?: (id: string, selected: boolean) => void;
  readonly onSelectAll?: (selected: boolean) => void;
  readonly selectAllLabel?: string;
  /** Sums under the columns, by key. */
  readonly totals?: Readonly<Record<string, ReactNode>>;
  readonly empty?: ReactNode;
}

export function Table<Row>(props: TableProps<Row>) {
  const { caption, columns, rows, idOf, nameOf, selected, onSelect, onSelectAll, selectAllLabel = caption, totals, empty } = props;
  const { words } = useSpeech();
  return (
    // It scrolls sideways where it is too wide: so it takes the focus (WCAG 2.1.1).
    // eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex
    <div role="region" aria-label={caption} tabIndex={0} className={styles.scroll}>
      <table className={styles.table}>
        <caption className="sr-only">{caption}</caption>
        <thead>
          <tr>
            {selected !== undefined && (
              <th scope="col" className={styles.check}>
                <Tick label={selectAllLabel} checked={rows.length > 0 && selected.size === rows.length} some={selected.size > 0 && selected.size < rows.length} onChange={(all) => onSelectAll?.(all)} />
              </th>
            )}
            {columns.map((column) => <Head key={column.key} column={column} {...(props.sort && { sort: props.sort })} {...(props.onSort && { onSort: props.onSort })} words={words} />)}
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => {
            const id = idOf(row);
            return (
              <tr key={id} className={classes(selected?.has(id) && styles.chosen)}>
                {selected !== undefined && (
                  <td className={styles.check}><Tick label={nameOf(row)} checked={selected.has(id)} onChange={(on) => onSelect?.(id, on)} /></td>
                )}
                {columns.map((column) => <td key={column.key} className={classes(column.numeric && styles.numeric)}>{column.cell(row)}</td>)}
              </tr>
            );
          })}
          {rows.length === 0 && <tr><td colSpan={columns.length + (selected === undefined ? 0 : 1)}>{empty}</td></tr>}
        </tbody>
        {totals !== undefined && (
          <tfoot>
            <tr>
              {selected !== undefined && <td />}
              {columns.map((column) => <td key={column.key} className={classes(column.numeric && styles.numeric)}>{totals[column.key]}</td>)}
            </tr>
          </tfoot>
        )}
      </table>
    </div>
  );
}

function Tick({ label, checked, some = false, onChange }: { label: string; checked: boolean; some?: boolean; onChange: (checked: boolean) => void }) {
  return <span className={styles.tick}><Checkbox label={label} checked={checked} some={some} onChange={onChange} /></span>;
}

interface HeadProps<Row> {
  readonly column: Column<Row>;
  readonly sort?: { readonly key: string; readonly descending: boolean };
  readonly onSort?: (key: string) => void;
  readonly words: { readonly sortedUp: string; readonly sortedDown: string };
}

function Head<Row>({ column, sort, onSort, words }: HeadProps<Row>) {
  const sorted = sort?.key === column.key;
  const style = classes(column.numeric && styles.numeric);
  if (column.sortable !== true) return <th scope="col" className={style}>{column.title}</th>;
  return (
    <th scope="col" aria-sort={sorted ? (sort.descending ? "descending" : "ascending") : "none"} className={style}>
      <button type="button" className={styles.sort} onClick={() => onSort?.(column.key)}>
        {column.title}
        {sorted && <span role="img" aria-label={sort.descending ? words.sortedDown : words.sortedUp}><Icon of={sort.descending ? ArrowDown : ArrowUp} size={0.9} /></span>}
      </button>
    </th>
  );
}
