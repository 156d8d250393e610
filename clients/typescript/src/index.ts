export { Client } from "./client.js";
export * from "./errors.js";
export type { Event } from "./events.js";
export type * from "./options.js";
export { type Page, Pages } from "./pages.js";
export type * from "./schema.js";
export type { Answer, Body, Operation, Query as QueryOf } from "./types.js";
