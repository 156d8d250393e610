import { useEffect, useRef } from "preact/hooks";

interface Props {
  label: string;
  tabs: readonly { to: string; name: string; current: boolean }[];
}

/** Parts of a page, as links. */
export function Tabs({ label, tabs }: Props) {
  const nav = useRef<HTMLElement>(null);
  const current = tabs.find((tab) => tab.current)?.name;
  // On a narrow screen the row is longer than the screen.
  useEffect(() => {
    const link = nav.current?.querySelector<HTMLElement>("[aria-current]");
    if (link && nav.current) nav.current.scrollLeft = link.offsetLeft - nav.current.offsetLeft - 40;
  }, [current]);
  return (
    <nav class="tabs" aria-label={label} ref={nav}>
      {tabs.map(({ to, name, current }) => (
        <a key={to} href={to} aria-current={current ? "page" : undefined}>
          {name}
        </a>
      ))}
    </nav>
  );
}
