import "./operate.css";
import type { FunctionComponent } from "preact";
import { can, type Permission } from "../../api/index.js";
import { Empty, Page, Tabs } from "../../components/index.js";
import type { PageProps } from "../../router.js";
import { href } from "../../router.js";
import { strings } from "../../strings.js";
import { AuditPart } from "./audit.js";
import { CollectionPart } from "./collection.js";
import { KeysPart } from "./keys.js";
import { LimitsPart } from "./limits.js";
import { LogPart } from "./log.js";
import { ModelPart } from "./model.js";
import { SnapshotsPart } from "./snapshots.js";

const words = strings.operate;

interface Part {
  at: string;
  name: string;
  needs: Permission;
  part: FunctionComponent;
}

const parts: readonly Part[] = [
  { at: "keys", name: words.keys.title, needs: "admin", part: KeysPart },
  { at: "limits", name: words.limits.title, needs: "admin", part: LimitsPart },
  { at: "snapshots", name: words.snapshots.title, needs: "admin", part: SnapshotsPart },
  { at: "collection", name: words.collection.title, needs: "tenant_admin", part: CollectionPart },
  { at: "model", name: words.model.title, needs: "admin", part: ModelPart },
  { at: "log", name: words.log.title, needs: "admin", part: LogPart },
  { at: "audit", name: words.audit.title, needs: "admin", part: AuditPart },
];

/** What operators do; each part has an address of its own. */
export function OperatePage({ parameters: [at] }: PageProps) {
  const allowed = parts.filter(({ needs }) => can(needs));
  const present = at === undefined ? allowed[0] : allowed.find((part) => part.at === at);
  return (
    <Page title={words.title}>
      <Tabs
        label={words.title}
        tabs={allowed.map((part) => ({ to: href(["operate", part.at]), name: part.name, current: part === present }))}
      />
      {present ? <present.part /> : <Empty title={strings.app.notFound}>{strings.app.notFoundHint}</Empty>}
    </Page>
  );
}
