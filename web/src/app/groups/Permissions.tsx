/** What members may do who are no admins. */
import type { PermissionsView } from "../../core/types";
import { Switch } from "../../ui/fields/Choices";
import { ControlRow, Section } from "../../ui/frames/Rows";
import { useSpeech } from "../../ui/words/context";

/** `titled` where other things stand on the page, too. */
export function Permissions({ permissions, titled = false, onChange }: { permissions: PermissionsView; titled?: boolean; onChange: (permissions: PermissionsView) => void }) {
  const { words } = useSpeech();
  const all = [
    { key: "members_add", label: words.group.mayAdd, help: words.group.mayAddHelp },
    { key: "members_edit", label: words.group.mayEdit, help: words.group.mayEditHelp },
    { key: "only_admins_speak", label: words.group.onlyAdmins, help: words.group.onlyAdminsHelp },
    { key: "history_for_new", label: words.group.historyForNew, help: words.group.historyForNewHelp },
  ] as const;
  return (
    <Section {...(titled && { title: words.group.permissions })}>
      {all.map(({ key, label, help }) => (
        <ControlRow key={key}><Switch label={label} help={help} checked={permissions[key]} onChange={(on) => { onChange({ ...permissions, [key]: on }); }} /></ControlRow>
      ))}
    </Section>
  );
}
