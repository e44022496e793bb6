import { chmod, lstat, mkdtemp, rename, rm, stat, unlink } from "node:fs/promises";
import { connect, type Server } from "node:net";
import { basename, dirname, join, sep } from "node:path";
import { diskError, isMissingFile } from "../disk/disk-error.ts";
import { tryLockFile } from "../disk/file-lock.ts";
import { makeDirectory } from "../disk/make-directory.ts";
import { ErrAlreadyExists, ErrInvalidArgument, ErrUnavailable } from "../errors/classes.ts";

/** Longest path of a unix socket, in bytes: the kernel's limit of 108 (104 on macOS) with the zero at the end. */
const MAX_PATH_BYTES = process.platform === "linux" ? 107 : 103;

/** Begin of the name of the folder that nobody else may look into, to which six characters are added, and a socket in there. */
const HIDING_PREFIX = ".";
const HIDDEN_NAME = `${HIDING_PREFIX}XXXXXX/s`;

/** Takes the socket away again, unless another one stands there by now. */
export type Unlink = () => Promise<void>;

/** Permissions of a socket that only its owner may use. */
const OWNER_ONLY = 0o600;

/** Who may use a socket. */
export interface UnixSocketOptions {
  /** Permissions of the socket. Default 0o600: only its owner; with 0o660 its group may, too. */
  readonly mode?: number | undefined;
}

/**
 * Listens on a unix socket that only its owner may use, unless `mode` says otherwise. It is made in a folder that is its owner's
 * alone, and gets its name when its mode is set, so at no time can anybody else connect, whatever the umask. One that a dead
 * process left is replaced. Throws `ErrAlreadyExists` when somebody listens there or the path is no socket,
 * `ErrUnavailable` while another server is starting there, `ErrInvalidArgument` for a path that is too long, or the
 * classes of `diskError`.
 */
export async function listenUnix(
  server: Server,
  path: string,
  { mode = OWNER_ONLY }: UnixSocketOptions = {},
): Promise<Unlink> {
  const folder = dirname(path);
  const bytes = Math.max(...[path, join(folder, HIDDEN_NAME)].map((one) => Buffer.byteLength(one)));
  if (bytes > MAX_PATH_BYTES) {
    throw new ErrInvalidArgument(`listen on "${path}": got ${bytes} bytes, want at most ${MAX_PATH_BYTES}`);
  }
  await makeDirectory(folder);
  const release = tryLockFile(join(folder, `.${basename(path)}.lock`), "exclusive", {
    removeOnRelease: true,
  });
  if (!release) throw new ErrUnavailable(`listen on "${path}": another server is starting there`);
  let hiding: string | undefined;
  try {
    await assertFree(path);
    hiding = await mkdtemp(`${folder}${sep}${HIDING_PREFIX}`); // it is made with mode 0700
    const hidden = join(hiding, "s");
    await bind(server, hidden);
    return await reveal(hidden, path, mode);
  } catch (cause) {
    throw diskError("listen on", path, cause);
  } finally {
    if (hiding !== undefined) await rm(hiding, { recursive: true, force: true });
    release();
  }
}

function bind(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen({ path }, () => {
      server.off("error", reject);
      resolve();
    });
  });
}

async function reveal(hidden: string, path: string, mode: number): Promise<Unlink> {
  await chmod(hidden, mode);
  const { ino } = await stat(hidden, { bigint: true });
  await rename(hidden, path);
  return async () => {
    try {
      const now = await lstatIfAny(path);
      if (now?.ino === ino) await unlink(path);
    } catch (cause) {
      throw diskError("remove socket", path, cause);
    }
  };
}

async function assertFree(path: string): Promise<void> {
  const found = await lstatIfAny(path);
  if (!found) return;
  if (!found.isSocket()) throw new ErrAlreadyExists(`listen on "${path}": file exists and is not a socket`);
  if (await isAlive(path)) throw new ErrAlreadyExists(`listen on "${path}": somebody listens there already`);
}

async function lstatIfAny(path: string) {
  try {
    return await lstat(path, { bigint: true });
  } catch (error) {
    if (isMissingFile(error)) return undefined;
    throw error;
  }
}

/** Only a refusal means that nobody listens: one who is too busy to answer is alive. */
function isAlive(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    const settle = (alive: boolean): void => {
      socket.destroy();
      resolve(alive);
    };
    socket.once("connect", () => settle(true));
    socket.once("error", (error: NodeJS.ErrnoException) => {
      settle(error.code !== "ECONNREFUSED" && error.code !== "ENOENT");
    });
  });
}
