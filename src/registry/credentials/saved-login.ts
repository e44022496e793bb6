import { readlink, realpath } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import type { AbortOptions } from "../../async/abort.ts";
import { diskError, isMissingFile } from "../../disk/disk-error.ts";
import { lockFile } from "../../disk/file-lock.ts";
import { makeDirectory } from "../../disk/make-directory.ts";
import { writeFileAtomic } from "../../disk/write-file-atomic.ts";
import { ErrInvalidArgument } from "../../errors/classes.ts";
import { JsonText } from "../files/json-text.ts";
import { readText } from "../files/read-text.ts";
import { AuthFile } from "./auth-file.ts";
import { type CredentialFile, credentialFile, dockerConfigFile } from "./credential-files.ts";
import { type CredentialHelperOptions, eraseFromHelper, storeInHelper } from "./credential-helper.ts";
import type { Credentials } from "./credentials.ts";
import { serverOf } from "./stored-credentials.ts";

/** The file in which logins are kept: docker's, in its directory, or podman's. */
export type LoginFile = { readonly dockerConfigDir: string } | { readonly authFile: string };

/** Where a login has been put. */
export interface SavedLogin {
  /** The file that was written. */
  readonly file: string;
  /** The credential helper that holds the secret; `undefined` when the file itself does, unencrypted. */
  readonly helper: string | undefined;
}

/** Permissions of a file that holds secrets, and of the directory that is made for it. */
const FILE_MODE = 0o600;
const DIRECTORY_MODE = 0o700;

/**
 * Keeps a login as `docker login` does, or `podman login`: with the credential helper that the file names for the host, or
 * else in the file itself. It takes the place of whatever the file says about the host in other spellings; all else in it
 * stays. The file is replaced at once and as a whole, has mode 0600, is made with its directory when it is missing, and a link
 * to it stays a link. Throws `ErrInvalidArgument` for a malformed file, which stays as it is, the classes of `diskError`, and
 * what `storeInHelper` throws.
 *
 * @param host `docker.io` for Docker Hub, otherwise host[:port]
 */
export async function saveLogin(
  host: string,
  credentials: Credentials,
  { file, ...options }: CredentialHelperOptions & { readonly file: LoginFile },
): Promise<SavedLogin> {
  const { username = "", identityToken } = credentials;
  if (!username && !identityToken) throw new ErrInvalidArgument(`Save login at ${host}: got no user name`);
  return await changing(placeOf(file), options, async (document) => {
    const { auths, place } = document;
    const server = serverOf(place.kind, host);
    const helper = auths.helperFor({ host }) || undefined;
    if (helper) await storeInHelper(helper, server, { ...options, credentials });
    for (const key of auths.keysOf({ host })) document.remove(key);
    // docker leaves an empty entry where a helper has the secret, by which it lists logins; podman leaves none.
    if (!helper) document.put(server, entryOf(credentials));
    else if (place.kind === "docker") document.put(server, {});
    return { file: place.name, helper };
  });
}

/**
 * Forgets what the file and its credential helper know about a host as a whole, in whatever spelling; entries of namespaces stay.
 * False when there was nothing. Throws as `saveLogin` does.
 */
export async function forgetLogin(
  host: string,
  { file, ...options }: CredentialHelperOptions & { readonly file: LoginFile },
): Promise<boolean> {
  const place = placeOf(file);
  if ((await textOf(place, await linkTarget(place.name), options)) === undefined) return false;
  return await changing(place, options, async (document) => {
    const { auths } = document;
    const helper = auths.helperFor({ host });
    const erased = helper ? await eraseFromHelper(helper, serverOf(place.kind, host), options) : false;
    const keys = auths.keysOf({ host });
    for (const key of keys) document.remove(key);
    return erased || keys.length > 0;
  });
}

function placeOf(file: LoginFile): CredentialFile {
  return "authFile" in file
    ? credentialFile("podman", file.authFile)
    : dockerConfigFile(file.dockerConfigDir);
}

/** A file that is being changed. */
class ChangingFile {
  readonly place: CredentialFile;
  /** What the file said before. */
  readonly auths: AuthFile;
  #text: string;

  constructor(place: CredentialFile, text: string) {
    this.place = place;
    this.#text = text;
    this.auths = new AuthFile(place.kind, this.#json());
  }

  get text(): string {
    return this.#text;
  }

  put(server: string, entry: Readonly<Record<string, string>>): void {
    this.#text = this.#json().with([...this.auths.authsAt, server], entry);
  }

  /** Takes out an entry that is there. */
  remove(key: string): void {
    this.#text = this.#json().with([...this.auths.authsAt, key], undefined);
  }

  #json(): JsonText {
    const { action, name } = this.place;
    return new JsonText({ action, name, text: this.#text });
  }
}

/** Has `change` change a file, alone among those who do it this way, and writes what has changed. */
async function changing<T>(
  place: CredentialFile,
  { signal }: AbortOptions,
  change: (file: ChangingFile) => Promise<T>,
): Promise<T> {
  const path = await linkTarget(place.name);
  await makeDirectory(dirname(path), { mode: DIRECTORY_MODE });
  const release = await lockFile(`${path}.lock`, { removeOnRelease: true, signal });
  try {
    const text = (await textOf(place, path, { signal })) ?? "";
    const file = new ChangingFile(place, text.trim() === "" ? "{}" : text);
    const before = file.text;
    const result = await change(file);
    if (file.text !== before) await writeFileAtomic(path, ended(file.text), { mode: FILE_MODE });
    return result;
  } finally {
    release();
  }
}

function textOf({ action }: CredentialFile, path: string, { signal }: AbortOptions) {
  return readText(path, { action, signal });
}

/** The file itself, where there is a link to it, even one that leads nowhere yet. */
async function linkTarget(path: string): Promise<string> {
  try {
    return await realpath(path);
  } catch (cause) {
    if (!isMissingFile(cause)) throw diskError("Read login file", path, cause);
    const target = await readlink(path).catch(() => undefined);
    return target === undefined ? path : resolve(dirname(path), target);
  }
}

function ended(text: string): string {
  return text.endsWith("\n") ? text : `${text}\n`;
}

function entryOf({ username = "", password = "", identityToken }: Credentials): Record<string, string> {
  const secret = identityToken ? "" : password;
  return {
    ...(username && { auth: Buffer.from(`${username}:${secret}`).toString("base64") }),
    ...(identityToken && { identitytoken: identityToken }),
  };
}
