import { Page } from "../../components/index.js";
import { strings } from "../../strings.js";

export function MapPage() {
  return <Page title={strings.map.title}>{null}</Page>;
}
