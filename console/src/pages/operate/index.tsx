import { Page } from "../../components/index.js";
import { strings } from "../../strings.js";

export function OperatePage() {
  return <Page title={strings.operate.title}>{null}</Page>;
}
