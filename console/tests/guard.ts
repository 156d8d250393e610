import type { BrowserContext } from "playwright-core";

/** Statuses that a test provokes: the browser's log of such an answer is no fault. */
export type Refused = readonly number[];

/**
 * Watches the pages of a context: collects errors of scripts and of the browser's log, violations of the content security
 * policy, and requests that leave the origin.
 */
export async function guard(context: BrowserContext, origin: string, refused: Refused): Promise<string[]> {
  const faults: string[] = [];
  await context.exposeBinding("reportViolation", (_source, violation: string) => {
    faults.push(`content security policy: ${violation}`);
  });
  await context.addInitScript(() => {
    document.addEventListener("securitypolicyviolation", ({ violatedDirective, blockedURI }) =>
      (globalThis as unknown as { reportViolation(violation: string): void }).reportViolation(
        `${violatedDirective} forbids ${blockedURI}`,
      ),
    );
  });
  context.on("weberror", (error) => faults.push(`error of a script: ${error.error().stack}`));
  context.on("console", (message) => {
    if (message.type() !== "error") return;
    const { url } = message.location();
    if (!isRefusal(message.text(), url, refused)) faults.push(`log: ${message.text()} ${url}`);
  });
  context.on("request", (request) => {
    const url = new URL(request.url());
    if (url.origin !== origin && !["data:", "blob:"].includes(url.protocol)) faults.push(`request to ${url}`);
  });
  return faults;
}

/** True for an answer that was to be expected. Before the sign-in the console asks whether one is needed, and hears 401. */
function isRefusal(text: string, url: string, refused: Refused): boolean {
  const status = Number(/^Failed to load resource: the server responded with a status of (\d+)/.exec(text)?.[1]);
  return refused.includes(status) || (status === 401 && url.endsWith("/api/v1/whoami"));
}
