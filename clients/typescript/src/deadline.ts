/** Longest time that timers can wait. */
const LONGEST = 2 ** 31 - 1;

/** A time limit over any number of waits; a caller's signal ends it as well. */
export class Deadline {
  readonly #controller = new AbortController();
  readonly #end: number;
  readonly #ended: Promise<never>;
  readonly #timer: ReturnType<typeof setTimeout>;
  readonly #caller: AbortSignal | undefined;
  readonly #cancel = () => this.#controller.abort(this.#caller?.reason);

  constructor(ms: number, caller: AbortSignal | undefined, late: () => Error) {
    const time = Math.min(ms, LONGEST);
    this.#end = Date.now() + time;
    this.#caller = caller;
    this.#timer = setTimeout(() => this.#controller.abort(late()), time);
    this.#ended = new Promise((_, reject) => {
      this.signal.addEventListener("abort", () => reject(this.signal.reason), { once: true });
    });
    this.#ended.catch(() => {});
    if (caller?.aborted) this.#cancel();
    caller?.addEventListener("abort", this.#cancel);
  }

  /** Aborted when the time is over. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Milliseconds left. */
  get left(): number {
    return this.#end - Date.now();
  }

  /** Waits for a promise, and fails when the time is over before. */
  race<T>(promise: Promise<T>): Promise<T> {
    return Promise.race([this.#ended, promise]);
  }

  async sleep(ms: number): Promise<void> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    try {
      await this.race(
        new Promise((resolve) => {
          timer = setTimeout(resolve, ms);
        }),
      );
    } finally {
      clearTimeout(timer);
    }
  }

  /** Lets go of the timer and the caller's signal. */
  stop(): void {
    clearTimeout(this.#timer);
    this.#caller?.removeEventListener("abort", this.#cancel);
  }
}
