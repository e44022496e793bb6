import { jsonReporter } from "./json-reporter.ts";
import { plainReporter } from "./plain-reporter.ts";
import { quietReporter, type Reporter } from "./reporter.ts";

/** The values of `--progress`. */
export const PROGRESS_FORMS = ["auto", "bars", "plain", "json"] as const;

/** One of them. */
export type ProgressForm = (typeof PROGRESS_FORMS)[number];

/** The reporter for `--progress` and `-q`: by itself live bars on a terminal and plain lines in a pipe. */
export async function chooseReporter(
  form: ProgressForm,
  { quiet, stream }: { quiet: boolean; stream: NodeJS.WriteStream },
): Promise<Reporter> {
  if (quiet) return quietReporter;
  if (form === "json") return jsonReporter(stream);
  if (form === "bars" || (form === "auto" && stream.isTTY)) {
    const { BarsReporter } = await import("./bars-reporter.ts");
    return new BarsReporter(stream);
  }
  return plainReporter(stream);
}
