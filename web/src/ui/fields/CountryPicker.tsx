/** A country with its calling code, found by name, by code or by calling code. */
import { useMemo } from "react";
import { useSpeech } from "../words/context";
import { Combobox } from "./Combobox";
import { flagOf, namedCountries } from "./countries";
import styles from "./field.module.css";

export interface CountryPickerProps {
  /** ISO 3166-1 alpha-2, or null. */
  readonly value: string | null;
  readonly onChange: (code: string) => void;
  readonly disabled?: boolean;
}

export function CountryPicker({ value, onChange, disabled = false }: CountryPickerProps) {
  const { words, format } = useSpeech();
  const choices = useMemo(
    () =>
      namedCountries(format).map(({ code, callingCode, name }) => ({
        value: code,
        label: name,
        also: `${code} +${callingCode} ${callingCode}`,
        aside: `+${callingCode}`,
        before: <span aria-hidden className={styles.flag}>{flagOf(code)}</span>,
      })),
    [format],
  );
  return (
    <Combobox
      label={words.country}
      placeholder={words.searchCountries}
      value={value}
      choices={choices}
      onChange={onChange}
      disabled={disabled}
    />
  );
}
