/** A UUID of version 7, so that ids sort by the time they were made. */
export function uuid(now = Date.now()): string {
  // Node 18 has no global `crypto`; the id only has to be unique, not secret.
  const random = globalThis.crypto
    ? crypto.getRandomValues(new Uint8Array(10))
    : Uint8Array.from({ length: 10 }, () => Math.random() * 256);
  random[0] = (random[0]! & 0x0f) | 0x70;
  random[2] = (random[2]! & 0x3f) | 0x80;
  const hex = Array.from(random, (byte) => byte.toString(16).padStart(2, "0")).join("");
  const time = now.toString(16).padStart(12, "0");
  return [time.slice(0, 8), time.slice(8), hex.slice(0, 4), hex.slice(4, 8), hex.slice(8)].join("-");
}

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** True if the server takes this for the id of a context. */
export function isUuid(id: unknown): boolean {
  return typeof id === "string" && UUID.test(id);
}
