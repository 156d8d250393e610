import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

const REPOSITORY = fileURLToPath(new URL("../../../../", import.meta.url));
const BINARY = process.env.CONTEXT_MANAGER_BIN ?? join(REPOSITORY, "target/debug/context-manager");

/** Options of a test that needs the server's binary. */
export const needsServer = existsSync(BINARY)
  ? {}
  : { skip: `there is no ${BINARY}: cargo build --workspace --bin context-manager, or set CONTEXT_MANAGER_BIN` };

/** The server's binary on a data folder of its own. */
export class Server {
  url = "";
  #process: ChildProcess | undefined;
  readonly #folder: string;

  private constructor(folder: string) {
    this.#folder = folder;
  }

  static async start(config = ""): Promise<Server> {
    const folder = await mkdtemp(join(tmpdir(), "context-manager-"));
    await writeFile(join(folder, "config.toml"), config);
    const server = new Server(folder);
    await server.start();
    return server;
  }

  /** Starts the process, on the port of the last one if there was one. */
  async start(): Promise<void> {
    const port = this.url ? new URL(this.url).port : "0";
    const child = spawn(BINARY, ["serve", "--port", port], {
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

  /** Makes a key. Its server asks for keys from then on. */
  key(...options: string[]): string {
    const made = spawnSync(BINARY, ["keys", "create", ...options], { cwd: this.#folder, encoding: "utf8" });
    if (made.status !== 0) throw new Error(made.stderr);
    return made.stdout.trim();
  }

  /** Ends the process as a crash does. */
  async kill(): Promise<void> {
    const child = this.#process;
    if (!child || child.exitCode !== null) return;
    const exit = new Promise((resolve) => child.once("exit", resolve));
    child.kill("SIGKILL");
    await exit;
  }

  async stop(): Promise<void> {
    await this.kill();
    await rm(this.#folder, { recursive: true });
  }
}
