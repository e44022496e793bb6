import { checkArgument, checkOptions } from "../../options/check-options.ts";
import type { RulesOf } from "../../options/rule.ts";
import { aString } from "../../options/rules.ts";
import type { AskingOptions, Looking } from "../api/looking.ts";
import { ASKING_OPTIONS, INSPECT_OPTIONS, REFERRERS_OPTIONS } from "../api/option-rules.ts";
import type { PusherWalkEngine } from "../endpoints/pusher-walk.ts";
import type { OpenWork } from "../operations/open-work.ts";
import { withinTime } from "../operations/within-time.ts";
import type { OwnedRoot } from "../root/owned-root.ts";
import type { InspectEngine } from "./inspect.ts";

/** What questions are answered with. */
export interface LookingEngine extends InspectEngine, Pick<PusherWalkEngine, "mountSources"> {
  readonly root: OwnedRoot;
  readonly work: OpenWork;
}

/** A question, as its caller put it. */
interface Question<O> {
  /** For messages: `list tags`. */
  readonly action: string;
  readonly reference: string;
  readonly options: O;
  readonly rules: RulesOf<O>;
}

/** Answers questions, each of which is counted. What answers them is loaded with the first one, because a pull needs none of it. */
export function looking(engine: LookingEngine): Looking {
  async function ask<O extends AskingOptions, T>(
    { action, reference, options, rules }: Question<O>,
    answer: (own: O & { readonly signal: AbortSignal }) => Promise<T>,
  ): Promise<T> {
    checkArgument(action, "reference", reference, aString);
    checkOptions(action, options, rules);
    return await withinTime(`${action} ${reference}`, options, (timed) => engine.work.run(timed, answer));
  }
  return {
    resolve: (reference, options = {}) =>
      ask({ action: "resolve", reference, options, rules: ASKING_OPTIONS }, async (own) => {
        const { resolve } = await import("./resolve.ts");
        return await resolve(engine, reference, own);
      }),
    inspect: (reference, options = {}) =>
      ask({ action: "inspect", reference, options, rules: INSPECT_OPTIONS }, async (own) => {
        const { inspect } = await import("./inspect.ts");
        return await engine.root.share(() => inspect(engine, reference, own), { signal: own.signal });
      }),
    tags: (repository, options = {}) =>
      ask({ action: "list tags", reference: repository, options, rules: ASKING_OPTIONS }, async (own) => {
        const { listTags } = await import("./list-tags.ts");
        return await listTags(engine, repository, own);
      }),
    referrers: (reference, options = {}) =>
      ask({ action: "list referrers", reference, options, rules: REFERRERS_OPTIONS }, async (own) => {
        const { listReferrers } = await import("./list-referrers.ts");
        return await listReferrers(engine, reference, own);
      }),
    delete: (reference, options = {}) =>
      ask({ action: "delete", reference, options, rules: ASKING_OPTIONS }, async (own) => {
        const { deleteAtRegistry } = await import("./delete-at-registry.ts");
        await deleteAtRegistry(engine, reference, own);
      }),
  };
}
