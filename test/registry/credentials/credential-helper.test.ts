import { inspect } from "node:util";
import { describe, expect, it } from "vitest";
import type { Clock } from "../../../src/async/clock.ts";
import {
  type CredentialHelperOptions,
  credentialsFromHelper,
} from "../../../src/registry/credentials/credential-helper.ts";
import type { Credentials } from "../../../src/registry/credentials/credentials.ts";
import { helperPrograms } from "../support/helper-programs.ts";

const SERVER = "registry.example:5000";
const SECRET = "s3cret";

/** Asks a helper that is `script`. */
async function ask(script: string, options: CredentialHelperOptions = {}): Promise<Credentials | undefined> {
  await using programs = await helperPrograms();
  await programs.add("test", script);
  return await credentialsFromHelper("test", SERVER, { env: programs.env, ...options });
}

/** Everything that a log could show of the error that `promise` rejects with. */
async function failureOf(
  promise: Promise<unknown>,
): Promise<{ readonly code: string; readonly shown: string }> {
  const error: unknown = await promise.then(
    () => expect.unreachable("it succeeded"),
    (thrown: unknown) => thrown,
  );
  return { code: (error as { code: string }).code, shown: `${String(error)} ${inspect(error)}` };
}

/** Ends a wait at once: time flies. */
const impatient: Clock & { readonly waits: number[] } = {
  waits: [],
  now: () => 0,
  elapsed: () => 0,
  async sleep(ms) {
    this.waits.push(ms);
  },
};

describe("credentialsFromHelper()", () => {
  it("runs `get` with the server on stdin, and reads user and secret", async () => {
    await using programs = await helperPrograms();
    await programs.add(
      "my_store.v1-x",
      `printf %s "$#:$1:$(cat)" > "$DIR/asked"; echo '{"ServerURL":"x","Username":"ann","Secret":"${SECRET}"}'`,
    );
    const credentials = await credentialsFromHelper("my_store.v1-x", SERVER, { env: programs.env });
    expect(credentials).toEqual({ username: "ann", password: SECRET });
    expect(await programs.read("asked")).toBe(`1:get:${SERVER}`);
  });

  it("takes the secret of the user <token> for an identity token", async () => {
    expect(await ask(`echo '{"Username":"<token>","Secret":"${SECRET}"}'`)).toEqual({
      identityToken: SECRET,
    });
  });

  it("has no credentials when the helper has none", async () => {
    expect(await ask("echo credentials not found in native keychain; exit 1")).toBeUndefined();
    expect(await ask(`echo '{"Username":"","Secret":""}'`)).toBeUndefined();
  });

  it("does not mind a helper that reads nothing", async () => {
    const ignoring = `exec 0<&-; echo '{"Username":"ann","Secret":"${SECRET}"}'`;
    expect(await ask(ignoring)).toEqual({ username: "ann", password: SECRET });
  });

  it.each([
    ["fails", `echo ${SECRET}; echo ${SECRET} >&2; exit 3`, "the helper failed with exit status 3"],
    ["is killed", `echo ${SECRET}; kill -9 $$`, "the helper was killed"],
    ["prints no JSON", `echo ${SECRET}`, "got output that is not a JSON object"],
    [
      "prints broken JSON",
      `echo '{"Username":"ann","Secret":"${SECRET}'`,
      "got output that is not a JSON object",
    ],
    ["prints null", "echo null", "got output that is not a JSON object"],
    [
      "prints another type",
      `echo '{"Username":"ann","Secret":{"x":"${SECRET}"}}'`,
      "got output that is not a JSON object",
    ],
    ["prints without end", `while echo ${SECRET}; do :; done`, "the helper printed more than 262144 bytes"],
  ])("throws ErrFailedPrecondition without the output when the helper %s", async (_name, script, reason) => {
    const { code, shown } = await failureOf(ask(script));
    expect(code).toBe("ERR_FAILED_PRECONDITION");
    expect(shown).toContain(`Run docker-credential-test for ${SERVER}: ${reason}`);
    expect(shown).not.toContain(SECRET);
  });

  it("throws ErrFailedPrecondition when there is no such helper", async () => {
    const { code, shown } = await failureOf(
      credentialsFromHelper("absent", SERVER, { env: { PATH: "/nonexistent" } }),
    );
    expect(code).toBe("ERR_FAILED_PRECONDITION");
    expect(shown).toContain(`Run docker-credential-absent for ${SERVER}: the helper could not be started`);
  });

  it.each(["", "../evil", "a/b", "a b", "a\0", "a;b", "$(x)", "é"])(
    "throws ErrInvalidArgument for the name %j",
    async (name) => {
      const { code } = await failureOf(credentialsFromHelper(name, SERVER));
      expect(code).toBe("ERR_INVALID_ARGUMENT");
    },
  );

  it("kills the helper after 30 s", async () => {
    const { code, shown } = await failureOf(ask("exec sleep 1000", { clock: impatient }));
    expect(code).toBe("ERR_UNAVAILABLE");
    expect(shown).toContain("no answer within 30 s");
    expect(shown).toContain("retryable: false");
    expect(impatient.waits).toEqual([30_000]);
  });

  it("kills the helper when the signal fires", async () => {
    await using programs = await helperPrograms();
    await programs.add("test", 'echo $$ > "$DIR/pid.tmp"; mv "$DIR/pid.tmp" "$DIR/pid"; exec sleep 1000');
    const controller = new AbortController();
    const answer = credentialsFromHelper("test", SERVER, { env: programs.env, signal: controller.signal });
    await expect.poll(() => programs.read("pid").catch(() => "")).not.toBe("");
    const pid = Number(await programs.read("pid"));
    expect(process.kill(pid, 0)).toBe(true);
    controller.abort();
    await expect(answer).rejects.toMatchObject({ code: "ERR_CANCELED" });
    await expect.poll(() => isRunning(pid)).toBe(false);
  });

  it("lets the pipes go that a helper's own child holds open", async () => {
    await using programs = await helperPrograms();
    await programs.add("test", 'sleep 1000 & echo $! > "$DIR/pid.tmp"; mv "$DIR/pid.tmp" "$DIR/pid"; wait');
    const before = openPipes();
    const controller = new AbortController();
    const answer = credentialsFromHelper("test", SERVER, { env: programs.env, signal: controller.signal });
    await expect.poll(() => programs.read("pid").catch(() => "")).not.toBe("");
    expect(openPipes()).toBeGreaterThan(before);
    controller.abort();
    await expect(answer).rejects.toMatchObject({ code: "ERR_CANCELED" });
    await expect.poll(openPipes).toBe(before);
    process.kill(Number(await programs.read("pid")));
  });

  it("starts no helper when the signal has fired already", async () => {
    await using programs = await helperPrograms();
    const answer = credentialsFromHelper("test", SERVER, { env: programs.env, signal: AbortSignal.abort() });
    await expect(answer).rejects.toMatchObject({ code: "ERR_CANCELED" });
  });
});

function openPipes(): number {
  return process.getActiveResourcesInfo().filter((name) => name === "PipeWrap").length;
}

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}
