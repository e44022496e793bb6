/** What tests do in a process of its own. `child.ts <task> <arguments...>`; tells by lines on stdout. */
import { readFileSync, writeFileSync } from "node:fs";
import { basename } from "node:path";
import { setImmediate as nextTurn } from "node:timers/promises";
import { openLocalStore } from "../../../src/content/local/local-store.ts";
import { namespacedStore } from "../../../src/content/namespaces/namespaced-store.ts";
import { openNamespaceMetadata } from "../../../src/content/namespaces/sqlite-namespace-metadata.ts";
import { openWriter } from "../../../src/content/open-writer.ts";
import { readBlob } from "../../../src/content/read-blob.ts";
import { writeBlob } from "../../../src/content/write-blob.ts";
import { type Digest, digestOf } from "../../../src/digest/digest.ts";
import { lockFile, tryLockFile } from "../../../src/disk/file-lock.ts";
import { LinkedLocks } from "../../../src/disk/linked-locks.ts";
import { findError, isUnavailable } from "../../../src/errors/predicates.ts";
import { pseudoRandom } from "./pseudo-random.ts";

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

function unlessUnavailable(error: unknown): false {
  if (!isUnavailable(error)) throw error;
  return false;
}

/** Until somebody kills us. */
function waitForKill(): void {
  setInterval(() => {}, 60_000);
}

const TASKS: Readonly<Record<string, (...args: string[]) => Promise<void>>> = {
  /** Holds a lock. */
  async hold(path = "", mode = "") {
    const release = tryLockFile(path, mode === "shared" ? "shared" : "exclusive");
    say(release ? "locked" : "busy");
    waitForKill();
  },

  /** Holds linked locks. */
  async "hold links"(directory = "", ...names) {
    const locks = new LinkedLocks(directory);
    const releases = names.map((name) => locks.tryLock(name));
    say(releases.every((release) => release) ? "locked" : "busy");
    waitForKill();
  },

  /** Adds to numbers in files, each time under the linked lock of that name. */
  async "count links"(directory = "", rounds = "", ...files) {
    const locks = new LinkedLocks(directory);
    await Promise.all(
      files.map(async (file) => {
        for (let round = 0; round < Number(rounds); ) {
          const release = locks.tryLock(basename(file));
          await nextTurn();
          if (!release) continue;
          writeFileSync(file, String(Number(readFileSync(file, "utf8")) + 1));
          await nextTurn();
          release();
          round++;
        }
      }),
    );
    say("done");
  },

  /** Adds to a number in a file, each time under the lock. */
  async count(lock = "", file = "", rounds = "") {
    for (let round = 0; round < Number(rounds); round++) {
      const release = await lockFile(lock, { removeOnRelease: true });
      writeFileSync(file, String(Number(readFileSync(file, "utf8")) + 1));
      release();
    }
    say("done");
  },

  /** Writes the first bytes of a blob and holds the writer. */
  async write(root = "", ref = "", seed = "", bytes = "") {
    const store = await openLocalStore({ root });
    const writer = await store.writer({ ref, size: 1_000_000 });
    await writer.write(pseudoRandom(seed, Number(bytes)));
    say("written");
    waitForKill();
  },

  /** Writes a blob whole, waiting for the ref; says who did it. */
  async commit(root = "", ref = "", seed = "", digest = "") {
    await using store = await openLocalStore({ root });
    try {
      const writer = await openWriter(store, { ref, expected: digest as Digest });
      const bytes = pseudoRandom(seed, 500_000);
      const { offset } = await writer.status();
      for (let at = offset; at < bytes.byteLength; at += 10_000)
        await writer.write(bytes.subarray(at, at + 10_000));
      say(
        `committed ${await writer.commit({ expected: digest as Digest, labels: { by: String(process.pid) } })}`,
      );
    } catch (error) {
      say(`${findError(error)?.code}`);
    }
  },

  /** Makes one blob after the other, until somebody kills us. */
  async churn(root = "", seed = "") {
    const store = await openLocalStore({ root });
    for (let index = 0; ; index++) {
      const bytes = pseudoRandom(`${seed} ${index}`, 20_000);
      const writer = await store.writer({ ref: `churn ${index % 3}` });
      await writer.truncate(0);
      for (let at = 0; at < bytes.byteLength; at += 5_000) await writer.write(bytes.subarray(at, at + 5_000));
      await writer.commit({ size: 20_000, labels: { index: String(index) } });
      say(String(index));
    }
  },

  /** Adds labels to one blob, one by one. */
  async label(root = "", digest = "", prefix = "", count = "") {
    await using store = await openLocalStore({ root });
    for (let index = 0; index < Number(count); index++) {
      const key = `${prefix}${index}`;
      await store.update({ digest: digest as Digest, labels: { [key]: "yes" } }, [`labels.${key}`]);
    }
    say("done");
  },

  /** Commits, reads and deletes one blob in a namespace, again and again. */
  async share(root = "", namespace = "", rounds = "") {
    await using backend = await openLocalStore({ root });
    using metadata = openNamespaceMetadata({ root });
    const store = namespacedStore(backend, metadata, { namespace });
    const bytes = pseudoRandom("shared", 2_000);
    const blob = { size: bytes.byteLength, digest: digestOf(bytes) };
    for (let round = 0; round < Number(rounds); round++) {
      const write = () => writeBlob(store, `round ${round}`, bytes, round % 2 === 0 ? blob : {});
      // What a complete writer counts on may be deleted before its commit, which says so.
      for (let written = false; !written; ) written = await write().then(() => true, unlessUnavailable);
      await readBlob(store, blob); // throws when somebody deleted it
      await store.delete(blob.digest);
    }
    say("done");
  },

  /** Writes until the disk says no. */
  async fill(root = "", ref = "", seed = "") {
    await using store = await openLocalStore({ root });
    const writer = await store.writer({ ref });
    const bytes = pseudoRandom(seed, 1_000_000);
    try {
      for (let at = 0; ; at += 10_000) await writer.write(bytes.subarray(at, at + 10_000));
    } catch (error) {
      const { offset } = await writer.status();
      say(`${findError(error)?.code} ${offset} ${writer.digest()}`);
    }
    await writer.close();
  },
};

const [, , task = "", ...args] = process.argv;
await TASKS[task]?.(...args);
