/** What people chose themselves, among words of ours. Always holds: a phone number reads from the left, also where all else reads from the right. */

export interface ApartProps {
  readonly text: string;
  readonly className?: string | undefined;
}

const NUMBER = /^\+[\d\s()-]+$/;

export function Apart({ text, className }: ApartProps) {
  return <bdi className={className} dir={NUMBER.test(text) ? "ltr" : undefined}>{text}</bdi>;
}
