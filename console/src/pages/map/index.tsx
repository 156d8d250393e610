/** Contexts by what they say: a map, the context that is pointed at beside it, and the same as a list below. */
import "./map.css";
import { useMemo, useRef, useState } from "preact/hooks";
import { api, type ContextMap, usePages, useResource } from "../../api/index.js";
import {
  Button,
  ContextRow,
  Empty,
  Loading,
  Page,
  PagedList,
  Problem,
  Section,
  Select,
} from "../../components/index.js";
import { countListed } from "../../contexts/count.js";
import { FilterForm } from "../../contexts/filter-form.js";
import { readFilters } from "../../contexts/filters.js";
import { count, number } from "../../format.js";
import { isGone, notify } from "../../notices.js";
import { query, setQuery } from "../../router.js";
import { strings } from "../../strings.js";
import { Detail } from "./detail.js";
import { Legend } from "./legend.js";
import { Plane } from "./plane.js";
import { type Colouring, group } from "./points.js";

const words = strings.map;

const LIMITS = [500, 2000, 5000, 10_000];
const LIST_SIZE = 10;

export function MapPage() {
  const { include_superseded: _, ...filters } = readFilters(query.value);
  const limit = LIMITS.find((limit) => String(limit) === query.value.get("limit")) ?? 2000;
  const colouring: Colouring = query.value.get("colour") === "scope" ? "scope" : "level";
  const written = JSON.stringify(filters);
  const map = useResource((signal) => api().getMap({ ...filters, limit }, { signal }), [written, limit]);

  const matches = useResource((signal) => countListed(api(), filters, signal), [written]);

  return (
    <Page title={words.title}>
      <p class="muted map-about">{words.about}</p>
      <FilterForm filters={filters} onChange={(change) => setQuery({ ...change })} />
      <div class="map-options">
        <Select
          label={words.colour}
          options={[
            ["level", words.byLevel],
            ["scope", words.byScope],
          ]}
          value={colouring}
          onInput={(colour) => setQuery({ colour: colour === "scope" && colour })}
        />
        <Select
          label={words.newest}
          options={LIMITS.map((limit) => [String(limit), number(limit)] as const)}
          value={String(limit)}
          onInput={(limit) => setQuery({ limit: limit !== "2000" && limit })}
        />
      </div>
      <Problem error={map.error} retry={map.reload} />
      {map.data ? (
        <Shown
          key={`${written} ${limit}`}
          map={map.data}
          total={matches.data}
          colouring={colouring}
          filters={filters}
        />
      ) : (
        map.loading && <Loading />
      )}
    </Page>
  );
}

interface ShownProps {
  map: ContextMap;
  /** Number of contexts that fit the filters. */
  total: number | undefined;
  colouring: Colouring;
  filters: ReturnType<typeof readFilters>;
}

function Shown({ map, total, colouring, filters }: ShownProps) {
  const [selected, setSelected] = useState(-1);
  const [hovered, setHovered] = useState(-1);
  const [only, setOnly] = useState<number>();
  const columns = useRef<HTMLDivElement>(null);
  const grouping = useMemo(() => group(map, colouring), [map, colouring]);
  const places = useMemo(() => new Map(map.ids.map((id, place) => [id, place])), [map]);
  const contexts = usePages(
    (cursor, signal) => api().listContexts({ ...filters, limit: LIST_SIZE, cursor }, { signal }),
    (page) => page.contexts,
    [JSON.stringify(filters)],
  );
  const find = (id: string) => {
    const place = places.get(id);
    if (place === undefined) notify(words.unplaced);
    else {
      setSelected(place);
      columns.current?.scrollIntoView({ block: "nearest" });
    }
  };

  if (!map.ids.length) return <Empty title={words.nothing} />;
  return (
    <>
      <p class="muted count" role="status">
        {words.shown(number(map.ids.length), count(Math.max(total ?? 0, map.ids.length), strings.contexts))}
      </p>
      <Legend groups={grouping.groups} colouring={colouring} only={only} onChange={setOnly} />
      <div class="map-columns" ref={columns}>
        <Plane
          map={map}
          grouping={grouping}
          only={only}
          selected={selected}
          onSelect={setSelected}
          onHover={setHovered}
        />
        <Detail id={map.ids[hovered >= 0 ? hovered : selected]} />
      </div>
      <Section title={words.list}>
        <PagedList paging={contexts} empty={<Empty title={words.nothing} />}>
          {(page) => (
            <ul class="rows">
              {page
                .filter(({ id }) => !isGone(id))
                .map((context) => (
                  <li key={context.id}>
                    <ContextRow context={context}>
                      <Button
                        kind="plain"
                        icon="map"
                        aria-pressed={map.ids[selected] === context.id}
                        onClick={() => find(context.id)}
                      >
                        {words.find}
                      </Button>
                    </ContextRow>
                  </li>
                ))}
            </ul>
          )}
        </PagedList>
      </Section>
    </>
  );
}
