import { Page } from "../../components/index.js";
import { strings } from "../../strings.js";

export function SessionPage() {
  return <Page title={strings.timeline.title}>{null}</Page>;
}
