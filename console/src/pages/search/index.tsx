import { Page } from "../../components/index.js";
import { strings } from "../../strings.js";

export function SearchPage() {
  return <Page title={strings.search.title}>{null}</Page>;
}
