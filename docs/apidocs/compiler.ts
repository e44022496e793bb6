import { type Checker, API as Compiler, type Program } from "typescript/unstable/sync";

/** The package as the compiler sees it. Disposing of it ends the compiler's process. */
export interface Compiled extends Disposable {
  readonly checker: Checker;
  readonly program: Program;
}

/**
 * Compiles the sources of the package at `top`, and `more` files by path beside them, which need not be on the disk. Throws
 * where `top` has no such project.
 */
export function compile(top: string, more: Readonly<Record<string, string>> = {}): Compiled {
  const compiler = new Compiler({ cwd: top, fs: { readFile: (path) => more[path] } });
  const project = `${top}/tsconfig.apidocs.json`;
  more = { ...more, [project]: configuration(Object.keys(more)) };
  const snapshot = compiler.updateSnapshot({ openProjects: [project] });
  const { checker, program } = snapshot.getProject(project) ?? {};
  if (checker === undefined || program === undefined) throw new Error(`Cannot compile ${top}: no project`);
  return { checker, program, [Symbol.dispose]: () => compiler.close() };
}

/** The doors lead to all that is public; their own project has more files, and the same options. */
function configuration(more: readonly string[]): string {
  return JSON.stringify({
    extends: "./tsconfig.json",
    files: more,
    include: ["src/*.ts"],
    compilerOptions: { noUnusedLocals: false, noUnusedParameters: false },
  });
}
