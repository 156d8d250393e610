/**
 * The caller's session. The key is in the client of this module and nowhere else: no storage, no cookie, no address.
 *
 * Pages stay mounted while the server asks for a key again, so that nothing typed there is lost.
 */
import { batch, signal } from "@preact/signals";
import { Client } from "../../../clients/typescript/src/client.js";
import { Unauthenticated } from "../../../clients/typescript/src/errors.js";
import type { Caller, Permission } from "../../../clients/typescript/src/schema.js";

/** Address of the server: the console is at `console/` below it, whatever the prefix of a proxy is. */
const address = new URL("..", location.href).href;

/** The caller, once the server has let them in. */
export const caller = signal<Caller | undefined>();
/** True while the server asks for a key. */
export const locked = signal(false);
/** Reason for not reaching the server at the start. */
export const startError = signal<unknown>();

const current = signal(connect());
let leaving = false;

addEventListener("pagehide", () => {
  leaving = true;
});
addEventListener("pageshow", () => {
  leaving = false;
});

/** The client of the present caller. Read in a component, it makes the component follow a new sign-in. */
export function api(): Client {
  return current.value;
}

/** True if the caller has the permission. */
export function can(permission: Permission): boolean {
  const permissions = caller.value?.permissions ?? [];
  return permissions.includes(permission) || permissions.includes("admin");
}

/** Signs in with a key or token, or without one where the server asks for none. */
export async function signIn(key?: string): Promise<void> {
  const client = connect(key);
  const who = await client.getCaller();
  batch(() => {
    current.value = client;
    caller.value = who;
    locked.value = false;
    startError.value = undefined;
  });
}

/** Forgets the key and all that was shown with it. */
export function signOut(): void {
  batch(() => {
    current.value = connect();
    caller.value = undefined;
    locked.value = true;
  });
}

/** Asks the server who may call. */
export async function start(): Promise<void> {
  try {
    await signIn();
  } catch (error) {
    if (error instanceof Unauthenticated) locked.value = true;
    else startError.value = error;
  }
}

function connect(apiKey?: string): Client {
  const client: Client = new Client({
    url: address,
    apiKey,
    // What is sent while the page closes must outlive it.
    fetch: (input, init) => fetch(input, leaving ? { ...init, keepalive: true } : init),
    onResponse: ({ status }) => {
      if (status === 401 && client === current.peek()) locked.value = true;
    },
  });
  return client;
}
