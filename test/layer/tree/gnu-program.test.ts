import { text } from "node:stream/consumers";
import { describe, expect, it, vi } from "vitest";
import {
  ErrCanceled,
  ErrNotImplemented,
  ErrResourceExhausted,
  ErrUnknown,
} from "../../../src/errors/classes.ts";
import { GnuProgram } from "../../../src/layer/tree/gnu-program.ts";

function shell(script: string, options: { readonly signal?: AbortSignal } = {}): GnuProgram {
  return new GnuProgram("sh", ["-c", script], { action: "try", stdio: ["ignore", "pipe"], ...options });
}

describe("GnuProgram", () => {
  it("gives what it writes, and its status", async () => {
    await using program = shell("echo out; exit 1");
    expect(await text(program.output)).toBe("out\n");
    expect(await program.status()).toBe(1);
  });

  it("fails with its own words, or its status where it says nothing", async () => {
    await expect(shell("echo 'no such tree' >&2; exit 2").finish()).rejects.toThrow("try: sh: no such tree");
    await expect(shell("exit 2").finish()).rejects.toThrow("try: sh: it ended with 2");
    await expect(shell("kill -9 $$").finish()).rejects.toThrow(ErrUnknown);
  });

  it("says that a disk is full", async () => {
    const full = shell("echo 'cp: error writing: No space left on device' >&2; exit 1");
    await expect(full.finish()).rejects.toBeInstanceOf(ErrResourceExhausted);
  });

  it("keeps a bounded part of its words", async () => {
    const error: unknown = await shell("yes much | head -c 100000 >&2; exit 1")
      .finish()
      .catch((thrown: unknown) => thrown);
    expect((error as Error).message.length).toBeLessThan(600);
  });

  it("says when there is no such program", async () => {
    const program = new GnuProgram("no-such-program", [], { action: "try", stdio: ["ignore", "ignore"] });
    await expect(program.finish()).rejects.toThrow("try: the program no-such-program cannot be run");
    await expect(program.finish()).rejects.toBeInstanceOf(ErrNotImplemented);
  });

  it("is killed by the signal, and by who does not want it any more", async () => {
    const controller = new AbortController();
    const program = shell("exec tail -f /dev/null", { signal: controller.signal });
    controller.abort();
    await expect(program.finish()).rejects.toBeInstanceOf(ErrCanceled);
    expect(() => shell("", { signal: controller.signal })).toThrow(ErrCanceled);
    const unwanted = shell("exec tail -f /dev/null");
    await unwanted[Symbol.asyncDispose]();
    await expect(unwanted.status()).rejects.toThrow("try: sh: it was killed");
  });

  it("takes no options for tar from its surroundings", async () => {
    vi.stubEnv("TAR_OPTIONS", "--exclude=*");
    try {
      await using program = shell('echo "$TAR_OPTIONS"');
      expect(await text(program.output)).toBe("\n");
    } finally {
      vi.unstubAllEnvs();
    }
  });
});
