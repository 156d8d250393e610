import { Page } from "../../components/index.js";
import { strings } from "../../strings.js";

export function OverviewPage() {
  return <Page title={strings.overview.title}>{null}</Page>;
}
