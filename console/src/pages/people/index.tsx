import { Page } from "../../components/index.js";
import { strings } from "../../strings.js";

export function PeoplePage() {
  return <Page title={strings.people.title}>{null}</Page>;
}
