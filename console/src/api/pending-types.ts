/** Types of the calls that the generated client does not have yet. */
import type { Level } from "../../../clients/typescript/src/index.js";

export type Permission = "read" | "write" | "tenant_admin" | "admin" | "metrics";

export interface Caller {
  tenant: string;
  key_id: string | null;
  user_id: string | null;
  permissions: Permission[];
  /** False where the server lets everybody in. */
  authentication: boolean;
}

export interface LevelCounts {
  immediate: number;
  short_term: number;
  long_term: number;
}

export interface ContextCount {
  total: number;
  contexts: LevelCounts;
}

export interface UserSummary {
  user_id: string;
  total: number;
  contexts: LevelCounts;
  first_activity_at: string;
  last_activity_at: string;
}

export interface UserPage {
  users: UserSummary[];
  next_cursor: string | null;
}

export interface MapQuery {
  limit?: number;
  level?: Level;
  user_id?: string;
  agent_id?: string;
  session_id?: string;
  scope_prefix?: string;
  tag?: string;
}

export interface MapColumns {
  total: number;
  ids: string[];
  x: number[];
  y: number[];
  /** Positions in immediate, short_term, long_term. */
  levels: number[];
  scopes: (string | null)[];
  /** Positions in `scopes`. */
  scope: number[];
}

export interface NewKey {
  tenant: string;
  permissions: Permission[];
  user_id?: string;
  name?: string;
  expires_at?: string;
}

export interface Key {
  id: string;
  name: string | null;
  tenant: string;
  user_id: string | null;
  permissions: Permission[];
  state: "valid" | "expired" | "revoked";
  created_at: string | null;
  expires_at: string | null;
  last_used_at: string | null;
  rotated_from: string | null;
}

export interface CreatedKey extends Key {
  /** The key itself, which is told once. */
  key: string;
}

export interface AuditRecord {
  at: string;
  action: string;
  who: string | null;
  tenant: string | null;
  path: string | null;
  what: string | null;
  contexts: number | null;
  outcome: string;
  status: number | null;
  request_id: string | null;
}

export interface Audit {
  records: AuditRecord[];
  since: string;
}
