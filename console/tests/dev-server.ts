import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

const SCRIPT = fileURLToPath(new URL("../scripts/dev.mjs", import.meta.url));

/** The development server: the console built from `src`, in front of another server, which may embed an older one. */
export class DevServer {
  private constructor(
    readonly url: string,
    readonly process: ChildProcess,
  ) {}

  static async start(behind: string): Promise<DevServer> {
    const child = spawn(process.execPath, [SCRIPT, behind, "--watch"], { stdio: ["ignore", "pipe", "inherit"] });
    for await (const line of createInterface({ input: child.stdout })) {
      const address = /^(http:\/\/\S+)\/console\//.exec(line)?.[1];
      if (address) return new DevServer(address, child);
    }
    throw new Error("scripts/dev.mjs does not start");
  }

  stop(): void {
    this.process.kill();
  }
}
