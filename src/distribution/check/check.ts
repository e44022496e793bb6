import type { Digest } from "../../digest/digest.ts";
import type { CheckedLayers, CheckOptions, CheckResult, DamagedContent } from "../api/check-result.ts";
import { startOperation } from "../api/operation.ts";
import type { RootLayers } from "../layers/image-layers.ts";
import type { PullEngine } from "../pull/pull.ts";
import type { CheckLayersParts } from "./check-layers.ts";
import { containDamage } from "./contain.ts";
import { hashContent } from "./hash-content.ts";
import { HeldContent } from "./held-content.ts";
import { NeededContent } from "./needed-content.ts";
import { Repairs } from "./repairs.ts";

/** What a check works on. */
export interface CheckContext {
  readonly engine: PullEngine;
  /** The layers of the root. */
  readonly layers: RootLayers;
  /** Tells whether a name or a namespace needs content. */
  readonly needs: () => Promise<(digest: Digest) => Promise<boolean>>;
}

/**
 * Hashes all content, looks for what names need and namespaces hold, takes damaged bytes out of the way, and with
 * `repair` fetches again only what is damaged or missing: from the repositories of the names that need it, and from
 * those that its labels list, a namespace's as well. Then the unpacked layers are compared with their blobs. The caller has a
 * share of the lease.
 */
export async function check(
  { engine, layers, needs }: CheckContext,
  options: CheckOptions,
): Promise<CheckResult> {
  const { repair = false, signal } = options;
  const operation = startOperation(options);
  const hashed = await hashContent(engine.content, operation);
  const contained = await containDamage(engine.content, hashed.damaged, { signal });
  const images = await engine.images.list({ signal });
  const repairs = new Repairs({ engine, images, operation, enabled: repair });
  const isUnpacked = (chainId: Digest): Promise<boolean> => layers.has(chainId);
  const needed = new NeededContent({ content: engine.content, damaged: hashed.damaged, repairs, isUnpacked });
  for (const image of images) await needed.look(image, { signal });
  const held = await new HeldContent({ content: engine.content, damaged: hashed.damaged, repairs }).look({
    signal,
  });
  await repairs.finish();
  const checkedLayers = await checkedUnlessNone({ engine, layers, images, repairs, repair, operation });

  const isHeld = await needs();
  const digests = [...new Set([...hashed.damaged, ...needed.found.keys(), ...held])].toSorted();
  const damage = await Promise.all(
    digests.map(async (digest): Promise<DamagedContent> => {
      const names = [...(needed.found.get(digest) ?? [])].toSorted();
      const outcome = repairs.outcomeOf(digest);
      const containment = contained.get(digest);
      const error = outcome?.error ?? containment?.error;
      return {
        digest,
        problem: hashed.damaged.has(digest) ? "damaged" : "missing",
        images: names,
        needed: names.length > 0 || (await isHeld(digest)),
        contained: containment?.contained ?? false,
        repaired: outcome?.repaired ?? false,
        ...(error !== undefined && { error }),
      };
    }),
  );
  const whole =
    damage.every(({ repaired, contained: away, needed: wanted }) => repaired || (away && !wanted)) &&
    checkedLayers.damage.every(({ repaired, needed: wanted }) => repaired || !wanted);
  return { checked: hashed.checked, damage, layers: checkedLayers, whole };
}

/** What checks layers is loaded only where there are any. */
async function checkedUnlessNone(parts: CheckLayersParts): Promise<CheckedLayers> {
  if (!(await parts.layers.isThere())) return { checked: { count: 0, bytes: 0 }, damage: [], unverified: [] };
  const { checkLayers } = await import("./check-layers.ts");
  return await checkLayers(parts);
}
