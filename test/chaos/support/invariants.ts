import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { inspect } from "node:util";
import { isDrayageError } from "../../../src/errors.ts";
import { SECRETS } from "./hostile-registry.ts";

/** Characters that move a terminal's cursor or change its state; a new line only joins messages. */
const CONTROL = /[^\P{Cc}\n]/u;

/** Longest message that a stranger can bring about, in characters. */
const MAX_MESSAGE_LENGTH = 16_384;

/**
 * What must hold of a data root at any moment, whatever happened to it: every blob hashes to its name, and every name
 * reaches all of its graph (of an index, at least one image). Returns what does not hold.
 */
export function rootViolations(root: string): string[] {
  const violations: string[] = [];
  const folder = join(root, "blobs", "sha256");
  for (const hex of entries(folder)) {
    const got = createHash("sha256")
      .update(readFileSync(join(folder, hex)))
      .digest("hex");
    if (got !== hex) violations.push(`blob ${hex} hashes to ${got}`);
  }
  for (const [name, digest] of namesOf(root)) {
    if (!isComplete(root, digest)) violations.push(`name ${name} does not reach its content`);
  }
  return violations;
}

/** What lies in a root although no name reaches it: nothing, after everything that can be freed was freed. */
export function leftoverViolations(root: string): string[] {
  const reached = new Set([...namesOf(root).values()].flatMap((digest) => below(root, digest)));
  const blobs = entries(join(root, "blobs", "sha256")).map((hex) => `sha256:${hex}`);
  const left = blobs.filter((digest) => !reached.has(digest)).map((digest) => `nobody needs blob ${digest}`);
  return [...left, ...entries(join(root, "ingest")).map((name) => `ingest ${name} is left`)];
}

function below(root: string, digest: string): readonly string[] {
  const { manifests = [], config, layers = [] } = documentOf(blob(root, digest));
  const children = [...manifests, ...(config ? [config] : []), ...layers];
  return [digest, ...children.flatMap((child) => below(root, child.digest))];
}

interface Document {
  readonly manifests?: readonly { readonly digest: string }[];
  readonly config?: { readonly digest: string };
  readonly layers?: readonly { readonly digest: string }[];
}

/** A manifest or index; nothing of a layer, which are random bytes here. */
function documentOf(bytes: Buffer | undefined): Document {
  try {
    return JSON.parse(bytes?.toString() ?? "{}") as Document;
  } catch {
    return {};
  }
}

/** Names and digests in a root's index. */
export function namesOf(root: string): ReadonlyMap<string, string> {
  const { manifests } = JSON.parse(readFileSync(join(root, "index.json"), "utf8")) as {
    manifests: readonly { digest: string; annotations: Record<string, string> }[];
  };
  return new Map(
    manifests.map(({ digest, annotations }) => [annotations["io.containerd.image.name"] ?? "", digest]),
  );
}

function isComplete(root: string, digest: string): boolean {
  const bytes = blob(root, digest);
  if (!bytes) return false;
  const { manifests, config, layers = [] } = documentOf(bytes);
  if (manifests) return manifests.some((entry) => isComplete(root, entry.digest));
  return [config, ...layers].every((entry) => entry !== undefined && blob(root, entry.digest) !== undefined);
}

function blob(root: string, digest: string): Buffer | undefined {
  try {
    return readFileSync(join(root, "blobs", ...digest.split(":")));
  } catch {
    return undefined;
  }
}

function entries(folder: string): readonly string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

/** What is wrong with an error that a caller got: it has a class and a code, keeps secrets, and cannot harm a terminal. */
export function errorViolations(error: unknown): string[] {
  const violations: string[] = [];
  if (!isDrayageError(error)) violations.push(`an error without a class: ${inspect(error)}`);
  const { message } = error as Error;
  if (CONTROL.test(message)) violations.push(`control characters in a message: ${JSON.stringify(message)}`);
  if (message.length > MAX_MESSAGE_LENGTH) violations.push(`a message of ${message.length} characters`);
  return [
    ...violations,
    ...textViolations(
      inspect(error, { depth: 12, showHidden: true, maxStringLength: null, maxArrayLength: null }),
      "an error",
    ),
  ];
}

/** What a text tells that nobody may know. `what` names it. */
export function textViolations(text: string, what: string): string[] {
  const { password, basic, token, signature } = SECRETS;
  const secrets = [
    password,
    encodeURIComponent(password),
    new URLSearchParams({ password }).toString().slice("password=".length),
    basic,
    token,
    signature,
  ];
  return secrets
    .filter((secret) => text.includes(secret))
    .map((secret) => `${secret} in ${what}: ${around(text, secret)}`);
}

/** What is wrong with a line that a program shows or logs. */
export function lineViolations(line: unknown, what: string): string[] {
  const text = typeof line === "string" ? line : inspect(line, { depth: 8, maxStringLength: null });
  const control =
    typeof line === "string" && CONTROL.test(line)
      ? [`control characters in ${what}: ${JSON.stringify(line)}`]
      : [];
  return [...control, ...textViolations(text, what)];
}

function around(text: string, secret: string): string {
  const at = text.indexOf(secret);
  return JSON.stringify(text.slice(Math.max(0, at - 120), at + secret.length + 20));
}

/** Open files and sockets of this process. */
export function openDescriptors(): number {
  return entries("/proc/self/fd").length;
}
