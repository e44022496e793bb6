import { statSync } from "node:fs";
import {
  chmod,
  lstat,
  mkdtemp,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  symlink,
  writeFile,
} from "node:fs/promises";
import { connect, createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { ErrAlreadyExists, ErrInvalidArgument } from "../../src/errors/classes.ts";
import { listenUnix, type Unlink } from "../../src/sockets/unix-socket.ts";
import { spawnService } from "../content/grpc/support/spawn-service.ts";

let folder: string;
let path: string;
const servers: Server[] = [];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "unix-socket-"));
  path = join(folder, "s");
});

afterEach(async () => {
  for (const server of servers.splice(0)) server.close();
  await rm(folder, { recursive: true, force: true });
});

/** Listens and greets every caller. */
function listen(greeting: string, on = path): Promise<Unlink> {
  const server = createServer((socket) => void socket.on("error", () => {}).end(greeting));
  servers.push(server);
  return listenUnix(server, on);
}

function greetingAt(address: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(address).setEncoding("utf8");
    socket.once("data", (text) => resolve(String(text))).once("error", reject);
  });
}

describe("listenUnix()", () => {
  it("makes the folder, and a socket that only its owner may use, whatever the umask", async () => {
    const before = process.umask(0);
    try {
      const nested = join(folder, "a", "b");
      await listen("hello", nested);
      expect((await stat(nested)).mode & 0o777).toBe(0o600);
      expect(await greetingAt(nested)).toBe("hello");
    } finally {
      process.umask(before);
    }
  });

  it("is never where others could connect before its mode is set", async () => {
    const seen: string[] = [];
    const server = createServer();
    servers.push(server);
    server.once("listening", () => {
      const bound = server.address();
      const hiding = dirname(typeof bound === "string" ? bound : "");
      seen.push(dirname(hiding), (statSync(hiding).mode & 0o777).toString(8));
    });
    await listenUnix(server, path);
    expect(seen).toEqual([folder, "700"]);
  });

  it("leaves nothing but the socket, and nothing after unlink", async () => {
    const unlink = await listen("hello");
    expect(await readdir(folder)).toEqual(["s"]);
    await unlink();
    expect(await readdir(folder)).toEqual([]);
  });

  it("replaces what a killed process left", async () => {
    const service = await spawnService(join(folder, "root"), `unix://${path}`);
    await service.kill("SIGKILL");
    expect((await lstat(path)).isSocket()).toBe(true);
    await listen("next");
    expect(await greetingAt(path)).toBe("next");
  });

  it("refuses a path where somebody listens, and leaves them alone", async () => {
    await listen("first");
    await expect(listen("second")).rejects.toThrow(ErrAlreadyExists);
    expect(await greetingAt(path)).toBe("first");
    expect(await readdir(folder)).toEqual(["s"]);
  });

  it("lets one of many win that start at once", async () => {
    const starts = await Promise.allSettled(["a", "b", "c", "d"].map((greeting) => listen(greeting)));
    const winners = starts.flatMap(({ status }, index) => (status === "fulfilled" ? ["abcd"[index]] : []));
    expect(winners).toHaveLength(1);
    expect(await greetingAt(path)).toBe(winners[0]);
    expect(await readdir(folder)).toEqual(["s"]);
  });

  it("refuses anything that is no socket, and leaves it alone", async () => {
    await writeFile(path, "precious");
    await expect(listen("hello")).rejects.toThrow(ErrAlreadyExists);
    expect(await readFile(path, "utf8")).toBe("precious");
    await rm(path);
    await symlink("elsewhere", path);
    await expect(listen("hello")).rejects.toThrow("file exists and is not a socket");
  });

  it("unlinks its own socket only", async () => {
    const unlink = await listen("first");
    await rename(path, join(folder, "moved"));
    await listen("second");
    await unlink();
    expect(await greetingAt(path)).toBe("second");
  });

  it("refuses a path that the kernel would cut off", async () => {
    await expect(listen("hello", join(folder, "x".repeat(100)))).rejects.toThrow(ErrInvalidArgument);
    expect(await readdir(folder)).toEqual([]);
  });

  it.skipIf(process.getuid?.() === 0)("tells a folder that it may not write to", async () => {
    await chmod(folder, 0o500);
    await expect(listen("hello")).rejects.toMatchObject({ code: "ERR_PERMISSION_DENIED" });
  });
});
