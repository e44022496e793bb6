import type { Platform } from "../../oci/descriptor.ts";
import { parsePlatform } from "../../platform/parse-platform.ts";
import { parseObject } from "./api-call.ts";

/** A platform as clients give it: a JSON object, or `os/arch[/variant]`. Throws `Refusal`, or `ErrInvalidArgument`. */
export function platformIn(text: string | null): Platform | undefined {
  if (text === null || text === "") return undefined;
  if (!text.startsWith("{")) return parsePlatform(text);
  const { os, architecture, variant } = parseObject(text, "platform");
  return parsePlatform(
    [os, architecture, variant].filter((part) => typeof part === "string" && part !== "").join("/"),
  );
}
