import { Page } from "../../components/index.js";
import { strings } from "../../strings.js";

export function ScopePage() {
  return <Page title={strings.timeline.title}>{null}</Page>;
}
