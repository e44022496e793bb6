import type { Command } from "commander";
import { ErrInvalidArgument } from "../../errors.ts";
import { type Credentials, logIn } from "../../index.ts";
import { ask, canAsk, readSecret } from "../ask.ts";
import {
  addCredentialOptions,
  type CredentialCliOptions,
  currentCredentials,
  loginFile,
} from "../credentials.ts";
import { addReachingOptions, type ReachingCliOptions, reachingOptions } from "../options.ts";
import { printLines, tell, warn } from "../output.ts";

interface LoginCliOptions extends ReachingCliOptions, CredentialCliOptions {
  readonly username?: string;
  readonly passwordStdin?: boolean;
}

/** `drayage login [SERVER]` */
export function addLoginCommand(program: Command, signal: AbortSignal): void {
  const command = program
    .command("login")
    .description("check credentials at a registry and keep them where docker does")
    .argument("[server]", "registry (default: Docker Hub)");
  addCredentialOptions(addReachingOptions(command))
    .option("-u, --username <name>", "user name")
    .option("--password-stdin", "take the password from stdin")
    .action((server: string | undefined, options: LoginCliOptions) => login(server, { options, signal }));
}

async function login(
  server = "docker.io",
  { options, signal }: { readonly options: LoginCliOptions; readonly signal: AbortSignal },
): Promise<void> {
  const { loginHost, saveLogin } = await import("../../registry.ts");
  const credentials = await askedCredentials(options, signal);
  const reaching = reachingOptions(options, [loginHost(server)]);
  const { host, checked, ...login } = await logIn(server, { ...reaching, credentials, signal });
  const { file, helper } = await saveLogin(host, login.credentials, { file: loginFile(options), signal });
  if (!checked) tell(`warning: ${host} asked for no credentials, and has not looked at these`);
  if (helper === undefined) {
    warn(
      `WARNING! Your credentials are stored unencrypted in '${file}'.`,
      "Configure a credential helper to remove this warning.",
    );
  }
  const current = await currentCredentials(host, options);
  if (current && !isSame(current, login.credentials)) {
    tell(`warning: other credentials for ${host} come before those in ${file}`);
  }
  printLines("Login Succeeded");
}

async function askedCredentials(
  { username, passwordStdin }: LoginCliOptions,
  signal: AbortSignal,
): Promise<Credentials> {
  if (passwordStdin) {
    if (!username) throw new ErrInvalidArgument("log in: got --password-stdin, wanted --username too");
    return { username, password: await readSecret(signal) };
  }
  if (!canAsk())
    throw new ErrInvalidArgument("log in: stdin is no terminal, wanted --username and --password-stdin");
  const user = username ?? (await ask("Username: ", { signal })).trim();
  if (user === "") throw new ErrInvalidArgument("log in: got no user name");
  const password = await ask("Password: ", { hidden: true, signal });
  if (password === "") throw new ErrInvalidArgument("log in: got no password");
  return { username: user, password };
}

/** Whether a registry is told the same; an identity token says who it is itself. */
function isSame(one: Credentials, other: Credentials): boolean {
  if (one.identityToken || other.identityToken) return one.identityToken === other.identityToken;
  return one.username === other.username && one.password === other.password;
}
