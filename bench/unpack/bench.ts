import { defineBench } from "../driver/bench.ts";
import { COMMAND, ENGINE } from "../support/find-programs.ts";
import { CONTAINERD, DOCKERD, findUnpackers } from "./unpackers.ts";

/** How fast an image that there is somewhere is pulled and unpacked. */
export const unpack = defineBench({
  name: "unpack",
  about:
    "an image that --image names pulled and unpacked, beside the containerd and dockerd that ctr and docker find",
  options: {
    /** `host:port/repository:tag` at a registry that speaks plain HTTP. */
    image: { type: "string" },
  },
  runs: 5,
  warmsUp: true,
  claims: [
    { who: ENGINE, figure: "wallSeconds", limit: { timesBest: 0.33, of: [CONTAINERD] } },
    { who: COMMAND, figure: "wallSeconds", limit: { timesBest: 0.36, of: [CONTAINERD] } },
    { who: ENGINE, figure: "wallSeconds", limit: { timesBest: 0.17, of: [DOCKERD] } },
    { who: COMMAND, figure: "wallSeconds", limit: { timesBest: 0.19, of: [DOCKERD] } },
  ],
  title: ({ image = "" }) => `${image} pulled and unpacked`,
  async *cases({ image, data }) {
    if (image === undefined)
      throw new Error("Cannot measure: wanted --image HOST:PORT/REPOSITORY:TAG, by plain HTTP");
    await using found = await findUnpackers(data);
    yield {
      name: "",
      missing: found.missing,
      contestants: found.unpackers.map((by) => ({ name: by.name, measure: () => by.pull(image) })),
    };
  },
});
