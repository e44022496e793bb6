import { defineBench } from "../driver/bench.ts";
import { measureEach } from "./measure-each.ts";
import { PARSERS } from "./parsers.ts";

/** What parsing costs: each is called for so long in each round. */
export const parsers = defineBench({
  name: "parsers",
  about:
    "parsing of references, digests, platforms, manifests, WWW-Authenticate, tar headers, hosts.toml, for each call",
  options: {},
  runs: 7,
  warmsUp: true,
  claims: PARSERS.map(({ name, mostSeconds }) => ({
    who: name,
    figure: "cpuSecondsEach",
    limit: { atMost: mostSeconds },
  })),
  title: () => "Parsing, for each call",
  async *cases() {
    yield {
      name: "",
      contestants: PARSERS.map(({ name, parse }) => ({ name, measure: () => measureEach(parse) })),
    };
  },
});
