import { Page } from "../../components/index.js";
import { strings } from "../../strings.js";

export function BrowsePage() {
  return <Page title={strings.browse.title}>{null}</Page>;
}
