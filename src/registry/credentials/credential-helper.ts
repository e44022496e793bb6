import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { once } from "node:events";
import { type AbortOptions, abortError, anySignal, throwIfAborted } from "../../async/abort.ts";
import { type Clock, systemClock } from "../../async/clock.ts";
import { ErrFailedPrecondition, ErrInvalidArgument, ErrUnavailable } from "../../errors/classes.ts";
import type { DrayageError } from "../../errors/drayage-error.ts";
import { parseJson, untrustedFields } from "../http/parse-json.ts";
import type { Credentials } from "./credentials.ts";

/** Surroundings of a helper process. */
export type CredentialHelperOptions = AbortOptions & {
  /**
   * The helper's environment; its `PATH` is searched for the program.
   * @defaultValue that of this process
   * @example env: { PATH: "/var/lib/engine/bin:/usr/bin:/bin" }
   */
  readonly env?: Readonly<Record<string, string | undefined>> | undefined;
  /**
   * Ends a helper that does not answer.
   * @defaultValue the machine's
   * @avoid outside of tests
   * @example clock
   */
  readonly clock?: Clock | undefined;
};

/**
 * Time that a helper has to answer, in milliseconds: some ask a cloud service, and none should hold a pull
 * for ever.
 */
const HELPER_TIMEOUT_MS = 30_000;

/**
 * Most output of a helper that is kept, in bytes: an answer is one token, and the longest ones have a few
 * KiB.
 */
const MAX_OUTPUT_BYTES = 256 * 1024;

/** A file name and nothing that leads elsewhere. */
const HELPER_NAME = /^[A-Za-z0-9._-]+$/;

/**
 * What helpers print, and exit with 1, for a server they know nothing about (docker-credential-helpers
 * protocol).
 */
const NOT_FOUND = "credentials not found in native keychain";

/** Stands in place of a user name when the secret is an identity token. */
const TOKEN_USERNAME = "<token>";

/** What a helper is told to do (docker-credential-helpers protocol). */
type HelperAction = "get" | "store" | "erase";

/**
 * Asks `docker-credential-<name> get` for the credentials of `server`, which it reads on stdin; `undefined`
 * when it has none. The signal and a timeout of 30 s kill the process. Throws `ErrInvalidArgument` for a bad
 * name, `ErrUnavailable` (not retryable) after the timeout, and `ErrFailedPrecondition` when the helper
 * cannot be started, fails, or answers something else. No message and no cause holds any of its output.
 */
export async function credentialsFromHelper(
  name: string,
  server: string,
  options: CredentialHelperOptions = {},
): Promise<Credentials | undefined> {
  const fail = failureOf(name, server);
  const output = await runHelper(name, { action: "get", input: server, fail }, options);
  return output === undefined ? undefined : parseAnswer(output, fail);
}

/**
 * Gives credentials to `docker-credential-<name> store`: user and password, or the identity token. Throws as
 * `credentialsFromHelper` does.
 */
export async function storeInHelper(
  name: string,
  server: string,
  { credentials, ...options }: CredentialHelperOptions & { readonly credentials: Credentials },
): Promise<void> {
  const { username = "", password = "", identityToken } = credentials;
  const [Username, Secret] = identityToken ? [TOKEN_USERNAME, identityToken] : [username, password];
  const input = JSON.stringify({ ServerURL: server, Username, Secret });
  const fail = failureOf(name, server);
  const output = await runHelper(name, { action: "store", input, fail }, options);
  if (output === undefined) throw fail("the helper failed with exit status 1");
}

/** Has `docker-credential-<name> erase` forget a server; false when it knew none. Throws as `credentialsFromHelper` does. */
export async function eraseFromHelper(
  name: string,
  server: string,
  options: CredentialHelperOptions = {},
): Promise<boolean> {
  const run = { action: "erase", input: server, fail: failureOf(name, server) } as const;
  return (await runHelper(name, run, options)) !== undefined;
}

