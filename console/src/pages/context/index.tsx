import { Page } from "../../components/index.js";
import { strings } from "../../strings.js";

export function ContextPage() {
  return <Page title={strings.contextPage.title}>{null}</Page>;
}
