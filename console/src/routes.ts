/** The pages, by the first segments of their addresses. What follows them are the page's parameters. */
import type { FunctionComponent } from "preact";
import type { Permission } from "./api/index.js";
import type { IconName } from "./components/index.js";
import { BrowsePage } from "./pages/browse/index.js";
import { ContextPage } from "./pages/context/index.js";
import { MapPage } from "./pages/map/index.js";
import { OperatePage } from "./pages/operate/index.js";
import { OverviewPage } from "./pages/overview/index.js";
import { PeoplePage } from "./pages/people/index.js";
import { SearchPage } from "./pages/search/index.js";
import { TimelinePage } from "./pages/timeline/index.js";
import { ScopePage } from "./pages/timeline/scope.js";
import { SessionPage } from "./pages/timeline/session.js";
import type { PageProps } from "./router.js";
import { strings } from "./strings.js";

export interface Route {
  at: readonly string[];
  page: FunctionComponent<PageProps>;
  /** True if the address must have no parameters. */
  exact?: boolean;
  /** Permissions of which the caller needs one. */
  needs?: readonly Permission[];
  /** Its place in the navigation. */
  link?: { name: string; icon: IconName };
}

/** The first route that fits counts, so longer ones stand before shorter ones. */
export const routes: readonly Route[] = [
  { at: [], page: OverviewPage, exact: true, link: { name: strings.nav.overview, icon: "overview" } },
  { at: ["search"], page: SearchPage, needs: ["read"], link: { name: strings.nav.search, icon: "search" } },
  { at: ["timeline", "session"], page: SessionPage, needs: ["read"] },
  { at: ["timeline", "scope"], page: ScopePage, needs: ["read"] },
  { at: ["timeline"], page: TimelinePage, needs: ["read"], link: { name: strings.nav.timeline, icon: "timeline" } },
  { at: ["context"], page: ContextPage, needs: ["read"] },
  { at: ["browse"], page: BrowsePage, needs: ["read"], link: { name: strings.nav.browse, icon: "browse" } },
  { at: ["people"], page: PeoplePage, needs: ["read"], link: { name: strings.nav.people, icon: "people" } },
  { at: ["map"], page: MapPage, needs: ["read"], link: { name: strings.nav.map, icon: "map" } },
  {
    at: ["operate"],
    page: OperatePage,
    needs: ["tenant_admin", "admin"],
    link: { name: strings.nav.operate, icon: "operate" },
  },
];

/** The route of an address. */
export function routeOf(segments: readonly string[]): Route | undefined {
  return routes.find(
    ({ at, exact }) =>
      at.every((segment, place) => segments[place] === segment) && (!exact || segments.length === at.length),
  );
}
