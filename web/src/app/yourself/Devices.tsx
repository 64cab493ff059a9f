/** The devices of the account. */
import { EllipsisVertical, Laptop, Plus, ShieldCheck, Trash2 } from "lucide-react";
import { useState } from "react";
import type { AccountView, DeviceView } from "../../core/types";
import { Button } from "../../ui/basics/Button";
import { Icon } from "../../ui/basics/Icon";
import { Badge } from "../../ui/feedback/Badge";
import { Banner } from "../../ui/feedback/Feedback";
import { Section } from "../../ui/frames/Rows";
import { Dialog } from "../../ui/overlays/Dialog";
import { type Act, Menu } from "../../ui/overlays/Menu";
import { useSpeech } from "../../ui/words/context";
import { Roving } from "../home/Roving";
import { useAct, useNow } from "../state/context";
import { go } from "../state/route";
import styles from "./yourself.module.css";

export function DevicesPage({ account }: { account: AccountView }) {
  const { words } = useSpeech();
  const act = useAct();
  const [removes, setRemoves] = useState<DeviceView | null>(null);
  const close = (): void => { setRemoves(null); };
  return (
    <>
      {!account.owner && <Banner kind="information">{words.self.notOwner}</Banner>}
      <Section about={words.self.devicesAbout}>
        <Roving label={words.self.devices}>
          {account.devices.map((device) => <li key={device.device}><Device device={device} rules={account.owner} onRemove={() => { setRemoves(device); }} /></li>)}
        </Roving>
      </Section>
      {account.owner && <div><Button kind="lead" icon={Plus} onClick={() => { go({ at: "settings", page: "approve" }); }}>{words.self.approve}</Button></div>}
      <Dialog
        open={removes !== null}
        alerts
        onClose={close}
        title={words.self.removeTitle(removes?.name === "" ? words.self.nameless : (removes?.name ?? ""))}
        acts={(
          <>
            <Button kind="plain" onClick={close}>{words.cancel}</Button>
            <Button kind="bad" onClick={() => {
              if (removes !== null) void act({ remove_device: removes.device });
              close();
            }}>{words.self.takeOut}</Button>
          </>
        )}
      >
        <p>{words.self.removeAbout}</p>
      </Dialog>
    </>
  );
}

function Device({ device, rules, onRemove }: { device: DeviceView; rules: boolean; onRemove: () => void }) {
  const { words, format } = useSpeech();
  const act = useAct();
  const now = useNow();
  const name = device.name === "" ? words.self.nameless : device.name;
  const acts: readonly (Act | false)[] = [
    !device.owner && { label: words.self.promote, icon: ShieldCheck, onChoose: () => { void act({ promote_device: device.device }); } },
    !device.this && { label: words.self.takeOut, icon: Trash2, bad: true, onChoose: onRemove },
  ];
  const all = acts.filter((it) => it !== false);
  return (
    <div className={styles.device}>
      <span className={styles.icon}><Icon of={Laptop} /></span>
      <span className={styles.main}>
        <bdi className={styles.name}>{name}</bdi>
        <span className={styles.soft}>{device.this ? words.self.thisDevice : words.self.addedOn(format.day(device.added_ms, now))}</span>
      </span>
      {device.owner && <Badge kind="soft">{words.self.owner}</Badge>}
      {rules && all.length > 0 && <Menu small label={words.group.actsOn(name)} icon={EllipsisVertical} acts={all} />}
    </div>
  );
}
