import { spawn } from "node:child_process";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { createInterface } from "node:readline";

/** Listens with room for one connection and never takes one. */
const SCRIPT = `
  const server = require("node:net").createServer();
  server.listen({ port: 0, host: "127.0.0.1", backlog: 1 }, () => {
    require("node:fs").writeSync(1, server.address().port + "\\n");
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
  });`;

/** Connections that fill the kernel's queue; every later one is left without an answer. */
const FILLING = 4;

/** Where connections are neither taken nor refused. */
export interface BlackHole extends AsyncDisposable {
  readonly port: number;
  readonly url: string;
}

/** Opens a port that swallows connections; the caller disposes of it. */
export async function openBlackHole(): Promise<BlackHole> {
  const child = spawn(process.execPath, ["-e", SCRIPT], { stdio: ["ignore", "pipe", "inherit"] });
  const [line] = (await once(createInterface(child.stdout), "line")) as [string];
  const port = Number(line);
  const filling: Socket[] = Array.from({ length: FILLING }, () =>
    connect({ port, host: "127.0.0.1" }).on("error", () => {}),
  );
  // All knock in one turn, before the kernel says so to the first.
  await Promise.race(filling.map((socket) => once(socket, "connect")));
  return {
    port,
    url: `http://127.0.0.1:${port}`,
    async [Symbol.asyncDispose]() {
      for (const socket of filling) socket.destroy();
      child.kill("SIGKILL");
    },
  };
}
