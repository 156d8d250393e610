/** The context that is pointed at or selected. */
import { useEffect, useState } from "preact/hooks";
import { api, NotFound, useResource } from "../../api/index.js";
import { ContextRow, Loading, Problem } from "../../components/index.js";
import { strings } from "../../strings.js";

const words = strings.map;

/** Milliseconds that a pointer rests on a point before its context is read. */
const REST = 80;

export function Detail({ id }: { id: string | undefined }) {
  const rested = useRested(id);
  const context = useResource(rested === undefined ? undefined : (signal) => api().getContext(rested, { signal }), [
    rested,
  ]);
  const { data, error, loading } = context;
  return (
    <aside class="card map-detail" aria-label={words.detail} aria-live="polite">
      {rested === undefined ? (
        <p class="muted">{words.pick}</p>
      ) : error instanceof NotFound ? (
        <p class="muted">{words.gone}</p>
      ) : (
        <>
          <Problem error={error} retry={context.reload} />
          {data?.id === rested ? <ContextRow context={data} lines={12} /> : loading && <Loading />}
        </>
      )}
    </aside>
  );
}

function useRested(id: string | undefined): string | undefined {
  const [rested, setRested] = useState(id);
  useEffect(() => {
    const timer = setTimeout(() => setRested(id), REST);
    return () => clearTimeout(timer);
  }, [id]);
  return rested;
}
