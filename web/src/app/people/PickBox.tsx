/** Somebody, or a conversation, to choose from a list: a box with their picture. */
import { Checkbox, type ToggleProps } from "../../ui/fields/Choices";
import { Avatar } from "../../ui/people/Avatar";
import { usePhotoOf } from "../state/context";

export interface PickBoxProps extends ToggleProps {
  readonly id: string;
  readonly group?: boolean;
  /** Whose picture it is, as [photos](../state/photos.ts) name it. */
  readonly whose: string | undefined;
}

export function PickBox({ id, group, whose, ...box }: PickBoxProps) {
  const picture = usePhotoOf(whose);
  return <Checkbox {...box} face={<Avatar id={id} name={box.label} picture={picture} {...(group !== undefined && { group })} size={2.5} />} />;
}
