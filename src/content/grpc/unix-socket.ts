import { randomBytes } from "node:crypto";
import { chmod, lstat, rename, rm, stat, unlink } from "node:fs/promises";
import { connect, type Server } from "node:net";
import { basename, dirname, join } from "node:path";
import { diskError, isMissingFile } from "../../disk/disk-error.ts";
import { tryLockFile } from "../../disk/file-lock.ts";
import { makeDirectory } from "../../disk/make-directory.ts";
import { ErrAlreadyExists, ErrInvalidArgument, ErrUnavailable } from "../../errors/classes.ts";

/** Longest path of a unix socket, in bytes: the kernel's limit of 108 (104 on macOS) with the zero at the end. */
const MAX_PATH_BYTES = process.platform === "linux" ? 107 : 103;

/** Takes the socket away again, unless another one stands there by now. */
export type Unlink = () => Promise<void>;

/**
 * Listens on a unix socket that only its owner may use (mode 0600). The socket gets its name when all that is done, so at
 * no time can anybody else connect, whatever the umask. One that a dead process left is replaced. Throws
 * `ErrAlreadyExists` when somebody listens there or the path is no socket, `ErrUnavailable` while another server is
 * starting there, `ErrInvalidArgument` for a path that is too long, or the classes of `diskError`.
 */
export async function listenUnix(server: Server, path: string): Promise<Unlink> {
  const hidden = join(dirname(path), `.${randomBytes(4).toString("hex")}`);
  const bytes = Math.max(...[path, hidden].map((one) => Buffer.byteLength(one)));
  if (bytes > MAX_PATH_BYTES) {
    throw new ErrInvalidArgument(`listen on "${path}": got ${bytes} bytes, want at most ${MAX_PATH_BYTES}`);
  }
  await makeDirectory(dirname(path));
  const release = tryLockFile(join(dirname(path), `.${basename(path)}.lock`), "exclusive", {
    removeOnRelease: true,
  });
  if (!release) throw new ErrUnavailable(`listen on "${path}": another server is starting there`);
  try {
    await assertFree(path);
    await bind(server, hidden);
    return await reveal(hidden, path);
  } catch (cause) {
    await rm(hidden, { force: true });
    throw diskError("listen on", path, cause);
  } finally {
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

async function reveal(hidden: string, path: string): Promise<Unlink> {
  await chmod(hidden, 0o600);
  const { ino } = await stat(hidden, { bigint: true });
  await rename(hidden, path);
  return async () => {
    const now = await lstatIfAny(path);
    if (now?.ino === ino) await unlink(path);
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
