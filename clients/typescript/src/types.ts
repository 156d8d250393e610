/** Types of calls by the operation ids of the OpenAPI document. */
import type { operations } from "./schema.js";

/** Name of a call in the OpenAPI document. */
export type Operation = keyof operations;

/** JSON body of a call. */
export type Body<O extends Operation> = operations[O] extends {
  requestBody?: { content: { "application/json": infer Json } };
}
  ? NonNullable<Json>
  : never;

/** Parameters in the query of a call. */
export type Query<O extends Operation> = NonNullable<operations[O]["parameters"]["query"]>;

/** JSON of the answer to a call. */
export type Answer<O extends Operation> = {
  [Status in keyof operations[O]["responses"]]: operations[O]["responses"][Status] extends {
    content: { "application/json": infer Json };
  }
    ? Json
    : never;
}[keyof operations[O]["responses"]];
