/** What stands where data would: an error, nothing, not yet. */
import type { ComponentChildren } from "preact";
import { ApiError, ConnectionFailed, DeadlineExceeded, UnexpectedAnswer } from "../api/index.js";
import { strings } from "../strings.js";
import { Button } from "./button.js";
import { Icon } from "./icon.js";

/** An error in the words of the API. */
export function Problem({ error, retry }: { error: unknown; retry?: () => void }) {
  if (error === undefined || error === null) return null;
  return (
    <div class="notice danger" role="alert">
      <Icon name="warning" />
      <div class="grow">
        <ProblemText error={error} />
        {retry && (
          <p>
            <Button onClick={retry}>{strings.app.retry}</Button>
          </p>
        )}
      </div>
    </div>
  );
}

export function ProblemText({ error }: { error: unknown }) {
  if (!(error instanceof ApiError)) {
    return (
      <>
        <p class="strong">{titleOf(error)}</p>
        <p>{error instanceof Error ? error.message : String(error)}</p>
      </>
    );
  }
  return (
    <>
      <p class="strong">{error.title}</p>
      <p>{error.detail}</p>
      {error.errors.length > 0 && (
        <ul>
          {error.errors.map(({ pointer, detail }) => (
            <li key={pointer}>
              <code>{pointer}</code> {detail}
            </li>
          ))}
        </ul>
      )}
      <p class="muted small">
        {strings.problem.status} {error.status} <code>{error.code}</code>
        {error.requestId && (
          <>
            {" · "}
            {strings.problem.request} <code>{error.requestId}</code>
          </>
        )}
      </p>
    </>
  );
}

function titleOf(error: unknown): string {
  if (error instanceof ConnectionFailed) return strings.problem.unreachable;
  if (error instanceof DeadlineExceeded) return strings.problem.late;
  if (error instanceof UnexpectedAnswer) return strings.problem.unexpected;
  return strings.problem.title;
}

/** Components that an answer was made without. */
export function Degraded({ parts }: { parts: readonly string[] }) {
  if (!parts.length) return null;
  return (
    <div class="notice warning" role="status">
      <Icon name="warning" />
      <p>
        {strings.degraded.title} {parts.map((part) => strings.degraded.parts[part] ?? part).join("; ")}.
      </p>
    </div>
  );
}

export function Empty({ title, children }: { title: string; children?: ComponentChildren }) {
  return (
    <div class="empty">
      <p class="strong">{title}</p>
      {children}
    </div>
  );
}

/** Shown after a moment only, so that quick answers do not flicker. */
export function Loading() {
  return (
    <p class="loading muted" role="status">
      {strings.app.loading}
    </p>
  );
}
