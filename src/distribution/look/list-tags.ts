import { ErrInvalidArgument } from "../../errors/classes.ts";
import { isNameOnly } from "../../reference/derive.ts";
import { parseNormalizedNamed } from "../../reference/normalize.ts";
import type { AskingOptions } from "../api/looking.ts";
import { startOperation, waiterOf } from "../api/operation.ts";
import type { WalkEngine } from "../endpoints/endpoint-walk.ts";
import { inDockersWords } from "../pull/translate-pull-error.ts";
import { registryWalk } from "./registry-walk.ts";

/** See `Distribution.tags`. */
export async function listTags(
  engine: WalkEngine,
  text: string,
  options: AskingOptions,
): Promise<readonly string[]> {
  const repository = parseNormalizedNamed(text);
  if (!isNameOnly(repository)) {
    const message = `list tags of "${text}": got a tag or digest, wanted the name of a repository`;
    throw new ErrInvalidArgument(message, { reference: text });
  }
  const operation = startOperation(options);
  const walk = await registryWalk(engine, repository, options, operation);
  const ask = { signal: operation.signal, waiter: waiterOf(operation, repository.path) };
  const list = walk.run(
    repository,
    (remote) => inDockersWords(repository, () => remote.tags(ask)),
    "resolve",
  );
  return (await list).value;
}
