import { BarsReporter } from "./bars-reporter.ts";
import { jsonReporter } from "./json-reporter.ts";
import { plainReporter } from "./plain-reporter.ts";
import { quietReporter, type Reporter } from "./reporter.ts";

/** The values of `--progress`. */
export const PROGRESS_FORMS = ["auto", "bars", "plain", "json"] as const;

/** One of them. */
export type ProgressForm = (typeof PROGRESS_FORMS)[number];

/** The reporter for `--progress` and `-q`: by itself live bars on a terminal and plain lines in a pipe. */
export function chooseReporter(
  form: ProgressForm,
  { quiet, stream }: { quiet: boolean; stream: NodeJS.WriteStream },
): Reporter {
  if (quiet) return quietReporter;
  const write = (text: string): void => {
    stream.write(text);
  };
  switch (form) {
    case "json":
      return jsonReporter(write);
    case "plain":
      return plainReporter(write);
    case "bars":
      return new BarsReporter(stream);
    case "auto":
      return stream.isTTY ? new BarsReporter(stream) : plainReporter(write);
  }
}
