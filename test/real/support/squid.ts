import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { chmod, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setImmediate } from "node:timers/promises";
import { holdPort } from "../../support/hold-port.ts";
import { partsFolder, requirePart } from "./parts.ts";
import { runPart } from "./run-part.ts";

/** A host that this machine alone does not know: only the proxy resolves it, to 127.0.0.1. */
export const PROXIED_HOST = "registry.test";

/** A squid on this machine; disposing of it kills it. */
export interface Squid extends AsyncDisposable {
  /** `http://127.0.0.1:<port>`. */
  readonly url: string;
  /**
   * One line for each request or tunnel that is over: method, target, and every header that squid was sent. Waits
   * until there are so many.
   */
  log(lines?: number): Promise<readonly string[]>;
}

/** How a squid is started. */
export interface SquidOptions {
  /**
   * `host:port` that speaks plain HTTP: squid stands in front of it and keeps what it says may be kept. Who asks for the same
   * thing at once is served out of one answer. Otherwise squid is a proxy that keeps nothing.
   */
  readonly inFrontOf?: string | undefined;
}

/** Where a cache is, of what, and where it keeps things. */
interface CacheParts {
  readonly listen: string;
  readonly origin: string;
  readonly folder: string;
}

/** Starts `squid`, which lets everybody everywhere. */
export async function startSquid({ inFrontOf }: SquidOptions = {}): Promise<Squid> {
  const part = requirePart("squid");
  const folder = await mkdtemp(join(tmpdir(), "drayage-squid-"));
  await chmod(folder, 0o777); // started by root, it works as another user
  await using held = await holdPort();
  const { port } = held;
  await writeFile(join(folder, "hosts"), `127.0.0.1 ${PROXIED_HOST}\n`);
  const config = join(folder, "squid.conf");
  const listen = `127.0.0.1:${port}`;
  const role =
    inFrontOf === undefined
      ? proxyDirectives(listen)
      : cacheDirectives({ listen, origin: inFrontOf, folder: join(folder, "cache") });
  await writeFile(config, [...role, ...surroundings(folder)].join("\n"));
  if (inFrontOf !== undefined) await runPart("squid", ["-N", "-z", "-f", config]);
  const child = spawn(part.path, ["-N", "-f", config], {
    env: { ...process.env, ...part.env },
    stdio: "ignore",
  });
  await standing(child, port);
  return {
    url: `http://127.0.0.1:${port}`,
    async log(lines = 0) {
      for (;;) {
        const text = await readFile(join(folder, "access.log"), "utf8");
        // A connection without a request is our own question whether squid is there.
        const seen = text.split("\n").filter((line) => /^[A-Z]/.test(line));
        if (seen.length >= lines) return seen.map(decodeURIComponent);
        await setImmediate();
      }
    },
    async [Symbol.asyncDispose]() {
      if (child.exitCode === null && child.signalCode === null && child.kill("SIGKILL")) {
        await once(child, "exit");
      }
      await rm(folder, { recursive: true, force: true });
    },
  };
}

function proxyDirectives(listen: string): readonly string[] {
  return [`http_port ${listen}`, "http_access allow all", "cache deny all"];
}

/** What makes a squid a cache of one registry, as the README has it. `listen` and `origin` are `host:port`. */
export function cacheDirectives({ listen, origin, folder }: CacheParts): readonly string[] {
  const [host = "", port = ""] = origin.split(":");
  return [
    `http_port ${listen} accel no-vhost defaultsite=${origin}`,
    `cache_peer ${host} parent ${port} 0 no-query no-digest originserver`,
    "never_direct allow all",
    "http_access allow all",
    "collapsed_forwarding on",
    "maximum_object_size 16 GB",
    `cache_dir ufs ${folder} 16384 4 4`,
  ];
}

/** Where an unpacked package has its files; an installed one has them at the root. */
function surroundings(folder: string): readonly string[] {
  const root = requirePart("squid").path.startsWith(partsFolder()) ? join(partsFolder(), "squid") : "/";
  const library = join(root, "usr/lib/squid");
  const share = join(root, "usr/share/squid");
  return [
    `hosts_file ${join(folder, "hosts")}`,
    "logformat seen %rm %ru %>ha",
    `access_log stdio:${join(folder, "access.log")} logformat=seen`,
    `cache_log ${join(folder, "cache.log")}`,
    `pid_filename ${join(folder, "squid.pid")}`,
    `coredump_dir ${folder}`,
    "pinger_enable off",
    `unlinkd_program ${join(library, "unlinkd")}`,
    `logfile_daemon ${join(library, "log_file_daemon")}`,
    `mime_table ${join(share, "mime.conf")}`,
    `icon_directory ${join(share, "icons")}`,
    `error_directory ${join(share, "errors/templates")}`,
    "",
  ];
}

async function standing(child: ChildProcess, port: number): Promise<void> {
  for (;;) {
    if (child.exitCode !== null)
      throw new Error(`Cannot start squid: it ended with status ${child.exitCode}`);
    const socket = connect(port, "127.0.0.1");
    const isThere = await once(socket, "connect").then(
      () => true,
      () => false,
    );
    socket.destroy();
    if (isThere) return;
    await setImmediate();
  }
}
