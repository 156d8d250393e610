/** The frame around the pages: who may see what, the navigation, and what stands over everything. */
import { useEffect, useState } from "preact/hooks";
import { caller, can, locked, type Permission, signOut, start, startError } from "./api/index.js";
import { Button, Dialog, Empty, Icon, Loading, Page, Problem, Value } from "./components/index.js";
import { Notices } from "./components/notices.js";
import { useKeys } from "./keyboard.js";
import { deleteWaiting } from "./notices.js";
import { go, href, path, segments } from "./router.js";
import { type Route, routeOf, routes } from "./routes.js";
import { SignIn } from "./sign-in.js";
import { strings } from "./strings.js";
import { type Theme, theme, themes } from "./theme.js";

export function App() {
  const who = caller.value;
  if (!who) return <Gate />;
  return (
    <div class="shell">
      {/* biome-ignore lint/a11y/useValidAnchor: the address must stay that of the page */}
      <a class="skip" href="#content" onClick={skip}>
        {strings.app.skip}
      </a>
      <Header />
      <main id="content" tabIndex={-1}>
        <Present key={`${who.tenant} ${who.user_id} ${path.value}`} />
      </main>
      <Notices />
      {locked.value && (
        <Dialog title={strings.signIn.again}>
          <SignIn hint={strings.signIn.againHint} />
        </Dialog>
      )}
    </div>
  );
}

/** What is seen before the server lets somebody in. */
function Gate() {
  return (
    <main class="gate">
      <h1>
        <Brand />
      </h1>
      {startError.value !== undefined ? (
        <Problem error={startError.value} retry={start} />
      ) : locked.value ? (
        <SignIn hint={strings.signIn.intro} />
      ) : (
        <Loading />
      )}
    </main>
  );
}

/** The page of the present address. */
function Present() {
  const route = routeOf(segments.value);
  if (!route) {
    return (
      <Page title={strings.app.notFound}>
        <Empty title={strings.app.notFoundHint} />
      </Page>
    );
  }
  if (!allowed(route)) {
    return (
      <Page title={strings.app.noPermission}>
        <Empty title={strings.app.noPermissionHint(route.needs?.join(", ") ?? "")} />
      </Page>
    );
  }
  return <route.page parameters={segments.value.slice(route.at.length)} />;
}

function Header() {
  const [open, setOpen] = useState(false);
  const present = routeOf(segments.value);
  useEffect(() => setOpen(false), [path.value]);
  return (
    <header class="header">
      <a class="brand" href="#/">
        <Brand />
      </a>
      <Button
        kind="plain"
        extra="menu-button"
        icon="menu"
        aria-expanded={open}
        aria-controls="menu"
        onClick={() => setOpen(!open)}
      >
        {strings.app.menu}
      </Button>
      <div id="menu" class={open ? "menu open" : "menu"}>
        {can("read") && <QuickSearch />}
        <nav aria-label={strings.app.navigation}>
          <ul>
            {routes
              .filter((route) => route.link && allowed(route))
              .map((route) => (
                <li key={route.link?.name}>
                  <a href={href(route.at)} aria-current={isWithin(present, route) ? "page" : undefined}>
                    {route.link && <Icon name={route.link.icon} />}
                    {route.link?.name}
                  </a>
                </li>
              ))}
          </ul>
        </nav>
        <Account />
      </div>
    </header>
  );
}

function Account() {
  const who = caller.value;
  return (
    <div class="account small">
      <p>
        <span class="muted">{strings.app.tenant}</span> <Value>{who?.tenant ?? ""}</Value>
      </p>
      {who?.user_id && (
        <p>
          <span class="muted">{strings.app.boundTo}</span> <Value>{who.user_id}</Value>
        </p>
      )}
      <label class="theme">
        <span class="muted">{strings.theme.label}</span>
        <select
          value={theme.value}
          onChange={(event) => {
            theme.value = event.currentTarget.value as Theme;
          }}
        >
          {themes.map((name) => (
            <option key={name} value={name}>
              {strings.theme[name]}
            </option>
          ))}
        </select>
      </label>
      {who?.authentication && <Button onClick={leave}>{strings.app.signOut}</Button>}
    </div>
  );
}

/** The field that `/` leads to, on every page. */
function QuickSearch() {
  useKeys((event) => {
    if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey) return;
    const fields = [...document.querySelectorAll<HTMLInputElement>("input[data-search]")];
    const field = fields.reverse().find((field) => field.checkVisibility());
    event.preventDefault();
    if (field) field.select();
    else go(href(["search"]));
  });
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    const form = event.currentTarget as HTMLFormElement;
    go(href(["search"], { q: String(new FormData(form).get("q")) }));
    form.reset();
  };
  return (
    <search>
      <form class="quick-search" onSubmit={submit}>
        <input
          type="search"
          name="q"
          data-search
          placeholder={strings.app.searchPlaceholder}
          aria-label={strings.app.searchLabel}
          aria-keyshortcuts="/"
        />
        <kbd>/</kbd>
      </form>
    </search>
  );
}

function Brand() {
  return (
    <>
      <svg class="logo" viewBox="0 0 32 32" aria-hidden="true">
        <rect width="32" height="32" rx="7" />
        <path d="M9 10h14M9 16h10M9 22h6" />
      </svg>
      {strings.app.name}
    </>
  );
}

function allowed({ needs }: Route): boolean {
  return !needs || needs.some((permission: Permission) => can(permission));
}

/** True if a page is the link's, or one below it. */
function isWithin(page: Route | undefined, link: Route): boolean {
  return page === link || (page !== undefined && link.at.length > 0 && page.at[0] === link.at[0]);
}

function leave(): void {
  deleteWaiting(strings.deletion.failed);
  signOut();
}

function skip(event: Event): void {
  event.preventDefault();
  document.querySelector<HTMLElement>("#content")?.focus();
}
