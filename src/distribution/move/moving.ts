import { checkArgument, checkOptions } from "../../options/check-options.ts";
import { aString } from "../../options/rules.ts";
import type { Moving } from "../api/moving.ts";
import { A_DESCRIPTOR, BLOB_OPTIONS, COPY_OPTIONS, WRITE_TARGET } from "../api/option-rules.ts";
import type { CopyEngine } from "./copy.ts";

/** The verbs that move content without keeping it; each is loaded when it is used, as most engines only pull. */
export function moving(engine: CopyEngine): Moving {
  return {
    async *openBlob(reference, blob, options = {}) {
      checkArgument("open blob", "reference", reference, aString);
      checkArgument("open blob", "blob", blob, A_DESCRIPTOR);
      checkOptions("open blob", options, BLOB_OPTIONS);
      const { streamBlob } = await import("./stream-blob.ts");
      yield* streamBlob(engine, { reference, blob }, options).chunks;
    },
    async fetchTo(reference, blob, target, options = {}) {
      checkArgument("fetch blob", "reference", reference, aString);
      checkArgument("fetch blob", "blob", blob, A_DESCRIPTOR);
      checkArgument("fetch blob", "target", target, WRITE_TARGET);
      checkOptions("fetch blob", options, BLOB_OPTIONS);
      const { fetchTo } = await import("./fetch-to.ts");
      return await fetchTo(engine, { reference, blob }, target, options);
    },
    async copy(from, to, options = {}) {
      checkArgument("copy image", "from", from, aString);
      checkArgument("copy image", "to", to, aString);
      checkOptions("copy image", options, COPY_OPTIONS);
      const { copy } = await import("./copy.ts");
      return await copy(engine, { from, to }, options);
    },
  };
}
