import type { Command } from "commander";
import {
  addCredentialOptions,
  type CredentialCliOptions,
  currentCredentials,
  loginFile,
} from "../credentials.ts";
import { printLines, tell } from "../output.ts";

/** `drayage logout [SERVER]` */
export function addLogoutCommand(program: Command, signal: AbortSignal): void {
  const command = program
    .command("logout")
    .description("forget what login keeps")
    .argument("[server]", "registry (default: Docker Hub)");
  addCredentialOptions(command).action(async (server: string | undefined, options: CredentialCliOptions) => {
    const { forgetLogin, loginHost } = await import("../../registry.ts");
    const host = loginHost(server ?? "docker.io");
    const forgotten = await forgetLogin(host, { file: loginFile(options), signal });
    printLines(forgotten ? `Removing login credentials for ${host}` : `Not logged in to ${host}`);
    if (await currentCredentials(host, options))
      tell(`warning: another file still has credentials for ${host}`);
  });
}
