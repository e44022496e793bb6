import { Argument, type Command } from "commander";
import { bashCompletion } from "../completion/bash.ts";
import { describedCommands } from "../completion/described-commands.ts";
import { fishCompletion } from "../completion/fish.ts";
import { zshCompletion } from "../completion/zsh.ts";
import { writeScript } from "../output.ts";

const SCRIPTS = { bash: bashCompletion, zsh: zshCompletion, fish: fishCompletion } as const;

/**
 * `drayage completion SHELL`
 *
 * @param buildWhole makes the program with all its commands
 */
export function addCompletionCommand(program: Command, buildWhole: () => Promise<Command>): void {
  program
    .command("completion")
    .description("print a script that completes commands, options and names of images")
    .addArgument(new Argument("<shell>", "whose language it is in").choices(Object.keys(SCRIPTS)))
    .action(async (shell: keyof typeof SCRIPTS) => {
      writeScript(SCRIPTS[shell](describedCommands(await buildWhole())));
    });
}
