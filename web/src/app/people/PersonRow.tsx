/** A person in a list, with their picture. */
import { MemberRow, type MemberRowProps } from "../../ui/people/People";
import { usePhotoOf } from "../state/context";
import { ofPerson } from "../state/photos";

export function PersonRow({ person, ...row }: MemberRowProps) {
  const picture = usePhotoOf(ofPerson(person.id));
  return <MemberRow {...row} person={{ ...person, picture }} />;
}
