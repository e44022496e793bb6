import { spawn } from "node:child_process";
import { once } from "node:events";
import { access, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { buildImage, TestRegistry } from "../../src/testing.ts";
import { TOP } from "../docs/support/documents.ts";
import { helperPrograms } from "../registry/support/helper-programs.ts";

const ANN = { username: "ann", password: "s3cret" };
const MAIN = join(TOP, "src", "cli", "main.ts");

let home: string;
let registry: TestRegistry;

beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), "drayage-home-"));
  registry = await TestRegistry.start({ auth: { basic: ANN } });
  await buildImage(registry, "app", { tag: "v1", layers: [1000] });
});

afterEach(async () => {
  await registry.close();
  await rm(home, { recursive: true });
});

interface RunOptions {
  readonly input?: string;
  readonly env?: Readonly<Record<string, string>>;
}

/** Runs the command line of a user whose home is `home`. */
async function run(command: string, { input = "", env = {} }: RunOptions = {}) {
  const { PATH = "" } = process.env;
  const child = spawn(process.execPath, ["--no-warnings", MAIN, ...command.split(" ")], {
    env: { PATH, HOME: home, XDG_RUNTIME_DIR: join(home, "run"), DRAYAGE_ROOT: join(home, "root"), ...env },
  });
  child.stdin.on("error", () => {}).end(input);
  const ended = once(child, "close");
  const [[status], stdout, stderr] = await Promise.all([ended, text(child.stdout), text(child.stderr)]);
  return { status: status as unknown, stdout, stderr };
}

function loginCommand(options = ""): string {
  return `login --plain-http -u ann --password-stdin ${registry.host}${options}`;
}

function inPlace(words: string): string {
  return words.replace("HOST", registry.host);
}

const dockerConfig = () => join(home, ".docker", "config.json");

describe("drayage login", () => {
  it("keeps what the registry takes, in docker's file, and pulls with it", async () => {
    const pull = `pull -q --plain-http ${registry.host}/app:v1`;
    expect(await run(pull)).toMatchObject({ status: 1 });
    expect(await run(loginCommand(), { input: "s3cret\n" })).toEqual({
      status: 0,
      stdout: "Login Succeeded\n",
      stderr: [
        `WARNING! Your credentials are stored unencrypted in '${dockerConfig()}'.`,
        "Configure a credential helper to remove this warning.",
        "",
      ].join("\n"),
    });
    expect(JSON.parse(await readFile(dockerConfig(), "utf8"))).toEqual({
      auths: { [registry.host]: { auth: btoa("ann:s3cret") } },
    });
    expect(await run(pull)).toMatchObject({ status: 0, stderr: "" });
  });

  it("keeps nothing that the registry refuses", async () => {
    const { status, stdout, stderr } = await run(loginCommand(), { input: "wrong" });
    expect([status, stdout]).toEqual([1, ""]);
    expect(stderr).toMatch(/^drayage: unauthorized: authentication required\n$/);
    await expect(access(dockerConfig())).rejects.toThrow();
  });

  it.each([
    ["--config", "DIR", "config.json"],
    ["--authfile", "DIR/auth.json", "auth.json"],
  ])("keeps it where %s says, and finds it there", async (option, value, file) => {
    const where = `${option} ${value.replace("DIR", join(home, "else"))}`;
    expect(await run(`${loginCommand()} ${where}`, { input: "s3cret" })).toMatchObject({ status: 0 });
    expect(await readFile(join(home, "else", file), "utf8")).toContain(registry.host);
    const pull = await run(`pull -q --plain-http ${registry.host}/app:v1 ${where}`);
    expect(pull).toMatchObject({ status: 0, stderr: "" });
    const logout = await run(`logout ${registry.host} ${where}`);
    expect(logout).toMatchObject({ status: 0, stdout: `Removing login credentials for ${registry.host}\n` });
  });

  it("gives it to a helper, without a warning", async () => {
    await using programs = await helperPrograms();
    await programs.add("keep", 'cat > "$DIR/$1"');
    const config = join(programs.dir, "config.json");
    await writeFile(config, JSON.stringify({ credsStore: "keep" }));
    const { PATH = "" } = process.env;
    const env = { PATH: `${programs.dir}:${PATH}`, DIR: programs.dir, DOCKER_CONFIG: programs.dir };
    const { status, stdout, stderr } = await run(loginCommand(), { input: "s3cret", env });
    expect([status, stdout]).toEqual([0, "Login Succeeded\n"]);
    expect(stderr).toBe("");
    expect(await programs.read("store")).toContain("s3cret");
    expect(await readFile(config, "utf8")).not.toContain(btoa("ann:s3cret"));
  });

  it("tells when another file comes before the one it wrote", async () => {
    const auths = { [registry.host]: { auth: btoa("bob:s3cret") } };
    const env = { DOCKER_AUTH_CONFIG: JSON.stringify({ auths }) };
    const { status, stderr } = await run(loginCommand(), { input: "s3cret", env });
    expect(status).toBe(0);
    expect(stderr).toContain(`drayage: warning: other credentials for ${registry.host} come before those in`);
    const logout = await run(`logout ${registry.host}`, { env });
    expect(logout.stderr).toBe(`drayage: warning: another file still has credentials for ${registry.host}\n`);
  });

  it.each([
    ["login HOST -u ann", "", "log in: stdin is no terminal, wanted --username and --password-stdin"],
    ["login HOST --password-stdin", "x", "log in: got --password-stdin, wanted --username too"],
    ["login HOST -u ann --password-stdin", "", "read password from stdin: got nothing"],
    [
      "login HOST/team -u ann --password-stdin",
      "x",
      'Log in at HOST: got the namespace "team", wanted a host alone',
    ],
  ])("%s with %j on stdin fails", async (command, input, reason) => {
    expect(await run(inPlace(command), { input })).toEqual({
      status: 1,
      stdout: "",
      stderr: `drayage: ${inPlace(reason)}\n`,
    });
  });
});