function failureOf(name: string, server: string): Failure {
  return (reason, cause) =>
    new ErrFailedPrecondition(`Run docker-credential-${name} for ${server}: ${reason}`, { cause });
}

/** One run of a helper, for `fail`'s errors. */
interface HelperRun {
  readonly action: HelperAction;
  readonly input: string;
  readonly fail: Failure;
}

/** What a helper prints; `undefined` when it does not know the server. */
async function runHelper(
  name: string,
  { action, input, fail }: HelperRun,
  options: CredentialHelperOptions,
): Promise<string | undefined> {
  if (!HELPER_NAME.test(name))
    throw new ErrInvalidArgument(`invalid credential helper name ${JSON.stringify(name)}`);
  throwIfAborted(options.signal);
  const child = await start([`docker-credential-${name}`, action], { ...options, fail });
  const { exitCode, output } = await communicate(child, input, { ...options, fail });
  if (exitCode === 0) return output;
  if (output.trim() === NOT_FOUND) return undefined;
  throw fail(exitCode === null ? "the helper was killed" : `the helper failed with exit status ${exitCode}`);
}

type Failure = (reason: string, cause?: unknown) => DrayageError;

type RunOptions = CredentialHelperOptions & { readonly fail: Failure };

async function start(
  [program, action]: readonly [string, HelperAction],
  { env, fail }: RunOptions,
): Promise<ChildProcessWithoutNullStreams> {
  try {
    const child = spawn(program, [action], { windowsHide: true, ...(env ? { env: { ...env } } : {}) });
    // Without a process there may be no pipes either; the reason comes as an event.
    if (child.pid === undefined) throw (await once(child, "error"))[0];
    return child;
  } catch (cause) {
    throw fail("the helper could not be started", cause);
  }
}

type Finished = { readonly exitCode: number | null; readonly output: string };

async function communicate(
  child: ChildProcessWithoutNullStreams,
  input: string,
  { fail, signal, clock = systemClock }: RunOptions,
): Promise<Finished> {
  const ended = new AbortController();
  const { promise, resolve, reject } = Promise.withResolvers<Finished>();
  const chunks: Buffer[] = [];
  let size = 0;
  child.stdout.on("data", (chunk: Buffer) => {
    chunks.push(chunk);
    size += chunk.length;
    if (size > MAX_OUTPUT_BYTES) reject(fail(`the helper printed more than ${MAX_OUTPUT_BYTES} bytes`));
  });
  child.stderr.resume();
  child.stdin.on("error", () => {}); // a helper may exit without reading; its status and output tell the rest
  child.on("error", (cause) => reject(fail("the helper could not be killed", cause)));
  child.on("close", (exitCode) => resolve({ exitCode, output: Buffer.concat(chunks).toString() }));
  child.stdin.end(input);

  const wait = anySignal(ended.signal, signal);
  clock.sleep(HELPER_TIMEOUT_MS, { signal: wait }).then(
    () => reject(timeoutError(fail)),
    () => signal?.aborted && reject(abortError(signal)),
  );
  try {
    return await promise;
  } finally {
    ended.abort();
    // Its own children may hold the pipes open, so they are closed from this side too.
    child.kill("SIGKILL");
    for (const stream of child.stdio) stream?.destroy();
  }
}

function timeoutError(fail: Failure): DrayageError {
  const { message } = fail(`no answer within ${HELPER_TIMEOUT_MS / 1000} s`);
  return new ErrUnavailable(message, { retryable: false });
}

function parseAnswer(output: string, fail: Failure): Credentials | undefined {
  const { Username: username, Secret: secret } = untrustedFields<"Username" | "Secret">(parseJson(output));
  if (typeof username !== "string" || typeof secret !== "string") {
    throw fail('got output that is not a JSON object with "Username" and "Secret"');
  }
  if (secret === "") return undefined;
  return username === TOKEN_USERNAME ? { identityToken: secret } : { username, password: secret };
}
