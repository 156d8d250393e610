import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { Client } from "../../clients/typescript/src/index.js";

const BINARY =
  process.env.CONTEXT_MANAGER_BIN ?? fileURLToPath(new URL("../../target/debug/context-manager", import.meta.url));

/** Reason for which no server can start here. */
export const noServer = existsSync(BINARY)
  ? undefined
  : `there is no ${BINARY}: cargo build --workspace --bin context-manager, or set CONTEXT_MANAGER_BIN`;

export interface ServerOptions {
  /** Text of `config.toml`. */
  config?: string;
  /** Options of `keys create`, by the name of the key. A server without keys asks for none. */
  keys?: Record<string, string[]>;
}

/** The server's binary on a data folder of its own. */
export class Server {
  url = "";
  readonly keys: Record<string, string> = {};
  #process: ChildProcess | undefined;
  readonly #folder: string;

  private constructor(folder: string) {
    this.#folder = folder;
  }

  static async start({ config = "", keys = {} }: ServerOptions = {}): Promise<Server> {
    const server = new Server(await mkdtemp(join(tmpdir(), "context-manager-")));
    try {
      await writeFile(join(server.#folder, "config.toml"), config);
      for (const [name, options] of Object.entries(keys)) server.keys[name] = server.#key(name, options);
      await server.#start();
      return server;
    } catch (error) {
      await server.stop();
      throw error;
    }
  }

  /** A client with the key of a name. */
  client(name?: string): Client {
    return new Client({ url: this.url, apiKey: name && this.keys[name] });
  }

  async stop(): Promise<void> {
    const child = this.#process;
    if (child && child.exitCode === null) {
      const exit = new Promise((resolve) => child.once("exit", resolve));
      child.kill("SIGKILL");
      await exit;
    }
    await rm(this.#folder, { recursive: true });
  }

  #key(name: string, options: string[]): string {
    const words = ["keys", "create", "--tenant", "default", "--name", name, ...options];
    const made = spawnSync(BINARY, words, { cwd: this.#folder, env: {}, encoding: "utf8" });
    if (made.status !== 0) throw new Error(made.stderr);
    return made.stdout.trim();
  }

  async #start(): Promise<void> {
    const child = spawn(BINARY, ["serve", "--port", "0"], {
      cwd: this.#folder,
      env: {},
      stdio: ["ignore", "ignore", "pipe"],
    });
    this.#process = child;
    const log: string[] = [];
    for await (const line of createInterface({ input: child.stderr })) {
      const address = /listening address=(\S+)/.exec(line)?.[1];
      if (address) this.url = `http://${address}`;
      if (line.includes("store opened")) {
        child.stderr.resume();
        return;
      }
      log.push(line);
    }
    throw new Error(`the server does not start:\n${log.join("\n")}`);
  }
}