describe("drayage logout", () => {
  it("says what it did", async () => {
    await run(loginCommand(), { input: "s3cret" });
    const command = `logout ${registry.host}`;
    const gone = { status: 0, stdout: `Removing login credentials for ${registry.host}\n`, stderr: "" };
    expect(await run(command)).toEqual(gone);
    expect(await run(command)).toEqual({ ...gone, stdout: `Not logged in to ${registry.host}\n` });
  });
});

/** Types what belongs to each question once it is there; `script` of util-linux is the terminal. */
async function typed(answers: Readonly<Record<string, string>>) {
  const { PATH = "" } = process.env;
  const command = `${process.execPath} --no-warnings ${MAIN} login --plain-http ${registry.host}`;
  const child = spawn("script", ["-qefc", command, "/dev/null"], {
    env: { PATH, HOME: home, XDG_RUNTIME_DIR: join(home, "run"), TERM: "dumb" },
  });
  const left = Object.entries(answers);
  let shown = "";
  child.stdout.on("data", (chunk: Buffer) => {
    shown += chunk.toString();
    const [next] = left;
    if (!next || !shown.endsWith(next[0])) return;
    left.shift();
    child.stdin.write(next[1]);
  });
  const [status] = await once(child, "close");
  return { status: status as unknown, shown };
}

describe("drayage login on a terminal", () => {
  const hasScript = process.platform === "linux";

  it.runIf(hasScript)("asks for name and password, and shows no password", async () => {
    const { status, shown } = await typed({ "Username: ": "ann\r", "Password: ": "s3cret\r" });
    expect(shown).toContain("Login Succeeded");
    expect(shown).toContain("Username: ");
    expect(shown).not.toContain("s3cret");
    expect(status).toBe(0);
  });

  it.runIf(hasScript)("ends at Ctrl-C like every command", async () => {
    const { status } = await typed({ "Username: ": "ann\r", "Password: ": "s3c\u0003" });
    expect(status).toBe(130);
  });
});
