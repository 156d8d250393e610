import { Page } from "../../components/index.js";
import { strings } from "../../strings.js";

export function TimelinePage() {
  return <Page title={strings.timeline.title}>{null}</Page>;
}
