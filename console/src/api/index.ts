/** The way to the server: the client of the repository, the caller's session, and hooks that load. */
export * from "../../../clients/typescript/src/errors.js";
export type { Page, Pages } from "../../../clients/typescript/src/pages.js";
export type * from "../../../clients/typescript/src/schema.js";
export type { Answer, Body, Query as QueryOf } from "../../../clients/typescript/src/types.js";
export { type Action, useAction } from "./action.js";
export { type Paging, usePages } from "./pages.js";
export { type Resource, usePolled, useResource } from "./resource.js";
export { api, caller, can, locked, signIn, signOut, start, startError } from "./session.js";
