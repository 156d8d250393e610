/** A page of a list. */
export interface Page {
  next_cursor: string | null;
}

/** All items of a list, fetched page by page as they are read. */
export class Pages<Item, P extends Page> implements AsyncIterable<Item> {
  readonly #fetch: (cursor?: string) => Promise<P>;
  readonly #items: (page: P) => Item[];

  constructor(fetch: (cursor?: string) => Promise<P>, items: (page: P) => Item[]) {
    this.#fetch = fetch;
    this.#items = items;
  }

  /** The pages, each with its `next_cursor`. */
  async *pages(): AsyncGenerator<P> {
    let page = await this.#fetch();
    yield page;
    while (page.next_cursor !== null) {
      page = await this.#fetch(page.next_cursor);
      yield page;
    }
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Item> {
    for await (const page of this.pages()) yield* this.#items(page);
  }
}
