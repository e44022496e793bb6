import type { Distribution } from "../index.ts";
import { tell } from "./output.ts";

/** Tells on stderr what this host cannot make of layers, before the first one is unpacked. */
export function tellLacking({ events }: Pick<Distribution, "events">): void {
  events.on("lacking", ({ lacking }) =>
    tell(`this host cannot make all that layers may have; left out: ${lacking.join("; ")}`),
  );
}
