import { mkdtemp, open, readFile, rm } from "node:fs/promises";
import { constants, tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { diskError, diskErrorInWords, isMissingFile, isUnwritable } from "../../src/disk/disk-error.ts";
import { ErrCanceled, ErrUnknown } from "../../src/errors/classes.ts";
import { isRetryable } from "../../src/errors/predicates.ts";

let root: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "drayage-"));
});
afterAll(() => rm(root, { recursive: true }));

/** The error of a system call, as Node makes it. */
function systemError(code: string): Error {
  return Object.assign(new Error(`${code}: it failed, write`), { code, syscall: "write" });
}

async function failure(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => expect.unreachable("it should have failed"),
    (error: unknown) => error,
  );
}

describe("diskError()", () => {
  it.each([
    ["ENOSPC", "ErrResourceExhausted", "no space left on device"],
    ["EDQUOT", "ErrResourceExhausted", "disk quota exceeded"],
    ["EMFILE", "ErrResourceExhausted", "too many open files"],
    ["EFBIG", "ErrResourceExhausted", "file too large"],
    ["EROFS", "ErrFailedPrecondition", "read-only file system"],
    ["ENOTDIR", "ErrFailedPrecondition", "not a directory"],
    ["EISDIR", "ErrFailedPrecondition", "is a directory"],
    ["EEXIST", "ErrFailedPrecondition", "file exists and is not a directory"],
    ["EACCES", "ErrPermissionDenied", "permission denied"],
    ["EPERM", "ErrPermissionDenied", "operation not permitted"],
    ["ENOENT", "ErrNotFound", "no such file or directory"],
    ["ENFILE", "ErrResourceExhausted", "too many open files in the whole system"],
    ["ENOMEM", "ErrResourceExhausted", "out of memory"],
    ["ENOTEMPTY", "ErrFailedPrecondition", "directory is not empty"],
    ["EXDEV", "ErrFailedPrecondition", "lies on another file system"],
    ["ESTALE", "ErrUnavailable", "stale file handle"],
    ["EIO", "ErrDataLoss", "input/output error"],
    ["ERR_ACCESS_DENIED", "ErrPermissionDenied", "refused by Node's permission model"],
  ])("makes %s an %s that is not tried again", (code, name, text) => {
    const cause = systemError(code);
    const error = diskError("write blob", "/data/blob", cause);
    expect(error).toMatchObject({ name, message: `write blob "/data/blob": ${text}`, cause });
    expect(isRetryable(error)).toBe(false);
  });

  it.each([
    [systemError("EPIPE"), 'read "/x": EPIPE: it failed, write'],
    [new Error("it broke"), 'read "/x": it broke'],
    ["it broke", 'read "/x": it broke'],
    [undefined, 'read "/x": undefined'],
    [null, 'read "/x": null'],
  ])("makes %s an ErrUnknown with its own words", (cause, message) => {
    const error = diskError("read", "/x", cause);
    expect(error).toBeInstanceOf(ErrUnknown);
    expect(error).toMatchObject({ message });
    expect(isRetryable(error)).toBe(false);
  });

  it.each(["EDQUOT", "ESTALE"] as const)("knows %s by its number, which Node has no name for", (name) => {
    const errno = -constants.errno[name];
    const cause = Object.assign(new Error("it failed"), { code: `Unknown system error ${errno}`, errno });
    expect(diskError("read", "/x", cause)).toMatchObject({
      name: diskError("read", "/x", systemError(name)).name,
    });
  });

  it("leaves an error of ours as it is", () => {
    const error = new ErrCanceled("context canceled");
    expect(diskError("read", "/x", error)).toBe(error);
  });

  it("reads the errors of real files", async () => {
    const missing = await failure(readFile(join(root, "missing")));
    expect(diskError("read", "x", missing)).toMatchObject({ name: "ErrNotFound" });
    const directory = await failure(open(root, "w"));
    expect(diskError("write", "x", directory)).toMatchObject({ name: "ErrFailedPrecondition" });
  });
});

describe("isUnwritable()", () => {
  it.each(["EROFS", "EACCES", "EPERM", "ERR_ACCESS_DENIED"])(
    "says yes to %s, also behind an error of ours",
    (code) => {
      expect(isUnwritable(systemError(code))).toBe(true);
      expect(isUnwritable(diskError("make directory", "/x", systemError(code)))).toBe(true);
    },
  );

  it.each([undefined, new Error("EROFS"), systemError("EMFILE"), systemError("ENOSPC")])(
    "says no to %s",
    (error) => {
      expect(isUnwritable(error)).toBe(false);
    },
  );
});

describe("isMissingFile()", () => {
  it("says yes to a real missing file", async () => {
    expect(isMissingFile(await failure(readFile(join(root, "missing"))))).toBe(true);
  });

  it.each([undefined, null, "ENOENT", new Error("ENOENT"), systemError("EACCES")])(
    "says no to %s",
    (error) => {
      expect(isMissingFile(error)).toBe(false);
    },
  );
});

describe("diskErrorInWords()", () => {
  it.each([
    ["cp: error writing 'a': No space left on device", "ErrResourceExhausted", "no space left on device"],
    ["tar: a: Cannot mkdir: Disk quota exceeded", "ErrResourceExhausted", "disk quota exceeded"],
    ["cp: error reading 'a': Input/output error", "ErrDataLoss", "input/output error"],
    ["tar: a: Cannot open: Read-only file system", "ErrFailedPrecondition", "read-only file system"],
  ])("takes %j for %s", (words, name, text) => {
    const error = diskErrorInWords("copy file", words);
    expect(error).toMatchObject({ name, message: `copy file: ${text}` });
    expect(isRetryable(error)).toBe(false);
  });

  it("takes nothing else for the disk's", () => {
    expect(diskErrorInWords("copy file", "cp: cannot stat 'a': No such file or directory")).toBeUndefined();
  });
});
